"""Pictures for two themes: one on white paper, and one with light ink for dark pages.

A page's style sheet chooses. Where style sheets are taken out, as on GitHub, the one on white paper is shown, which is
readable on any page. The colours of `PALETTE` are the same in both; only greys change places: ink, axes, grids.

Why two: no ink has a contrast of 4.5 to one both on white and on JupyterLab's dark page (the best grey has 4.3), and a
filter that inverts would turn the online network's blue into the replay buffer's.
"""

from __future__ import annotations

import base64
import hashlib
import io
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DARK_GROUND = "#111111"  # of JupyterLab's dark theme
READABLE = 3.0  # the least contrast of a coloured line with its ground (WCAG 2.1, 1.4.11)
CHOSEN = {"#0B2F52": "#A9C9E8"}  # the table's dark blue, the strongest line on white, is pale on dark pages
COLORS, EXACT = 256, 64  # of a compact picture, and how many of them stay exactly as they were
DARK_PAGES = (
    '[data-jp-theme-light="false"]',  # JupyterLab, Notebook 7, nbconvert
    "html[theme=dark]",  # Colab
    ".vscode-dark",
    ".vscode-high-contrast:not(.vscode-high-contrast-light)",
)
LIGHT_PAGES = ('[data-jp-theme-light="true"]', ".vscode-light")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours "#RRGGBB", 1 to 21, as WCAG 2 defines it."""
    low, high = sorted((_luminance(_channels(one)), _luminance(_channels(other))))
    return (high + 0.05) / (low + 0.05)


def is_grey(color: str) -> bool:
    """Whether a colour "#RRGGBB" is a grey, black or white."""
    return bool(np.ptp(_channels(color)) < 0.02)


@cache
def on_dark(color: str, opacity: float = 1.0) -> str:
    """The colour on a dark page for "#RRGGBB" on white: greys are mirrored, and what is too dark becomes lighter.

    Args:
        color: on white.
        opacity: with which it is drawn; what is faint on white is as faint on dark pages, and no fainter.
    """
    channels = _channels(color)
    if color.upper() in CHOSEN:
        return CHOSEN[color.upper()]
    ground = _channels(DARK_GROUND)
    if is_grey(color):
        return _hexadecimal(ground + (1 - ground) * (1 - channels))
    least = min(READABLE, contrast(_over(channels, np.ones(3), opacity), "white")) if opacity < 1 else READABLE
    lighter = [channels + share * (1 - channels) for share in np.linspace(0, 1, 21)]
    enough = (each for each in lighter if contrast(_over(each, ground, opacity), DARK_GROUND) >= least)
    return _hexadecimal(next(enough, lighter[-1]))


def themed_image(light: bytes, dark: bytes, alt: str, style: str, kind: str = "image/png") -> str:
    """An image as HTML, with its alternative text, that follows the page's theme.

    Args:
        light: the image on white paper.
        dark: the same with a transparent ground for dark pages; empty if there is none.
        alt: what is seen.
        style: of the image, as CSS.
        kind: the type of the images.
    """
    image = f'alt="{escape(alt)}" src="{_address(light, kind)}" style="{escape(style)}"'
    if not dark:
        return f"<img {image}>"
    name = f"dqnkit-{hashlib.sha256(light + dark).hexdigest()[:12]}"

    def within(pages: tuple[str, ...]) -> str:
        return ", ".join(f"{page} .{name}" for page in pages)

    # white paper multiplied by the colour of a light page is that colour
    sheet = f"{within(LIGHT_PAGES)} {{mix-blend-mode: multiply}} "
    sheet += f"{within(DARK_PAGES)} {{content: url({_address(dark, kind)})}}"
    return f'<style>{sheet}</style><img {image} class="{name}">'


def draw_light(figure: Figure) -> Any:
    """Draw a figure as it is, on white, as a Pillow image."""
    from PIL import Image

    canvas: Any = figure.canvas  # one of Agg, see `dqnkit.plots.style.styled_figure`
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def draw_dark(figure: Figure) -> Any:
    """Draw a figure with the colours of dark pages on a transparent ground, as a Pillow image."""
    from PIL import Image

    paper = [patch for patch in (figure.patch, *(axes.patch for axes in figure.axes)) if patch.get_visible()]
    width, height = figure.canvas.get_width_height()
    renderer = _dark_renderer()(width, height, figure.dpi)
    for patch in paper:
        patch.set_visible(False)
    try:
        figure.draw(renderer)
    finally:
        for patch in paper:
            patch.set_visible(True)
    return Image.fromarray(np.asarray(renderer.buffer_rgba()))


def compact_png(image: Any) -> bytes:
    """A PNG file of 256 colours of a Pillow image, about half as large. The commonest colours stay exact."""
    from PIL import Image

    rough = image.quantize(COLORS - EXACT, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = bytes(rough.getpalette(image.mode)).ljust((COLORS - EXACT) * len(image.mode), b"\0")
    common = sorted(image.getcolors(image.width * image.height), reverse=True)[:EXACT]
    exact = np.array([color for _, color in common], dtype=np.uint8)  # [E, channels]
    numbers = _as_numbers(exact)
    order = np.argsort(numbers)
    pixels = _as_numbers(np.asarray(image))  # [H, W]
    near = order[np.searchsorted(numbers, pixels, sorter=order).clip(max=len(order) - 1)]
    entries = np.where(numbers[near] == pixels, COLORS - EXACT + near, np.asarray(rough))
    compact = Image.fromarray(entries.astype(np.uint8), "P")
    compact.putpalette(palette + exact.tobytes(), image.mode)
    buffer = io.BytesIO()
    compact.save(buffer, "PNG", compress_level=4)  # level 9 makes it a tenth smaller and takes five times as long
    return buffer.getvalue()


def smallest_png(png: bytes) -> bytes:
    """The same PNG file, packed as well as Pillow can; that takes about 0.2 s for a large one."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).save(buffer, "PNG", optimize=True)
    return min(png, buffer.getvalue(), key=len)


