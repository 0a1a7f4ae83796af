"""The picture of whose turn it was."""

from __future__ import annotations

import math

import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.plots.turns import turns

pytest.importorskip("matplotlib")


def test_shares_are_in_the_text() -> None:
    picture = turns({"small": (9.0, 1.0), "slow": (0.5, 9.5)}, title="Who waits", what="the green part")
    assert picture.png.startswith(b"\x89PNG")
    assert picture.alt == (
        "Who waits. small: learner 90%, waiting for the actors 10%; slow: learner 5%, waiting for the actors 95%."
    )
    assert picture.caption == "What to look for: the green part"


@pytest.mark.parametrize("runs", [{}, {"a": (0.0, 0.0)}, {"a": (-1.0, 2.0)}, {"a": (math.nan, 1.0)}])
def test_runs_without_time_are_refused(runs: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(InvalidDataError):
        turns(runs)
