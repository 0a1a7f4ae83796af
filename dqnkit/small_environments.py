"""Small environments with a known solution: each shows what one part of DQN is good for.

All but Catch and SlowCartPole are tables: the probability of every next state and the mean reward of every move are
arrays. So the optimal Q-values can be computed exactly, and the error of a learner measured against them.
"""

from __future__ import annotations

import time
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from dqnkit.environment_limits import ALWAYS_ENDS
from dqnkit.types import Array

METADATA: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 8}
SHORT_EPISODES = {**METADATA, ALWAYS_ENDS: True}
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left, as (row, column)


class TabularEnv(gym.Env[Any, np.int64]):
    """A finite Markov decision process given by arrays; the observation is the index of the state.

    Args:
        probabilities: ``[S, A, S]``, the chance of each next state.
        rewards: ``[S, A, S]``, the reward of each move.
        terminal: ``[S]``, True where an episode ends on arrival.
        start: the state in which episodes begin, or the chance of each ``[S]``.
        reward_noise: standard deviation of the reward, by state and action ``[S, A]``.
    """

    metadata = METADATA

    def __init__(
        self,
        probabilities: Array,
        rewards: Array,
        terminal: Array,
        start: int | Array = 0,
        reward_noise: Array | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.probabilities = np.asarray(probabilities, dtype=np.float64)
        self.rewards = np.asarray(rewards, dtype=np.float64)
        self.terminal = np.asarray(terminal, dtype=bool)
        num_states, num_actions, _ = self.probabilities.shape
        self.start = np.eye(num_states)[start] if np.ndim(start) == 0 else np.asarray(start, dtype=np.float64)
        self.reward_noise = np.zeros((num_states, num_actions)) if reward_noise is None else np.asarray(reward_noise)
        self.observation_space: gym.Space[Any] = gym.spaces.Discrete(num_states)
        self.action_space = gym.spaces.Discrete(num_actions)
        self.render_mode = render_mode
        self.state = 0

    @property
    def num_states(self) -> int:
        """How many states there are, terminal ones included."""
        return len(self.terminal)

    def observe(self, state: int) -> Any:
        """What the agent sees of a state: its index."""
        return state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        self.state = _draw(self.start, self.np_random)
        return self.observe(self.state), {}

    def step(self, action: np.int64) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Move by chance, as the arrays say."""
        state = self.state
        self.state = _draw(self.probabilities[state, action], self.np_random)
        reward = self.rewards[state, action, self.state]
        if self.reward_noise[state, action]:
            reward += self.reward_noise[state, action] * self.np_random.standard_normal()
        return self.observe(self.state), float(reward), bool(self.terminal[self.state]), False, {}

    def optimal_q(self, gamma: float, tolerance: float = 1e-10) -> npt.NDArray[np.float64]:
        """The exact optimal action values ``[S, A]``, by value iteration (Bellman, 1957); 0 in terminal states."""
        mean_rewards = (self.probabilities * self.rewards).sum(axis=2)  # [S, A]
        goes_on = self.probabilities * ~self.terminal  # [S, A, S]
        q = np.zeros_like(mean_rewards)
        for _ in range(1_000_000):
            new_q = np.where(self.terminal[:, None], 0.0, mean_rewards + gamma * goes_on @ q.max(axis=1))
            if np.abs(new_q - q).max() <= tolerance:
                return new_q
            q = new_q
        raise ValueError(f"values with gamma {gamma} do not settle: gamma must be below 1 where episodes can go on")

    def policy_value(self, actions: npt.ArrayLike, gamma: float) -> npt.NDArray[np.float64]:
        """The exact value ``[S]`` of always taking ``actions[s]`` in state s, by solving Bellman's equations.

        Raises:
            ValueError: gamma is not below 1; then the values need not exist.
        """
        if not 0 <= gamma < 1:
            raise ValueError(f"gamma must be at least 0 and below 1, not {gamma}")
        states = np.arange(self.num_states)
        chances = self.probabilities[states, np.asarray(actions)]  # [S, S]
        mean_rewards = (chances * self.rewards[states, np.asarray(actions)]).sum(axis=1)  # [S]
        goes_on = chances * ~self.terminal
        values = np.linalg.solve(np.eye(self.num_states) - gamma * goes_on, mean_rewards)
        return np.where(self.terminal, 0.0, values)

    def render(self) -> Array:
        """A row of squares, that of the state filled ``[H, W, 3]``."""
        return _picture(np.arange(self.num_states)[None] == self.state)


class GridWorld(TabularEnv):
    """A room of ``size`` x ``size`` squares with goals, which end the episode.

    Actions are up, right, down and left; a move into a wall stays in place; with chance ``slip`` the move goes in a
    random direction instead. Arriving at a goal pays its reward. The observation is the index of the square, or with
    ``observation="xy"`` its column and row scaled to lie between -1 and 1 ``[2]``.
    """

    def __init__(
        self,
        size: int = 5,
        slip: float = 0.0,
        goals: dict[tuple[int, int], float] | None = None,
        start: tuple[int, int] | None = (0, 0),
        observation: str = "index",
        render_mode: str | None = None,
    ) -> None:
        self.size = size
        self.goals = {(size - 1, size - 1): 1.0} if goals is None else goals
        rewards = np.zeros((size * size, 4, size * size))
        terminal = np.zeros(size * size, dtype=bool)
        for (row, column), reward in self.goals.items():
            rewards[:, :, row * size + column] = reward
            terminal[row * size + column] = True
        starts = ~terminal / np.sum(~terminal) if start is None else start[0] * size + start[1]
        super().__init__(_grid_probabilities(size, slip, terminal), rewards, terminal, starts, render_mode=render_mode)
        if observation not in ("index", "xy"):
            raise ValueError(f"observation takes 'index' or 'xy', not {observation!r}")
        self._coordinates = _grid_coordinates(size) if observation == "xy" else None  # [S, 2]
        if self._coordinates is not None:
            self.observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def observe(self, state: int) -> Any:
        """The index of the square, or its coordinates."""
        return state if self._coordinates is None else self._coordinates[state].copy()

    def all_observations(self) -> Array:
        """What the agent sees in every state: ``[S]`` indices, or ``[S, 2]`` coordinates."""
        return np.arange(self.num_states) if self._coordinates is None else self._coordinates.copy()

    def render(self) -> Array:
        """The room from above: the agent's square is dark, goals are grey ``[H, W, 3]``."""
        squares = 0.4 * self.terminal
        squares[self.state] = 1.0
        return _picture(squares.reshape(self.size, self.size))


class TwoStateBias(TabularEnv):
    """Two states in which the maximum over noisy values is too large (Sutton and Barto, 2018, example 6.7).

    In state 0, action 0 ends the episode with reward 0; any other action leads to state 1, where each of
    ``num_actions`` actions ends it with a reward drawn from N(-0.1, 1). Action 0 is the best one; Q-learning prefers
    state 1 for a long time.
    """

    metadata = SHORT_EPISODES

    def __init__(self, num_actions: int = 10, render_mode: str | None = None) -> None:
        probabilities = np.zeros((3, num_actions, 3))
        probabilities[0, 0, 2] = probabilities[1, :, 2] = probabilities[2, :, 2] = 1
        probabilities[0, 1:, 1] = 1
        rewards = np.zeros((3, num_actions, 3))
        rewards[1] = -0.1
        noise = np.zeros((3, num_actions))
        noise[1] = 1.0
        terminal = np.array([False, False, True])
        super().__init__(probabilities, rewards, terminal, 0, noise, render_mode)


class BlindCliffwalk(TabularEnv):
    """A row of ``n`` states where one wrong action ends the episode (Schaul et al., 2016, section 3.1).

    The right action alternates between the two, so it takes about 2**n random episodes to see the one reward.
    """

    metadata = SHORT_EPISODES

    def __init__(self, n: int = 10, render_mode: str | None = None) -> None:
        probabilities = np.zeros((n + 1, 2, n + 1))
        rewards = np.zeros((n + 1, 2, n + 1))
        for state in range(n):
            right = state % 2
            probabilities[state, right, state + 1] = 1
            probabilities[state, 1 - right, n] = 1
        probabilities[n, :, n] = 1
        rewards[n - 1, (n - 1) % 2, n] = 1.0
        super().__init__(probabilities, rewards, np.arange(n + 1) == n, 0, None, render_mode)


class Catch(gym.Env[Any, np.int64]):
    """A ball falls through a small uint8 picture; the paddle at the bottom must be below it (after bsuite's Catch).

    Actions are left, stay and right. The reward is 1 or -1 when the ball arrives, which ends the episode.
    """

    metadata = SHORT_EPISODES

    def __init__(self, rows: int = 8, columns: int = 6, render_mode: str | None = None) -> None:
        self.rows, self.columns, self.render_mode = rows, columns, render_mode
        self.observation_space = gym.spaces.Box(0, 255, (rows, columns, 1), np.uint8)
        self.action_space = gym.spaces.Discrete(3)
        self._ball, self._paddle = (0, 0), 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Drop a ball from a random column."""
        super().reset(seed=seed)
        self._ball, self._paddle = (0, int(self.np_random.integers(self.columns))), self.columns // 2
        return self._observation(), {}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Move the paddle by one column; the ball falls by one row."""
        self._paddle = int(np.clip(self._paddle + int(action) - 1, 0, self.columns - 1))
        self._ball = (self._ball[0] + 1, self._ball[1])
        arrived = self._ball[0] == self.rows - 1
        reward = (1.0 if self._ball[1] == self._paddle else -1.0) if arrived else 0.0
        return self._observation(), reward, arrived, False, {}

    def render(self) -> Array:
        """The picture, enlarged ``[H, W, 3]``."""
        return _picture(self._observation()[:, :, 0] / 255)

    def _observation(self) -> Array:
        picture = np.zeros((self.rows, self.columns, 1), np.uint8)
        picture[self.rows - 1, self._paddle] = 255
        picture[self._ball] = 255
        return picture


class SlowCartPole(CartPoleEnv):
    """CartPole that takes 2 ms for each step, like a simulator in another process or on another machine.

    It waits and does not compute, so that workers on the same core do not slow each other down.
    """

    SECONDS = 0.002  # waited in each step

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Wait, then step."""
        time.sleep(self.SECONDS)
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, float(reward), terminated, truncated, info


def _draw(chances: Array, rng: np.random.Generator) -> int:
    # searchsorted on the cumulative sum: ten times faster than rng.choice for a few states
    return min(int(np.searchsorted(chances.cumsum(), rng.random(), side="right")), len(chances) - 1)


def _grid_probabilities(size: int, slip: float, terminal: Array) -> Array:
    probabilities = np.zeros((size * size, 4, size * size))
    for state in range(size * size):
        row, column = divmod(state, size)
        arrivals = [
            min(max(row + down, 0), size - 1) * size + min(max(column + right, 0), size - 1) for down, right in MOVES
        ]
        for action in range(4):
            probabilities[state, action, arrivals[action]] += 1 - slip
            for arrival in arrivals:
                probabilities[state, action, arrival] += slip / 4
    probabilities[terminal] = np.eye(size * size)[terminal][:, None]  # a terminal state leads to itself
    return probabilities


def _grid_coordinates(size: int) -> Array:
    rows, columns = np.divmod(np.arange(size * size), size)
    return (np.stack([columns, rows], axis=1) / max(1, size - 1) * 2 - 1).astype(np.float32)  # [S, 2]


def _picture(squares: Array, pixels: int = 32) -> Array:
    """Grey squares from values between 0 and 1 ``[R, C] -> [R * pixels, C * pixels, 3]``."""
    grey = (235 - 200 * np.asarray(squares, dtype=np.float64)).astype(np.uint8)
    picture = np.kron(grey, np.ones((pixels, pixels), np.uint8))
    picture[::pixels] = picture[:, ::pixels] = 255
    return np.repeat(picture[:, :, None], 3, axis=2)


def register_small_environments() -> None:
    """Make the environments above known to Gymnasium, once."""
    environments: dict[str, tuple[int | None, dict[str, Any]]] = {  # name -> time limit, arguments
        "GridWorld": (100, {"observation": "xy"}),
        "TwoStateBias": (None, {}),
        "BlindCliffwalk": (None, {}),
        "Catch": (None, {}),
        "SlowCartPole": (500, {}),
    }
    for name, (limit, kwargs) in environments.items():
        if f"dqnkit/{name}-v0" not in gym.registry:
            entry_point = f"{__name__}:{name}"
            gym.register(f"dqnkit/{name}-v0", entry_point, max_episode_steps=limit, kwargs=kwargs)
