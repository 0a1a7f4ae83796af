"""What more workers bring: speedup beside its limits, who works and who waits, and the best length of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scales import plain_number
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 7.2  # inches
LINE_STYLES: tuple[dict[str, Any], ...] = (  # styles of measured lines: told apart by colour, line style and marker
    {**PALETTE["environment"], "marker": "o"},
    {**PALETTE["loss"], "linestyle": (0, (5, 1.5)), "marker": "s"},
    {**PALETTE["exploration"], "marker": "^"},
)
WORKER, DRIVER = PALETTE["environment"]["color"], PALETTE["online network"]["color"]


class Work(NamedTuple):
    """One piece of work on the axis of time."""

    row: int  # 0: the driver; 1, 2, ...: the workers
    begin: float  # seconds
    end: float


def amdahl(workers: npt.ArrayLike, serial: float) -> Array:
    """Return the speedup ``[N]`` of n workers if a share of the work cannot be divided (Amdahl, 1967).

    Args:
        workers: numbers of workers ``[N]``.
        serial: the share of one worker's time that stays serial, 0 to 1.
    """
    return np.asarray(1 / (serial + (1 - serial) / np.asarray(workers, dtype=np.float64)))


def speedup(
    measured: Mapping[str, Mapping[int, float]],
    *,
    serial: float | None = None,
    title: str = "",
    what: str = "",
) -> Picture:
    """Draw measured speedups beside the ideal (n workers, n times) and Amdahl's law.

    Args:
        measured: name -> number of workers -> speedup over the smallest number; at most three names.
        serial: share of the work that cannot be divided, for the curve of Amdahl's law.
        title: what is compared.
        what: a sentence on what to look for, for the caption.

    Raises:
        InvalidDataError: no line or more than three, or a line without points.
    """
    if not 1 <= len(measured) <= len(LINE_STYLES) or not all(measured.values()):
        raise InvalidDataError(
            f"one picture holds 1 to {len(LINE_STYLES)} measured lines, each with a number of workers"
        )
    with styled_figure(WIDTH, 3.5) as figure:
        axes = figure.subplots()
        counts = sorted({count for line in measured.values() for count in line})
        _draw_limits(axes, counts, serial)
        for style, (name, line) in zip(LINE_STYLES, measured.items(), strict=False):
            axes.plot(list(line), list(line.values()), label=name, markersize=7, **style)
        axes.set(title=title, xlabel="workers", ylabel="speedup (times one worker)", xticks=counts)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.05)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)
    lines = "; ".join(
        f"{name}: " + ", ".join(f"{count} workers {times:.2f} times" for count, times in line.items())
        for name, line in measured.items()
    )
    law = "" if serial is None else f" Amdahl's law for a serial share of {serial:.0%} is drawn beside them."
    return Picture.of(figure, f"{title or 'Speedup'}. {lines}.{law}", f"What to look for: {what}" if what else "")


def who_waits(work: Sequence[Work], workers: int, serial: float, now: float, *, end: float, caption: str) -> Picture:
    """Draw who works when, and beside it the speedup by Amdahl's law with that of the work shown.

    Args:
        work: the pieces of work.
        workers: number of workers.
        serial: share of the work that cannot be divided.
        now: the speedup of the work shown.
        end: the end of the axis of time, in seconds.
        caption: what to look for.
    """
    most = 16
    with styled_figure(9.4, 3.2) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        for row in range(workers + 1):
            left.barh(row, end, height=0.84, color="#F4F4F4", edgecolor="#8A8A8A", linewidth=0, hatch="////")
        for piece in work:
            color, row = (WORKER, piece.row - 1) if piece.row else (DRIVER, workers)
            span = piece.end - piece.begin
            left.barh(row, span, left=piece.begin, height=0.84, color=color, edgecolor="white", linewidth=0.8)
        rows = [*(f"worker {number}" for number in range(1, workers + 1)), "driver"]
        left.set(
            title="Who works, and who waits (hatched)",
            xlabel="seconds",
            xlim=(0, end),
            yticks=range(len(rows)),
            yticklabels=rows
            if workers <= 8
            else [row if row in ("worker 1", rows[-2], "driver") else "" for row in rows],
        )
        left.invert_yaxis()
        left.grid(visible=False)
        _draw_limits(right, range(1, most + 1), serial)
        right.plot(workers, now, "o", markersize=10, color=WORKER, label=f"this job: {now:.1f} times")
        right.set(xlabel="workers", ylabel="speedup (times one worker)", xticks=(1, 4, 8, 12, 16))
        right.set(xlim=(0, most + 0.3), ylim=(0, most))
        right.legend(loc="upper left", frameon=False, handlelength=3.2)
    alt = (
        f"{workers} workers and the driver on an axis of time: {now:.1f} times as fast as one worker. Beside it "
        f"Amdahl's law for a serial share of {serial:.0%}."
    )
    return Picture.of(figure, alt, caption)


def _draw_limits(axes: Axes, counts: Sequence[int], serial: float | None) -> None:
    """Draw the ideal speedup, and that of Amdahl's law for a serial share."""
    fine = np.linspace(min(counts), max(counts), 100)
    axes.plot(fine, fine / min(counts), linewidth=1.4, label="ideal: n workers, n times", **PALETTE["reference"])
    if serial is not None:
        name = f"Amdahl, serial share {serial:.0%}"
        axes.plot(fine, amdahl(fine, serial), label=name, linewidth=1.6, **PALETTE["target network"])


