"""The newest policy plays while training runs.

Environments that the browser can draw from a few numbers are played here: CartPole and the inverted pendulum, rooms of
squares and other tables, and games on small boards. A step of the small ones and of the policy in
NumPy takes some microseconds, so a fraction of a thousandth of the training goes into it. Others are played and drawn
in a process of their own, `dqnkit.rendering`, and the browser shows its pictures.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from dqnkit.action_values import greedy_actions
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.errors import DQNKitError
from dqnkit.policy import q_values
from dqnkit.rendering import ON_THEIR_WAY, PICTURES_A_SECOND, STEPS_OF_EPISODE, RenderedEpisodes
from dqnkit.small_environments import Catch, GridWorld, SlowCartPole, TabularEnv
from dqnkit.types import Array, PolicyWeights

NEW_WEIGHTS_EVERY = 1.0  # seconds
MOST_STEPS = 40  # taken at once
BOARD = 16  # squares of a board's side, at most
# How their ids begin: what is quick to make and to step. A step of highway-env takes 30 ms, which training would feel.
HERE = ("CartPole", "InvertedPendulum", "dqnkit/", "MinAtar/", "MiniGrid-")
EMPTY = "."  # a square on which nothing is
MINIGRID = {"wall": "#", "goal": "b", "door": "c", "key": "d"}  # what is on a square; the letters choose colours
FACING = ">v<^"  # of MiniGrid's agent
LANE = 4.0  # metres across
AHEAD, BEHIND = 85.0, 25.0  # metres of the road that are drawn


class Stage(NamedTuple):
    """How the browser draws an environment, and what is sent to it of each state."""

    look: dict[str, Any]  # {"kind": "cartpole" | "board", "fps": pictures a second, ...}
    state: Callable[[Any], Any]  # observation -> what is sent


def stage_of(env: Any) -> Stage | None:
    """Return how an environment is drawn; None if the browser cannot draw it."""
    inner: Any = env.unwrapped
    if isinstance(inner, CartPoleEnv):
        look: dict[str, Any] = {"kind": "cartpole", "fps": 50, "width": float(inner.x_threshold)}
        return Stage(look, lambda seen: [round(float(seen[0]), 3), round(float(seen[2]), 3)])
    if isinstance(inner, TabularEnv):
        side = inner.size if isinstance(inner, GridWorld) else 1
        columns = inner.num_states // side
        goals = inner.goals.items() if isinstance(inner, GridWorld) else ()
        look = {
            "kind": "room",
            "fps": 6,
            "rows": side,
            "columns": columns,
            "goals": [[*where, r] for where, r in goals],
        }
        return Stage(look, lambda _: int(inner.state))
    if isinstance(inner, Catch):
        look = {"kind": "board", "fps": 6, "rows": inner.rows, "columns": inner.columns}
        return Stage(look, lambda seen: _board(seen > 0))
    shape = tuple(env.observation_space.shape or ())
    if hasattr(inner, "grid") and hasattr(inner, "agent_dir"):  # MiniGrid
        look = {"kind": "board", "fps": 6, "rows": inner.grid.height, "columns": inner.grid.width}
        return Stage(look, lambda _: _room(inner))
    if hasattr(inner, "data") and getattr(inner.data, "qpos", np.empty(0)).shape == (2,):  # a cart and its pole
        look = {"kind": "cartpole", "fps": 25, "width": 1.0}
        return Stage(look, lambda _: [round(float(place), 3) for place in inner.data.qpos])
    if hasattr(inner, "road") and hasattr(inner, "vehicle"):  # highway-env, which takes 30 ms for a step
        look = {"kind": "road", "fps": 2, "lanes": int(inner.config["lanes_count"]), "ahead": AHEAD, "behind": BEHIND}
        return Stage(look, lambda _: cars_of(inner))
    if hasattr(inner, "game") and len(shape) == 3 and max(shape[:2]) <= BOARD:  # MinAtar: [rows, columns, channels]
        return Stage({"kind": "board", "fps": 12, "rows": shape[0], "columns": shape[1]}, _board)
    return None


def _board(seen: Array) -> str:
    """Return a board ``[rows, columns, channels]`` as text: of each square, row by row, a letter for what is on it."""
    there = np.asarray(seen, dtype=bool)
    last = there.shape[2] - 1 - there[:, :, ::-1].argmax(axis=2)
    return "".join(
        chr(ord("a") + int(channel)) if any_there else EMPTY
        for channel, any_there in zip(last.ravel(), there.any(axis=2).ravel(), strict=True)
    )


def _room(inner: Any) -> str:
    """Return MiniGrid's room as a board: the agent is an arrow."""
    things = [inner.grid.get(column, row) for row in range(inner.grid.height) for column in range(inner.grid.width)]
    there = [thing is not None and not getattr(thing, "is_open", False) for thing in things]
    letters = [
        MINIGRID.get(thing.type, "f") if any_there else EMPTY for thing, any_there in zip(things, there, strict=True)
    ]
    column, row = inner.agent_pos
    letters[int(row) * inner.grid.width + int(column)] = FACING[inner.agent_dir]
    return "".join(letters)


def cars_of(inner: Any) -> list[list[float]]:
    """Return the cars that are near, the policy's own first: ``[metres ahead of it, lane from 0, 1 if it crashed]``."""
    own = inner.vehicle
    others = [car for car in inner.road.vehicles if car is not own]
    near = [car for car in others if -BEHIND < car.position[0] - own.position[0] < AHEAD]
    return [
        [round(float(car.position[0] - own.position[0]), 1), round(float(car.position[1]) / LANE, 2), int(car.crashed)]
        for car in (own, *near)
    ]


