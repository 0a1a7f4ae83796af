"""Recorded runs of this lesson: what they earned while they learned, and what their greedy policies then did.

    python -m dqnkit.lessons.applications.runs car     # record again one of `plans`

Each file states its settings, versions and command.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np

from dqnkit.classroom.course import recorded_file
from dqnkit.config import NO_ARGUMENTS, DQNConfig
from dqnkit.environments import make_env
from dqnkit.errors import ConfigError
from dqnkit.files import read_object
from dqnkit.lessons.applications.tasks import TASKS
from dqnkit.policy import q_values
from dqnkit.presets import PRESETS, preset
from dqnkit.types import Array, PolicyWeights

POINTS = 40  # of a curve
PACKAGES = ("gymnasium", "highway-env", "minigrid", "mujoco", "numpy", "tensorflow", "tensorflow_cpu")  # recorded
FIRST_SEED = 1_000  # of the episodes in which a policy is judged


@dataclass(frozen=True)
class Run:
    """One seed of a setting.

    Attributes:
        steps, returns: the learning curve, ``[T]`` each: environment steps, and the mean return of the last 100
            episodes.
        episodes: what the greedy policy did in episodes of its own, by name: ``[E]`` each.
        seconds: of the training.
    """

    seed: int
    steps: list[int]
    returns: list[float | None]
    episodes: dict[str, list[float]]
    seconds: float


def load_runs(name: str) -> dict[str, list[Run]]:
    """The recorded runs of this name (a key of `plans`) by setting.

    Raises:
        ConfigError: the file is damaged.
    """
    path = recorded_file(f"applications/{name}")
    try:
        settings = read_object(path)["runs"]
        return {setting: [Run(**run) for run in runs] for setting, runs in settings.items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ConfigError(f"the recording {path} is damaged ({error}): install the kit again") from error


@dataclass(frozen=True)
class Band:
    """The returns of several seeds over environment steps ``[T]``, as `dqnkit.plots.band.learning_band` draws them."""

    steps: Array
    low: Array
    middle: Array
    high: Array


def band_of(runs: list[Run]) -> Band:
    """The lowest, the median and the highest return of all seeds."""
    steps = np.array(runs[0].steps, np.float64)
    curves = [np.interp(steps, run.steps, np.array(run.returns, np.float64)) for run in runs]  # [S, T]
    return Band(steps, np.min(curves, axis=0), np.median(curves, axis=0), np.max(curves, axis=0))


def mean_of(runs: list[Run], what: str) -> float:
    """The mean over all episodes of all seeds of one of `Run.episodes`."""
    return float(np.mean([run.episodes[what] for run in runs]))


Episode = dict[str, float]
Judge = Callable[[DQNConfig, PolicyWeights, int], Episode]


def play(config: DQNConfig, weights: PolicyWeights, seed: int, epsilon: float = 0.0) -> Iterator[tuple[Any, ...]]:
    """Play an episode; after each step yield environment, action, reward and info."""
    env = make_env(config)
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    over = False
    while not over:
        action = int(q_values(weights, np.asarray(observation)[None])[0].argmax())
        if rng.random() < epsilon:
            action = int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]
        observation, reward, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        yield env, action, float(reward), info
    env.close()


def judge(config: DQNConfig, weights: PolicyWeights, seed: int) -> Episode:
    """Return and steps."""
    rewards = [reward for _, _, reward, _ in play(config, weights, seed)]
    return {"return": float(np.sum(rewards)), "steps": len(rewards)}


def judge_door(config: DQNConfig, weights: PolicyWeights, seed: int) -> Episode:
    """Return and steps, greedy, and with an epsilon of 0.05."""
    explored = [reward for _, _, reward, _ in play(config, weights, seed, epsilon=0.05)]
    return {**judge(config, weights, seed), "return, epsilon 0.05": float(np.sum(explored))}


def judge_car(config: DQNConfig, weights: PolicyWeights, seed: int, epsilon: float = 0.0) -> Episode:
    """Return, seconds, whether it crashed, mean speed, and the share of the time in the right lane."""
    seen = [(reward, info["speed"], info["crashed"], env.unwrapped.vehicle.lane_index[2])
            for env, _, reward, info in play(config, weights, seed, epsilon)]  # fmt: skip
    rewards, speeds, crashed, lanes = map(np.array, zip(*seen, strict=True))
    return {
        "return": float(rewards.sum()),
        "seconds": len(seen),
        "crashed": float(crashed[-1]),
        "speed": float(speeds.mean()),
        "right lane": float((lanes == lanes.max()).mean()) if lanes.max() == 2 else 0.0,
    }


def judge_driving(config: DQNConfig, weights: PolicyWeights, seed: int) -> Episode:
    """As `judge_car`, and the same of a random policy among the same cars."""
    at_random = judge_car(config, weights, seed, epsilon=1.0)
    return judge_car(config, weights, seed) | {f"{what}, random": value for what, value in at_random.items()}


def car(kind: str) -> DQNConfig:
    """Settings of a car with one of the two rewards of `worlds`: those of the motorway, in fewer steps."""
    motorway = TASKS["driving"].config
    return replace(
        motorway,
        env_id=f"dqnkit.lessons.applications.worlds:{kind}-v0",
        env_args=NO_ARGUMENTS,
        total_steps=4_000,
        epsilon_steps=1_500,
    )


def forces(bins: int) -> DQNConfig:
    """What somebody tried who had CartPole's settings, and little time."""
    hasty = {**PRESETS["CartPole-v1"], "updates_per_call": 16, "total_steps": 15_000, "epsilon_steps": 3_000}
    return DQNConfig("InvertedPendulum-v5", action_bins=bins, **hasty)


