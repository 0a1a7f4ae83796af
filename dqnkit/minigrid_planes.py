"""MiniGrid as a network reads it easily: the whole grid as planes of 0 and 1, named as a wrapper in a run's settings.

    dqnkit train MiniGrid-DoorKey-5x5-v0 --wrapper dqnkit.minigrid_planes:GridPlanes

MiniGrid's own observation is what the agent sees in front of it: what lies behind it is hidden, so that two states in
which different actions are right may look the same. And it numbers kinds of objects (a wall 2, a door 4, a key 5), as
if a key were more than a door.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.types import Array

# the numbers of minigrid.core.constants
KINDS = (2, 5, 6, 7, 8, 9)  # wall, key, ball, box, goal, lava
DOOR, STATES = 4, 3  # open, closed, locked
CARRIED = (5, 6, 7)  # key, ball, box
DIRECTIONS = 4  # right, down, left, up
PLANES = len(KINDS) + STATES + DIRECTIONS + len(CARRIED)


class GridPlanes(gym.ObservationWrapper[Any, Any, Any]):
    """Observations ``[W, H, 16]`` of 0 and 1, as MiniGrid's encodings have their axes.

    The planes are: walls, keys, balls, boxes, goals, lava; doors that are open, closed, locked; the agent where it
    looks to the right, down, left, up; and, everywhere alike, whether it carries a key, a ball, a box. Colors are left
    out.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        inner: Any = env.unwrapped
        self.observation_space = gym.spaces.Box(0, 1, (inner.width, inner.height, PLANES), np.uint8)

    def observation(self, observation: Any) -> Array:
        """What is on the grid now; MiniGrid's own ``observation`` is not looked at."""
        inner: Any = self.env.unwrapped
        kind, _, state = np.moveaxis(inner.grid.encode(), -1, 0)  # each [W, H]
        agent = np.zeros((*kind.shape, DIRECTIONS), bool)
        agent[(*inner.agent_pos, inner.agent_dir)] = True
        carried = np.zeros((*kind.shape, len(CARRIED)), bool)
        if inner.carrying is not None:
            carried[:, :] = np.array(CARRIED) == inner.carrying.encode()[0]
        objects = kind[..., None] == np.array(KINDS)
        doors = (kind == DOOR)[..., None] & (state[..., None] == np.arange(STATES))
        return np.concatenate([objects, doors, agent, carried], axis=-1).astype(np.uint8)
