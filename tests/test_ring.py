"""The ring: every part can be highlighted, and the text names the highlighted ones."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from dqnkit.errors import UnknownNameError
from dqnkit.plots import PALETTE, ring
from dqnkit.plots.ring import PARTS


def colours(png: bytes) -> set[str]:
    """The colours of many pixels, as #RRGGBB."""
    pixels = (matplotlib.image.imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {"#{:02X}{:02X}{:02X}".format(*colour) for colour in found[counts > 300]}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_lit_in_its_colour(name: str) -> None:
    picture = ring(name)
    assert PALETTE[PARTS[name].color]["color"] in colours(picture.png)
    assert picture.alt.endswith(f"Lit: {PARTS[name].title}.")
    assert picture.caption


def test_several_parts_or_none() -> None:
    assert ring("learner", "replay").alt.endswith("Lit: replay buffer, learner.")
    unlit = ring()
    assert unlit.alt.endswith("No part is lit.")
    assert not colours(unlit.png) & {PALETTE[part.color]["color"] for part in PARTS.values()}
    assert len(unlit.png) < 100_000


def test_an_unknown_part_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'replay'"):
        ring("repaly")