def task_length(
    steps: npt.ArrayLike, rates: npt.ArrayLike, overhead: float, step: float, under_way: npt.ArrayLike, total: int
) -> Picture:
    """Draw throughput and steps in flight by the length of a task.

    Args:
        steps: of a task ``[N]``, summed over its environments.
        rates: steps a second that arrived ``[N]``.
        overhead: fitted seconds for each task, whatever its length.
        step: fitted seconds for each step; the line drawn is ``1 / (overhead / steps + step)``.
        under_way: steps in flight ``[N]``.
        total: steps of a whole run, of which those in flight are a share.
    """
    lengths, arrived, flying = (np.asarray(values, dtype=np.float64) for values in (steps, rates, under_way))
    fine = np.geomspace(lengths.min(), lengths.max(), 200)
    with styled_figure(WIDTH, 4.9) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.plot(lengths, arrived / 1_000, "o", color=PALETTE["environment"]["color"], markersize=7, label="measured")
        micros = 1e6 * step
        fitted = f"{1_000 * overhead:.1f} ms a task + {micros:{',.0f' if micros >= 10 else '.2g'}} µs a step"
        upper.plot(fine, 1 / (overhead / fine + step) / 1_000, label=fitted, **PALETTE["reference"])
        upper.set(title="Too short: overhead", ylabel="thousand steps a second", xscale="log")
        upper.set_ylim(bottom=0)
        lower.plot(lengths, 100 * flying / total, marker="s", **PALETTE["loss"], label="in flight at any moment")
        lower.set(
            title="Too long: stale weights",
            ylabel=f"% of a run of\n{total:,} steps",
            xlabel="steps in a task",
            yscale="log",
        )
        lower.yaxis.set_major_formatter(plain_number)
        lower.xaxis.set_major_formatter(plain_number)
        for axes in (upper, lower):
            axes.margins(x=0.04)
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
    listed = ", ".join(
        f"{length:,.0f} steps: {rate:,.0f} a second" for length, rate in zip(lengths, arrived, strict=True)
    )
    alt = f"Steps a second by the length of a task. {listed}. Fitted: {fitted}. In flight: {flying.max():,.0f} at most."
    caption = (
        "What to look for: above, from which length on does the line no longer rise? Below, what that length costs: "
        "steps that are made under weights from before they were submitted."
    )
    return Picture.of(figure, alt, caption)