@cache
def _dark_renderer() -> Any:
    """The class that draws figures with the colours of dark pages. (matplotlib is imported only when needed.)"""
    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.colors import to_hex, to_rgba

    def dark(color: Any) -> Any:
        """One colour; None where nothing is filled."""
        return None if color is None else to_rgba(on_dark(to_hex(color), to_rgba(color)[3]), to_rgba(color)[3])

    def dark_rows(colors: Any) -> npt.NDArray[np.float64]:
        """Colours of a collection ``[N, RGBA]``."""
        return np.reshape([dark(color) for color in colors], (-1, 4))

    class Context(GraphicsContextBase):
        def set_foreground(self, fg: Any, isRGBA: bool = False) -> None:
            # a change of opacity sets the own colour again
            super().set_foreground(fg if fg is self.get_rgb() else dark(fg), isRGBA=True)

        def set_hatch_color(self, hatch_color: Any) -> None:
            super().set_hatch_color(dark(hatch_color))

    class Renderer(RendererAgg):
        def __init__(self, *size: float) -> None:
            super().__init__(*size)
            # these two are attributes, which hide methods
            markers: Any = self.draw_markers
            collection: Any = self.draw_path_collection
            vars(self).update(
                draw_markers=lambda *where: markers(*where[:5], dark(where[5])),
                draw_path_collection=lambda *where, **more: collection(
                    *where[:6], dark_rows(where[6]), dark_rows(where[7]), *where[8:], **more
                ),
            )

        def new_gc(self) -> Context:
            return Context()

        def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
            super().draw_path(gc, path, transform, dark(rgbFace))

    return Renderer


def _address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _channels(color: str) -> npt.NDArray[np.float64]:
    """Red, green and blue of "#RRGGBB" or "white", 0 to 1."""
    color = "#FFFFFF" if color == "white" else color
    return np.frombuffer(bytes.fromhex(color[1:7]), dtype=np.uint8) / 255


def _as_numbers(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Colours ``[..., channels]`` as one number each."""
    return colors.astype(np.int64) @ (256 ** np.arange(colors.shape[-1]))


def _over(channels: npt.NDArray[np.float64], ground: npt.NDArray[np.float64], opacity: float) -> str:
    return _hexadecimal(opacity * channels + (1 - opacity) * ground)


def _hexadecimal(channels: npt.NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(255 * float(channel)):02X}" for channel in channels)


def _luminance(channels: npt.NDArray[np.float64]) -> float:
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
