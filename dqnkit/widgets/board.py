"""What the browser draws of a live panel: numbers, curves fed with new points only, the policy playing, and controls.

Python sets the traits a few times a second and sends new points and states as messages. The browser keeps all points.
A page that opens later, as after a reload, asks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import traitlets

from dqnkit.widgets.drawing import Drawing


class Board(Drawing, module=Path(__file__).with_suffix(".js")):
    """The widget of a panel.

    Args:
        heard: called with each message of the browser: ``{"paused": bool}``, ``{"stopped": True}``,
            ``{"knob": number, "value": chosen or None}``, ``{"ask": "all"}``.
    """

    name = traitlets.Unicode().tag(sync=True)
    setup = traitlets.Dict().tag(sync=True)  # what does not change: title, knobs, the chart's references
    state = traitlets.Unicode("starting").tag(sync=True)
    controls = traitlets.Unicode("waiting").tag(sync=True)  # or "on"; or "off": the browser's messages do not arrive
    now = traitlets.Dict().tag(sync=True)  # numbers and words of this moment
    settings: Any = traitlets.List().tag(sync=True)  # of each knob {value, note}
    image = traitlets.Unicode().tag(sync=True)  # a picture as HTML, where there is no chart
    final = traitlets.Unicode().tag(sync=True)  # what stays, as HTML

    def __init__(self, setup: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(name=uuid4().hex, setup=setup)
        self.on_msg(lambda _, content, __: heard(content))
