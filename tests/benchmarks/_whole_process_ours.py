"""Worker of whole_process.py: train dqnkit's preset for CartPole-v1, and judge it."""

import sys

import report

from dqnkit.evaluation import evaluate
from dqnkit.presets import preset
from dqnkit.training import train

config = preset("CartPole-v1", seed=int(sys.argv[1]))
for status in train(config):  # noqa: B007 (the last one is judged)
    pass
report.emit(mean=float(evaluate(status.weights, config, 100).mean()), steps=status.step, versions=report.versions())
