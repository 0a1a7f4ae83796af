"""The DQN of the lesson, in NumPy. The notebook shows the same code (without annotations); a test compares the two."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.types import Array, Transition


class Network:
    """Observations [B, N] -> Q-values [B, A], through one hidden layer."""

    means: list[Any]  # of the gradients, for Adam
    squares: list[Any]

    def __init__(self, inputs: int, actions: int, rng: np.random.Generator, hidden: int = 64) -> None:
        w1 = rng.normal(0, np.sqrt(2 / inputs), (inputs, hidden))
        w2 = rng.normal(0, np.sqrt(1 / hidden), (hidden, actions))
        self.weights = [w1, np.zeros(hidden), w2, np.zeros(actions)]
        self.steps, self.means, self.squares = 0, [0.0] * 4, [0.0] * 4

    def __call__(self, x: Array) -> Array:
        w1, b1, w2, b2 = self.weights
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    def gradients(self, x: Array, slope: Array) -> list[Array]:
        """Backpropagation. `slope` [B, A] is the derivative of the loss with respect to each Q-value."""
        w1, b1, w2, _ = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)  # [B, H]
        at_hidden = (slope @ w2.T) * (hidden > 0)
        return [x.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]

    def adam_step(self, gradients: list[Array], learning_rate: float) -> None:
        """One step of Adam: the running mean of the gradient, divided by its usual size."""
        self.steps += 1
        for i, g in enumerate(gradients):
            self.means[i] = 0.9 * self.means[i] + 0.1 * g
            self.squares[i] = 0.999 * self.squares[i] + 0.001 * g**2
            mean = self.means[i] / (1 - 0.9**self.steps)
            square = self.squares[i] / (1 - 0.999**self.steps)
            self.weights[i] -= learning_rate * mean / (np.sqrt(square) + 1e-8)


class Agent:
    """DQN. Each part is a method, so that another can take its place."""

    gamma, learning_rate, batch_size = 0.8, 0.003, 32
    period, epsilon_steps = 25, 500

    def __init__(self, inputs: int, actions: int, seed: int = 0) -> None:
        self.actions, self.rng = actions, np.random.default_rng(seed)
        self.online = Network(inputs, actions, self.rng)
        self.target = Network(inputs, actions, self.rng)
        self.step, self.episode_step, self.updates = 0, 0, 0
        self.loss, self.max_q, self.gradient_norm = np.nan, np.nan, np.nan
        self.replay: list[Any] = []
        self.returns: list[float] = []
        self.log: list[dict[str, float]] = []
        self.target_sync()

    def look(self, observation: Any) -> Array:
        """What the agent keeps of an observation: a copy, for many environments reuse the array."""
        return np.array(observation, np.float32)

    def epsilon(self) -> float:
        return max(0.05, 1 - self.step / self.epsilon_steps)

    def select(self, observation: Array) -> int:
        if self.rng.random() < self.epsilon():
            return int(self.rng.integers(self.actions))
        return int(self.online(observation).argmax())

    def execute(self, env: Any, observation: Array) -> tuple[Array, float, bool]:
        """One step of the environment, and its transition into replay."""
        action = self.select(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        next_observation = self.look(next_observation)
        discount = 0.0 if terminated else self.gamma
        self.replay.append((observation, action, reward, discount, next_observation))
        return next_observation, reward, terminated or truncated

    def sample(self) -> Transition:
        rows = self.rng.integers(len(self.replay), size=self.batch_size)
        return Transition(*map(np.array, zip(*[self.replay[row] for row in rows], strict=True)))

    def td_target(self, batch: Transition) -> Array:
        q_next = self.target(batch.next_observation)  # [B, A]
        return batch.reward + batch.discount * q_next.max(axis=1)

    def train_step(self, batch: Transition, y: Array) -> float:
        """One gradient step towards the targets `y` [B]. Returns the loss before the step."""
        rows = np.arange(len(y))
        q = self.online(batch.observation)  # [B, A]
        td_error = y - q[rows, batch.action]  # [B]
        slope = np.zeros_like(q)
        slope[rows, batch.action] = -td_error / len(y)
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2

    def learn(self, observation: Array, slope: Array) -> None:
        gradients = self.online.gradients(observation, slope)
        self.gradient_norm = float(np.sqrt(sum((g**2).sum() for g in gradients)))
        self.online.adam_step(gradients, self.learning_rate)

    def target_sync(self) -> None:
        if self.updates % self.period == 0:
            for theta, theta_target in zip(self.online.weights, self.target.weights, strict=True):
                theta_target[:] = theta

    def training_loop(self, env: Any, steps: int) -> Agent:
        observation, episode_return = self.look(env.reset()[0]), 0.0
        for self.step in range(steps):
            observation, reward, over = self.execute(env, observation)
            episode_return += reward
            self.episode_step += 1
            if over:
                self.returns.append(episode_return)
                observation, episode_return, self.episode_step = self.look(env.reset()[0]), 0.0, 0
            if len(self.replay) >= self.batch_size:
                batch = self.sample()
                self.loss = self.train_step(batch, self.td_target(batch))
                self.updates += 1
                self.target_sync()
            if self.step % 100 == 99:
                self.record()
        return self

    def record(self) -> None:
        """Note what shows whether it learns."""
        pairs = zip(self.online.weights, self.target.weights, strict=True)
        distance = np.sqrt(sum(((theta - other) ** 2).sum() for theta, other in pairs))
        self.log.append(
            {
                "step": self.step + 1,
                "return": float(np.mean(self.returns[-10:])) if self.returns else np.nan,
                "max Q": self.max_q,
                "loss": self.loss,
                "gradient norm": self.gradient_norm,
                "distance": float(distance),
                "epsilon": self.epsilon(),
                "replay": len(self.replay),
            }
        )
