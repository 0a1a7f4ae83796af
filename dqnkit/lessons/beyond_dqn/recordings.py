"""How the recorded runs of this lesson are made: a short run of DQN with none, one, all, or all but one of four parts.

The runs do without XLA: to compile takes longer than their few updates.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from dqnkit.classroom.recordings import Plan
from dqnkit.config import DQNConfig

SETTINGS_OF_PARTS: dict[str, dict[str, Any]] = {
    "double": {"double_q": True},
    "n_step": {"n_step": 3},
    "prioritized": {"replay": "prioritized"},
    "dueling": {"dueling": True},
}


def with_parts(*parts: str) -> DQNConfig:
    """The settings of the short run with these parts on."""
    settings = DQNConfig(total_steps=20_000, loss="squared", epsilon_steps=5_000, learning_starts=500, xla=False)
    for part in parts:
        settings = replace(settings, **SETTINGS_OF_PARTS[part])
    return settings


def name_of_parts(parts: Collection[str]) -> str:
    """The name of the recording with these parts on, as ``"beyond_dqn/all_but_double"``. It may not exist."""
    left_out = [part for part in SETTINGS_OF_PARTS if part not in parts]
    name = "".join(parts or ["none"]) if len(parts) <= 1 else "all" + "".join(f"_but_{part}" for part in left_out)
    return f"beyond_dqn/{name}"


PLANS = {
    name_of_parts(parts).partition("/")[2]: Plan(with_parts(*parts), range(5))
    for parts in [
        [],
        *([part] for part in SETTINGS_OF_PARTS),
        list(SETTINGS_OF_PARTS),
        *([part for part in SETTINGS_OF_PARTS if part != left_out] for left_out in SETTINGS_OF_PARTS),
    ]
}
