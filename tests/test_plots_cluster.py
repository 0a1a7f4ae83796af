"""The figure of a cluster: what it shows, and that redrawing is cheap."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dqnkit.plots import PALETTE
from dqnkit.plots.cluster import BINS, OTHERS, WORKERS, ClusterCurves, ClusterPanel, bin_width, worker_style

SECONDS = np.arange(0.5, 20, 0.5)


def curves(workers: int = 2, **fields: Any) -> ClusterCurves:
    transitions = {f"worker {i}": np.full(len(SECONDS), 1000.0 * (i + 1)) for i in range(workers)}
    values: dict[str, Any] = {
        "seconds": SECONDS,
        "transitions": transitions,
        "busy": np.linspace(0, 1, len(SECONDS)),
        "samples_per_insert": np.linspace(0, 8, len(SECONDS)),
        "lags": [0, 1, 1, 7],
    }
    return ClusterCurves(**{**values, **fields})


def pixels(picture: Any) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def test_what_is_seen_is_said() -> None:
    alt = ClusterPanel(8.0).draw(curves(lost=[3.0, 9.5])).alt
    for words in (
        "worker 0 1,000, worker 1 2,000",
        "last 4 rollouts: median 1, largest 7 versions",
        "Learner utilisation now 100 %",
        "Samples per insert now 8",
        "Workers lost so far: 2",
    ):
        assert words in alt


def test_axes_are_drawn_again_only_when_they_must_grow() -> None:
    panel = ClusterPanel(8.0)
    panel.draw(curves())
    figure = panel._figure
    assert figure is not None
    background = figure.background
    panel.draw(curves(lags=[0, 0, 1, 2], lost=[1.0]))
    panel.draw(ClusterCurves(transitions={"worker 0": [], "worker 1": []}, lags=[0, 1]))
    assert figure.background is background
    panel.draw(curves(seconds=10 * SECONDS))
    assert panel._figure is figure
    assert figure.background is not background
    panel.draw(curves(workers=3))  # one more worker to tell apart
    assert panel._figure is not figure


def test_what_is_drawn_again_and_again_is_what_is_drawn_at_once() -> None:
    again, once = ClusterPanel(8.0), ClusterPanel(8.0)
    half = {name: values[:9] for name, values in curves().transitions.items()}
    again.draw(
        replace(curves(), seconds=SECONDS[:9], transitions=half, busy=SECONDS[:9], samples_per_insert=SECONDS[:9])
    )
    np.testing.assert_array_equal(pixels(again.draw(curves())), pixels(once.draw(curves(), final=True)))


@pytest.mark.parametrize("workers", [0, 1, 40])
def test_paper_is_opaque_and_no_text_is_cut_off(workers: int) -> None:
    image = pixels(ClusterPanel().draw(curves(workers, lags=[123_456])))
    assert image.shape[-1] == 3
    edges = np.concatenate([image[:1].ravel(), image[-1:].ravel(), image[:, :1].ravel(), image[:, -1:].ravel()])
    assert (edges == 255).all()


def test_nothing_yet_gives_empty_axes() -> None:
    assert "none yet" in ClusterPanel().draw(ClusterCurves()).alt


@pytest.mark.parametrize("largest", [0, 1, 19, 20, 99, 1_000, 123_456])
def test_all_policy_lags_have_a_bin(largest: int) -> None:
    assert bin_width(largest) * BINS > largest
    assert bin_width(largest) >= 1


def test_each_worker_keeps_a_look_of_its_own() -> None:
    looks = [worker_style(number) for number in range(len(WORKERS))]
    assert len({look["color"] for look in looks}) == len(looks)
    assert not {look["color"] for look in looks} & {look["color"] for look in PALETTE.values()}
    neighbours = itertools.pairwise(looks)
    assert all(str(one["linestyle"]) != str(other["linestyle"]) for one, other in neighbours)
    assert worker_style(len(WORKERS)) == worker_style(500) == OTHERS
