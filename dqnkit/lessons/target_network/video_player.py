"""Videos side by side with a pause button, in HTML and CSS only, so that they play in a saved notebook too.

All frames of a video are in one image, a sheet of rows and columns. A window shows one frame, and CSS moves the sheet.
A check box pauses it, by mouse or keyboard. For readers who asked for reduced motion it is paused at first. Pages that
remove the styles (GitHub) show the sheet.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from dqnkit.errors import InvalidDataError, needs

COLUMNS = 10  # frames in a row of the sheet
COLORS = 48  # in the palette of a sheet
SECONDS = 6.0  # to play the wanted number of frames
_numbers = count(1)  # of the players: each has its own CSS classes


class Video(Protocol):
    """A video file, as `dqnkit.videos.Animation`."""

    @property
    def path(self) -> Path:
        """A .gif or .webp file."""

    @property
    def description(self) -> str:
        """The video in words, for readers who cannot see it."""


@dataclass(frozen=True)
class Player:
    """Videos side by side, as the value of a cell."""

    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


@dataclass(frozen=True)
class _Sheet:
    """All frames of a video in one image."""

    png: bytes
    width: int  # of one frame
    height: int
    frames: int
    columns: int

    @property
    def rows(self) -> int:
        return -(-self.frames // self.columns)


def player(videos: Mapping[str, Video], *, frames: int = 120, width: int = 280) -> Player:
    """Show videos side by side, in a loop, with one pause button for all.

    Args:
        videos: title -> video.
        frames: shown of the longest video, evenly spaced. A shorter video has fewer and starts again sooner.
        width: of a frame, in pixels.

    Raises:
        InvalidDataError: there is no video.
        MissingExtraError: Pillow is not installed.
    """
    if not videos:
        raise InvalidDataError("a player needs at least one video")
    longest = max(_length(video.path) for video in videos.values())
    stride = max(1, -(-longest // frames))  # the same for all videos, so that all play at the same speed
    sheets = {name: _make_sheet(video.path, stride, width) for name, video in videos.items()}
    mark = f"dqnkit-player-{next(_numbers)}"
    rules, windows = [], []
    for number, (name, sheet) in enumerate(sheets.items()):
        film = f"{mark}-{number}"
        rules.append(_rules(film, sheet, SECONDS / frames))
        windows.append(_window(film, name, videos[name].description, sheet))
    pause = f".{mark} input:checked ~ div * {{animation-play-state: paused}}"
    less = f"@media (prefers-reduced-motion: reduce) {{.{mark} input:not(:checked) ~ div * {{animation-name: none}}}}"
    html = (
        f"<style>{' '.join(rules)} {pause} {less}</style>"
        f'<div class="{mark}"><input type="checkbox" id="{mark}"> <label for="{mark}">Pause</label>'
        f'<div style="display: flex; flex-wrap: wrap; gap: 12px; margin-top: 6px">{"".join(windows)}</div></div>'
    )
    return Player(html, "; ".join(f"{name}: {video.description}" for name, video in videos.items()))


def _length(path: Path) -> int:
    with needs("Pillow, which reads videos,", "course", "PIL"):
        from PIL import Image
    with Image.open(path) as video:
        return int(getattr(video, "n_frames", 1))


def _make_sheet(path: Path, stride: int, width: int) -> _Sheet:
    """Every ``stride``-th frame, in rows and columns."""
    from PIL import Image, ImageSequence

    with Image.open(path) as video:
        height = round(width * video.height / video.width)
        kept = [
            frame.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
            for number, frame in enumerate(ImageSequence.Iterator(video))
            if number % stride == 0
        ]
    columns = min(COLUMNS, len(kept))
    rows = -(-len(kept) // columns)
    image = Image.new("RGB", (columns * width, rows * height), "white")
    for number in range(columns * rows):
        frame = kept[min(number, len(kept) - 1)]  # the last frame fills the last row
        image.paste(frame, (number % columns * width, number // columns * height))
    buffer = io.BytesIO()
    image.quantize(COLORS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return _Sheet(buffer.getvalue(), width, height, len(kept), columns)


def _rules(film: str, sheet: _Sheet, seconds: float) -> str:
    """CSS that moves the sheet in steps along a row, and at the end of a row to the next one."""
    along, down = seconds * sheet.columns, seconds * sheet.columns * sheet.rows
    return (
        f"@keyframes {film}-x {{to {{transform: translateX(-{sheet.columns * sheet.width}px)}}}} "
        f"@keyframes {film}-y {{to {{transform: translateY(-{sheet.rows * sheet.height}px)}}}} "
        f".{film}-x {{width: {sheet.columns * sheet.width}px; "
        f"animation: {film}-x {along:.3f}s steps({sheet.columns}) infinite}} "
        f".{film}-y {{animation: {film}-y {down:.3f}s steps({sheet.rows}) infinite; display: block; max-width: none}}"
    )


def _window(film: str, name: str, description: str, sheet: _Sheet) -> str:
    source = f"data:image/png;base64,{base64.b64encode(sheet.png).decode()}"
    return (
        f'<figure style="margin: 0"><figcaption><b>{escape(name)}</b></figcaption>'
        f'<div style="width: {sheet.width}px; height: {sheet.height}px; overflow: hidden; background: white">'
        f'<div class="{film}-x"><img class="{film}-y" alt="{escape(description)}" src="{source}"></div></div></figure>'
    )
