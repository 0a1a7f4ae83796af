"""CartPole to control by hand: its physics runs in the browser, and needs no kernel."""

from __future__ import annotations

from pathlib import Path

from dqnkit.lessons.start_here.cartpole_picture import cartpole
from dqnkit.widgets.drawing import PageDrawing


def push_cartpole(seed: int = 0) -> PageDrawing:
    """CartPole with buttons for its actions, as the value of a cell; shows the observation, the reward and the return.

    Args:
        seed: of the random starts of the episodes.
    """
    return PageDrawing(Path(__file__).with_suffix(".js"), {"seed": seed}, cartpole(0.0, 0.05))
