"""Worker of learner_updates.py: the same DQN update in eager PyTorch. Runs in the peer's virtual environment."""

import time

import _updates
import report
import torch
import torch._dynamo  # the first optimizer imports it otherwise, which would count in its first call
from torch import nn

settings = _updates.arguments()
torch.set_num_threads(settings.threads)
torch.manual_seed(0)


size = _updates.SIZES[settings.network]


class Scaled(nn.Module):
    """Bytes as numbers from 0 to 1."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return frames.float() / 255


def network() -> nn.Sequential:
    """A Q-network of the sizes that are measured."""
    layers: list[nn.Module] = [Scaled()] if size.filters else []
    channels, side = size.observation[0], size.observation[-1]
    for filters, kernel, stride in zip(size.filters, size.sizes, size.strides, strict=True):
        layers += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
        channels, side = filters, (side - kernel) // stride + 1
    units = channels
    if size.filters:
        layers.append(nn.Flatten())
        units = channels * side * side
    for hidden in size.hidden:
        layers += [nn.Linear(units, hidden), nn.ReLU()]
        units = hidden
    return nn.Sequential(*layers, nn.Linear(units, size.actions))


batches = [tuple(map(torch.as_tensor, batch)) for batch in zip(*_updates.batches(64, size), strict=True)]

started = time.perf_counter()
online, target = network(), network()
target.load_state_dict(online.state_dict())
optimizer = torch.optim.Adam(online.parameters(), lr=_updates.LEARNING_RATE)


def update(number: int) -> None:
    """One gradient step, on one of the batches, and a hard target update now and then."""
    observation, action, reward, discount, next_observation = batches[number % len(batches)]
    with torch.no_grad():
        td_target = reward + discount * target(next_observation).max(dim=1).values  # [B]
    q = online(observation).gather(1, action.long()[:, None]).squeeze(1)  # [B]
    loss = nn.functional.smooth_l1_loss(q, td_target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if number % _updates.TARGET_PERIOD == 0:
        target.load_state_dict(online.state_dict())


update(0)
first_call = time.perf_counter() - started
seconds = []
for _ in range(settings.repeats + 1):
    started = time.perf_counter()
    for number in range(1, settings.updates + 1):
        update(number)
    seconds.append((time.perf_counter() - started) / settings.updates)
report.emit(seconds=seconds[1:], first_call=first_call, versions=report.versions())  # the first repeat is a warm-up
