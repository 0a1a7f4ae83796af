"""Panels of seeds: a panel for each setting, on the same axes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from dqnkit.errors import InvalidDataError
from dqnkit.plots.panels import seed_panels


def test_each_setting_is_told_by_where_its_median_begins_and_ends() -> None:
    curves = {"few": np.array([[3.0, 2.0, 1.0], [5.0, 4.0, 3.0], [4.0, 3.0, 8.0]]), "many": np.ones((2, 3))}
    picture = seed_panels(
        curves, x=[10, 20, 30], ylabel="error\n(mean)", log=True, references={"truth": 0.5}, what="both."
    )
    assert "error (mean) over updates. few: from 4 to 3. many: from 1 to 1." in picture.alt
    assert picture.caption == "What to look for: both. Thin lines: seeds; thick line: their median."
    assert picture.width == 820


@pytest.mark.parametrize(
    "curves",
    [{"one": np.ones((2, 3))}, {"a": np.ones((2, 3)), "b": np.ones((2, 4))}, {"a": np.ones(3), "b": [[[1.0]]]}],
)
def test_what_does_not_fit_is_refused(curves: dict[str, np.ndarray]) -> None:
    with pytest.raises(InvalidDataError):
        seed_panels(curves)
