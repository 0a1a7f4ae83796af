"""What a curve does, in words, so that a caption is true of the run above it."""

from __future__ import annotations

import numpy as np

from dqnkit.types import Array

FEWEST = 10  # values; nothing can be said of a shorter curve


def course_of(values: Array, *, ended: bool = False) -> str:
    """Return which way a curve goes, as a part of a sentence; empty while it is too short to say.

    Args:
        values: of the curve ``[T]``.
        ended: whether it grows no further, so that it is spoken of in the past.
    """
    shown = values[np.isfinite(values)]
    if len(shown) < FEWEST:
        return ""
    parts = np.array_split(shown, 5)
    first, before, last = float(shown[0]), float(np.mean(parts[-2])), float(np.mean(parts[-1]))
    size = max(float(np.ptp(shown)), 1e-9)
    if size < 0.1 * max(1.0, float(np.abs(shown).max())):
        return "; it hardly moved" if ended else "; so far it has hardly moved"
    if shown[-1] < shown.max() - 0.3 * size:
        return f"; it {'fell' if ended else 'has fallen'} from {shown.max():.3g} to {shown[-1]:.3g}"
    if last - before > 0.1 * size:
        if ended:
            return f"; it was still rising at the end, from {first:.3g} to {shown[-1]:.3g}"
        return f"; it is still rising, from {first:.3g} to {shown[-1]:.3g} so far"
    return f"; it rose from {first:.3g} and {'' if ended else 'has '}stayed near {last:.3g}" if last > first else ""


def what_to_look_for(returns: Array, max_q: Array, bound: float | None) -> str:
    """Return what to look for in the two curves of a run now, as one or two sentences.

    Args:
        returns: mean return of the last 100 episodes ``[T]``.
        max_q: mean max Q ``[T]``.
        bound: the most that any policy can earn, if it is known.
    """
    shown = max_q[np.isfinite(max_q)]
    course = course_of(returns)
    above = f"The mean lags behind the episodes{course}. Single dips are usual in DQN, a fall that stays is not."
    if bound is None or len(shown) == 0:
        return f"{above} Max Q is what the network promises; the return is what it earns."
    if shown[-1] > bound:
        return f"{above} Max Q, {shown[-1]:.3g}, promises more than any policy can earn, {bound:.4g}: overestimation."
    return f"{above} Max Q, {shown[-1]:.3g}, is below the most that can be earned, {bound:.4g}."
