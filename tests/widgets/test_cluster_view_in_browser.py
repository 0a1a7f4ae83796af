"""The live view of a cluster in a real JupyterLab: a worker process is killed by a click, and training goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from browser import Lab, Notebook, jupyter_lab

pytestmark = pytest.mark.slow

# Few samples per insert: then the workers set the pace and are busy.
SETUP = """
from dqnkit.cluster.watched_cluster import WatchedCluster
from dqnkit.deploy import make_cluster
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import LiveSettings
from dqnkit.widgets import live

cluster = make_cluster(n_workers=2)
client = cluster.get_client()
rollouts = ClusterRollouts(client)
settings = LiveSettings()
config = preset("CartPole-v1", total_steps=20_000_000, samples_per_insert=0.5)
print("workers", len(client.nthreads()))
"""
RUN = """
training = train(config, rollouts=rollouts, live=settings)
status = await live(training, settings=settings, title="CartPole", q_bound=100.0, cluster=WatchedCluster(rollouts))
print("sum", 1 + status.step - status.step, "in flight", rollouts.traffic.in_flight)
"""
AFTER = """
import threading
client.close()
cluster.close()
print("left", [thread.name for thread in threading.enumerate() if thread.name.startswith("dqnkit")])
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def step_of(notebook: Notebook) -> int:
    return int(re.findall(r"Step ([\d,]+) of", notebook.text(1))[0].replace(",", ""))


def busy_cluster(lab: Lab, width: int = 1400, dark: bool = False) -> Notebook:
    """A notebook whose second cell trains on two workers; both are working."""
    notebook = lab.open([SETUP, RUN, AFTER], width=width, height=1400, dark=dark)
    notebook.run(0)
    notebook.wait_for(0, "workers 2", timeout=120)
    notebook.run(1)
    notebook.wait_for(1, "Kill a worker", timeout=90)
    for number in (0, 1):
        notebook.wait_for(1, rf"worker {number}\s+[●○] (busy|waiting)\s+[1-9]", timeout=90)
    return notebook


def see_that_nothing_runs_on(notebook: Notebook) -> None:
    notebook.wait_for(1, r"sum 1 in flight 0", timeout=60)
    notebook.run(2)
    notebook.wait_for(2, r"left \[\]", timeout=60)


def test_a_worker_is_killed_by_a_click_and_training_goes_on(lab: Lab) -> None:
    notebook = busy_cluster(lab)
    notebook.page.wait_for_timeout(3000)
    notebook.screenshot("cluster-wide")
    notebook.output(1).locator("select").select_option(label="worker 1")
    before = step_of(notebook)
    notebook.click(1, "Kill a worker")
    notebook.wait_for(1, r"worker 1 was killed", timeout=20)
    notebook.wait_for(1, r"worker 1\s+✖ lost", timeout=20)
    notebook.screenshot("cluster-lost", 1)
    notebook.wait_for(1, r"worker 1\s+[●○] (busy|waiting)\s+[\d,]+\s+[\d,]+\s+\d+ %\s+1\b", timeout=60)  # a new worker
    notebook.wait_for(1, r"worker 0\s+[●○]", timeout=60)
    until = time.monotonic() + 120  # on a busy machine, pictures and text arrive slowly
    while step_of(notebook) <= before:
        assert time.monotonic() < until
        notebook.page.wait_for_timeout(100)
    assert notebook.is_running(1)
    notebook.page.wait_for_timeout(3000)
    notebook.screenshot("cluster-replaced", 1)
    href = notebook.output(1).get_by_role("link", name="Dask dashboard").get_attribute("href")
    assert href is not None
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", href)
    assert notebook.page.context.new_page().goto(href).status == 200
    notebook.click(1, "Stop")
    see_that_nothing_runs_on(notebook)
    assert notebook.output(1).get_by_role("button").count() == 0
    assert re.search(r"worker 1\s.*\b1\b", notebook.text(1))
    notebook.screenshot("cluster-stopped", 1)
    assert not notebook.errors


@pytest.mark.parametrize(("name", "width", "dark"), [("dark", 1400, True), ("narrow", 680, False)])
def test_how_it_looks(lab: Lab, name: str, width: int, dark: bool) -> None:
    notebook = busy_cluster(lab, width, dark)
    notebook.page.wait_for_timeout(4000)
    notebook.screenshot(f"cluster-{name}", 1)
    picture, table = (notebook.output(1).locator(what).last.bounding_box() for what in ("img", "table"))
    assert picture
    assert table
    assert (table["x"] >= picture["x"] + picture["width"] - 1) == (width == 1400)
    assert max(picture["x"] + picture["width"], table["x"] + table["width"]) <= width
    alt = notebook.output(1).locator("img").last.get_attribute("alt")
    assert alt is not None
    assert "Transitions a second by worker" in alt
    assert notebook.output(1).locator("[aria-live=polite]").count() == 1
    if name == "narrow":
        notebook.interrupt()
        notebook.wait_for(1, "interrupted; what was reached so far is kept", timeout=60)
    else:
        notebook.click(1, "Stop")
    see_that_nothing_runs_on(notebook)
    assert not notebook.errors
