"""What a live panel shows of a cluster: workers, replay buffer and learner as boxes, and what travels between them.

The browser draws it (``cluster_view.js``); a click on a worker kills it. Python counts, keeps the curves and sends what
is new: the points since the last message, and the rows of the workers that changed.

The cluster is a `dqnkit.cluster.watched_cluster.WatchedCluster`, or any object with the same attributes. This module
does not import Dask.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import traitlets

from dqnkit.errors import DQNKitError
from dqnkit.plots import Picture
from dqnkit.plots.cluster import OTHERS, WORKERS, ClusterCurves, cluster_picture, worker_style
from dqnkit.types import TrainStatus
from dqnkit.widgets.drawing import Drawing, dashes
from dqnkit.widgets.watch import Thinned

if TYPE_CHECKING:
    from dqnkit.cluster.traffic import WorkerRow
    from dqnkit.cluster.watched_cluster import WatchedCluster

SAMPLE_EVERY = 0.5  # seconds of training between two samples of the counts
WINDOW = 6  # samples over which a rate is measured; over fewer it would fluctuate, as tasks arrive one by one
POINTS = 240  # of a curve, at most
UNSENT = 60  # points that wait for a browser, at most; after that it gets all of them, thinned
ROWS = 16  # workers that are drawn, at most; further ones are counted
BUSY = 0.5  # a worker that works this share of the time is shown as busy
USUAL_SECONDS = 7.0  # from a worker's death to its nanny's new one: 5 to 10 s, measured on two busy cores
GIVE_UP = 60.0  # seconds after which no new worker is expected any more
ICONS = {"busy": "●", "waiting": "○", "lost": "✖"}
SIMULATED = "SIMULATED: the machines are processes on this computer, and cost nothing."
WITH_NANNY = "its nanny process starts a new one."
WITHOUT_NANNY = "no nanny process starts a new one."


@dataclass(frozen=True)
class _Sample:
    """The counts at one moment; they only grow."""

    seconds: float  # of training
    waiting: float  # seconds of training in which the driver waited for rollouts
    transitions: dict[str, int]  # by address
    busy: dict[str, float]  # seconds, by address


@dataclass(frozen=True)
class _Point:
    """One point of each curve."""

    seconds: float  # of training
    rates: dict[str, float]  # transitions a second, by the worker's name
    busy: float  # share of the time in which the learner did not wait for rollouts, 0 to 1
    samples_per_insert: float

    def sent(self, numbers: dict[str, int]) -> list[Any]:
        """Return the point as the browser gets it; workers without a colour of their own are added up."""
        rates = [0.0] * min(len(numbers), len(WORKERS) + 1)
        for name, rate in self.rates.items():
            rates[min(numbers[name], len(WORKERS))] += rate
        return [
            round(self.seconds, 2),
            [round(rate, 1) for rate in rates],
            round(self.busy, 3),
            round(self.samples_per_insert, 3),
        ]


@dataclass(frozen=True)
class _Loss:
    """When a worker was found to be lost."""

    name: str
    seconds: float  # of training
    clock: float  # of `time.monotonic`, which goes on while training waits


@dataclass
class _Worker:
    """A box: all workers of one name, as a new worker may replace a lost one."""

    name: str
    number: int  # in the order in which the names were first seen; it sets the colour
    row: WorkerRow  # of the newest worker of this name
    lost: int  # workers of this name that were lost
    rollouts: int
    rate: float  # transitions a second over the last samples
    busy: float  # share of the time over the last samples, 0 to 1
    new_one: str = ""  # of a lost worker: "starts", "may come" or nothing

    @property
    def state(self) -> str:
        return "lost" if self.row.lost else "busy" if self.busy >= BUSY else "waiting"

    def sent(self) -> dict[str, Any]:
        """Return the row as the browser gets it."""
        return {
            "number": self.number,
            "name": self.name,
            "address": self.row.address,
            "state": self.state,
            "rollouts": self.rollouts,
            "rate": round(self.rate),
            "busy": round(100 * self.busy),
            "lag": self.row.lag,
            "tasks": self.row.in_flight,
            "lost": self.lost,
            "newOne": self.new_one,
        }


@dataclass
class _Told:
    """What the browser has been told."""

    points: int = 0  # number of points
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)  # number of a worker -> its row
    losses: int = 0


class ClusterDrawing(Drawing, module=Path(__file__).with_suffix(".js")):
    """The widget of `ClusterView`.

    Args:
        everything: returns a message as in ``news`` with all that is known, for a page that was loaded again.
        picture: returns the static picture.
        asked: called with a message from the browser: ``{"kill": address}`` or ``{"everything": True}``.
    """

    look = traitlets.Dict().tag(sync=True)  # what does not change
    # the value never changes, so it is sent only to a page that asks for the whole state
    history = traitlets.Int().tag(sync=True, to_json=lambda _, drawing: drawing.everything())
    news = traitlets.Dict().tag(sync=True)
    acts = traitlets.Bool(False).tag(sync=True)  # whether clicks take effect
    over = traitlets.Bool(False).tag(sync=True)  # whether training has ended

    def __init__(
        self,
        everything: Callable[[], dict[str, Any]],
        picture: Callable[[], Picture],
        asked: Callable[[dict[str, Any]], None],
        **traits: Any,
    ) -> None:
        self.everything, self._picture = everything, picture
        super().__init__(**traits)
        self.on_msg(lambda _, content, __: asked(content))

    def picture(self) -> Picture:
        return self._picture()


class ClusterView:
    """The part of a live panel that shows a cluster, below the learning curve.

    Args:
        cluster: whose traffic is shown.
        clock: returns seconds that never decrease.

    Attributes:
        widget: to show on the page.
    """

    def __init__(self, cluster: WatchedCluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock
        self._bound: float | None = None  # of the samples per insert
        self._points: Thinned[_Point] = Thinned(POINTS)
        self._unsent: list[_Point] = []
        self._recent: list[_Sample] = []  # the last samples, for current rates
        self._next_sample = 0.0  # in seconds of training
        self._seconds = 0.0  # of training
        self._there = (0, 0)  # workers that have a name, and workers that are lost, at the last look
        self._numbers: dict[str, int] = {}  # name -> its number in the order of first appearance
        self._losses: dict[str, _Loss] = {}  # by address
        self._took: dict[str, float] = {}  # address of a lost worker -> seconds until another had its name
        self._killed: set[str] = set()  # addresses
        self._to_kill: list[str] = []  # addresses that were clicked, for `act`
        self._told = _Told()
        self._note = self._refused = ""  # the address of a worker that could not be killed
        self.widget = ClusterDrawing(self._everything, self.draw, self._heard, look=self._look())

    def record(self, status: TrainStatus) -> None:
        """Sample the counts, twice a second."""
        self._seconds = status.seconds
        if status.seconds < self._next_sample:
            return
        if self._next_sample == 0:
            self._bound = getattr(getattr(status.get_state(), "config", None), "samples_per_insert", None)
            self.widget.look = self._look()
        self._next_sample = status.seconds + SAMPLE_EVERY
        self._see_losses()
        traffic = self._cluster.traffic
        rows = traffic.workers.values()
        sample = _Sample(
            status.seconds,
            traffic.waiting_seconds,
            {row.address: row.transitions for row in rows},
            {row.address: row.busy_seconds for row in rows},
        )
        self._recent = [*self._recent[-WINDOW:], sample]
        if len(self._recent) > 1:
            rates = {name: sum(map(self._rate, rows)) for name, rows in self._by_name().items()}
            point = _Point(status.seconds, rates, self._utilisation(), status.samples_per_insert)
            self._points.add(point)
            self._unsent = [*self._unsent[-UNSENT:], point]

    def draw(self) -> Picture:
        """Return the static picture of the points so far."""
        return cluster_picture(self._curves(), self._bound)

    def show(self) -> None:
        """Send what is new."""
        if self._unsent or self._numbers.keys() != self._by_name().keys():
            self._send()

    def enable(self) -> None:
        """Let clicks take effect."""
        self.widget.acts = True

    def act(self) -> None:
        """Do what the browser has asked for; send at once which workers came or were lost."""
        self._see_losses()
        rows = self._cluster.traffic.workers.values()
        there = sum(bool(row.name) for row in rows), sum(row.lost for row in rows)
        to_kill, self._to_kill = self._to_kill, []
        for address in to_kill:
            self._kill(address)
        if to_kill or there != self._there:
            self._there = there
            self._send()

    def summary(self, signed: bool = True) -> str:
        """Return the state of the cluster in one line of text, with a sign where it is simulated."""
        workers, traffic = self._workers(), self._cluster.traffic
        rate = sum(worker.rate for worker in workers)
        states = _count_states(workers) or "none seen yet"
        sign = "SIMULATED: " if signed and self._cluster.simulated else ""
        return (
            f"{sign}{_counted(len(workers), 'worker')} ({states}): {rate:,.0f} transitions a second, "
            f"learner utilisation {100 * self._utilisation():.0f} %, policy lag up to "
            f"{max(traffic.lags, default=0)}, {_counted(traffic.lost, 'task')} lost."
        )

    def table(self) -> str:
        """Return the table of the workers and the counts of tasks, as HTML."""
        workers = self._in_order()
        head = ("worker", "state", "rollouts", "transitions<br>a second", "busy", "times<br>lost")
        cells = "".join(f'<th scope="col" style="{_CELL}; line-height: 1.2">{name}</th>' for name in head)
        rows = [_row(worker) for worker in workers[:ROWS]]
        return (
            f'<table style="border-collapse: collapse; line-height: 1.5"><thead><tr>{cells}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table><div>{_more(workers[ROWS:])}</div>"
            f'<div style="line-height: 1.4; margin: 4px 0"><b>Rollout tasks:</b> {self._tasks()}</div>'
        )

    def _tasks(self) -> str:
        """Return what became of the tasks, in words."""
        traffic = self._cluster.traffic
        ends = {
            "arrived": traffic.arrived,
            "failed": traffic.failed,
            "given up": traffic.given_up,
            "in flight": traffic.in_flight,
            "cancelled at the end": traffic.cancelled,
        }
        tasks = ", ".join(f"{count:,} {end}" for end, count in ends.items() if count or end != "cancelled at the end")
        return (
            f"{traffic.submitted:,} submitted: {tasks}. "
            f"{traffic.lost:,} lost with a worker, and made again; {traffic.stale:,} rollouts dropped as stale "
            f"(policy lag above {self._cluster.max_policy_lag:,})."
        )

    def final(self) -> str:
        """Return what stays on the page after training, as HTML."""
        return (
            f"<div>{self._simulated()}{self.draw().html}"
            f"<details><summary>Workers, tasks and the dashboard</summary>{self.table()}{self._link()}</details></div>"
        )

    def clear(self) -> None:
        """End what moves: training has ended."""
        self.widget.acts, self.widget.over = False, True

    def _heard(self, request: dict[str, Any]) -> None:
        """Handle a message of the browser; it may come after training as well."""
        if "kill" in request:
            self._to_kill.append(str(request["kill"]))
        if "everything" in request:
            self._told = _Told()
            self._send()

    def _kill(self, address: str) -> None:
        worker = next((worker for worker in self._workers() if worker.row.address == address), None)
        if worker is None or worker.row.lost:
            self._note = "This worker is gone already."
            return
        try:
            self._cluster.kill(address)
        except DQNKitError as error:
            self._note, self._refused = f"{worker.name} lives on: {error}", address
        else:
            self._killed.add(address)
            ending = WITH_NANNY if worker.row.has_nanny else WITHOUT_NANNY
            self._note = f"Second {self._seconds:.0f}: {worker.name} killed. Its tasks go to others; {ending}"

    def _see_losses(self) -> None:
        """Note which workers were lost, and how long it took until another had the name."""
        for name, rows in self._by_name().items():
            for row in rows:
                if row.lost and row.address not in self._losses:
                    self._losses[row.address] = _Loss(name, self._seconds, self._clock())
            if not rows[-1].lost:
                for row in rows[:-1]:
                    if row.address in self._losses and row.address not in self._took:
                        self._took[row.address] = self._clock() - self._losses[row.address].clock
                        self._note = f"{name} is back after {self._took[row.address]:.0f} s, as a new process."

    def _new_one(self, row: WorkerRow) -> str:
        """Say whether a new worker is expected in place of a lost one."""
        loss = self._losses.get(row.address)
        if loss is None or not row.has_nanny or self._clock() - loss.clock > GIVE_UP:
            return ""
        return "starts" if row.address in self._killed else "may come"

    def _usual_seconds(self) -> float:
        """Return how long it takes until a new worker is there: as seen in this run, or else as measured before."""
        return statistics.median(self._took.values()) if self._took else USUAL_SECONDS

    def _send(self) -> None:
        """Send what the browser has not been told yet, or everything if that is much."""
        if self._told.points == 0 or self._told.points != self._points.count - len(self._unsent):  # some were left out
            self._told = _Told()
        self.widget.news = self._news(self._told, self._unsent if self._told.points else self._points.values())
        self._unsent = []

    def _everything(self) -> dict[str, Any]:
        return self._news(_Told(), self._points.values())

    def _news(self, told: _Told, points: list[_Point]) -> dict[str, Any]:
        """Return a message with these points and what differs from what was told, and note it as told."""
        traffic, now = self._cluster.traffic, self._clock()
        workers = self._in_order()
        shown = {worker.number: worker.sent() for worker in workers[:ROWS]}
        changed = [row for number, row in shown.items() if told.rows.get(number) != row]
        losses = list(self._losses.values())
        news = {
            "from": told.points,
            "until": self._points.count,
            "points": [point.sent(self._numbers) for point in points],
            "shown": list(shown),
            "rows": [{**row, "ago": self._ago(row["address"], now)} for row in changed],
            "more": _more(workers[ROWS:]),
            "losses": [[round(loss.seconds, 2), loss.name] for loss in losses[told.losses :]],
            "lags": [round(statistics.median(traffic.lags)), max(traffic.lags)] if traffic.lags else [],
            "versions": traffic.versions_sent,
            "tasks": self._tasks(),
            "usual": [round(self._usual_seconds(), 1), len(self._took)],
            "note": self._note,
            "refused": self._refused,
        }
        told.points, told.losses = self._points.count, len(losses)
        told.rows = shown
        return news

    def _ago(self, address: str, now: float) -> float:
        loss = self._losses.get(address)
        return 0.0 if loss is None else round(now - loss.clock, 1)

    def _look(self) -> dict[str, Any]:
        styles = [*WORKERS, OTHERS]
        return {
            "styles": [{"color": style["color"], "dash": dashes(style)} for style in styles],
            "bound": self._bound,
            "link": self._cluster.dashboard_link,
            "how": self._cluster.how_to_reach_dashboard,
            "simulated": self._cluster.simulated,
            "sign": SIMULATED,
        }

    def _curves(self) -> ClusterCurves:
        points = self._points.values()
        lost = sorted(loss.seconds for loss in self._losses.values())
        return ClusterCurves(
            seconds=[point.seconds for point in points],
            transitions={name: [point.rates.get(name, 0.0) for point in points] for name in self._numbers},
            busy=[point.busy for point in points],
            samples_per_insert=[point.samples_per_insert for point in points],
            lags=list(self._cluster.traffic.lags),
            lost=lost,
        )

    def _in_order(self) -> list[_Worker]:
        """Return the workers by number; where there are many, those that stay lost come last."""
        many = len(self._numbers) > ROWS
        return sorted(
            self._workers(), key=lambda worker: (many and worker.row.lost and not worker.new_one, worker.number)
        )

    def _workers(self) -> list[_Worker]:
        workers: list[_Worker] = []
        for name, rows in self._by_name().items():
            newest = next((row for row in reversed(rows) if not row.lost), rows[-1])
            rate, busy = self._lately(newest)
            lost, rollouts = sum(row.lost for row in rows), sum(row.rollouts for row in rows)
            new_one = self._new_one(newest) if newest.lost else ""
            workers.append(_Worker(name, self._numbers[name], newest, lost, rollouts, rate, busy, new_one))
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
        waited = (end.waiting - begin.waiting) / _passed(begin, end)
        return min(1.0, max(0.0, 1 - waited))

    def _lately(self, row: WorkerRow) -> tuple[float, float]:
        """Return a worker's transitions a second and the share of the time it worked, over the last samples."""
        if len(self._recent) < 2 or row.lost:
            return 0.0, 0.0
        begin, end = self._recent[0], self._recent[-1]
        worked = end.busy.get(row.address, 0.0) - begin.busy.get(row.address, 0.0)
        return self._rate(row), min(1.0, worked / _passed(begin, end) / max(1, row.threads))

    def _rate(self, row: WorkerRow) -> float:
        """Return the transitions a second that a worker, present or lost, made over the last samples."""
        begin, end = self._recent[0], self._recent[-1]
        made = end.transitions.get(row.address, 0) - begin.transitions.get(row.address, 0)
        return made / _passed(begin, end)

    def _link(self) -> str:
        link, how = self._cluster.dashboard_link, escape(self._cluster.how_to_reach_dashboard)
        where = (
            f'<a href="{escape(link)}" target="_blank" rel="noopener" style="{_LINK}">Dask dashboard</a>. '
            if link
            else ""
        )
        return f'<div style="line-height: 1.4">{where}<span style="opacity: 0.8">{how}</span></div>'

    def _simulated(self) -> str:
        return f"<div><b>{SIMULATED}</b></div>" if self._cluster.simulated else ""


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


def _passed(begin: _Sample, end: _Sample) -> float:
    return max(1e-9, end.seconds - begin.seconds)


def _more(workers: list[_Worker]) -> str:
    return f"and {len(workers)} more: {_count_states(workers)}" if workers else ""


def _count_states(workers: list[_Worker]) -> str:
    states = [worker.state for worker in workers]
    return ", ".join(f"{states.count(state)} {state}" for state in ICONS if state in states)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
