"""Pictures of one update with two replicas, and of clipping before and after the sum of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 7.2, 3.1  # inches
INK, GREY = "#222222", "#555555"
REPLICAS = ("#0072B2", "#56B4E9")  # dark and light blue: both are copies of the online network
GRADIENT = PALETTE["loss"]["color"]
CAPTION = (
    "Read it from left to right. Each replica holds all of the network and a part of the batch. They meet once in an "
    "update, where their gradients become one. All then make the same step, so their weights stay equal."
)


def replicas() -> Picture:
    """A diagram of one update with two replicas."""
    rows = (2.15, 0.85)
    with styled_figure(WIDTH, HEIGHT) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        axes.text(0.62, 2.88, "batch", ha="center", weight="bold", size=10.5)
        for number, (y, color) in enumerate(zip(rows, REPLICAS, strict=True)):
            _box(axes, (0.62, y), (0.9, 1.16), f"share {number}\n\nhalf of\nthe batch", color)
            _box(axes, (2.35, y), (1.45, 1.16), f"replica {number}\n\nonline network,\ngradient of its share", color)
            _box(axes, (6.3, y), (1.45, 1.16), f"replica {number}\n\nadds the step to\nits own weights", color)
            _arrow(axes, (1.09, y), (1.6, y))
            _arrow(axes, (3.1, y), (3.6, 1.5 + 0.35 * (y - 1.5)))
            _arrow(axes, (5.05, 1.5 + 0.35 * (y - 1.5)), (5.55, y))
        _box(axes, (4.33, 1.5), (1.42, 1.5), "together\n\none gradient\nof the\nwhole batch", GRADIENT)
        axes.text(6.3, 2.88, "equal weights", ha="center", weight="bold", size=10.5)
        axes.text(4.33, 2.5, "the same on both", ha="center", size=8.5, color=GREY)
        axes.text(4.33, 0.42, "everyone waits here\nfor the slowest", ha="center", size=8.5, color=GREY)
    alt = (
        "Diagram of one update with two replicas: the batch of 64 transitions is split into two shares of 32. Replica "
        "0 and replica 1, each with a copy of the online network, compute the gradient of their share. The two "
        "gradients are made into one, that of the whole batch. Each replica adds the same step to its own "
        "weights, which stay equal."
    )
    return Picture.of(figure, alt, CAPTION)


def clipping_order(shares: Sequence[Sequence[float]], max_norm: float, *, what: str = "") -> Picture:
    """Two gradients of two parameters: summed and then clipped, beside clipped and then summed.

    Args:
        shares: the gradients of two shares ``[2, 2]``.
        max_norm: longer gradients are scaled down to this length; a circle in the picture.
        what: what to look for.
    """
    one, two = (np.asarray(share, dtype=np.float64) for share in shares)
    panels = {
        "Sum, then clip": (one, two, _clip(one + two, max_norm)),
        "Clip each, then sum": (_clip(one, max_norm), _clip(two, max_norm), None),
    }
    points = np.array([(-max_norm, -max_norm), (max_norm, max_norm), one, one + two])
    low, high = points.min(axis=0) - 0.1 * max_norm, points.max(axis=0) + 0.1 * max_norm
    results = {}
    with styled_figure(WIDTH, 3.4) as figure:
        for axes, (name, (first, second, clipped)) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            whole = first + second
            results[name] = applied = whole if clipped is None else clipped
            angles = np.linspace(0, 2 * np.pi, 200)
            axes.plot(max_norm * np.cos(angles), max_norm * np.sin(angles), label="max_norm", **PALETTE["reference"])
            _vector(axes, np.zeros(2), first, REPLICAS[0], "share 0", 1.6)
            _vector(axes, first, second, REPLICAS[1], "share 1, from there", 1.6)
            _vector(axes, np.zeros(2), applied, GRADIENT, "what is applied", 4.0)
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xlabel="parameter 1 (gradient)")
            axes.set_title(f"{name}: length {np.hypot(*applied):.2f}")
        figure.axes[0].set_ylabel("parameter 2 (gradient)")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    words = "; ".join(f"{name}: ({x:.2f}, {y:.2f})" for name, (x, y) in results.items())
    alt = f"Two gradients as arrows: shares ({one[0]:g}, {one[1]:g}) and ({two[0]:g}, {two[1]:g}). {words}."
    return Picture.of(figure, alt, f"What to look for: {what}" if what else "")


def _clip(vector: Array, max_norm: float) -> Array:
    return vector * min(1.0, max_norm / float(np.hypot(*vector)))


def _vector(axes: Axes, start: Array, step: Array, color: str, label: str, width: float) -> None:
    axes.plot([], [], color=color, linewidth=width, label=label)
    style = {"arrowstyle": "-|>", "color": color, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", tuple(start + step), tuple(start), arrowprops={**style, "mutation_scale": 10 + 2 * width})


def _box(axes: Axes, center: tuple[float, float], size: tuple[float, float], text: str, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = center[0] - size[0] / 2, center[1] - size[1] / 2
    box = FancyBboxPatch(corner, *size, "round,pad=0,rounding_size=0.1", linewidth=2.0, edgecolor=color)
    box.set_facecolor(f"{color}2B")
    axes.add_patch(box)
    title, _, below = text.partition("\n\n")
    lines = below.count("\n") + 1
    axes.text(center[0], center[1] + 0.09 * lines + 0.1, title, ha="center", va="center", weight="bold", size=9.5)
    axes.text(center[0], center[1] - 0.14, below, ha="center", va="center", size=8.3, linespacing=1.25, color=INK)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.3, "shrinkA": 1, "shrinkB": 1}
    axes.annotate("", end, start, arrowprops=style)
