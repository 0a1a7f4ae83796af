"""Drawings: what the browser draws, so that it answers the hand within a frame.

A drawing is a module of JavaScript beside its Python, which defines one function, ``render({ model, el })``: it puts
elements into ``el``, reads its data with ``model.get(name)``, and may return a function that cleans up. What all
drawings share (elements, controls, axes, a frame loop) is in ``drawing.js`` and ``drawing.css``, put before it.

There are two kinds. A `Drawing` is a widget: Python and the browser share its traits. A `PageDrawing` needs no kernel:
it is HTML with its data inside, alive in a saved notebook as well. Both leave a static picture with its alternative
text where scripts do not run, as on GitHub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import uuid4

import anywidget

from dqnkit.plots import PALETTE, Picture
from dqnkit.widgets.browser import as_widget

FOLDER = Path(__file__).parent
EXPORT = """export default {
  // it runs once for a widget, also where no view of it is on the page; a module may define its own
  initialize(context) {
    const ends = [offerLink(context.model), typeof initialize === "function" ? initialize(context) : undefined];
    return () => ends.forEach((end) => end?.());
  },
  render(context) {
    context.el.classList.add("dqnkit");
    return render(context);
  },
};"""
STYLE = (FOLDER / "drawing.css").read_text(encoding="utf-8")


def dashes(look: Mapping[str, Any]) -> str:
    """The line style of a look as SVG has it, for a line of two pixels: matplotlib counts in widths of the line."""
    style = look["linestyle"]
    return "none" if isinstance(style, str) else " ".join(f"{2 * dash:g}" for dash in style[1])


def palette() -> dict[str, dict[str, str]]:
    """The colour and the dashes of each quantity, as SVG has them."""
    return {name: {"color": look["color"], "dash": dashes(look)} for name, look in PALETTE.items()}


def script(path: Path, end: str = "") -> str:
    """The whole script of a drawing: what it uses of what all share, then the module at this path, then ``end``.

    Saved notebooks keep it, so it is short: without comments and indents, and without the parts that this drawing does
    not use.
    """
    own = f"{_short(path.read_text(encoding='utf-8'))}\n{end}"
    parts = _shared_parts()
    used: set[str] = set()
    new = parts.keys() & _words(own)
    while new:
        used |= new
        new = (parts.keys() & set().union(*(_words(parts[name]) for name in new))) - used
    shared = [part for name, part in parts.items() if name in used]
    return "\n".join([f"const PALETTE = {json.dumps(palette())};", *shared, own])


@cache
def _shared_parts() -> dict[str, str]:
    """Name -> text of each function and class in ``drawing.js``; all begin at the left edge."""
    text = (FOLDER / "drawing.js").read_text(encoding="utf-8")
    parts = re.split(r"^(?=(?:function|class) \w)", text, flags=re.MULTILINE)[1:]  # the first is a comment
    return {part.split()[1].partition("(")[0]: _short(part).strip() for part in parts}


def _short(code: str) -> str:
    """JavaScript without indents and without the comments that have lines of their own."""
    return re.sub(r"^ +", "", re.sub(r"^ *(//.*|/\*\*[\s\S]*?\*/)\n", "", code, flags=re.MULTILINE), flags=re.MULTILINE)


def _words(code: str) -> set[str]:
    return set(re.findall(r"\w+", code))


class Drawing(anywidget.AnyWidget):
    """A widget that the browser draws; Python keeps its state in traits marked ``.tag(sync=True)``.

    Subclasses name their module and define `picture`::

        class Dial(Drawing, module=Path(__file__).with_suffix(".js")):
            value = traitlets.Float(0.5).tag(sync=True)
    """

    _esm: ClassVar[str]
    _css = STYLE

    def __init_subclass__(cls, module: Path | None = None, **more: Any) -> None:
        if module is not None:
            cls._esm = f"{script(module, EXPORT)}\n"
        super().__init_subclass__(**more)

    def picture(self) -> Picture:
        """Return what is shown now as a static picture."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
        picture = self.picture()
        theirs = super()._repr_mimebundle_()  # with the address of the custom widget manager, on Colab
        return as_widget(self, picture.alt, picture.html), theirs[1] if theirs else {}


class Still(Protocol):
    """A static picture, as `dqnkit.plots.Picture`."""

    @property
    def alt(self) -> str:
        """The picture in words."""

    @property
    def html(self) -> str:
        """The picture as HTML."""


class PageDrawing:
    """A drawing that needs no kernel, as the value of a cell.

    Args:
        module: its JavaScript. The model that `render` gets only has ``get(name)``.
        data: by name, as JSON can have it.
        picture: shown where scripts do not run, as on GitHub. As style sheets do not work there either, one for dark
            pages would be kept for nobody.
    """

    def __init__(self, module: Path, data: Mapping[str, Any], picture: Still) -> None:
        self.data, self.picture = dict(data), picture.small() if isinstance(picture, Picture) else picture
        self._module = module

    def html(self) -> str:
        """The drawing as HTML."""
        name = f"dqnkit-{uuid4().hex}"
        # "</" would end the script
        data = json.dumps(self.data, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
        start = f'const el = document.getElementById("{name}"), data = {data};'
        run = "el.replaceChildren(); render({ model: { get: (name) => data[name] }, el });"
        code = script(self._module).replace("</", "<\\/")
        return (
            f'<style>{STYLE}</style><div class="dqnkit" id="{name}">{self.picture.html}</div>'
            f"<script>(() => {{ {start}\n{code}\n{run} }})();</script>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.picture.alt}
