"""The newest policy plays while training runs: its steps, its pace, and what is sent of each environment."""

from __future__ import annotations

import base64
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.policy import Dense, Flatten, Rescale
from dqnkit.types import PolicyWeights
from dqnkit.widgets.playing import MOST_STEPS, NEW_WEIGHTS_EVERY, Playing, stage_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def to_the_right(env_id: str, worth: float = 1.0) -> Any:
    """Weights of a network with one layer that prefers action 1; each call is a new version."""
    env = make_env(env_id)
    inputs, actions = int(np.prod(env.observation_space.shape or ())), int(env.action_space.n)  # type: ignore[attr-defined]
    values = np.zeros(inputs * actions + actions, np.float32)
    values[inputs * actions + 1] = worth
    layers = (Flatten(), Rescale(1.0), Dense(inputs, actions, relu=False))
    calls: list[int] = []

    def weights() -> PolicyWeights:
        calls.append(1)
        return PolicyWeights(len(calls), layers, values)

    return weights, calls


def test_episodes_are_played_at_the_pace_of_the_environment_with_the_newest_weights() -> None:
    clock, (weights, calls) = Clock(), to_the_right("CartPole-v1")
    playing = Playing(DQNConfig(), weights, clock)
    assert playing.look["kind"] == "cartpole"
    frames = playing.play()
    for _ in range(20):
        clock.now += 0.25
        frames += playing.play()
    assert 240 <= len(frames) <= 252  # five seconds at 50 a second
    states, episodes, scores = zip(*frames, strict=True)
    assert all(abs(x) < 3 and abs(angle) < 0.5 for x, angle in states)
    assert episodes[-1] > 15  # always to the right: the pole falls after ten steps
    assert max(scores) < 20
    assert 4 <= len(calls) <= 6 / NEW_WEIGHTS_EVERY
    clock.now += 60  # after a pause it goes on, and does not catch up
    assert len(playing.play()) <= MOST_STEPS
    playing.close()
    assert playing.play() == []


def test_where_weights_are_slow_to_get_they_are_asked_for_seldom() -> None:
    clock, (weights, calls) = Clock(), to_the_right("CartPole-v1")

    def slow() -> PolicyWeights:
        clock.now += 0.1
        return weights()

    playing = Playing(DQNConfig(), slow, clock)
    for _ in range(160):
        clock.now += 0.25
        playing.play()
    assert len(calls) <= 3


@pytest.mark.parametrize(
    ("env_id", "kind", "state"),
    [
        ("dqnkit/GridWorld-v0", "room", int),
        ("dqnkit/TwoStateBias-v0", "room", int),
        ("dqnkit/Catch-v0", "board", str),
        ("MinAtar/Breakout-v1", "board", str),
    ],
)
def test_what_is_sent_of_each_environment(env_id: str, kind: str, state: type) -> None:
    (weights, _), clock = to_the_right(env_id), Clock()
    playing = Playing(DQNConfig(env_id=env_id), weights, clock)
    assert playing.look["kind"] == kind
    frames = playing.play()
    (frame,) = frames
    for _ in range(20):
        clock.now += 0.1
        frames += playing.play()
    assert abs(len(frames) - 2 * playing.look["fps"]) <= 1
    assert isinstance(frame[0], state)
    if kind == "board":
        assert len(frame[0]) == playing.look["rows"] * playing.look["columns"]
        assert {"."} < set(frame[0])
    else:
        assert 0 <= frame[0] < playing.look["rows"] * playing.look["columns"]
    playing.close()


@pytest.mark.parametrize("config", [None, SimpleNamespace(env_id="no/such-v0")])
def test_of_a_stand_in_for_a_run_nothing_is_played(config: Any) -> None:
    playing = Playing(config, lambda: pytest.fail("asked for weights"))
    assert playing.look["kind"] == "words"
    assert playing.play() == []
    playing.close()


def test_a_diverged_network_plays_no_more() -> None:
    weights, _ = to_the_right("CartPole-v1", worth=float("nan"))
    clock = Clock()
    playing = Playing(DQNConfig(), weights, clock)
    playing.play()
    clock.now += 0.2
    assert playing.play() == []
    assert playing.look == {"kind": "words", "words": "the network has diverged"}


def test_what_has_no_stage_is_drawn_by_another_process_while_somebody_looks_on() -> None:
    weights, calls = to_the_right("Acrobot-v1")
    playing = Playing(DQNConfig(env_id="Acrobot-v1"), weights)
    assert playing.play(watched=False) == []
    assert playing.look == {"kind": "words", "words": "Acrobot-v1: its first picture is on its way"}
    assert calls == []
    frames: list[list[Any]] = []
    until = time.monotonic() + 60
    while len(frames) < 3 and time.monotonic() < until:
        frames += playing.play()
        time.sleep(0.1)
    assert playing.look["kind"] == "picture"
    jpeg, episode, score = frames[-1]
    assert base64.b64decode(jpeg).startswith(b"\xff\xd8")
    assert (episode, score < 0) == (1, True)
    playing.close()
    assert playing.look["kind"] == "words"
    assert playing.play() == []


def test_a_large_picture_has_no_stage() -> None:
    import gymnasium as gym

    env = SimpleNamespace(
        unwrapped=SimpleNamespace(game=None), observation_space=gym.spaces.Box(0, 1, (84, 84, 3), np.uint8)
    )
    assert stage_of(env) is None
