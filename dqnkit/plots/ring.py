"""The ring through which data flows, as a diagram in which some parts are lit: environment, actor, replay, learner."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

from dqnkit.errors import UnknownNameError
from dqnkit.plots.style import PALETTE, Picture, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 7.0, 2.95  # inches
GREY, FAINT, INK = "#9A9A9A", "#F4F4F4", "#222222"


class Part(NamedTuple):
    """A box of the diagram."""

    title: str
    says: str  # what it does
    x: float  # centre, in inches
    y: float
    color: str  # a key of `PALETTE`


TOP, BOTTOM = 2.35, 0.7
RING_PARTS = {
    "environment": Part("environment", "gives observations\nand rewards", 1.0, TOP, "environment"),
    "actor": Part("actor", "selects actions,\nexecutes them", 3.3, TOP, "exploration"),
    "replay": Part("replay buffer", "keeps transitions", 6.0, TOP, "replay"),
    "learner": Part("learner", "updates the\nonline network", 6.0, BOTTOM, "online network"),
    "target": Part("target network", "a copy that stands\nstill for a while", 3.45, BOTTOM, "target network"),
    "weights": Part("weights", "what was learned,\nback to the actor", 1.0, BOTTOM, "online network"),
}
BOX_WIDTH, BOX_HEIGHT = 1.6, 0.92
CAPTION = (
    "Data goes round: what the actor experiences becomes transitions, the learner draws them and learns, and "
    "the new weights go back to the actor."
)


def ring(*lit: str) -> Picture:
    """Draw the ring with some parts lit in their colours and the others grey.

    Args:
        lit: any of environment, actor, replay, learner, target, weights.

    Raises:
        UnknownNameError: an unknown part; the message lists similar names.
    """
    for name in lit:
        if name not in RING_PARTS:
            near = difflib.get_close_matches(str(name), RING_PARTS, n=2, cutoff=0.4) or list(RING_PARTS)
            raise UnknownNameError(f"the ring has no part {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    with styled_figure(WIDTH, HEIGHT) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        for name, part in RING_PARTS.items():
            _draw_box(axes, part, name in lit)
        half_width, half_height = BOX_WIDTH / 2, BOX_HEIGHT / 2
        environment, actor, replay, learner, target, weights = RING_PARTS.values()
        shift = 0.14
        right = environment.x + half_width, actor.x - half_width
        _draw_arrow(axes, (right[1], TOP + shift), (right[0], TOP + shift), "action", "top")
        _draw_arrow(axes, (right[0], TOP - shift), (right[1], TOP - shift), "step", "bottom")
        _draw_arrow(axes, (actor.x + half_width, TOP), (replay.x - half_width, TOP), "rollout", "top")
        _draw_arrow(axes, (replay.x, TOP - half_height), (learner.x, BOTTOM + half_height), "batch", "right")
        _draw_arrow(
            axes, (learner.x - half_width, BOTTOM + shift), (target.x + half_width, BOTTOM + shift), "copy", "top"
        )
        _draw_arrow(
            axes,
            (target.x + half_width, BOTTOM - shift),
            (learner.x - half_width, BOTTOM - shift),
            "TD target",
            "bottom",
        )
        _draw_way_back(axes, learner, weights)
        _draw_arrow(axes, (weights.x + 0.5, BOTTOM + half_height), (actor.x - 0.45, TOP - half_height), "", "top")
    named = [RING_PARTS[name].title for name in RING_PARTS if name in lit]
    shown = f"Lit: {', '.join(named)}." if named else "No part is lit."
    alt = (
        "Diagram of the ring: environment and actor exchange actions and steps; the actor's rollouts go into the "
        "replay buffer; the learner draws batches from it, with TD targets from the target network beside it; its "
        f"weights go back to the actor. {shown}"
    )
    return Picture.of(figure, alt, CAPTION)


def _draw_box(axes: Axes, part: Part, lit: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = PALETTE[part.color]["color"]
    corner = part.x - BOX_WIDTH / 2, part.y - BOX_HEIGHT / 2
    style = (
        {"linewidth": 2.6, "edgecolor": color, "facecolor": f"{color}33"}
        if lit
        else {"linewidth": 1.2, "edgecolor": GREY, "facecolor": FAINT}
    )
    axes.add_patch(FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, "round,pad=0,rounding_size=0.12", **style))
    text = INK if lit else "#6A6A6A"
    axes.text(part.x, part.y + 0.24, part.title, ha="center", va="center", color=text, weight="bold", size=10.5)
    axes.text(part.x, part.y - 0.14, part.says, ha="center", va="center", color=text, size=8, linespacing=1.25)


def _draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], label: str, side: str) -> None:
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": "#555555", "linewidth": 1.3, "shrinkA": 2, "shrinkB": 2},
    )
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if side == "right":
        axes.text(x + 0.08, y, label, ha="left", va="center", size=8.5, color="#555555")
    else:
        above = side == "top"
        axes.text(
            x,
            y + (0.06 if above else -0.06),
            label,
            ha="center",
            va="bottom" if above else "top",
            size=8.5,
            color="#555555",
        )


def _draw_way_back(axes: Axes, learner: Part, weights: Part) -> None:
    """Draw the arrow from the learner, below the target network, to the weights."""
    y = 0.1
    bottom = BOTTOM - BOX_HEIGHT / 2
    axes.plot([learner.x, learner.x, weights.x], [bottom, y, y], color="#555555", linewidth=1.3)
    axes.annotate(
        "",
        (weights.x, bottom),
        (weights.x, y),
        arrowprops={"arrowstyle": "-|>", "color": "#555555", "linewidth": 1.3, "shrinkA": 0, "shrinkB": 1},
    )
