"""Worker of replay_speed.py: dqnkit's prioritized replay, sampling and updating, and its uniform replay."""

import _replay
import numpy as np
import report

from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.types import Transition

settings = _replay.arguments()
rng = np.random.default_rng(0)
transitions = Transition(*_replay.transitions(settings.capacity))
td_errors = rng.exponential(size=(_replay.NUM_BATCHES, _replay.BATCH_SIZE)).astype(np.float32)

prioritized = PrioritizedReplayBuffer(settings.capacity)
prioritized.add(transitions)
prioritized.update_priorities(np.arange(settings.capacity), rng.exponential(size=settings.capacity).astype(np.float32))


def draw_and_update() -> None:
    """Draw 32 batches in one call and set the priorities of all that was drawn."""
    sample = prioritized.sample(_replay.NUM_BATCHES, _replay.BATCH_SIZE, rng)
    prioritized.update_priorities(sample.indices, td_errors)


speeds = _replay.speeds(draw_and_update, settings)
report.emit(name="ours prioritized: sample + update", speeds=speeds, versions=report.versions())

uniform = ReplayBuffer(settings.capacity)
uniform.add(transitions)
speeds = _replay.speeds(lambda: uniform.sample(_replay.NUM_BATCHES, _replay.BATCH_SIZE, rng), settings)
report.emit(name="ours uniform: sample", speeds=speeds, versions=report.versions())
