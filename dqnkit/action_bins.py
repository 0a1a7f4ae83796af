"""Continuous actions cut into bins: DQN chooses among a finite number of actions, and a robot takes forces.

Each of the D numbers of an action takes one of N values, at equal distances from the lower to the upper bound of that
number. The N ** D combinations are numbered as on a counter of D wheels with N positions each: the last wheel turns
first, and action 0 is all lower bounds. With two bins every number is at one of its bounds, which is called bang-bang
control.

Skip this at the first reading: only ``action_bins`` uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.errors import ConfigError, EnvironmentNotSupportedError
from dqnkit.types import Array

MOST_ACTIONS = 2**31 - 1  # the number of an action is kept as int32
ROWS = 8  # of the table of actions, at most


class ActionBins(gym.ActionWrapper[Any, Any, Any]):
    """An environment of continuous actions (Box) as one of ``bins ** D`` actions (Discrete).

    Args:
        env: its actions are an array of any shape with D numbers, each between bounds of its own.
        bins: N, how many values each number takes.
        env_id: for messages.

    Raises:
        ConfigError: the actions are discrete already, or there would be too many.
        EnvironmentNotSupportedError: the actions are of another kind, or a number has no bounds.
    """

    def __init__(self, env: gym.Env[Any, Any], bins: int, env_id: str) -> None:
        super().__init__(env)
        space = _check_space(env.action_space, env_id)
        dimensions = int(space.low.size)  # D
        if bins**dimensions > MOST_ACTIONS:
            most = int(MOST_ACTIONS ** (1 / dimensions))
            raise ConfigError(
                f"{bins} bins for each of the {dimensions} numbers of an action of {env_id} make {bins}**{dimensions} "
                f"actions, more than the {MOST_ACTIONS:,} that a number of 32 bits can tell apart: "
                + (f"set action_bins to {most} or less" if most > 1 else "even 2 bins are too many")
            )
        self.action_table = ActionTable(_bin_values(space, bins))
        self.action_space = gym.spaces.Discrete(bins**dimensions)
        self._shape = space.shape

    def action(self, action: Any) -> Array:
        """The forces, or whatever they are, of an action's number: an array of its own, in the environment's shape."""
        return self.action_table[action].reshape(self._shape)


@dataclass(frozen=True, repr=False)
class ActionTable:
    """What the number of each action does: as text, and as a table in a notebook; long ones with their middle left out.

    ``table[action]`` are the numbers ``[D]`` of one action.

    Attributes:
        bin_values: what each of the D numbers may be, ``[D, N]``.
    """

    bin_values: Array

    def __len__(self) -> int:
        dimensions, bins = self.bin_values.shape
        return int(bins**dimensions)

    def __getitem__(self, action: int) -> Array:
        """The numbers ``[D]`` of one action."""
        dimensions, bins = self.bin_values.shape
        return self.bin_values[np.arange(dimensions), np.unravel_index(action, (bins,) * dimensions)]

    def __repr__(self) -> str:
        rows = [[f"{action:,}:", *values] for action, values in self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  " + "  ".join(map(str.rjust, row, widths)) for row in rows]
        if self._left_out:
            lines.insert(ROWS - 1, f"  … {self._left_out:,} more")
        return "\n".join([self._title, *lines])

    def _repr_html_(self) -> str:
        numbers = range(1, len(self.bin_values) + 1)
        head = "".join(f'<th scope="col">{name}</th>' for name in ("action", *(f"number {i}" for i in numbers)))
        rows = [
            f'<tr><th scope="row">{action:,}</th>' + "".join(f"<td>{value}</td>" for value in values) + "</tr>"
            for action, values in self._rows()
        ]
        if self._left_out:
            rows.insert(ROWS - 1, f'<tr><td colspan="{len(self.bin_values) + 1}">… {self._left_out:,} more</td></tr>')
        return f"<table><caption>{self._title}</caption><tr>{head}</tr>{''.join(rows)}</table>"

    @property
    def _title(self) -> str:
        dimensions, bins = self.bin_values.shape
        if dimensions == 1:
            return f"actions: {bins} values of one number"
        return f"actions: {bins} values for each of {dimensions} numbers, {bins}**{dimensions} = {len(self):,} actions"

    @property
    def _left_out(self) -> int:
        return max(0, len(self) - ROWS)

    def _rows(self) -> list[tuple[int, list[str]]]:
        """The first actions and the last, with their numbers as text."""
        shown = range(len(self)) if not self._left_out else [*range(ROWS - 1), len(self) - 1]
        return [(action, [f"{value:.4g}" for value in self[action].tolist()]) for action in shown]


def action_table(env: gym.Env[Any, Any]) -> ActionTable:
    """What the number of each action does in an environment that `make_env` made with ``action_bins``.

    Raises:
        ConfigError: the actions of the environment are not cut into bins.
    """
    if not env.has_wrapper_attr("action_table"):
        raise ConfigError(
            f"the actions of this environment, {env.action_space}, are not cut into bins: for a table of them make it "
            'with bins, for instance make_env(DQNConfig("Pendulum-v1", action_bins=5))'
        )
    return env.get_wrapper_attr("action_table")


def _check_space(space: gym.Space[Any], env_id: str) -> gym.spaces.Box:
    if isinstance(space, gym.spaces.Discrete):
        raise ConfigError(
            f"action_bins cuts continuous actions (Box), and {env_id} has {space.n} discrete actions already: "
            "set action_bins to 0"
        )
    if not isinstance(space, gym.spaces.Box) or space.low.size == 0:
        raise EnvironmentNotSupportedError(
            f"{env_id} has actions {space}: action_bins cuts arrays of numbers between bounds (Box). Wrap the "
            "environment so that its actions are such arrays, or Discrete"
        )
    if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise EnvironmentNotSupportedError(
            f"{env_id} has actions without bounds, {space}, which cannot be cut into bins: wrap it, for "
            "instance with gymnasium.wrappers.TransformAction(env, lambda action: action, Box(-1, 1, shape))"
        )
    return space


def _bin_values(space: gym.spaces.Box, bins: int) -> Array:
    """``[D, N]`` in the type of the space, from the lower to the upper bound of each number."""
    low, high = (bound.ravel().astype(np.float64) for bound in (space.low, space.high))  # [D] each
    values = np.linspace(low, high, bins, axis=1)
    if not np.issubdtype(np.dtype(space.dtype), np.floating):
        values = np.rint(values)
    return values.astype(space.dtype)
