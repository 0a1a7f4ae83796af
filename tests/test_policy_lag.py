"""Policy lag on purpose: actors get weights of the right age, and the recorded study is what the command makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.lessons.rollouts_on_dask import policy_lag
from dqnkit.lessons.rollouts_on_dask.policy_lag import CARTPOLE, EVALUATIONS, LAGS, SEEDS, OldWeights, load_study
from dqnkit.types import PolicyWeights, Rollout, Transition


class Asked:
    """A source of rollouts of 10 steps that records the weights versions that it gets."""

    def __init__(self) -> None:
        self.versions: list[int] = []

    def begin(self, config: DQNConfig) -> None: ...

    def collect(self, weights: PolicyWeights, epsilons: Any, sequence: int) -> list[Rollout]:
        self.versions.append(weights.version)
        nothing = np.empty(0, np.float32)
        return [Rollout(Transition(*[nothing] * 5), 10, weights.version, nothing, nothing)]  # type: ignore[arg-type]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("lag", "versions"),
    [(0, [0, 1, 2, 3, 4, 5]), (10, [0, 0, 1, 2, 3, 4]), (25, [0, 0, 0, 0, 1, 2]), (1_000, [0] * 6)],
)
def test_actors_get_the_weights_of_so_many_steps_ago(lag: int, versions: list[int]) -> None:
    asked = Asked()
    source = OldWeights(asked, lag)
    for _ in range(2):  # a second run begins anew
        asked.versions.clear()
        source.begin(DQNConfig())
        for version in range(6):
            weights = PolicyWeights(version, (), np.empty(0, np.float32))
            source.collect(weights, np.ones((1, 16), np.float32), version)
        assert asked.versions == versions


def test_a_lag_is_not_negative() -> None:
    with pytest.raises(ConfigError, match="at least 0"):
        OldWeights(Asked(), -1)


def test_what_ships_is_what_the_command_makes() -> None:
    study = load_study()
    recorded = DQNConfig.from_dict({**study.settings, "seed": CARTPOLE.seed})  # newer settings have their defaults
    assert recorded == CARTPOLE
    assert list(study.lags) == list(LAGS)
    assert list(study.seeds) == list(SEEDS)
    assert study.returns.shape == (len(LAGS), len(SEEDS), EVALUATIONS)
    assert study.steps[-1] == CARTPOLE.total_steps
    assert study.command in (policy_lag.__doc__ or "")
    assert study.late.shape == (len(LAGS), len(SEEDS))
    assert policy_lag.FILE.stat().st_size < 50_000


def test_the_study_shows_what_the_notebook_says_of_it() -> None:
    """Ten seeds show no harm up to a lag of a thousand steps, harm at five thousand, and more with larger lags."""
    study = load_study()
    late = dict(zip(study.lags, study.late, strict=True))
    worst = late[0].min()
    assert min(late[500].mean(), late[1_000].mean()) > late[0].mean() - 20
    assert late[5_000].mean() < worst
    assert late[40_000].mean() < late[20_000].mean() < late[5_000].mean()


@pytest.mark.slow
def test_a_study_is_recorded_and_read_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow")
    monkeypatch.setattr(policy_lag, "FILE", tmp_path / "study.json")
    config = DQNConfig(total_steps=600, learning_starts=100, xla=False)
    study = policy_lag.record(config, lags=(0, 300), seeds=(1,))
    policy_lag.write(study)
    again = load_study()
    np.testing.assert_allclose(again.returns, study.returns, atol=0.05)
    assert again.returns.shape == (2, 1, EVALUATIONS)
    assert again.settings == study.settings
