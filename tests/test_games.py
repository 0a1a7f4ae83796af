"""Which package an environment needs is read from its namespace or from what Gymnasium knows of it."""

from __future__ import annotations

import pytest

from dqnkit.games import needed_package


@pytest.mark.parametrize(
    ("env_id", "package"),
    [
        ("ALE/Breakout-v5", "ale_py"),
        ("MinAtar/Freeway-v1", "minatar"),
        ("LunarLander-v3", "Box2D"),
        ("BipedalWalker-v3", "Box2D"),
        ("CarRacing-v3", "Box2D"),
        ("CartPole-v1", None),
        ("dqnkit/Catch-v0", None),
        ("nobody/knows-v0", None),
    ],
)
def test_needed_package(env_id: str, package: str | None) -> None:
    assert needed_package(env_id) == package
