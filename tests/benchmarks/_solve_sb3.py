"""Worker of solve.py: train Stable-Baselines3's DQN with the settings of RL Baselines3 Zoo.

Runs in the peer's virtual environment, which needs stable-baselines3, torch and gymnasium[box2d].
"""

from collections.abc import Callable

import _schedule
import gymnasium
import numpy as np
import torch
import torch._dynamo  # the first optimizer imports it otherwise, most of a second on the peer's clock
from _zoo import ZOO
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback

Policy = Callable[[np.ndarray], np.ndarray]  # observations [B, ...] -> actions [B]


class Evaluator:
    """Plays exactly one episode in each of `episodes` copies of an environment, all at the same time."""

    def __init__(self, env_id: str, episodes: int) -> None:
        self.episodes = episodes
        self.vector: gymnasium.vector.VectorEnv | None = None
        if gymnasium.spec(env_id).vector_entry_point:
            self.vector = gymnasium.make_vec(env_id, num_envs=episodes, vectorization_mode="vector_entry_point")
        else:
            self.environments = [gymnasium.make(env_id) for _ in range(episodes)]

    def __call__(self, policy: Policy, seed: int) -> np.ndarray:
        """Return the return of each episode, [episodes]."""
        return self._native(self.vector, policy, seed) if self.vector else self._separate(policy, seed)

    def _native(self, vector: gymnasium.vector.VectorEnv, policy: Policy, seed: int) -> np.ndarray:
        observations, _ = vector.reset(seed=seed)
        returns, running = np.zeros(self.episodes), np.ones(self.episodes, bool)
        while running.any():
            observations, rewards, terminated, truncated, _ = vector.step(policy(observations))
            returns += rewards * running
            running &= ~(terminated | truncated)  # steps after a copy's first episode do not count
        return returns

    def _separate(self, policy: Policy, seed: int) -> np.ndarray:
        observations = np.stack([e.reset(seed=seed + i)[0] for i, e in enumerate(self.environments)])
        returns, running = np.zeros(self.episodes), np.arange(self.episodes)
        while len(running):
            ended = np.zeros(len(running), bool)
            for j, (i, action) in enumerate(zip(running, policy(observations[running]), strict=True)):
                observations[i], reward, terminated, truncated, _ = self.environments[i].step(action)
                returns[i] += reward
                ended[j] = terminated or truncated
            running = running[~ended]
        return returns


def greedy(model: DQN) -> Policy:
    """Return the policy that takes the best action of the model's Q-network."""

    def policy(observations: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.q_net(torch.as_tensor(observations)).argmax(dim=1).numpy()

    return policy


class OnSchedule(BaseCallback):
    """Tells the schedule of every environment step; the schedule says when to stop."""

    def __init__(self, schedule: _schedule.Schedule) -> None:
        super().__init__()
        self.schedule = schedule

    def _on_step(self) -> bool:
        return self.schedule.reached(self.num_timesteps, self.model)


if __name__ == "__main__":
    settings = _schedule.arguments()
    torch.set_num_threads(settings.threads)
    evaluator = Evaluator(settings.env_id, settings.episodes)
    environment = gymnasium.make(settings.env_id)
    schedule = _schedule.Schedule(settings, lambda model, seed: evaluator(greedy(model), seed))
    schedule.start()
    model = DQN("MlpPolicy", environment, seed=settings.seed, device="cpu", **ZOO[settings.env_id])
    model.learn(total_timesteps=settings.budget, callback=OnSchedule(schedule))
