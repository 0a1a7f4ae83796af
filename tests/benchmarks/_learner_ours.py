"""Worker of learner_updates.py: dqnkit's learner, K updates in one compiled call."""

import time

import _updates
import report

settings = _updates.arguments()
report.limit_tensorflow(settings.threads)

from dqnkit.config import DQNConfig  # noqa: E402  (threads are set before anything else uses TensorFlow)
from dqnkit.learner import Learner  # noqa: E402
from dqnkit.types import Transition  # noqa: E402

size = _updates.SIZES[settings.network]
of_pictures = {
    "env_id": "ALE/Pong-v5",
    "frame_stack": 4,
    "conv_filters": size.filters,
    "conv_sizes": size.sizes,
    "conv_strides": size.strides,
    "xla": bool(settings.xla),
}
config = DQNConfig(
    **(of_pictures if size.filters else {"env_id": "CartPole-v1"}),
    hidden_sizes=size.hidden,
    batch_size=size.batch,
    learning_rate=_updates.LEARNING_RATE,
    target_period=_updates.TARGET_PERIOD,
    max_gradient_norm=0.0,  # the peer's update does not clip
    updates_per_call=settings.fused,
)
calls = [Transition(*_updates.batches(settings.fused, size)) for _ in range(4)]

started = time.perf_counter()
learner = Learner(config)
learner.update(calls[0])
learner.get_weights()
first_call = time.perf_counter() - started
number_of_calls = max(1, settings.updates // settings.fused)
seconds = []
for _ in range(settings.repeats + 1):
    started = time.perf_counter()
    for number in range(number_of_calls):
        learner.update(calls[number % len(calls)])
    learner.get_weights()  # waits until all updates are computed
    seconds.append((time.perf_counter() - started) / (number_of_calls * settings.fused))
report.emit(seconds=seconds[1:], first_call=first_call, versions=report.versions())  # the first repeat is a warm-up
