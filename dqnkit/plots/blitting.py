"""Figures that are drawn many times a second: only what changes is drawn anew.

Axes, numbers and words cost most of the time. They are drawn once and kept as an image, the background; the lines that
change are drawn on a copy of it. matplotlib calls this blitting.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class BlittedFigure:
    """A figure with a background that is kept.

    Args:
        figure: with its axes; artists that change are made with ``animated=True``, so they are not in the background.
    """

    def __init__(self, figure: Figure) -> None:
        self._canvas: Any = figure.canvas  # one of Agg, see `styled_figure`
        self.background: Any = None  # kept by `draw_background`

    def draw_background(self) -> None:
        """Draw all that does not change and keep it; call it once the axes are set, and after each change of them."""
        self._canvas.draw()
        self.background = self._canvas.copy_from_bbox(self._canvas.figure.bbox)

    def restore(self) -> None:
        """Begin the next picture: the background alone."""
        self._canvas.restore_region(self.background)

    def png(self, final: bool) -> bytes:
        """Return the picture as a PNG file; a final one is smaller but takes longer to compress."""
        from PIL import Image

        buffer = io.BytesIO()
        image = Image.fromarray(np.asarray(self._canvas.buffer_rgba())[..., :3])
        image.save(buffer, "PNG", compress_level=9 if final else 1)
        return buffer.getvalue()
