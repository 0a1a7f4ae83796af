"""The answers to `frame_stack`: a worked solution, and known mistakes."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


def frame_stack(frames: Array, stack: int) -> Array:
    """The observation ``[stack, ...]``: the latest frames, oldest first; after a reset the first one is repeated.

    Args:
        frames: ``[T, ...]``, all of this episode so far, oldest first.
        stack: how many frames an observation has.
    """
    return _padded(frames, stack, frames[:1])


def _padded(frames: Array, stack: int, padding: Array) -> Array:
    """The latest frames, and in front of them ``padding`` ``[1, ...]`` as often as one is missing."""
    missing = max(0, stack - len(frames))
    return np.concatenate([np.repeat(padding, missing, axis=0), frames[-stack:]])


ANSWERS = Answers(
    solution=frame_stack,
    mistakes=(
        Mistake(
            "too few after a reset",
            lambda frames, stack: frames[-stack:],
            "After a reset there are fewer frames than the network expects, and it stops with an error of shapes. "
            "Repeat the first frame in front of them.",
        ),
        Mistake(
            "padded with zeros",
            lambda frames, stack: _padded(frames, stack, np.zeros_like(frames[:1])),
            "The missing frames are zeros: to the network it looks as if everything had appeared at this moment, at "
            "huge speed. Repeat the first frame: then nothing moves yet.",
        ),
        Mistake(
            "padded at the end",
            lambda frames, stack: np.concatenate(
                [frames[-stack:], np.repeat(frames[-1:], max(0, stack - len(frames)), axis=0)]
            ),
            "The missing frames are put behind the others, as copies of the newest. They are missing in the past: put "
            "copies of the *first* frame in front.",
        ),
        Mistake(
            "padded with the newest",
            lambda frames, stack: _padded(frames, stack, frames[-1:]),
            "The missing frames are copies of the newest one, in front of older frames: the picture seems to jump "
            "back. Repeat the first.",
        ),
        Mistake(
            "newest first",
            lambda frames, stack: frame_stack(frames, stack)[::-1],
            "The newest frame comes first: the film runs backwards. A network can learn that, but the kit, Gymnasium "
            "and all saved networks have the oldest first.",
        ),
        Mistake(
            "the first frames",
            lambda frames, stack: _padded(frames[:stack], stack, frames[:1]),
            "These are the first frames of the episode: the agent sees what was, for ever. Take the last, "
            "`frames[-stack:]`.",
        ),
        Mistake(
            "without the newest",
            lambda frames, stack: frame_stack(frames[:-1] if len(frames) > 1 else frames, stack),
            "The newest frame is left out: the agent sees the world a step late. `frames[-stack:]` has the newest as "
            "its last.",
        ),
        Mistake(
            "only the newest",
            lambda frames, stack: np.repeat(frames[-1:], stack, axis=0),
            "The newest frame is repeated: nothing ever moves in such an observation. Take the latest `stack` frames.",
        ),
        Mistake(
            "one too few",
            lambda frames, stack: frame_stack(frames, stack)[1:],
            "There is one frame too few. The newest one belongs to the `stack` frames: `frames[-stack:]`.",
        ),
        Mistake(
            "one too many",
            lambda frames, stack: frame_stack(frames, stack + 1),
            "There is one frame too many: `stack` of them in all, the newest included.",
        ),
        Mistake(
            "along the last axis",
            lambda frames, stack: np.moveaxis(frame_stack(frames, stack), 0, -1),
            "The frames are stacked along the last axis. The observation is `[stack, ...]`: frames first, as in "
            "Gymnasium's `FrameStackObservation`.",
        ),
        Mistake(
            "in one row",
            lambda frames, stack: np.concatenate(list(frame_stack(frames, stack)), axis=0),
            "The frames are joined into one long frame. They keep their own axis: `[stack, ...]`.",
        ),
        Mistake(
            "the mean",
            lambda frames, stack: frame_stack(frames, stack).mean(axis=0),
            "The frames are averaged into one: where something came from and where it went can no longer be told "
            "apart. Keep them all.",
        ),
    ),
)
