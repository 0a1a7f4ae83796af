"""How the recorded runs of this lesson are made: DQN on CartPole with and without a target network."""

from __future__ import annotations

from dataclasses import replace

from dqnkit.classroom.recordings import Plan
from dqnkit.presets import preset

CARTPOLE = preset(
    "CartPole-v1",
    total_steps=120_000,
    hidden_sizes=(64, 64),
    n_step=1,
    double_q=False,
    gamma=0.98,
    learning_rate=3e-3,
    target_period=50,
    epsilon_end=0.02,
    updates_per_call=16,
)
PLANS = {
    "cartpole": Plan(CARTPOLE, range(8)),
    # period 1 copies the online network after every update, as if there were no target network
    "cartpole_no_target": Plan(replace(CARTPOLE, target_period=1), range(8)),
}
