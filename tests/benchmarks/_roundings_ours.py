"""Worker of roundings.py: train dqnkit's preset for one environment with one seed, and judge the final policy."""

import argparse
import json
import resource

import report

parser = argparse.ArgumentParser()
parser.add_argument("env_id")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--episodes", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--set", nargs="*", default=[])
settings = parser.parse_args()

report.limit_tensorflow(settings.threads)

from dqnkit.evaluation import evaluate  # noqa: E402
from dqnkit.presets import preset  # noqa: E402  (threads are set before anything else uses TensorFlow)
from dqnkit.training import train  # noqa: E402

changed = {name: json.loads(value) for name, _, value in (text.partition("=") for text in settings.set)}
config = preset(settings.env_id, seed=settings.seed, **changed)
clock = report.Stopwatch()
clock.start()
for status in train(config):  # noqa: B007 (the last one is judged)
    pass
clock.stop()
returns = evaluate(status.weights, config, settings.episodes, seed=10_000_000 + settings.seed)
report.emit(
    mean=float(returns.mean()),
    lowest=float(returns.min()),
    seconds=clock.seconds,
    cpu_seconds=clock.cpu_seconds,
    peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    versions=report.versions(),
)
