"""Controls that the widgets of several lessons share: buttons, the width of a labelled control, a row that wraps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from dqnkit.widgets.interactive_picture import Clock

WRAP = {"flex_flow": "row wrap", "align_items": "center"}  # the layout of a row that continues below if it is too long


def button(text: str, clicked: Callable[[Any], None], tooltip: str = "") -> ipywidgets.Button:
    """Return a button as wide as its text.

    Args:
        text: on the button.
        clicked: called with the button at each click.
        tooltip: shown while the pointer rests on it.
    """
    extra = {"tooltip": tooltip} if tooltip else {}
    made = ipywidgets.Button(description=text, layout={"width": "auto"}, **extra)
    made.on_click(clicked)
    return made


def label_width(label: int, whole: int) -> dict[str, Any]:
    """Return the keyword arguments that give a slider or a menu its width and that of its label, in pixels."""
    return {"style": {"description_width": f"{label}px"}, "layout": {"width": f"{whole}px", "max_width": "98%"}}


class PlayButton(ipywidgets.ToggleButton):
    """A button that starts and stops a clock; its ``value`` says whether the clock should run."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(value=False, description="▶ Play", layout={"width": "auto"})
        self._clock = clock
        self.observe(self._switched, "value")

    def _switched(self, change: Any) -> None:
        self.description = "‖ Pause" if change["new"] else "▶ Play"
        if change["new"]:
            self._clock.start()
        else:
            self._clock.stop()
