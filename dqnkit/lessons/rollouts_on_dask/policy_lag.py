"""A study of policy lag: how old may the weights of the actors be? Recorded for several lags and seeds.

    python -m dqnkit.lessons.rollouts_on_dask.policy_lag     # record all again

A rollout source between the training loop and the actors hands out old weights. The study evaluates the newest network
with greedy actions. The returns of the actors would lag behind by themselves, and so seem worse than the learner is.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dqnkit.classroom.course import recorded_file
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.evaluation import evaluate
from dqnkit.files import read_object
from dqnkit.presets import preset
from dqnkit.rollouts import InProcessRollouts, RolloutSource
from dqnkit.training import train
from dqnkit.types import Array, FloatArray, PolicyWeights, Rollout, TrainStatus

FILE = recorded_file("rollouts_on_dask/policy_lag")
COMMAND = "python -m dqnkit.lessons.rollouts_on_dask.policy_lag"
CARTPOLE = preset("CartPole-v1", total_steps=40_000, updates_per_call=16)
LAGS = (0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000)  # environment steps; the last is the whole run
SEEDS = range(10)
EVALUATIONS = 20  # in a run
EPISODES_PER_EVALUATION = 20


class OldWeights:
    """A rollout source whose actors get the weights of ``lag`` environment steps ago.

    During the first ``lag`` steps they act with the initial weights.

    Args:
        rollouts: the source that makes the rollouts.
        lag: in environment steps.

    Raises:
        ConfigError: ``lag`` is below 0.
    """

    def __init__(self, rollouts: RolloutSource, lag: int) -> None:
        if lag < 0:
            raise ConfigError(f"a lag is a number of environment steps of at least 0, not {lag}")
        self._rollouts, self._lag = rollouts, lag
        self._versions: deque[tuple[int, PolicyWeights]] = deque()  # (step when they were new, weights)
        self._steps = 0

    def begin(self, config: DQNConfig) -> None:
        """Forget the weights of an earlier run."""
        self._versions.clear()
        self._steps = 0
        self._rollouts.begin(config)

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """Rollouts under the weights of ``lag`` steps ago."""
        self._versions.append((self._steps, weights))
        while len(self._versions) > 1 and self._versions[1][0] <= self._steps - self._lag:
            self._versions.popleft()
        rollouts = self._rollouts.collect(self._versions[0][1], epsilons, sequence)
        self._steps += sum(rollout.steps for rollout in rollouts)
        return rollouts

    def close(self) -> None:
        """Close the wrapped source."""
        self._rollouts.close()


@dataclass(frozen=True)
class PolicyLagStudy:
    """The recorded study.

    Attributes:
        lags: in environment steps ``[L]``.
        seeds: of the runs ``[S]``.
        steps: environment steps at which the newest network was evaluated ``[T]``.
        returns: its mean greedy returns ``[L, S, T]``.
        settings: of the runs.
        command: the command that recorded it.
    """

    lags: Sequence[int]
    seeds: Sequence[int]
    steps: Array
    returns: Array
    settings: dict[str, Any]
    command: str

    @property
    def late(self) -> Array:
        """Mean greedy return in the last quarter of each run ``[L, S]``."""
        return self.returns[:, :, -(len(self.steps) // 4) :].mean(axis=2)


def train_with_lag(config: DQNConfig, lag: int) -> Iterator[TrainStatus]:
    """`train` in this process; the actors' weights are ``lag`` environment steps old."""
    return train(config, rollouts=OldWeights(InProcessRollouts(config), lag))


def greedy_returns(statuses: Iterator[TrainStatus], config: DQNConfig) -> list[float]:
    """The mean greedy returns of the newest network, at `EVALUATIONS` equally spaced steps of a run."""
    marks = np.linspace(0, config.total_steps, EVALUATIONS + 1)[1:]
    returns: list[float] = []
    for status in statuses:
        while len(returns) < EVALUATIONS and status.step >= marks[len(returns)]:
            returns.append(float(evaluate(status.weights, config, episodes=EPISODES_PER_EVALUATION).mean()))
    return returns


def record(config: DQNConfig = CARTPOLE, lags: Sequence[int] = LAGS, seeds: Sequence[int] = SEEDS) -> PolicyLagStudy:
    """Train with each lag and each seed."""
    returns = []
    for lag in lags:
        configs = [replace(config, seed=seed) for seed in seeds]
        returns.append([greedy_returns(train_with_lag(c, lag), c) for c in configs])
        last = ", ".join(f"{curve[-1]:.0f}" for curve in returns[-1])
        print(f"lag {lag:6,}: greedy returns at the end {last}", flush=True)
    settings = {name: value for name, value in config.to_dict().items() if name != "seed"}
    steps = np.linspace(0, config.total_steps, EVALUATIONS + 1)[1:].astype(int)
    return PolicyLagStudy(list(lags), list(seeds), steps, np.array(returns), settings, COMMAND)


def write(study: PolicyLagStudy) -> None:
    """Write a study to the lesson's folder, one line for each run."""
    fields = {
        "command": study.command,
        "settings": study.settings,
        "lags": list(study.lags),
        "seeds": list(study.seeds),
        "steps": study.steps.tolist(),
        "returns": [[[round(value, 1) for value in run] for run in runs] for runs in study.returns.tolist()],
    }
    lines = [f'"{field}": {json.dumps(value)}'.replace("], [", "],\n[") for field, value in fields.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def load_study() -> PolicyLagStudy:
    """The recorded study of this lesson."""
    try:
        content = read_object(FILE)
        for field in ("steps", "returns"):
            content[field] = np.array(content[field], dtype=np.float64)
        return PolicyLagStudy(**content)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ConfigError(f"the recording {FILE} is damaged ({error}): install the kit again") from error


if __name__ == "__main__":
    write(record())
