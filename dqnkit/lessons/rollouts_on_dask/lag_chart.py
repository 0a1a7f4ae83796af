"""A chart of policy lags: how many rollouts lagged by each number of versions, and which of them were dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dqnkit.errors import InvalidDataError
from dqnkit.plots.style import PALETTE, Picture, styled_figure

DROPPED = "#B9B9B9"


def lag_chart(lags: Iterable[int], bound: int) -> Picture:
    """Draw a bar for each policy lag that occurred; those above the bound are hatched.

    Args:
        lags: in versions of the weights, one for each rollout.
        bound: the largest lag that was inserted.

    Raises:
        InvalidDataError: there is no lag.
    """
    counts = Counter(int(lag) for lag in lags)
    if not counts:
        raise InvalidDataError("there is nothing to draw: no rollout has arrived")
    every = range(max(counts) + 1)
    looks = {
        f"inserted (at most {bound})": ([lag for lag in every if lag <= bound], PALETTE["environment"]["color"], ""),
        f"dropped (above {bound})": ([lag for lag in every if lag > bound], DROPPED, "///"),
    }
    with styled_figure(7.2, 3.1) as figure:
        axes = figure.subplots()
        for name, (chosen, color, hatch) in looks.items():
            bars = axes.bar(
                chosen, [counts[lag] for lag in chosen], 0.7, color=color, hatch=hatch, edgecolor="white", label=name
            )
            axes.bar_label(bars, padding=2)
        axes.set(title="How old the weights were that acted", ylabel="rollouts")
        axes.set(xlabel="policy lag at insert (versions)", xticks=list(every))
        axes.margins(y=0.12)
        axes.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)  # it hides no bar
    rows = ", ".join(f"lag {lag}: {counts[lag]}" for lag in every)
    caption = (
        "What to look for: a window of tasks is always under way while the learner publishes, so a lag of a version or "
        f"two is normal. Here everything above {bound} was dropped."
    )
    return Picture.of(figure, f"Rollouts by policy lag. {rows}.", caption)
