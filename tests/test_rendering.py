"""Episodes drawn in another process: what arrives, what it costs, and what happens where nothing can be drawn."""

from __future__ import annotations

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

import gymnasium as gym
import numpy as np
import psutil
import pytest
from PIL import Image

from dqnkit.config import DQNConfig
from dqnkit.environments import network_spaces
from dqnkit.policy import Dense, Flatten, Rescale
from dqnkit.rendering import HEIGHT, KEPT, ON_THEIR_WAY, SHARE, WIDTH, Rendered, RenderedEpisodes
from dqnkit.types import PolicyWeights

Starts = Callable[[DQNConfig], RenderedEpisodes]


class Mine(gym.Env[np.ndarray, int]):
    """As of a notebook: only this process has registered it."""

    metadata: ClassVar[dict[str, object]] = {"render_modes": ["rgb_array"], "render_fps": 4}
    observation_space, action_space = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: object = None) -> tuple[np.ndarray, dict[str, object]]:
        self.time = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, object]]:
        self.time += 1
        print("printed by an environment")
        return np.zeros(3, np.float32), float(action), self.time == 5, False, {}

    def render(self) -> np.ndarray:
        return np.full((4, 8, 3), 50 * self.time, np.uint8)


class Drawless(Mine):
    def render(self) -> np.ndarray:
        raise gym.error.DependencyNotInstalled("draw-it is not installed, run `pip install draw-it`")


class Ends(Mine):
    def render(self) -> np.ndarray:
        os._exit(3)


@pytest.fixture
def start() -> Iterator[Starts]:
    """Start the drawing of a run's episodes; all end with the test, and Gymnasium's table is as before."""
    table, made = dict(gym.registry), []

    def started(config: DQNConfig) -> RenderedEpisodes:
        made.append(RenderedEpisodes(config))
        return made[-1]

    yield started
    for episodes in made:
        episodes.close()
        assert not psutil.pid_exists(episodes.pid) or psutil.Process(episodes.pid).status() == "zombie"
    gym.registry.clear()
    gym.registry.update(table)


def weights_of(env_id: str) -> PolicyWeights:
    """A network with one layer that prefers action 1."""
    space, actions = network_spaces(env_id)
    inputs = int(np.prod(space.shape or ()))
    values = np.zeros(inputs * actions + actions, np.float32)
    values[inputs * actions + 1] = 1.0
    return PolicyWeights(1, (Flatten(), Rescale(1.0), Dense(inputs, actions, relu=False)), values)


def watch(episodes: RenderedEpisodes, weights: PolicyWeights, count: int, timeout: float = 60) -> list[Rendered]:
    """The first pictures, at least so many; fewer where there are none."""
    pictures: list[Rendered] = []
    until = time.monotonic() + timeout
    while len(pictures) < count and time.monotonic() < until and episodes.problem in ("", ON_THEIR_WAY):
        if episodes.wants_weights:
            episodes.give(weights)
        pictures += episodes.pictures()
        time.sleep(0.02)
    return pictures


@pytest.mark.parametrize("env_id", ["Acrobot-v1", "MountainCar-v0", "LunarLander-v3"])
def test_whatever_can_draw_itself_is_shown_in_small_pictures(env_id: str, start: Starts) -> None:
    if env_id.startswith("Lunar"):
        pytest.importorskip("Box2D")
    pytest.importorskip("pygame")
    pictures = watch(start(DQNConfig(env_id=env_id)), weights_of(env_id), 4)
    assert len(pictures) >= 4
    for jpeg, episode, _ in pictures:
        assert len(jpeg) < 12_000
        image = Image.open(io.BytesIO(jpeg))
        assert image.height <= HEIGHT
        assert image.width <= WIDTH
        assert episode == 1
    assert len({jpeg for jpeg, _, _ in pictures}) > 1  # it moves


def test_it_takes_its_share_of_the_processors_and_no_more(start: Starts) -> None:
    pytest.importorskip("pygame")
    config, weights = DQNConfig(env_id="Acrobot-v1"), weights_of("Acrobot-v1")
    episodes = start(config)
    watch(episodes, weights, 1)
    process = psutil.Process(episodes.pid)

    def used() -> float:
        return sum(process.cpu_times()[:2])

    if hasattr(os, "nice"):
        assert process.nice() == 19
    began, before = time.monotonic(), used()
    pictures = watch(episodes, weights, 10_000, timeout=6)
    pictures += watch(episodes, weights, 5 - len(pictures))  # at the lowest priority, a busy machine gives it little
    assert len(pictures) > 4
    assert used() - before < SHARE * (time.monotonic() - began) + 0.05  # it is counted in hundredths of a second


def test_an_environment_of_a_notebook_plays_whole_episodes(start: Starts) -> None:
    gym.register("Mine-v0", Mine)
    pictures = watch(start(DQNConfig(env_id="Mine-v0")), weights_of("Mine-v0"), 13)
    moments = [(episode, score) for _, episode, score in pictures[:13]]
    one = [(1, 0.0), (1, 1.0), (1, 2.0), (1, 3.0), (1, 4.0), (1, 5.0)]  # a step from picture to picture, as it is slow
    assert moments == [*one, *((2, score) for _, score in one), (3, 0.0)]
    shades = [int(np.asarray(Image.open(io.BytesIO(jpeg)))[5, 5, 0]) for jpeg, _, _ in pictures[:6]]
    assert np.abs(np.diff(shades) - 50).max() <= 3


def test_while_nobody_takes_the_pictures_few_are_kept_and_none_are_made_with_old_weights(start: Starts) -> None:
    gym.register("Mine-v0", Mine)
    episodes = start(DQNConfig(env_id="Mine-v0"))
    watch(episodes, weights_of("Mine-v0"), 3)
    time.sleep(7)  # a pause: nobody gives weights
    assert 1 < len(episodes.pictures()) <= KEPT
    time.sleep(1)
    assert episodes.pictures() == []
    assert episodes.wants_weights
    assert watch(episodes, weights_of("Mine-v0"), 1)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Drawless, "draw-it is not installed, run `pip install draw-it`"),
        (Ends, "the process that draws it has ended"),
        (lambda: Mine(), "Mine-v0 draws no pictures: it takes no render_mode"),
    ],
)
def test_where_nothing_can_be_drawn_it_says_why(entry: Callable[..., gym.Env], why: str, start: Starts) -> None:
    gym.register("Mine-v0", entry)
    episodes = start(DQNConfig(env_id="Mine-v0"))
    assert watch(episodes, weights_of("Mine-v0"), 1) == []
    assert why in episodes.problem
    assert not episodes.wants_weights


def test_an_interrupt_of_the_kernel_and_a_killed_process_are_survived(start: Starts) -> None:
    gym.register("Mine-v0", Mine)
    episodes, weights = start(DQNConfig(env_id="Mine-v0")), weights_of("Mine-v0")
    watch(episodes, weights, 1)
    os.kill(episodes.pid, signal.SIGINT)
    assert len(watch(episodes, weights, 5)) >= 5
    os.kill(episodes.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while psutil.pid_exists(episodes.pid) and time.monotonic() < until:
        time.sleep(0.05)
    episodes.give(weights)
    assert len(watch(episodes, weights, 100, timeout=1)) <= KEPT
