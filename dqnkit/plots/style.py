"""The style of the kit's figures, and `Picture`: an image with alternative text that a notebook shows.

A figure is a `matplotlib.figure.Figure` made without pyplot: no window opens and nothing has to be closed. matplotlib
is imported only when something is drawn, so the palette can be used without it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqnkit.errors import needs
from dqnkit.files import write_whole
from dqnkit.plots.themes import compact_png, draw_dark, draw_light, smallest_png, themed_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colour and line style of each quantity in all figures. The colours are those of Okabe and Ito (2008, "Color universal
# design"), which colour-blind readers can tell apart; line styles differ too, for print in grey.
PALETTE: dict[str, dict[str, Any]] = {
    "environment": {"color": "#009E73", "linestyle": "-"},  # green: rewards, returns, episodes
    "online network": {"color": "#0072B2", "linestyle": "-"},  # blue: Q, the greedy policy
    "table": {
        "color": "#0B2F52",
        "linestyle": (0, (8, 1.5)),
    },  # dark blue, long dashes: Q-values that are not a network's
    "target network": {"color": "#D55E00", "linestyle": (0, (5, 1.5))},  # vermilion, dashed: TD targets
    "exploration": {"color": "#CC79A7", "linestyle": (0, (6, 1.2, 1.2, 1.2))},  # purple, dash-dotted: epsilon
    "loss": {"color": "#E69F00", "linestyle": "-"},  # orange: TD errors, gradients
    "replay": {"color": "#56B4E9", "linestyle": (0, (2.5, 1))},  # sky blue, short dashes: stored transitions
    "reference": {"color": "#4D4D4D", "linestyle": (0, (1, 1.3))},  # grey, dotted: known values, bounds, goals
}

# Set while a figure is made: a reader's own style, as a dark one, could put white text on our white background. Greys
# are those on white; `dqnkit.plots.themes` has their counterparts on dark pages.
STYLE: Any = {  # (Any: matplotlib types each key by itself)
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.labelcolor": "#222222",
    "axes.labelsize": 9.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": "#222222",
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.xmargin": 0.01,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "grid.color": "#E6E6E6",
    "grid.linestyle": "-",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "text.color": "#222222",
    "xtick.color": "#222222",
    "xtick.labelsize": 9,
    "ytick.color": "#222222",
    "ytick.labelsize": 9,
}

DPI = 120  # dots per inch


@contextmanager
def styled_figure(width: float, height: float, dpi: int = DPI) -> Iterator[Figure]:
    """Make a figure of ``width`` x ``height`` inches; draw inside the ``with``, where the kit's style applies.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with needs("matplotlib, which draws the curves,", "course", "matplotlib"):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def to_png(figure: Figure, path: str | Path | None = None) -> bytes:
    """Return a figure as the content of a PNG file; with ``path``, also write that file, whole or not at all.

    Raises:
        OSError: it cannot be written; an earlier file is still there.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # savefig may be configured to make the background transparent
    content = buffer.getvalue()
    if path is not None:
        write_whole(Path(path), content)
    return content


@dataclass(frozen=True)
class Picture:
    """A drawn figure, as the value of a cell: the image, the same in words, and what to look for.

    Shown as plain HTML: it needs no widget, so it stays readable where none is (an export, a saved notebook).
    """

    png: bytes
    alt: str  # what is seen, for readers who cannot see it
    caption: str = ""  # what to look for
    width: int = 0  # pixels on the page
    dark: bytes = b""  # the same for dark pages, its ground transparent; empty if there is none

    @classmethod
    def of(cls, figure: Figure, alt: str, caption: str = "") -> Picture:
        """Make a picture of a figure. It is shown at 100 pixels per inch, whatever its dots per inch."""
        light = compact_png(draw_light(figure))
        return cls(light, alt, caption, round(figure.get_figwidth() * 100), compact_png(draw_dark(figure)))

    def small(self) -> Picture:
        """The picture on white only, in the smallest file: for a saved notebook."""
        return replace(self, png=smallest_png(self.png), dark=b"")

    @property
    def html(self) -> str:
        """The image with its alternative text and the caption below it, as HTML."""
        # the aspect ratio is given, so the page does not jump while a new picture is decoded
        wide, high = struct.unpack(">II", self.png[16:24].ljust(8, b"\1"))  # width and height in a PNG file
        style = f"width: {self.width}px; max-width: 100%; aspect-ratio: {wide} / {high}"
        image = themed_image(self.png, self.dark, self.alt, style)
        caption = f'<figcaption style="line-height: 1.4">{escape(self.caption)}</figcaption>' if self.caption else ""
        return f'<figure style="margin: 0; max-width: {self.width}px">{image}{caption}</figure>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.alt}
