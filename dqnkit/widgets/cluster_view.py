"""What a live panel shows of a cluster: throughput, a row for each worker, and a button that kills one.

The cluster is a `dqnkit.cluster.watched_cluster.WatchedCluster`, or any object with the same attributes. This module
does not import Dask.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from dqnkit.errors import DQNKitError
from dqnkit.plots import Picture
from dqnkit.plots.cluster import ClusterCurves, ClusterPanel, worker_style
from dqnkit.types import Array, TrainStatus
from dqnkit.widgets.picture_box import PictureBox
from dqnkit.widgets.watch import Thinned

if TYPE_CHECKING:
    from dqnkit.cluster.traffic import WorkerRow
    from dqnkit.cluster.watched_cluster import WatchedCluster

SAMPLE_EVERY = 0.5  # seconds of training between two samples of the counts
WINDOW = 6  # samples over which a rate is measured; over fewer it would fluctuate, as tasks arrive one by one
POINTS = 240  # of a curve, at most
ROWS = 8  # of the table, at most; further workers are counted below it
BUSY = 0.5  # a worker that works this share of the time is shown as busy
ICONS = {"busy": "●", "waiting": "○", "lost": "✖"}
ANY = "any"
AFTERWARDS = "Its tasks go to other workers; where a nanny watches over it, a new worker takes its place."


@dataclass(frozen=True)
class _Sample:
    """The counts at one moment; all but ``samples_per_insert`` only grow."""

    seconds: float  # of training
    waiting: float  # seconds of training in which the driver waited for rollouts
    samples_per_insert: float
    transitions: dict[str, int]  # by address
    busy: dict[str, float]  # seconds, by address


@dataclass
class _Worker:
    """A row of the table: all workers of one name, as a new worker may replace a lost one."""

    name: str
    number: int  # in the order in which the names were first seen; it sets the colour
    row: WorkerRow  # of the newest worker of this name
    lost: int  # workers of this name that were lost
    rollouts: int
    rate: float  # transitions a second over the last samples
    busy: float  # share of the time over the last samples, 0 to 1

    @property
    def state(self) -> str:
        return "lost" if self.row.lost else "busy" if self.busy >= BUSY else "waiting"


class ClusterView:
    """The part of a live panel that shows a cluster, below the learning curve.

    Args:
        cluster: whose traffic is shown.

    Attributes:
        widget: to show on the page.
    """

    def __init__(self, cluster: WatchedCluster) -> None:
        self._cluster = cluster
        self._figure: ClusterPanel | None = None
        self._samples: Thinned[_Sample] = Thinned(POINTS)
        self._recent: list[_Sample] = []  # the last samples, for current rates
        self._next_sample = 0.0  # in seconds of training
        self._shown = (0, 0)  # named workers and lost workers in the table
        self._numbers: dict[str, int] = {}  # name -> its number in the order of first appearance
        self._lost: dict[str, float] = {}  # address -> when it was found to be lost, in seconds of training
        self._kill_asked = False
        self._box = PictureBox()
        self._table = ipywidgets.HTML(layout={"width": "100%"})
        self._which = ipywidgets.Dropdown(
            options=[(ANY, "")], description="which:", style={"description_width": "auto"}, layout={"width": "12em"}
        )
        self._kill = ipywidgets.Button(
            description="Kill a worker", icon="bolt", tooltip="End a worker's process", layout={"width": "10em"}
        )
        self._kill.on_click(self._kill_clicked)
        self._controls = ipywidgets.HBox([self._kill, self._which], layout={"display": "none", "flex_flow": "row wrap"})
        self._note = ipywidgets.HTML()
        link = ipywidgets.HTML(self._link())
        self._box.layout.flex, self._box.layout.width, self._box.layout.min_width = "2 1 460px", "auto", "0"
        side = ipywidgets.VBox(
            [self._table, self._controls, self._note, link], layout={"flex": "1 1 330px", "min_width": "0"}
        )
        self.widget = ipywidgets.HBox(
            [self._box, side], layout={"flex_flow": "row wrap", "width": "100%", "align_items": "flex-start"}
        )

    def record(self, status: TrainStatus) -> None:
        """Sample the counts, twice a second."""
        if status.seconds < self._next_sample:
            return
        self._next_sample = status.seconds + SAMPLE_EVERY
        if self._figure is None:
            bound = getattr(getattr(status.get_state(), "config", None), "samples_per_insert", None)
            self._figure = ClusterPanel(bound)
        traffic = self._cluster.traffic
        rows = traffic.workers.values()
        sample = _Sample(
            status.seconds,
            traffic.waiting_seconds,
            status.samples_per_insert,
            {row.address: row.transitions for row in rows},
            {row.address: row.busy_seconds for row in rows},
        )
        self._samples.add(sample)
        self._recent = [*self._recent[-WINDOW:], sample]
        for row in rows:
            if row.lost:
                self._lost.setdefault(row.address, status.seconds)

    def draw(self, final: bool = False) -> Picture:
        """Return the picture of the samples so far."""
        return (self._figure or ClusterPanel()).draw(self._curves(), final)

    def show(self) -> None:
        """Update the widgets."""
        self._box.show(self.draw())
        self._show_table()
        workers = [(worker.name, worker.row.address) for worker in self._workers() if not worker.row.lost]
        options = [(ANY, ""), *workers]
        if options != list(self._which.options):
            chosen = self._which.label
            self._which.options = options
            self._which.label = chosen if chosen in dict(options) else ANY

    def enable(self) -> None:
        """Show the controls: clicks take effect."""
        self._controls.layout.display = "flex"

    def act(self) -> None:
        """Kill the chosen worker if the button was clicked; show at once which workers came or were lost."""
        if self._shown != self._there():
            self._show_table()
        if not self._kill_asked:
            return
        self._kill_asked = False
        alive = {worker.row.address: worker for worker in self._workers() if not worker.row.lost}
        chosen = alive.get(self._which.value)
        if self._which.value == "" and alive:
            chosen = max(alive.values(), key=lambda worker: worker.rollouts)
        if chosen is None:
            self._say("No worker to kill: none is there now.")
            return
        try:
            self._cluster.kill(chosen.row.address)
        except DQNKitError as error:
            self._say(str(error))
        else:
            at = self._recent[-1].seconds if self._recent else 0
            self._say(f"Second {at:.0f}: {chosen.name} was killed. {AFTERWARDS}")

    def summary(self) -> str:
        """Return the state of the cluster in one line of text."""
        workers, traffic = self._workers(), self._cluster.traffic
        rate = sum(worker.rate for worker in workers)
        states = _count_states(workers) or "none seen yet"
        return (
            f"{_counted(len(workers), 'worker')} ({states}): {rate:,.0f} transitions a second, "
            f"learner utilisation {100 * self._utilisation():.0f} %, policy lag up to "
            f"{max(traffic.lags, default=0)}, {_counted(traffic.lost, 'task')} lost."
        )

    def table(self) -> str:
        """Return the table of the workers and the counts of tasks, as HTML."""
        workers = sorted(
            self._workers(), key=lambda worker: (worker.row.lost and len(self._numbers) > ROWS, worker.number)
        )
        traffic = self._cluster.traffic
        head = ("worker", "state", "rollouts", "transitions<br>a second", "busy", "times<br>lost")
        cells = "".join(f'<th scope="col" style="{_CELL}; line-height: 1.2">{name}</th>' for name in head)
        rows = [_row(worker) for worker in workers[:ROWS]]
        more = workers[ROWS:]
        hidden = f"<div>and {_counted(len(more), 'more worker')}: {_count_states(more)}</div>" if more else ""
        ends = {
            "arrived": traffic.arrived,
            "failed": traffic.failed,
            "given up": traffic.given_up,
            "in flight": traffic.in_flight,
            "cancelled at the end": traffic.cancelled,
        }
        tasks = ", ".join(f"{count:,} {end}" for end, count in ends.items() if count or end != "cancelled at the end")
        return (
            f'<table style="border-collapse: collapse; line-height: 1.5"><thead><tr>{cells}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table>{hidden}"
            f'<div style="line-height: 1.4; margin: 4px 0"><b>Rollout tasks:</b> {traffic.submitted:,} submitted: '
            f"{tasks}. "
            f"{traffic.lost:,} times one was lost with its worker; {traffic.stale:,} rollouts were dropped as stale "
            f"(policy lag above {self._cluster.max_policy_lag:,}).</div>"
        )

    def final(self) -> str:
        """Return what stays on the page after training, as HTML."""
        return (
            '<div style="display: flex; flex-wrap: wrap; gap: 0 24px">'
            f'<div style="flex: 0 1 auto">{self.draw(final=True).html}</div>'
            f'<div style="flex: 1 1 330px; min-width: 0">{self.table()}{self._link()}</div></div>'
        )

    def clear(self) -> None:
        """Remove the picture from the widget."""
        self._box.clear()

    def _there(self) -> tuple[int, int]:
        rows = self._cluster.traffic.workers.values()
        return sum(bool(row.name) for row in rows), sum(row.lost for row in rows)

    def _show_table(self) -> None:
        self._shown = self._there()
        self._table.value = self.table()

    def _curves(self) -> ClusterCurves:
        samples = self._samples.values()
        if len(samples) < 2:
            return ClusterCurves(lost=sorted(self._lost.values()))
        seconds = np.array([sample.seconds for sample in samples])  # [T]
        counted = {
            name: np.array([sum(sample.transitions.get(row.address, 0) for row in rows) for sample in samples])
            for name, rows in self._by_name().items()
        }
        waiting = np.array([sample.waiting for sample in samples])
        return ClusterCurves(
            seconds=seconds[1:].tolist(),
            transitions={name: _slope(seconds, values).tolist() for name, values in counted.items()},
            busy=np.clip(1 - _slope(seconds, waiting), 0, 1).tolist(),
            samples_per_insert=[sample.samples_per_insert for sample in samples[1:]],
            lags=list(self._cluster.traffic.lags),
            lost=sorted(self._lost.values()),
        )

    def _workers(self) -> list[_Worker]:
        workers: list[_Worker] = []
        for name, rows in self._by_name().items():
            newest = next((row for row in reversed(rows) if not row.lost), rows[-1])
            rate, busy = self._lately(newest)
            lost, rollouts = sum(row.lost for row in rows), sum(row.rollouts for row in rows)
            workers.append(_Worker(name, self._numbers[name], newest, lost, rollouts, rate, busy))
        return workers

    def _by_name(self) -> dict[str, list[WorkerRow]]:
        """Return name -> workers of this name, present and lost, in the order in which the names were first seen."""
        named: dict[str, list[WorkerRow]] = {}
        for row in self._cluster.traffic.workers.values():
            if name := _name(row):
                named.setdefault(name, []).append(row)
        for name in sorted(named.keys() - self._numbers.keys(), key=lambda name: (len(name), name)):
            self._numbers[name] = len(self._numbers)
        return {name: named[name] for name in self._numbers if name in named}

    def _utilisation(self) -> float:
        """Return the share of the time in which the driver did not wait for rollouts, over the last samples."""
        if len(self._recent) < 2:
            return 0.0
        begin, end = self._recent[0], self._recent[-1]
        waited = (end.waiting - begin.waiting) / max(1e-9, end.seconds - begin.seconds)
        return min(1.0, max(0.0, 1 - waited))

    def _lately(self, row: WorkerRow) -> tuple[float, float]:
        """Return a worker's transitions a second and the share of the time it worked, over the last samples."""
        if len(self._recent) < 2 or row.lost:
            return 0.0, 0.0
        begin, end = self._recent[0], self._recent[-1]
        passed = max(1e-9, end.seconds - begin.seconds)
        made = end.transitions.get(row.address, 0) - begin.transitions.get(row.address, 0)
        worked = end.busy.get(row.address, 0.0) - begin.busy.get(row.address, 0.0)
        return made / passed, min(1.0, worked / passed / max(1, row.threads))

    def _link(self) -> str:
        link, how = self._cluster.dashboard_link, escape(self._cluster.how_to_reach_dashboard)
        where = (
            f'<a href="{escape(link)}" target="_blank" rel="noopener" style="{_LINK}">Dask dashboard</a>. '
            if link
            else ""
        )
        return f'<div style="line-height: 1.4">{where}<span style="opacity: 0.8">{how}</span></div>'

    def _say(self, text: str) -> None:
        self._note.value = f'<div role="status" style="line-height: 1.4">{escape(text)}</div>'

    def _kill_clicked(self, _: Any) -> None:
        self._kill_asked = True


