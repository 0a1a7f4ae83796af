"""Worker of actor_footprint.py: an actor process, from its start to its first rollout."""

import sys

if "--tensorflow" in sys.argv:
    import tensorflow  # noqa: F401

import numpy as np
import report

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.policy import Dense, parameter_shapes
from dqnkit.types import PolicyWeights

layers = (Dense(4, 64, True), Dense(64, 64, True), Dense(64, 2, False))
values = np.zeros(sum(int(np.prod(shape)) for shape in parameter_shapes(layers)), np.float32)
actor = Actor(DQNConfig(env_id="CartPole-v1", num_envs=16), 0)
rollout = actor.rollout(PolicyWeights(version=0, layers=layers, values=values), epsilon=0.5)
report.emit(steps=rollout.steps)  # when the parent reads this line, it stops the clock
report.emit(tensorflow="tensorflow" in sys.modules, **report.memory(), versions=report.versions())
