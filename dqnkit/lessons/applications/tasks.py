"""The three tasks of the lesson: which environment, which packages it needs, and what was recorded of it.

python -m dqnkit.lessons.applications.tasks     # record what a reader without the packages is shown
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from dqnkit.actor import Actor
from dqnkit.classroom.course import recorded_file
from dqnkit.cluster.plan import Measured
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.files import read_object
from dqnkit.lessons.applications.scenes import scene
from dqnkit.plots import Picture
from dqnkit.presets import preset
from dqnkit.types import PolicyWeights, TrainStatus
from dqnkit.widgets.drawing import Still

if TYPE_CHECKING:
    from distributed import Client

FILE = recorded_file("applications/tasks")
EPISODES = 20  # of a random policy
MEASURE_SECONDS, RATE_SECONDS = 30.0, 4.0


@dataclass(frozen=True)
class Task:
    """A task that the reader may choose.

    Attributes:
        name: by which it is chosen.
        what: in a few words.
        env_id: Gymnasium's id.
        packages: that it needs, as they are imported.
        actions: what each action does, in a word or two.
        step_seconds: of the world, between two actions; 0 in a game that has no time of its own.
        settings: that differ from the preset. `dqnkit.lessons.applications.runs` records them under this name.
    """

    name: str
    what: str
    env_id: str
    packages: tuple[str, ...]
    actions: tuple[str, ...]
    step_seconds: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> DQNConfig:
        """The settings of its run."""
        return preset(self.env_id, **self.settings)

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed here."""
        return [package for package in self.packages if find_spec(package) is None]

    @property
    def is_here(self) -> bool:
        """Whether it can be run here."""
        return not self.missing

    @cached_property
    def _recorded(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = read_object(FILE)["tasks"][self.name]
            return content
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise ConfigError(f"the recording {FILE} is damaged ({error}): install the kit again") from error

    @property
    def spaces(self) -> dict[str, str]:
        """Observation and action space in words, as recorded."""
        return dict(self._recorded["spaces"])

    @property
    def random_returns(self) -> list[float]:
        """Returns of recorded episodes of a random policy."""
        return list(self._recorded["random returns"])

    @property
    def measured(self) -> Measured:
        """What `dqnkit.cluster.measure.measure` found where it was recorded."""
        return Measured(**self._recorded["measured"])

    @property
    def rates(self) -> dict[str, list[float]]:
        """Recorded steps a second of CartPole and of the car: in process, and with two workers."""
        return dict(self._recorded["rates"])

    @property
    def picture(self) -> Still:
        """The first picture of an episode, as recorded."""
        recorded = self._recorded["picture"]
        light, dark = (base64.b64decode(recorded[ground]) for ground in ("light", "dark"))
        return Picture(light, recorded["alt"], "Recorded: the packages of this task are not installed here.", 560, dark)


TASKS = {
    task.name: task
    for task in (
        Task(
            "game",
            "a game: Breakout, on a board of 10 x 10 squares",
            "MinAtar/Breakout-v1",
            ("minatar",),
            ("stay", "left", "right"),
            settings={"total_steps": 300_000},
        ),
        Task(
            "robot",
            "a robot: an inverted pendulum, on a cart that is pushed",
            "InvertedPendulum-v5",
            ("mujoco",),
            ("full left", "left", "no force", "right", "full right"),
            step_seconds=0.04,
        ),
        Task(
            "driving",
            "a car: three lanes of a motorway, with eight other cars",
            "highway-fast-v0",
            ("highway_env",),
            ("lane to the left", "go on", "lane to the right", "faster", "slower"),
            step_seconds=1.0,
        ),
    )
}


def choose(name: str) -> Task:
    """Return a task, and say what has to be installed for it, if anything.

    Raises:
        ConfigError: there is no such task.
    """
    if name not in TASKS:
        raise ConfigError(f"there is no task {name!r}: set TASK to {', '.join(map(repr, TASKS))}")
    task = TASKS[name]
    print(f"Your task is {task.what}: {task.env_id}.")
    if not task.is_here:
        print(
            f"It needs {', '.join(task.missing)}, which is not installed here. To install it, run this line in a cell, "
            "then this notebook from the top:\n    from dqnkit.extras import add_applications; add_applications()\n"
            "Without it the notebook goes on with recorded runs."
        )
    return task


def random_return(env: Any, seed: int) -> float:
    """The return of an episode in which every action is drawn at random."""
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    episode_return, over = 0.0, False
    while not over:
        _, reward, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        episode_return += float(reward)
        over = terminated or truncated
    return episode_return


def record(report: Callable[[str], None] = print) -> dict[str, Any]:
    """What a reader without the packages is shown, for each task."""
    from dqnkit.cluster.measure import measure
    from dqnkit.deploy import make_cluster
    from dqnkit.environments import make_env

    recorded: dict[str, Any] = {}
    for task in TASKS.values():
        report(task.name)
        env = make_env(task.config)
        env.reset(seed=0)
        picture = scene(env)
        measured = vars(measure(task.config, MEASURE_SECONDS))
        recorded[task.name] = {
            "spaces": {"observation": str(env.observation_space), "actions": str(env.action_space)},
            "random returns": [round(random_return(env, seed), 3) for seed in range(EPISODES)],
            "measured": {name: float(f"{value:.4g}") for name, value in measured.items()},
            "picture": {
                "alt": picture.alt,
                "light": base64.b64encode(picture.png).decode(),
                "dark": base64.b64encode(picture.dark).decode(),
            },
        }
        env.close()
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        recorded["driving"]["rates"] = measure_rates(client, TASKS["driving"].config, RATE_SECONDS)
    return recorded


def for_seconds(statuses: Generator[TrainStatus, None, None], seconds: float) -> Generator[TrainStatus, None, None]:
    """Pass the statuses of `train` on, but no longer than this; then end it."""
    for status in statuses:
        yield status
        if status.seconds > seconds:
            break
    statuses.close()


def alone(config: DQNConfig, weights: PolicyWeights, seconds: float) -> float:
    """Steps a second of an actor in this process."""
    actor, steps, began = Actor(config), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        steps += actor.rollout(weights, epsilon=0.1).steps
    return steps / (time.perf_counter() - began)


def measure_rates(client: Client, car: DQNConfig, seconds: float) -> dict[str, list[float]]:
    """Steps a second of CartPole and of the car: of an actor in this process, and of all workers of a cluster."""
    from dqnkit.cluster.throughput import steps_a_second
    from dqnkit.learner import Learner

    rates = {}
    for name, job in {"CartPole": preset("CartPole-v1", num_envs=4), "the car": car}.items():
        policy = Learner(job).get_weights()
        row = alone(job, policy, seconds), steps_a_second(client, job, policy, seconds)
        rates[name] = [float(f"{rate:.4g}") for rate in row]
    return rates


def main() -> None:
    """Record all tasks."""
    content = {"command": "python -m dqnkit.lessons.applications.tasks", "tasks": record()}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