_LINK = "color: var(--jp-content-link-color, #0066cc); text-decoration: underline"
_CELL = "padding: 0 10px 0 0; text-align: left; font-weight: bold; vertical-align: bottom"
_NUMBER = "padding: 0 10px 0 0; text-align: left; font-variant-numeric: tabular-nums"


def _row(worker: _Worker) -> str:
    swatch = (
        f'<span aria-hidden="true" style="display: inline-block; width: 10px; height: 10px; margin-right: 5px; '
        f'border: 1px solid #888888; background: {worker_style(worker.number)["color"]}"></span>'
    )
    state = f'<span aria-hidden="true">{ICONS[worker.state]}</span> {worker.state}'
    lost = worker.state == "lost"
    cells = (
        f"<b>{state}</b>" if lost else state,
        f"{worker.rollouts:,}",
        "" if lost else f"{worker.rate:,.0f}",
        "" if lost else f"{100 * worker.busy:.0f} %",
        str(worker.lost or ""),
    )
    name = f'<th scope="row" style="{_NUMBER}; font-weight: normal">{swatch}{escape(worker.name)}</th>'
    numbers = "".join(f'<td style="{_NUMBER}">{cell}</td>' for cell in cells)
    return f"<tr>{name}{numbers}</tr>"


def _name(row: WorkerRow) -> str:
    """Return the displayed name of a worker; empty if it has no name yet and has sent nothing."""
    name = row.name or (row.address if row.rollouts else "")
    return f"worker {name}" if name.isdigit() else name.rpartition("://")[2]


def _slope(seconds: Array, counts: Array) -> Array:
    """Return the rate at which a count grew ``[T - 1]``, each over the last `WINDOW` samples."""
    ends = np.arange(1, len(seconds))
    begins = np.maximum(0, ends - WINDOW)
    return (counts[ends] - counts[begins]) / np.maximum(1e-9, seconds[ends] - seconds[begins])


def _count_states(workers: list[_Worker]) -> str:
    states = [worker.state for worker in workers]
    return ", ".join(f"{states.count(state)} {state}" for state in ICONS if state in states)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
