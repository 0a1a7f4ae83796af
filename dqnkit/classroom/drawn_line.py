"""A drawn prediction beside what happened, on the run's own axis: where it stopped, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dqnkit.classroom.question import SHARES, Curve
from dqnkit.types import Array

MOST_POINTS = 200  # of what happened that are drawn
NEARLY = 0.01  # of the run: so close to its beginning or end counts as there


def course_of(question: Curve, actual: npt.ArrayLike) -> Array:
    """Return what happened as points ``[N, 2]`` of the run's axis and the value; only finite ones.

    Args:
        question: whose axis it is.
        actual: values ``[N]`` at equal distances over the whole run; or points ``[N, 2]`` of what the run is counted in
            and the value, as far as it came. Where the run's length is not known, they are the whole of it.
    """
    points = np.asarray(actual, dtype=np.float64)
    if points.ndim == 1:
        points = np.column_stack([np.linspace(0, question.axis.end, len(points)), points])
    points = points[np.isfinite(points).all(axis=1)]
    if question.end is None and len(points):
        first, last = points[0, 0], points[-1, 0]
        points[:, 0] = (points[:, 0] - first) / max(last - first, 1e-12) * question.axis.end
    return points


@dataclass(frozen=True)
class Comparison:
    """A prediction, if there is one, and what happened.

    Args:
        question: what was asked.
        predicted: values ``[P]`` at equal distances over the whole run; empty if none was made.
        happened: points ``[N, 2]`` from `course_of`.
    """

    question: Curve
    predicted: Array
    happened: Array

    @property
    def shown(self) -> Array:
        """What happened, in at most `MOST_POINTS` of its points ``[M, 2]``; the first and the last are among them."""
        places = np.linspace(0, len(self.happened) - 1, min(len(self.happened), MOST_POINTS))
        return self.happened[np.round(places).astype(int)]

    @property
    def gap(self) -> Array:
        """Rows ``[K, 3]`` of the axis, the predicted value and what happened, where both are known."""
        if not len(self.predicted) or not len(self.happened):
            return np.empty((0, 3))
        x, y = self.shown.T
        guessed = np.linspace(0, self.question.axis.end, len(self.predicted))
        inside = guessed[(guessed >= x[0]) & (guessed <= x[-1])]
        both = np.unique(np.concatenate([x, inside]))  # both are straight between these
        both = both[both <= self.question.axis.end]
        return np.column_stack([both, np.interp(both, guessed, self.predicted), np.interp(both, x, y)])

    @property
    def stopped_at(self) -> float | None:
        """Where the run stopped before its end; None if it came to the end."""
        if not len(self.happened):
            return None
        last, end = float(self.happened[-1, 0]), self.question.axis.end
        return last if last < (1 - NEARLY) * end else None

    def at(self, shares: npt.ArrayLike) -> Array:
        """What happened at these shares of the whole run, by linear interpolation; NaN where the run has not been."""
        if not len(self.happened):
            return np.full(np.shape(shares), np.nan)
        x, y = self.happened.T
        end = self.question.axis.end
        left = y[0] if x[0] <= NEARLY * end else np.nan
        right = y[-1] if self.stopped_at is None else np.nan
        return np.interp(np.asarray(shares) * end, x, y, left=left, right=right)

    def mean_gap(self) -> float | None:
        """How high the shaded gap is on average, in the values' unit; None if there is none."""
        if not len(self.gap):
            return None
        x, guess, truth = self.gap.T
        if len(x) == 1 or x[-1] == x[0]:
            return float(abs(guess[0] - truth[0]))
        fine = np.linspace(x[0], x[-1], 2001)  # the lines may cross between two points
        return float(np.mean(np.abs(np.interp(fine, x, guess) - np.interp(fine, x, truth))))

    def how_far(self) -> tuple[str, str, str]:
        """One number that says how far the two are apart, its unit, and the words to it; empty if it is unknown."""
        mean = self.mean_gap()
        if mean is None:
            return "", "", ""
        x, guess, truth = self.gap[int(np.argmax(np.abs(self.gap[:, 1] - self.gap[:, 2])))]
        most = f"furthest at {self._place(x)}, where you drew {guess:.3g} and {truth:.3g} happened"
        return f"{mean:.3g}", self.question.unit, f"apart on average{self._over_what()}; {most}."

    def alt(self) -> str:
        """The drawing in words."""
        said = [f"You predicted {self.question.in_words(self.predicted.tolist())}."] if len(self.predicted) else []
        if len(self.happened):
            seen = " ".join("none," if np.isnan(value) else f"{value:.4g}," for value in self.at(SHARES))
            said.append(f"What happened at the same places: {seen.rstrip(',')}.")
            if self.stopped_at is not None:
                said.append(f"The run stopped at {self._place(self.stopped_at)}.")
        return " ".join(said)

    def _over_what(self) -> str:
        if self.stopped_at is None:
            return ""
        name, end = self.question.axis
        return f" over the first {self._count(self.stopped_at)} of {self._count(end)} {name}"

    def _place(self, x: float) -> str:
        return f"{self._count(x)} {self.question.axis.name}"

    def _count(self, x: float) -> str:
        return f"{x:,.0f}" if self.question.axis.end >= 1000 else f"{x:.3g}"