class Playing:
    """Greedy episodes with the newest weights.

    Args:
        config: of the run, from which the environment is made.
        weights: returns the newest weights; called at most once a second, and less often where that is slow.
        clock: returns seconds that never decrease.
    """

    def __init__(
        self, config: Any, weights: Callable[[], PolicyWeights], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        newest = _Newest(weights, clock)
        self._source: _Here | _Drawn | None = None
        self._why_not = "this run does not say what its environment is"
        if isinstance(config, DQNConfig):
            self._source = _played_here(config, newest, clock) or _Drawn(config, newest)

    @property
    def look(self) -> dict[str, Any]:
        """How the browser draws it: ``kind``, ``fps`` (moments a second), and what the kind needs.

        Of the kind "words" there is nothing to draw; ``words`` says why.
        """
        return {"kind": "words", "words": self._why_not} if self._source is None else self._source.look

    def play(self, watched: bool = True) -> list[list[Any]]:
        """Return ``[state or picture, episode, return so far]`` of each moment since the last call.

        Args:
            watched: whether somebody may look on; else no process begins to draw.
        """
        try:
            return [] if self._source is None else self._source.play(watched)
        except Exception:  # the network has diverged, which training says itself: nothing here may end a run
            self.close()
            self._why_not = "the network has diverged"
            return []

    def close(self) -> None:
        """Close the environment."""
        if self._source is not None:
            self._source.close()
        self._source, self._why_not = None, "the run has ended"


class _Newest:
    """The newest weights."""

    def __init__(self, weights: Callable[[], PolicyWeights], clock: Callable[[], float]) -> None:
        self._get, self._clock = weights, clock
        self._weights: PolicyWeights | None = None
        self._renew_at = -np.inf

    @property
    def is_due(self) -> bool:
        """Whether newer ones may be asked for."""
        return self._clock() >= self._renew_at

    def __call__(self) -> PolicyWeights:
        """Return them; they are renewed if that is due."""
        began = self._clock()
        if self._weights is None or self.is_due:
            self._weights = self._get()
            now = self._clock()
            # where the weights are slow to get, as from another process, they are asked for less often
            self._renew_at = now + max(NEW_WEIGHTS_EVERY, 200 * (now - began))
        return self._weights


class _Here:
    """Plays in this process, at the pace of the environment."""

    def __init__(self, env: Any, stage: Stage, newest: _Newest, clock: Callable[[], float]) -> None:
        self.look = stage.look
        self._env, self._state, self._newest, self._clock = env, stage.state, newest, clock
        self._played_until = -np.inf
        self._episode = self._steps = 0
        self._score = 0.0
        self._ended = True
        self._observation: Any = None
        self._rng = np.random.default_rng(0)

    def play(self, watched: bool) -> list[list[Any]]:
        """Take the steps that are due since the last call."""
        now = self._clock()
        fps = self.look["fps"]
        if self._played_until < now - MOST_STEPS / fps:  # it begins, or training took long: what was missed is left out
            self._played_until = now - 1 / fps
        due = int((now - self._played_until) * fps + 1e-6)
        self._played_until += due / fps
        return [self._step() for _ in range(due)]

    def close(self) -> None:
        self._env.close()

    def _step(self) -> list[Any]:
        if self._ended:
            self._observation, _ = self._env.reset(seed=int(self._rng.integers(2**31)))
            self._episode, self._steps, self._score, self._ended = self._episode + 1, 0, 0.0, False
        else:
            q = q_values(self._newest(), np.asarray(self._observation)[None])  # [1, A]
            self._observation, reward, terminated, truncated, _ = self._env.step(greedy_actions(q)[0])
            self._steps, self._score = self._steps + 1, self._score + float(reward)
            self._ended = bool(terminated or truncated) or self._steps >= STEPS_OF_EPISODE
        return [self._state(self._observation), self._episode, round(self._score, 2)]


class _Drawn:
    """Is played and drawn in a process of its own, which begins when somebody may look on."""

    def __init__(self, config: DQNConfig, newest: _Newest) -> None:
        self._config, self._newest = config, newest
        self._episodes: RenderedEpisodes | None = None

    @property
    def look(self) -> dict[str, Any]:
        """Its pictures, or why there are none."""
        if self._episodes is not None and not self._episodes.problem:
            return {"kind": "picture", "fps": PICTURES_A_SECOND}
        why = "" if self._episodes is None else self._episodes.problem
        return {"kind": "words", "words": f"{self._config.env_id}: {why or ON_THEIR_WAY}"}

    def play(self, watched: bool) -> list[list[Any]]:
        """Return the pictures that have arrived."""
        if self._episodes is None:
            self._episodes = RenderedEpisodes(self._config) if watched else None
            return []
        if self._episodes.wants_weights and self._newest.is_due:
            self._episodes.give(self._newest())
        return [[base64.b64encode(jpeg).decode(), episode, score] for jpeg, episode, score in self._episodes.pictures()]

    def close(self) -> None:
        if self._episodes is not None:
            self._episodes.close()


def _played_here(config: DQNConfig, newest: _Newest, clock: Callable[[], float]) -> _Here | None:
    """The environment of a run if it has a stage, and is quick to make and to step."""
    if not config.env_id.startswith(HERE) or config.frame_stack > 1:
        return None
    try:
        env = make_env(config)
    except DQNKitError:  # what is wrong with it, training says
        return None
    stage = None if isinstance(env.unwrapped, SlowCartPole) else stage_of(env)
    if stage is None:
        env.close()
        return None
    return _Here(env, stage, newest, clock)
