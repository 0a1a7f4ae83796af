"""Worker of replay_speed.py: Stable-Baselines3's uniform ReplayBuffer. Runs in the peer's virtual environment."""

import _replay
import numpy as np
import report
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

settings = _replay.arguments()
torch.set_num_threads(settings.threads)
np.random.seed(0)  # noqa: NPY002  (the generator that the peer draws from)

box = spaces.Box(-np.inf, np.inf, (4,), np.float32)
buffer = ReplayBuffer(settings.capacity, box, spaces.Discrete(2), device="cpu")
observation, action, reward, discount, next_observation = _replay.transitions(settings.capacity)
buffer.observations[:, 0] = observation  # the same content as after a million calls of add
buffer.next_observations[:, 0] = next_observation
buffer.actions[:, 0, 0] = action
buffer.rewards[:, 0] = reward
buffer.dones[:, 0] = discount == 0
buffer.full = True


def draw() -> None:
    """Draw as many transitions as one call of dqnkit does."""
    for _ in range(_replay.NUM_BATCHES):
        buffer.sample(_replay.BATCH_SIZE)


report.emit(name="SB3 uniform: sample", speeds=_replay.speeds(draw, settings), versions=report.versions())
