"""The newest policy plays while training runs: Python takes the steps, the browser animates the states.

A step of a small environment and of the policy in NumPy takes some microseconds, so a fraction of a thousandth of the
training goes into it. Only environments that the browser can draw from a few numbers are played: CartPole, rooms of
squares and other tables, and games on small boards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from dqnkit.action_values import greedy_actions
from dqnkit.environments import make_env
from dqnkit.errors import DQNKitError
from dqnkit.policy import q_values
from dqnkit.small_environments import Catch, GridWorld, SlowCartPole, TabularEnv
from dqnkit.types import Array, PolicyWeights

NEW_WEIGHTS_EVERY = 1.0  # seconds
MOST_STEPS = 40  # taken at once
STEPS_OF_EPISODE = 1000  # after them a new episode begins, as some policies go in circles
BOARD = 16  # squares of a board's side, at most
PLAYED = ("CartPole", "dqnkit/", "MinAtar/")  # how the ids begin; others may be slow to make, or exist only once
EMPTY = "."  # a square on which nothing is


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


class Playing:
    """Greedy episodes with the newest weights.

    Args:
        config: of the run, from which the environment is made.
        weights: returns the newest weights; called at most once a second, and once an episode where that is slow.
        clock: returns seconds that never decrease.
    """

    def __init__(
        self, config: Any, weights: Callable[[], PolicyWeights], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.look: dict[str, Any] | None = None  # None: it is not played
        self._newest, self._clock = weights, clock
        self._weights: PolicyWeights | None = None
        self._renew_at = self._played_until = -np.inf
        self._episode = self._steps = 0
        self._score = 0.0
        self._ended = True
        self._observation: Any = None
        self._rng = np.random.default_rng(0)
        try:
            env_id = str(config.env_id)
            if not env_id.startswith(PLAYED) or config.frame_stack > 1:
                return
            env = make_env(config)
        except (AttributeError, DQNKitError):  # a stand-in for a run; what is wrong with the environment, training says
            return
        stage = None if isinstance(env.unwrapped, SlowCartPole) else stage_of(env)
        if stage is None:
            env.close()
            return
        self._env, self._state, self.look = env, stage.state, stage.look

    def play(self) -> list[list[Any]]:
        """Take the steps that are due since the last call; return ``[state, episode, return so far]`` of each."""
        if self.look is None:
            return []
        now = self._clock()
        fps = self.look["fps"]
        if self._played_until < now - MOST_STEPS / fps:  # it begins, or training took long: what was missed is left out
            self._played_until = now - 1 / fps
        due = int((now - self._played_until) * fps + 1e-6)
        self._played_until += due / fps
        try:
            return [self._step() for _ in range(due)]
        except Exception:  # the network has diverged, which training says itself: nothing here may end a run
            self.close()
            return []

    def close(self) -> None:
        """Close the environment."""
        if self.look is not None:
            self.look = None
            self._env.close()

    def _step(self) -> list[Any]:
        if self._ended:
            self._observation, _ = self._env.reset(seed=int(self._rng.integers(2**31)))
            self._episode, self._steps, self._score, self._ended = self._episode + 1, 0, 0.0, False
        else:
            q = q_values(self._policy(), np.asarray(self._observation)[None])  # [1, A]
            self._observation, reward, terminated, truncated, _ = self._env.step(greedy_actions(q)[0])
            self._steps, self._score = self._steps + 1, self._score + float(reward)
            self._ended = bool(terminated or truncated) or self._steps >= STEPS_OF_EPISODE
        return [self._state(self._observation), self._episode, round(self._score, 2)]

    def _policy(self) -> PolicyWeights:
        began = self._clock()
        if self._weights is None or began >= self._renew_at:
            self._weights = self._newest()
            now = self._clock()
            # where the weights are slow to get, as from another process, they are asked for less often
            self._renew_at = now + max(NEW_WEIGHTS_EVERY, 200 * (now - began))
        return self._weights
