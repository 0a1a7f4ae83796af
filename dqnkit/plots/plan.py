"""Time against cost of one run on several kinds of machines: what a further dollar buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dqnkit.errors import InvalidDataError
from dqnkit.plots.style import PALETTE, Picture, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from dqnkit.cluster.plan import Offer, Plan, Row

WIDTH = 7.2  # inches
MARKERS = "os^D"  # of the kinds of machines that get a colour
LABELLED = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # numbers of workers that are written beside their points


def time_and_cost(plan: Plan, title: str = "") -> Picture:
    """Draw a line for each kind of machine with a point for each number of workers; a ring marks the knee.

    From the knee on something other than the workers is the limit. A line ends at its fastest point.

    Args:
        plan: of a run, from `dqnkit.cluster.plan.plan`.
        title: of the picture; by default environment and steps.

    Raises:
        InvalidDataError: the plan is empty.
    """
    if not plan.rows:
        raise InvalidDataError("this plan has no rows: give it kinds of machines and numbers of workers")
    shown = leading(plan)
    with styled_figure(WIDTH, 4.4) as figure:
        from matplotlib.ticker import LogLocator, NullFormatter

        axes = figure.subplots()
        for offer in plan.offers:
            if offer not in shown:
                rows = _rows_to_draw(plan, offer)
                axes.plot(*_points(rows), color="#C8C8C8", linewidth=0.9, zorder=1)
        for number, offer in enumerate(shown):
            dashes: Any = (0, (4, 1.5)) if offer.spot else "-"
            style = {"color": list(PALETTE.values())[number]["color"], "linestyle": dashes, "marker": MARKERS[number]}
            _draw(axes, plan, offer, style)
            if number in (0, len(shown) - 1):  # only the outer lines have room for numbers
                _write_workers(axes, _rows_to_draw(plan, offer), left=number == 0)
        if plan.budget is not None:
            axes.axvline(plan.budget, label=f"budget ${plan.budget:.2f}", **PALETTE["reference"])
        axes.axhline(plan.here / 60, label="here, in one process ($0)", linewidth=1.2, color="#4D4D4D")
        axes.set(
            title=title or f"{plan.env_id}, {plan.steps:,} steps",
            xlabel="US dollars",
            ylabel="minutes, from the request for machines",
            xscale="log",
            yscale="log",
        )
        for axis, labels in ((axes.xaxis, "${x:,g}"), (axes.yaxis, "{x:,g}")):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(labels)
            axis.set_minor_formatter(NullFormatter())
        axes.margins(0.08)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, handlelength=3.2)
    return Picture.of(figure, _in_words(plan, shown), _caption(len(plan.offers) > len(shown)))


def leading(plan: Plan) -> list[Offer]:
    """Return for each cloud, on demand and spot, the kind of machine that is cheapest at its knee; cheapest first."""

    def cost(offer: Offer) -> float:
        return (plan.knee(offer) or plan.of(offer)[-1]).usd

    least: dict[tuple[str, bool], Offer] = {}
    for offer in sorted(plan.offers, key=cost):
        least.setdefault((offer.cloud, offer.spot), offer)
    return list(least.values())[: len(MARKERS)]


def _rows_to_draw(plan: Plan, offer: Offer) -> list[Row]:
    """The rows up to the fastest one, and up to the knee; beyond them more workers save no time."""
    rows, last = plan.of(offer), [plan.fastest_of(offer), plan.knee(offer) or plan.of(offer)[0]]
    return rows[: max(map(rows.index, last)) + 1]


def _points(rows: list[Row]) -> tuple[list[float], list[float]]:
    return [row.usd for row in rows], [row.seconds / 60 for row in rows]


def _draw(axes: Axes, plan: Plan, offer: Offer, style: dict[str, Any]) -> None:
    knee = plan.knee(offer)
    ring = f"\n(ring: {knee.workers}, then {knee.bottleneck})" if knee else ""
    axes.plot(*_points(_rows_to_draw(plan, offer)), label=f"{offer.cloud} {offer.name}{ring}", markersize=4.5, **style)
    if knee:
        look: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": style["color"], "markeredgewidth": 1.6}
        axes.plot(knee.usd, knee.seconds / 60, "o", markersize=12, zorder=4, **look)


def _write_workers(axes: Axes, rows: list[Row], left: bool) -> None:
    """Write the number of workers beside most of the points, and always beside the last."""
    for row in rows:
        if row.workers in LABELLED or row is rows[-1]:
            axes.annotate(
                str(row.workers),
                (row.usd, row.seconds / 60),
                xytext=(-7, -8) if left else (7, 7),  # below or above a line that runs to the right
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=8,
            )


def _in_words(plan: Plan, shown: list[Offer]) -> str:
    lines = []
    for offer in shown:
        first, knee = plan.of(offer)[0], plan.knee(offer)
        words = f"{first.workers} x {offer.name}: {first.seconds / 60:.1f} minutes, ${first.usd:.2f}"
        if knee:
            words += (
                f"; from {knee.workers} on {knee.seconds / 60:.1f} minutes, ${knee.usd:.2f}, limit {knee.bottleneck}"
            )
        last = plan.fastest_of(offer)
        words += f"; fastest with {last.workers}: {last.seconds / 60:.1f} minutes, ${last.usd:.2f}"
        lines.append(words)
    return f"Minutes against dollars for {plan.env_id}, {plan.steps:,} steps. {'. '.join(lines)}."


def _caption(has_more: bool) -> str:
    grey = " Grey: the other kinds of machines." if has_more else ""
    return (
        "What to look for: the numbers are workers. Where a line runs down, more workers save time for little money; "
        "from the ring on something other than the workers is the limit, and each further one saves less. A line ends "
        f"at its fastest point. Dashed: spot machines.{grey}"
    )
