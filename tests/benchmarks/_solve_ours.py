"""Worker of solve.py: train dqnkit's preset for one environment with one seed."""

import _schedule
import gymnasium
import report

settings = _schedule.arguments()
report.limit_tensorflow(settings.threads)

import dqnkit.learner  # noqa: E402, F401  (train imports it only when it needs one; imports do not count)
from dqnkit.evaluation import evaluate  # noqa: E402
from dqnkit.presets import preset  # noqa: E402  (threads are set before anything else uses TensorFlow)
from dqnkit.training import train  # noqa: E402

gymnasium.make(settings.env_id).close()  # imports the environment's module, as the peer's worker does

config = preset(settings.env_id, seed=settings.seed, total_steps=settings.budget)
schedule = _schedule.Schedule(
    settings, lambda status, seed: evaluate(status.weights, config, episodes=settings.episodes, seed=seed)
)
schedule.start()
training = train(config)
try:
    for status in training:
        if not schedule.reached(status.step, status):
            break
    else:
        raise SystemExit(f"training ended at step {status.step} of {settings.budget}")
finally:
    training.close()
