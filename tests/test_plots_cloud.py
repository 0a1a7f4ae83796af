"""The diagram of a cluster in a cloud."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")


def test_the_map_is_small_and_said_in_words() -> None:
    from dqnkit.lessons.cloud.cloud_map import cloud_map

    picture = cloud_map()
    assert len(picture.png) < 100_000
    for word in ("driver", "scheduler", "workers", "TLS", "8786"):
        assert word in picture.alt
    assert picture.caption