@dataclass(frozen=True)
class Plan:
    """What is recorded."""

    settings: dict[str, DQNConfig]
    judge: Judge
    seeds: range
    episodes: int

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """The settings as a recording states them."""
        return {setting: config.to_dict() for setting, config in self.settings.items()}


def plans() -> dict[str, Plan]:
    """The plan of each recording."""
    cars = {"a crash costs 1": car("HurryingCar"), "a crash costs 15": car("CarefulCar")}
    doors = {f"{steps:,} steps": preset("MiniGrid-DoorKey-5x5-v0", total_steps=steps) for steps in (40_000, 60_000)}
    return {
        "game": Plan({"Breakout": TASKS["game"].config}, judge, range(3), 20),
        "robot": Plan({"pendulum": TASKS["robot"].config}, judge, range(5), 20),
        "cheetah": Plan({"HalfCheetah": preset("HalfCheetah-v5")}, judge, range(10, 15), 20),
        "hopper": Plan({"Hopper": preset("Hopper-v5")}, judge, range(10, 15), 20),
        "driving": Plan({"motorway": TASKS["driving"].config}, judge_driving, range(5), 20),
        "forces": Plan({f"{bins} forces": forces(bins) for bins in (3, 5, 7)}, judge, range(4, 9), 20),
        "car": Plan(cars, judge_car, range(3), 20),
        "door": Plan(doors, judge_door, range(5), 50),
    }


def record(config: DQNConfig, judge: Judge, seed: int, episodes: int) -> Run:
    """Train one seed, and judge its greedy policy."""
    from dqnkit.training import train

    config = replace(config, seed=seed)
    marks = np.linspace(config.total_steps / POINTS, config.total_steps, POINTS).astype(int).tolist()
    steps: list[int] = []
    returns: list[float | None] = []
    for status in train(config):
        if len(steps) < POINTS and status.step >= marks[len(steps)]:
            steps.append(status.step)
            returns.append(None if np.isnan(status.episode_return) else round(float(status.episode_return), 3))
    judged = [judge(config, status.weights, FIRST_SEED + episode) for episode in range(episodes)]
    columns = {name: [round(episode[name], 3) for episode in judged] for name in judged[0]}
    return Run(seed, steps, returns, columns, round(status.seconds, 1))


def write(name: str, plan: Plan, runs: dict[str, list[Run]]) -> None:
    """Write the runs to the lesson's folder, one line for each seed."""
    from dqnkit.extras import versions

    content = {
        "command": f"python -m dqnkit.lessons.applications.runs {name}",
        "versions": {name: version for name, version in versions().items() if name in PACKAGES},
        "settings": plan.as_dict(),
        "runs": {setting: [vars(run) for run in of_setting] for setting, of_setting in runs.items()},
    }
    path = recorded_file(f"applications/{name}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content).replace('{"seed"', '\n{"seed"') + "\n", encoding="utf-8")


def kept(name: str, plan: Plan) -> dict[str, list[Run]]:
    """The runs that a recording of this plan has left, which may have been interrupted; none of another plan."""
    path = recorded_file(f"applications/{name}")
    return load_runs(name) if path.exists() and read_object(path)["settings"] == plan.as_dict() else {}


@click.command()
@click.argument("name", type=click.Choice(sorted(plans())))
def main(name: str) -> None:
    """Train all seeds that are not recorded yet, and keep what they did. To record anew, delete the file."""
    plan, began = plans()[name], time.monotonic()
    runs = kept(name, plan)
    for setting, config in plan.settings.items():
        of_setting = runs.setdefault(setting, [])
        for seed in plan.seeds[len(of_setting) :]:
            run = record(config, plan.judge, seed, plan.episodes)
            of_setting.append(run)
            write(name, plan, runs)
            means = ", ".join(f"{what} {np.mean(values):.2f}" for what, values in run.episodes.items())
            click.echo(f"{time.monotonic() - began:5.0f} s: {setting}, seed {seed}: {means}")


if __name__ == "__main__":
    main()
