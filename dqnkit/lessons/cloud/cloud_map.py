"""A diagram of a cluster in a cloud: what runs on this computer, what runs in the cloud, what crosses the internet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dqnkit.plots.style import PALETTE, Picture, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 7.2, 3.1  # inches
INK, GREY = "#222222", "#555555"
HERE, SCHEDULER, WORKER = (PALETTE[name]["color"] for name in ("online network", "reference", "environment"))
CAPTION = (
    "Green and grey: machines in the cloud, each billed by the second. Blue: your own computer. Everything between "
    "your computer and the cluster goes through one port, under TLS."
)
ALT = (
    "Diagram. On the left this computer with the driver: replay, learner, target network. On the right, in a frame, "
    "the cloud: a scheduler's machine, and beside it three workers' machines with environments and actors. Between "
    "driver and scheduler, under TLS through port 8786: tasks and weights to the cloud, transitions back. A second way "
    "leads from the driver to the cloud's API: start machines, end machines."
)


def cloud_map() -> Picture:
    """The driver on this computer, the scheduler and the workers in the cloud."""
    with styled_figure(WIDTH, HEIGHT) as figure:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        _frame(axes, (0.08, 0.1), (1.95, 2.9), "this computer")
        _frame(axes, (3.45, 0.1), (3.67, 2.9), "the cloud")
        _box(axes, (1.05, 1.3), (1.6, 1.2), HERE, "driver", "replay buffer,\nlearner,\ntarget network")
        _box(axes, (4.2, 1.3), (1.1, 0.8), SCHEDULER, "scheduler", "its own machine")
        _box(axes, (4.2, 2.45), (1.1, 0.4), SCHEDULER, "its API", "", faint=True)
        for y in (0.55, 1.3, 2.05):
            _box(axes, (6.2, y), (1.5, 0.58), WORKER, "worker", "environment, actor")
            _arrow(axes, (4.75, 1.3), (5.45, y), both=True)
        _arrow(axes, (1.85, 1.45), (3.65, 1.45), "tasks, weights", "bottom")
        _arrow(axes, (3.65, 1.15), (1.85, 1.15), "transitions", "top")
        axes.text(2.74, 0.72, "TLS,\nport 8786", ha="center", va="center", size=8, color=GREY)
        _arrow(axes, (1.85, 1.8), (3.65, 2.45), "", "bottom")
        axes.text(2.74, 2.42, "start and end\nmachines", ha="center", va="bottom", size=8.5, color=GREY)
    return Picture.of(figure, ALT, CAPTION)


def _frame(axes: Axes, corner: tuple[float, float], size: tuple[float, float], title: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    style: Any = {"linewidth": 1.1, "edgecolor": "#9A9A9A", "facecolor": "#FAFAFA", "linestyle": (0, (4, 2))}
    axes.add_patch(FancyBboxPatch(corner, *size, "round,pad=0,rounding_size=0.12", **style))
    axes.text(corner[0] + 0.14, corner[1] + size[1] - 0.16, title, va="center", color=GREY, size=9.5)


def _box(
    axes: Axes,
    centre: tuple[float, float],
    size: tuple[float, float],
    color: str,
    title: str,
    says: str,
    faint: bool = False,
) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    style: Any = {
        "linewidth": 1.0 if faint else 2.2,
        "edgecolor": color,
        "facecolor": "white" if faint else f"{color}26",
    }
    axes.add_patch(FancyBboxPatch(corner, *size, "round,pad=0,rounding_size=0.1", **style))
    lines = says.count("\n") + 1 if says else 0
    above = 0.085 * lines
    axes.text(centre[0], centre[1] + above, title, ha="center", va="center", color=INK, weight="bold", size=9.5)
    axes.text(centre[0], centre[1] - 0.12, says, ha="center", va="center", color=INK, size=8, linespacing=1.25)


def _arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    label: str = "",
    side: str = "bottom",
    both: bool = False,
) -> None:
    """An arrow with a label; ``side`` is the label's side on the arrow: "bottom" puts it above, "top" below."""
    style: Any = {"arrowstyle": "<|-|>" if both else "-|>", "color": GREY, "linewidth": 1.2, "shrinkA": 2, "shrinkB": 2}
    axes.annotate("", end, start, arrowprops=style)
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    shift = 0.05 if side == "bottom" else -0.05
    axes.text(x, y + shift, label, ha="center", va=side, size=8.5, color=GREY)
