"""Videos side by side that play together, with a button and a slider; they need no kernel.

All frames of a video are in one image, a sheet of rows and columns, of which ``video_player.js`` shows one frame. For
readers who asked for reduced motion it waits at first. Where scripts do not run, a few frames stand side by side.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dqnkit.errors import InvalidDataError, needs
from dqnkit.plots import Picture
from dqnkit.widgets.drawing import PageDrawing

COLUMNS = 10  # frames in a row of the sheet
COLORS = 48  # in the palette of a sheet
SECONDS = 6.0  # to play the wanted number of frames
STILLS = 5  # frames of each video where scripts do not run


class Video(Protocol):
    """A video file, as `dqnkit.videos.Animation`."""

    @property
    def path(self) -> Path:
        """A .gif or .webp file."""

    @property
    def description(self) -> str:
        """The video in words, for readers who cannot see it."""


@dataclass(frozen=True)
class _Sheet:
    """All frames of a video in one image."""

    image: Any  # of Pillow
    width: int  # of one frame
    height: int
    frames: int
    columns: int

    def url(self) -> str:
        """The image with few colours, as a URL that holds its data."""
        from PIL import Image

        buffer = io.BytesIO()
        self.image.quantize(COLORS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    def frame(self, number: int) -> Any:
        """One frame as an image."""
        left, top = number % self.columns * self.width, number // self.columns * self.height
        return self.image.crop((left, top, left + self.width, top + self.height))


def player(videos: Mapping[str, Video], *, frames: int = 120, width: int = 280) -> PageDrawing:
    """Show videos side by side, in a loop, with one button and one slider for all.

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
    about = [
        {
            "name": name,
            "description": videos[name].description,
            "sheet": sheet.url(),
            "width": sheet.width,
            "height": sheet.height,
            "frames": sheet.frames,
            "columns": sheet.columns,
        }
        for name, sheet in sheets.items()
    ]
    text = "; ".join(f"{name}: {video.description}" for name, video in videos.items())
    data = {"about": {"videos": about, "rate": frames / SECONDS}}
    return PageDrawing(Path(__file__).with_suffix(".js"), data, _stills(sheets, text))


def _stills(sheets: Mapping[str, _Sheet], text: str) -> Picture:
    """A row of frames for each video."""
    from PIL import Image

    wide = max(sheet.width for sheet in sheets.values())
    whole = Image.new("RGB", (STILLS * wide, sum(sheet.height for sheet in sheets.values())), "white")
    top = 0
    for sheet in sheets.values():
        for place in range(STILLS):
            whole.paste(sheet.frame(place * (sheet.frames - 1) // (STILLS - 1)), (place * wide, top))
        top += sheet.height
    small = whole.resize((whole.width // 2, whole.height // 2)).quantize(COLORS)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True)
    return Picture(buffer.getvalue(), text, f"Frames from top to bottom: {', '.join(sheets)}.", small.width)


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
    return _Sheet(image, width, height, len(kept), columns)
