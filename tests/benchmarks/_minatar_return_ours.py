"""Worker of minatar_return.py: train dqnkit's preset for a MinAtar game for so many minutes at most, one seed."""

import argparse

import report

parser = argparse.ArgumentParser()
parser.add_argument("env_id")
parser.add_argument("--seed", type=int, required=True)
parser.add_argument("--minutes", type=float, required=True)
parser.add_argument("--episodes", type=int, required=True)
parser.add_argument("--curve-episodes", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
settings = parser.parse_args()

report.limit_tensorflow(settings.threads)

import dqnkit.learner  # noqa: E402, F401  (train imports it only when it needs one; imports do not count)
from dqnkit.environments import make_env  # noqa: E402
from dqnkit.evaluation import evaluate  # noqa: E402
from dqnkit.presets import preset  # noqa: E402  (threads are set before anything else uses TensorFlow)
from dqnkit.training import train  # noqa: E402

config = preset(settings.env_id, seed=settings.seed)  # its own number of steps: the schedules depend on it
make_env(config.env_id).close()  # imports the game, which does not count


def measure(episodes: int) -> None:
    """Evaluate the policy as it is now, and print a point of the curve."""
    returns = evaluate(status.weights, config, episodes=episodes, seed=10_000_000 * (1 + settings.seed) + int(due))
    report.emit(
        seconds=clock.seconds,
        cpu_seconds=clock.cpu_seconds,
        step=status.step,
        updates=status.updates,
        training_return=float(status.episode_return),
        episodes=episodes,
        mean=float(returns.mean()),
        std=float(returns.std()),
        versions=report.versions(),
    )


limit = 60 * settings.minutes
due = min(60.0, limit)  # seconds; the curve gets a point for each minute of training
clock = report.Stopwatch()
clock.start()
training = train(config)
try:
    for status in training:  # noqa: B007 (measure uses it)
        if clock.seconds >= limit:
            break
        if clock.seconds >= due:
            clock.stop()
            measure(settings.curve_episodes)
            due += 60.0
            clock.start()
finally:
    training.close()
clock.stop()
measure(settings.episodes)
