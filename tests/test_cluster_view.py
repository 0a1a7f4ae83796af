"""The live panel's view of a cluster, and its button; a stand-in takes the place of the cluster, without Dask."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from test_live import status
from test_watch import Page, page

from dqnkit.cluster.traffic import Traffic
from dqnkit.errors import ClusterError
from dqnkit.types import TrainStatus
from dqnkit.widgets import live
from dqnkit.widgets.cluster_view import POINTS, ROWS, ClusterView

__all__ = ["page"]


@dataclass
class StandIn:
    """A cluster with two workers; the first always works, the second a tenth of the time."""

    traffic: Traffic = field(default_factory=Traffic)
    max_policy_lag: int = 1_000
    dashboard_link: str = "http://127.0.0.1:8787/status"
    how_to_reach_dashboard: str = "If it does not open, make a <tunnel>."
    killed: list[str] = field(default_factory=list)
    refuses: bool = False

    def kill(self, address: str) -> None:
        if self.refuses:
            raise ClusterError("worker runs inside this process")
        self.killed.append(address)

    def join(self, address: str, name: str) -> None:
        self.traffic.worker(address).name = name

    def go_on(self, view: ClusterView, seconds: int) -> None:
        """Work for this many seconds, with two statuses a second."""
        for _ in range(2 * seconds):
            self._seconds = getattr(self, "_seconds", 0.0) + 0.5
            for number, row in enumerate(self.traffic.workers.values()):
                if not row.lost:
                    row.rollouts += 1
                    row.transitions += 500
                    row.busy_seconds += 0.5 if number == 0 else 0.05
            self.traffic.waiting_seconds += 0.125
            view.record(status_at(self._seconds))


def status_at(seconds: float) -> TrainStatus:
    state = SimpleNamespace(config=SimpleNamespace(samples_per_insert=8.0))
    return status(100, seconds=seconds, samples_per_insert=2.0, get_state=lambda: state)


@pytest.fixture
def cluster() -> StandIn:
    cluster = StandIn()
    cluster.join("tcp://127.0.0.1:30001", "1")
    cluster.join("tcp://127.0.0.1:30000", "0")
    return cluster


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def row(view: ClusterView, name: str) -> str:
    return next(words(line) for line in view.table().split("</table>")[0].split("<tr>") if name in words(line))


def test_a_row_says_what_each_worker_does(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.go_on(view, 10)
    assert row(view, "worker 1").split()[:7] == ["worker", "1", "●", "busy", "20", "1,000", "100"]
    assert row(view, "worker 0").split()[:7] == ["worker", "0", "○", "waiting", "20", "1,000", "10"]
    assert view.table().index("worker 0") < view.table().index("worker 1")
    assert "2 workers (1 busy, 1 waiting): 2,000 transitions a second, learner utilisation 75 %" in view.summary()
    curves = view._curves()
    assert list(curves.transitions) == ["worker 0", "worker 1"]
    assert curves.transitions["worker 0"][-1] == pytest.approx(1_000)
    assert curves.busy[-1] == pytest.approx(0.75)
    assert curves.samples_per_insert[-1] == 2.0


def test_a_new_worker_takes_the_row_of_the_one_that_was_lost(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.go_on(view, 5)
    view.show()
    cluster.traffic.workers["tcp://127.0.0.1:30001"].lost = True
    view.act()  # the effect shows before the next picture
    assert "✖ lost 10" in words(view._table.value)
    cluster.go_on(view, 1)
    assert "1 waiting, 1 lost" in view.summary()
    assert view._curves().lost == [5.5]

    cluster.traffic.worker("tcp://127.0.0.1:30009")  # it has joined; its name is not known yet
    view.act()
    assert "30009" not in view._table.value
    cluster.join("tcp://127.0.0.1:30009", "1")
    view.act()
    assert "✖" not in view._table.value
    cluster.go_on(view, 5)
    assert row(view, "worker 1").split() == ["worker", "1", "○", "waiting", "20", "1,000", "10", "%", "1"]
    assert list(view._curves().transitions) == ["worker 0", "worker 1"]


def test_a_click_only_sets_a_flag_and_the_chosen_worker_is_killed(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.go_on(view, 2)
    view.show()
    view._which.label = "worker 0"
    view._kill.click()
    assert cluster.killed == []
    view.act()
    view.act()
    assert cluster.killed == ["tcp://127.0.0.1:30000"]
    assert "worker 0 was killed" in view._note.value
    cluster.traffic.workers["tcp://127.0.0.1:30000"].lost = True
    view.show()
    assert [label for label, _ in view._which.options] == ["any", "worker 1"]
    assert view._which.label == "any"
    view._kill.click()
    view.act()
    assert cluster.killed[1:] == ["tcp://127.0.0.1:30001"]


def test_a_choice_stays_while_workers_come_and_go(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.go_on(view, 2)
    view.show()
    view._which.label = "worker 1"
    cluster.join("tcp://127.0.0.1:30002", "2")
    view.show()
    assert view._which.label == "worker 1"
    assert len(view._which.options) == 4


def test_a_worker_that_cannot_be_killed_is_said_and_ends_nothing(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.refuses = True
    view._kill.click()
    view.act()
    assert "runs inside this process" in view._note.value
    nobody = ClusterView(StandIn())
    nobody._kill.click()
    nobody.act()
    assert "No worker to kill" in nobody._note.value


def test_controls_are_shown_only_when_clicks_act(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    assert view._controls.layout.display == "none"
    view.enable()
    assert view._controls.layout.display == "flex"


def test_a_large_cluster_has_a_short_table() -> None:
    cluster = StandIn()
    for number in range(30):
        cluster.join(f"tcp://127.0.0.1:{40_000 + number}", f"tcp://127.0.0.1:{40_000 + number}")
    cluster.traffic.worker("tcp://127.0.0.1:40003").lost = True
    view = ClusterView(cluster)
    cluster.go_on(view, 3)
    assert view.table().count("<tr>") == 1 + ROWS
    assert f"and {30 - ROWS} more workers:" in words(view.table())
    assert "1 lost" in words(view.table())
    assert "127.0.0.1:40000" in view.table()
    assert view.draw().png


def test_a_long_run_keeps_little(cluster: StandIn) -> None:
    view = ClusterView(cluster)
    cluster.go_on(view, 600)
    assert len(view._curves().seconds) <= POINTS
    assert len(view._recent) < 10
    assert view._curves().transitions["worker 0"][-1] == pytest.approx(1_000)


def test_the_counts_add_up_on_the_page(cluster: StandIn) -> None:
    traffic = cluster.traffic
    traffic.submitted, traffic.arrived, traffic.given_up, traffic.failed, traffic.in_flight = 1_234, 1_200, 20, 4, 10
    traffic.lost, traffic.stale = 21, 5
    said = words(ClusterView(cluster).table())
    assert "1,234 submitted: 1,200 arrived, 4 failed, 20 given up, 10 in flight." in said
    assert "21 times one was lost with its worker; 5 rollouts were dropped as stale (policy lag above 1,000)" in said
    assert "cancelled" not in said


def test_without_a_browser_a_plain_picture_and_the_rows_stay(page: Page, cluster: StandIn) -> None:
    statuses = [status_at(seconds / 2) for seconds in range(1, 9)]
    assert asyncio.run(live(statuses, cluster=cluster)) is statuses[-1]
    assert page.final.count("<img") == 2
    for text in ("finished", "worker 0", "worker 1", "2 workers (2 waiting)", cluster.dashboard_link, "&lt;tunnel&gt;"):
        assert text in page.final
    assert "Transitions a second by worker" in page.final
    assert "<button" not in page.final


def test_a_cluster_without_a_dashboard_has_no_link(page: Page, cluster: StandIn) -> None:
    cluster.dashboard_link, cluster.how_to_reach_dashboard = "", "The scheduler has no dashboard."
    asyncio.run(live([status_at(1.0)], cluster=cluster))
    assert "href" not in page.final
    assert "has no dashboard" in page.final
