"""A training run that is there to be killed: it saves after every status. Started by test_kill.py as a process."""

from __future__ import annotations

import sys

from dqnkit.checkpoint import restore, save
from dqnkit.config import DQNConfig
from dqnkit.default_parts import make_learner
from dqnkit.errors import CheckpointError
from dqnkit.training import train

CONFIG = DQNConfig(
    deterministic=True,
    num_envs=4,
    total_steps=3_000,
    learning_starts=100,
    samples_per_insert=4,
    batch_size=16,
    updates_per_call=4,
    hidden_sizes=(16,),
    replay="prioritized",
    replay_capacity=1_000,
    xla=False,
)


def main(folder: str) -> None:
    """Go on from the last whole checkpoint, or begin; print ``ready`` before and ``done`` after."""
    try:
        state = restore(folder)
    except CheckpointError:
        state = None
    learner = make_learner(CONFIG) if state is None else None
    print("ready", flush=True)
    for status in train(CONFIG, state=state, learner=learner):
        save(status.state, folder)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
