"""What the lesson shows of a network: its values in the room, beside the exact ones, and its values in CartPole.

A network here is anything that maps observations ``[N, observation size]`` to a tensor of Q-values ``[N, A]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.lessons.q_network.landscape_picture import Curve, Scale, grown, landscape
from dqnkit.lessons.q_network.landscape_view import MODULE, LandscapeView, Snapshot, described, grid_points
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, FloatArray
from dqnkit.widgets.drawing import PageDrawing

ROOM_X, ROOM_Y = Scale("x (column)", -1, 1), Scale("y (row)", -1, 1)
ANGLE, SPEED = Scale("pole's angle (degrees)", -12, 12), Scale("angular velocity (rad/s)", -2.5, 2.5)
VALUE = Scale("max Q (discounted return)", 0, 1)
MOVES = ("up", "right", "down", "left")
ERROR = "error (largest |Q − Q*|)"


def draw_room(network: Any, room: GridWorld, q_star: Array, title: str, caption: str) -> PageDrawing:
    """The network's landscape in a room with observations x, y, and a dot for the exact value of each square.

    Args:
        network: of the room.
        room: made with ``observation="xy"``.
        q_star: the exact Q-values ``[S, A]``.
        title: above the landscape.
        caption: what to look for.
    """
    known = _exact(room, q_star)
    q = _values_at(network, grid_points(ROOM_X, ROOM_Y))
    axis = grown(VALUE, q, known[:, 2:])
    picture = landscape(q, ROOM_X, ROOM_Y, axis, MOVES, known=known, title=title, caption=caption, sharpness=1)
    about = described(q[None], ROOM_X, ROOM_Y, axis, MOVES, known.round(6), caption) | {"title": title}
    # the page shows three digits
    values = [float(f"{value:.5g}") if np.isfinite(value) else None for value in q.ravel()]
    return PageDrawing(MODULE, {"about": about, "values": values}, picture)


def room_view(room: GridWorld, q_star: Array, updates: Array, table_errors: Array) -> LandscapeView:
    """A view of a training in the room; the table's errors after these updates stand in its chart."""
    return LandscapeView(
        ROOM_X,
        ROOM_Y,
        VALUE,
        MOVES,
        ERROR,
        total=int(updates[-1]),
        highest=1.0,
        known=_exact(room, q_star),
        curves=[Curve("table", "table", updates, table_errors)],
        caption="What to look for: the surface and the dots, where the agent walks and in the other parts of the room; "
        "beside it, the two errors, early and late.",
    )


def room_snapshot(updates: int, network: Any, error: float) -> Snapshot:
    """The network's values in the room after so many updates, and its error."""
    return Snapshot(updates, _values_at(network, grid_points(ROOM_X, ROOM_Y)), error)


def cartpole_view(total: int, most: float) -> LandscapeView:
    """A view of a training on CartPole of ``total`` updates; ``most`` is the largest value that a policy can have."""
    return LandscapeView(
        ANGLE,
        SPEED,
        VALUE._replace(high=1.2 * most),
        ("push left", "push right"),
        "mean of max Q (discounted return)",
        total=total,
        highest=1.2 * most,
        level=(f"most possible: {most:g}", most),
        caption="What to look for: the two corners where the pole leans to one side and falls to that same side, and "
        "the ridge between them; the thick line, where the better action changes; and the curve above the dotted line.",
    )


def cartpole_snapshot(updates: int, network: Any, observations: Array) -> Snapshot:
    """The network's values for a cart at rest in the middle, and the mean of its largest values for observations."""
    angles = grid_points(ANGLE, SPEED)  # [Y, X, 2]
    cart = np.zeros_like(angles)  # position and velocity
    places = np.concatenate([cart, np.radians(angles[..., :1]), angles[..., 1:]], axis=-1)
    return Snapshot(updates, _values_at(network, places), float(np.max(network(observations), axis=1).mean()))


def _exact(room: GridWorld, q_star: Array) -> Array:
    """Rows of x, y and the exact value of each action ``[P, 2 + A]``, of all squares but the goals."""
    return np.column_stack([room.all_observations(), q_star])[~room.terminal]


def _values_at(network: Any, places: Array) -> FloatArray:
    """Q-values ``[Y, X, A]`` of the network at places ``[Y, X, observation size]``."""
    values = np.asarray(network(places.reshape(-1, places.shape[-1])))
    return values.reshape(*places.shape[:2], -1)
