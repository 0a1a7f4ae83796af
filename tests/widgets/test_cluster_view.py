"""The live panel's view of a cluster: what it sends to the browser; a stand-in takes the place of the cluster."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from toy_cluster import ToyCluster, status_at

from dqnkit.cloud.meter import Meter
from dqnkit.plots.cluster import WORKERS
from dqnkit.plots.training_panel import TrainingPanel
from dqnkit.widgets import live
from dqnkit.widgets.cluster_view import GIVE_UP, POINTS, ROWS, UNSENT, USUAL_SECONDS, ClusterView
from dqnkit.widgets.live import _Training

ONE, TWO, NEW = "tcp://127.0.0.1:30001", "tcp://127.0.0.1:30000", "tcp://127.0.0.1:30009"


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cluster() -> ToyCluster:
    cluster = ToyCluster()
    cluster.join(ONE, "1")
    cluster.join(TWO, "0")
    return cluster


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def view(cluster: ToyCluster, clock: Clock) -> ClusterView:
    return ClusterView(cluster, clock)  # type: ignore[arg-type]


def news_of(view: ClusterView) -> dict[str, Any]:
    """The newest message, as it goes over the wire."""
    return json.loads(json.dumps(view.widget.news, allow_nan=False))  # type: ignore[no-any-return]


def row(news: dict[str, Any], number: int) -> dict[str, Any]:
    return next(row for row in news["rows"] if row["number"] == number)


def click(view: ClusterView, address: str) -> None:
    """What arrives when the box of a worker was clicked."""
    view.widget._handle_custom_msg({"kill": address}, [])


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_box_says_what_each_worker_does(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.go_on(view, 10)
    view.show()
    news = news_of(view)
    busy, waiting = row(news, 1), row(news, 0)
    assert (busy["name"], busy["state"], busy["rate"], busy["busy"], busy["lag"]) == ("worker 1", "busy", 1_000, 100, 0)
    assert (waiting["name"], waiting["state"], waiting["busy"], waiting["lag"]) == ("worker 0", "waiting", 10, 1)
    assert (waiting["tasks"], waiting["rollouts"], waiting["newOne"]) == (2, 20, "")
    assert news["shown"] == [0, 1]
    assert news["lags"] == [0, 1]
    assert news["versions"] == 20
    assert news["points"][-1] == [10.0, [1_000.0, 1_000.0], 0.75, 2.0]
    assert view.widget.look["bound"] == 8.0
    assert "2 workers (1 busy, 1 waiting): 2,000 transitions a second, learner utilisation 75 %" in view.summary()


def test_only_what_is_new_is_sent(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.go_on(view, 10)
    view.show()
    first = news_of(view)
    view.show()  # nothing has come since
    assert news_of(view) == first
    cluster.traffic.workers[TWO].lost = True
    cluster.go_on(view, 5)
    view.show()
    first = news_of(view)
    cluster.go_on(view, 1)
    view.show()
    news = news_of(view)
    assert (news["from"], news["until"]) == (first["until"], first["until"] + 2)
    assert [point[0] for point in news["points"]] == [15.5, 16.0]
    assert [row["number"] for row in news["rows"]] == [1]  # the lost one is as it was
    assert first["losses"] == [[10.5, "worker 0"]]
    assert news["losses"] == []
    assert len(json.dumps(news)) < 1_000  # bytes


def test_a_page_that_is_loaded_again_gets_everything(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.go_on(view, 5)
    view.show()
    cluster.go_on(view, 5)
    state = view.widget.get_state()["history"]
    assert state["from"] == 0
    assert [point[0] for point in state["points"]] == [value / 2 for value in range(2, 21)]
    assert len(state["rows"]) == 2
    view.show()  # and those who have been told get the rest only
    assert (news_of(view)["from"], news_of(view)["until"]) == (9, 19)
    view.widget._handle_custom_msg({"everything": True}, [])  # a message was missed
    assert (news_of(view)["from"], len(news_of(view)["points"]), len(news_of(view)["rows"])) == (0, 19, 2)


def test_a_browser_that_was_away_gets_a_thinned_curve(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.go_on(view, 5)
    view.show()
    cluster.go_on(view, 600)
    view.show()
    news = news_of(view)
    assert news["from"] == 0
    assert UNSENT < len(news["points"]) <= POINTS
    assert news["points"][-1][0] == 605.0
    assert len(view._recent) < 10
    assert view._curves().transitions["worker 0"][-1] == pytest.approx(1_000)


def test_a_click_only_sets_a_flag_and_that_worker_is_killed(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.go_on(view, 2)
    click(view, TWO)
    assert cluster.killed == []
    view.act()
    view.act()
    assert cluster.killed == [TWO]
    assert news_of(view)["note"].startswith("Second 2: worker 0 killed. Its tasks go to others; its nanny process")
    cluster.lose(TWO)
    click(view, TWO)  # nobody is there any more
    view.act()
    assert cluster.killed == [TWO]
    assert "gone already" in news_of(view)["note"]


def test_a_new_worker_takes_the_box_of_the_one_that_was_lost(
    view: ClusterView, cluster: ToyCluster, clock: Clock
) -> None:
    cluster.go_on(view, 5)
    view.show()
    click(view, ONE)
    view.act()
    cluster.lose(ONE)
    view.act()  # the effect shows before the next picture
    lost = row(news_of(view), 1)
    assert (lost["state"], lost["newOne"], lost["ago"], lost["lost"]) == ("lost", "starts", 0.0, 1)
    assert news_of(view)["losses"] == [[5.0, "worker 1"]]
    assert news_of(view)["usual"] == [USUAL_SECONDS, 0]
    clock.now += 3
    cluster.go_on(view, 1)
    assert row(view.widget.get_state()["history"], 1)["ago"] == 3.0
    assert "1 waiting, 1 lost" in view.summary()

    cluster.traffic.worker(NEW)  # it has joined; its name is not known yet
    before = news_of(view)
    view.act()
    assert news_of(view) == before
    clock.now += 1
    cluster.join(NEW, "1")
    view.act()
    news = news_of(view)
    assert (row(news, 1)["state"], row(news, 1)["address"], row(news, 1)["lost"]) == ("waiting", NEW, 1)
    assert news["note"] == "worker 1 is back after 4 s, as a new process."
    assert news["usual"] == [4.0, 1]
    cluster.go_on(view, 5)
    assert list(view._curves().transitions) == ["worker 0", "worker 1"]
    assert view._curves().lost == [5.0]


def test_no_new_worker_is_promised_where_none_will_come(view: ClusterView, cluster: ToyCluster, clock: Clock) -> None:
    cluster.join("tcp://127.0.0.1:30002", "2", has_nanny=False)
    cluster.go_on(view, 2)
    cluster.lose(ONE)  # the cloud has taken it back; nobody clicked
    cluster.lose("tcp://127.0.0.1:30002")
    view.act()
    assert [(row["number"], row["newOne"]) for row in news_of(view)["rows"]] == [(0, ""), (1, "may come"), (2, "")]
    clock.now += GIVE_UP + 1
    cluster.go_on(view, 1)
    view.show()
    assert row(news_of(view), 1)["newOne"] == ""
    click(view, TWO)
    cluster.traffic.workers[TWO].has_nanny = False
    view.act()
    assert "no nanny process starts a new one" in news_of(view)["note"]


def test_a_worker_that_cannot_be_killed_is_said_and_shown_alive(view: ClusterView, cluster: ToyCluster) -> None:
    cluster.refuses = True
    cluster.go_on(view, 1)
    view.show()
    click(view, ONE)
    view.act()
    assert news_of(view)["note"] == "worker 1 lives on: worker runs inside this process"
    assert news_of(view)["refused"] == ONE  # the browser shows it as alive again


def test_before_the_first_point_every_message_is_whole(view: ClusterView, cluster: ToyCluster) -> None:
    view.show()
    cluster.join("tcp://127.0.0.1:30002", "2")
    view.act()
    assert [(news_of(view)["from"], len(news_of(view)["rows"]))] == [(0, 3)]


def test_clicks_act_only_while_a_browser_answers(view: ClusterView) -> None:
    assert not view.widget.acts
    view.enable()
    assert view.widget.acts
    view.clear()
    assert not view.widget.acts
    assert view.widget.over


@pytest.mark.parametrize("count", [8, 16, 40])
def test_of_many_workers_some_are_drawn_and_the_others_counted(count: int) -> None:
    cluster = ToyCluster()
    cluster.join_many(count)
    view = ClusterView(cluster)  # type: ignore[arg-type]
    cluster.go_on(view, 3)
    cluster.lose("tcp://127.0.0.1:30003")
    cluster.traffic.workers["tcp://127.0.0.1:30003"].has_nanny = False
    view.act()
    news = news_of(view)
    assert len(news["shown"]) == len(news["rows"]) == min(count, ROWS)
    assert (3 in news["shown"]) == (count <= ROWS)  # it stays lost, so the living come before it
    assert len(news["points"][-1][1]) == len(WORKERS) + 1  # the others are added up
    assert sum(news["points"][-1][1]) == pytest.approx(1_000 * count)
    more = f"and {count - ROWS} more: {count - ROWS - 1} waiting, 1 lost" if count > ROWS else ""
    assert news["more"] == more
    assert view.table().count("<tr>") == 1 + min(count, ROWS)
    assert more in words(view.table())
    assert view.draw().png


def test_a_long_name_is_a_name(cluster: ToyCluster) -> None:
    cluster.join("tls://10.0.0.7:40000", "tls://10.0.0.7:40000")
    view = ClusterView(cluster)  # type: ignore[arg-type]
    cluster.go_on(view, 1)
    assert "10.0.0.7:40000" in view.table()


def test_the_counts_add_up_on_the_page(cluster: ToyCluster, view: ClusterView) -> None:
    traffic = cluster.traffic
    traffic.submitted, traffic.arrived, traffic.given_up, traffic.failed, traffic.in_flight = 1_234, 1_200, 20, 4, 10
    traffic.lost, traffic.stale = 21, 5
    for said in (words(view.table()), view.widget.get_state()["history"]["tasks"]):
        assert "1,234 submitted: 1,200 arrived, 4 failed, 20 given up, 10 in flight." in said
        assert "21 lost with a worker, and made again; 5 rollouts dropped as stale (policy lag above 1,000)" in said
        assert "cancelled" not in said


def test_a_picture_and_the_table_stay(cluster: ToyCluster, view: ClusterView) -> None:
    cluster.go_on(view, 4)
    final = view.final()
    assert final.count("<img") == 1
    for text in ("worker 0", "worker 1", cluster.dashboard_link, "&lt;tunnel&gt;", "Transitions a second by worker"):
        assert text in final
    assert "<details>" in final
    assert "<button" not in final
    assert "SIMULATED" not in final + view.summary()


def test_a_cluster_without_a_dashboard_has_no_link(cluster: ToyCluster) -> None:
    cluster.dashboard_link, cluster.how_to_reach_dashboard = "", "The scheduler has no dashboard."
    view = ClusterView(cluster)  # type: ignore[arg-type]
    assert "href" not in view.final()
    assert "has no dashboard" in view.final()


def test_simulated_machines_are_called_so(cluster: ToyCluster) -> None:
    cluster.simulated = True
    view = ClusterView(cluster)  # type: ignore[arg-type]
    view.record(status_at(1.0))
    assert view.widget.look["simulated"] is True
    assert view.summary().startswith("SIMULATED: ")
    assert "SIMULATED" in view.final()


def test_the_last_line_of_a_simulated_cluster_has_one_sign(cluster: ToyCluster) -> None:
    cluster.simulated = True
    bill = Meter(2.0, simulated=True)
    training = _Training(None, TrainingPanel(), ClusterView(cluster), bill)  # type: ignore[arg-type]
    training.record(cluster.work(0.5))
    assert training.last_words().startswith("Cost: SIMULATED $0.0000 of $2.00")
    assert "2 workers" in training.last_words()
    assert training.last_words().count("SIMULATED") == 1
    assert training.summary().count("SIMULATED") == 1  # it is read out without the cost


def test_training_runs_without_a_browser(cluster: ToyCluster) -> None:
    statuses = [cluster.work(0.5) for _ in range(8)]
    assert asyncio.run(live(statuses, cluster=cluster)) is statuses[-1]  # type: ignore[arg-type]
