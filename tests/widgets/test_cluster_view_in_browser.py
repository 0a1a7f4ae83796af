"""The picture of a cluster in a real JupyterLab: a click kills a worker, a new one comes, training goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import serious_findings

pytestmark = pytest.mark.slow

TOY = """
import sys
sys.path.insert(0, SUPPORT)
from toy_cluster import ToyCluster
from dqnkit.widgets.cluster_view import ClusterView

cluster = ToyCluster()
cluster.join_many(COUNT)
view = ClusterView(cluster)
view.enable()
display(view.widget)
await cluster.play(view, SECONDS)
""".replace("SUPPORT", repr(str(Path(__file__).parents[1] / "support")))

TRAINING = """
import sys
sys.path.insert(0, SUPPORT)
from toy_cluster import ToyCluster
from dqnkit.widgets import live

cluster = ToyCluster()
cluster.join_many(COUNT)
status = await live(cluster.train(120), title="CartPole, several workers", q_bound=100.0, cluster=cluster)
print("sum", 1 + status.step - status.step)
""".replace("SUPPORT", repr(str(Path(__file__).parents[1] / "support")))

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
FRAMES = """() => new Promise((done) => {
    let frames = 0, most = 0;
    const began = performance.now();
    requestAnimationFrame(function turn(now) {
        frames += 1;
        most = Math.max(most, document.querySelectorAll(".stage .token").length);
        if (now - began < 2000) requestAnimationFrame(turn);
        else done([frames / 2, most]);
    });
})"""
# milliseconds from the key or the click to the frame in which a box is shown as lost
ANSWER = """() => { window.dqnkitAnswer = new Promise((done) => {
    let pressed = 0;
    for (const kind of ["keydown", "pointerdown"]) {
        document.addEventListener(kind, (event) => { pressed ||= event.timeStamp; }, { capture: true });
    }
    requestAnimationFrame(function turn() {
        if (document.querySelector(".worker.lost")) done(performance.now() - pressed);
        else requestAnimationFrame(turn);
    });
}); }"""
# the panel with its cluster: height in pixels, what is cut, and whether all of it is in the window
WHOLE = """(area) => {
    area.scrollIntoView({ block: "end" });
    const parts = [...area.querySelectorAll(".dqnkit-board, .dqnkit-cluster")];
    const boxes = parts.map((one) => one.getBoundingClientRect());
    const [top, bottom] = [Math.min(...boxes.map((box) => box.top)), Math.max(...boxes.map((box) => box.bottom))];
    const cut = [area, ...area.querySelectorAll("*")].filter((one) => one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).overflowX !== "visible" && !/title|says|name|spoken/.test(one.className));
    return [bottom - top, cut.map((one) => one.outerHTML.slice(0, 80)), top >= 0 && bottom <= innerHeight];
}"""
TOO_WIDE = """(area) => [...area.querySelectorAll(":is(.dqnkit-board, .dqnkit-cluster) *")].filter((one) =>
    one.getBoundingClientRect().right > area.getBoundingClientRect().right + 1
    && !one.closest(".token")).map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def toy(lab: Lab, count: int, seconds: float, width: int = 1280, height: int = 800, dark: bool = False) -> Notebook:
    source = TOY.replace("COUNT", str(count)).replace("SECONDS", str(seconds))
    notebook = lab.open([source], width=width, height=height, dark=dark)
    notebook.run(0)
    worker(notebook, "0").wait_for(timeout=60_000)
    return notebook


def worker(notebook: Notebook, name: str, cell: int = 0) -> Any:
    return notebook.output(cell).get_by_role("button", name=re.compile(rf"^worker {name},"))


def see_that_it_fits(notebook: Notebook) -> None:
    box = box_of(notebook.output(0).locator(".dqnkit-cluster"))
    assert box["height"] <= 362, box
    assert notebook.output(0).evaluate(TOO_WIDE) == []


def test_a_worker_is_killed_with_the_keyboard_and_replaced_on_one_screen(lab: Lab) -> None:
    notebook = toy(lab, 2, 120)
    page = notebook.page
    notebook.wait_for(0, "waiting, 1,000 a second", timeout=20)
    see_that_it_fits(notebook)
    frames, tokens = zip(*(page.evaluate(FRAMES) for _ in range(2)), strict=True)
    assert max(frames) >= 30, frames
    assert min(tokens) > 0
    notebook.screenshot("cluster-picture")

    worker(notebook, "0").focus()
    page.keyboard.press("Tab")
    page.evaluate(ANSWER)
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.dqnkitAnswer") <= 100
    notebook.wait_for(0, r"a new one is starting: 1 s\s+\(usually about 7 s\)", timeout=10)
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == (
        "worker 1, lost, a new one is starting"
    )
    notebook.wait_for(0, r"worker 1 killed\. Its tasks go to others; its nanny process starts a new one")
    assert notebook.output(0).locator(".worker.lost").count() == 1
    page.wait_for_timeout(400)
    assert (
        page.evaluate("() => document.querySelector('.lost .tasks').checkVisibility({ opacityProperty: true })")
        is False
    )
    notebook.screenshot("cluster-killed")
    notebook.wait_for(0, r"a new one is starting: 3 s", timeout=10)
    notebook.wait_for(0, "worker 1 is back after 4 s", timeout=15)
    assert notebook.output(0).locator(".worker.lost").count() == 0
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')").startswith("worker 1, ")

    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(600)
    assert page.evaluate(FRAMES)[1] == 0  # nothing travels
    page.set_viewport_size({"width": 900, "height": 700})
    page.wait_for_timeout(600)
    see_that_it_fits(notebook)
    notebook.output(0).locator("summary").click()
    notebook.wait_for(0, r"Rollout tasks: 0 submitted")
    assert not serious_findings(notebook.page, ".dqnkit-cluster")
    notebook.interrupt()
    notebook.wait_until_done(0, timeout=30)

    notebook.save()
    points = "() => document.querySelector('.strips path[fill=none][stroke]').getAttribute('d').length"
    before = page.evaluate(points)
    notebook.load()
    worker(notebook, "1").wait_for(timeout=60_000)
    notebook.wait_for(0, "worker 1 is back after 4 s")
    assert page.evaluate(points) >= before - 20  # what was sent earlier is there as well
    assert not notebook.errors
    notebook.shut_down()


def test_many_workers_fit_in_the_dark_on_a_narrow_page(lab: Lab) -> None:
    notebook = toy(lab, 40, 12, width=900, height=700, dark=True)
    notebook.wait_for(0, "and 24 more: 24 waiting", timeout=20)
    notebook.page.wait_for_timeout(2000)
    see_that_it_fits(notebook)
    assert max(notebook.page.evaluate(FRAMES)[0] for _ in range(2)) >= 30
    worker(notebook, "5").click()
    notebook.wait_for(0, "worker 5 killed")
    notebook.screenshot("cluster-many-dark")
    assert not serious_findings(notebook.page, ".dqnkit-cluster")
    assert not notebook.errors
    notebook.shut_down()


def see_one_screen(notebook: Notebook) -> None:
    height, cut, seen = notebook.output(0).evaluate(WHOLE)
    assert height <= 640
    assert seen
    assert cut == []
    assert notebook.output(0).evaluate(TOO_WIDE) == []


@pytest.mark.parametrize(("count", "width", "dark"), [(2, 1280, False), (16, 900, True)])
def test_a_workers_death_and_the_learning_curve_are_seen_on_one_screen(
    lab: Lab, count: int, width: int, dark: bool
) -> None:
    notebook = lab.open([TRAINING.replace("COUNT", str(count))], width=width, height=800, dark=dark)
    notebook.run(0)
    worker(notebook, "1").and_(notebook.page.locator("[aria-disabled=false]")).wait_for(timeout=120_000)
    notebook.wait_for(0, r"Step [1-9]", timeout=20)
    see_one_screen(notebook)
    worker(notebook, "1").click()
    notebook.page.locator(".worker.lost").wait_for(timeout=10_000)
    see_one_screen(notebook)
    notebook.screenshot(f"cluster-training-killed-{width}")
    notebook.wait_for(0, "worker 1 is back after 4 s", timeout=20)
    see_one_screen(notebook)
    notebook.output(0).get_by_role("button", name="Show max Q").click()
    notebook.wait_for(0, "dotted: the most that can be earned, 100")
    notebook.page.wait_for_timeout(300)
    see_one_screen(notebook)
    notebook.screenshot(f"cluster-training-max-q-{width}")
    notebook.output(0).get_by_role("button", name="Show the return").click()
    assert not serious_findings(notebook.page, ".dqnkit-board")
    notebook.click(0, "Stop")
    notebook.wait_for(0, "sum 1", timeout=20)
    notebook.page.wait_for_timeout(500)
    notebook.screenshot(f"cluster-training-stopped-{width}", 0)
    assert not notebook.errors
    notebook.shut_down()


def step_of(notebook: Notebook) -> int:
    return int(re.findall(r"Step ([\d,]+) of", notebook.text(1))[0].replace(",", ""))


def test_a_real_worker_is_killed_by_a_click_and_training_goes_on(lab: Lab) -> None:
    notebook = lab.open([SETUP, RUN, AFTER], width=1280, height=1000)
    notebook.run(0)
    notebook.wait_for(0, "workers 2", timeout=120)
    notebook.run(1)
    for name in ("0", "1"):
        worker(notebook, name, 1).and_(notebook.page.locator("[aria-disabled=false]")).wait_for(timeout=90_000)
    notebook.wait_for(1, r"worker 1\s*[●○] (busy|waiting), [1-9]", timeout=60)
    notebook.page.wait_for_timeout(3000)
    before = step_of(notebook)
    began = time.monotonic()
    worker(notebook, "1", 1).click()
    notebook.wait_for(1, "worker 1 killed")
    notebook.wait_for(1, "a new one is starting")
    notebook.screenshot("cluster-real-lost")
    back = notebook.wait_for(1, r"worker 1 is back after (\d+) s", timeout=90)
    assert int(back[1]) <= time.monotonic() - began
    until = time.monotonic() + 120  # on a busy machine, text arrives slowly
    while step_of(notebook) <= before:
        assert time.monotonic() < until
        notebook.page.wait_for_timeout(100)
    assert notebook.is_running(1)
    notebook.page.wait_for_timeout(3000)
    notebook.screenshot("cluster-real-replaced")
    notebook.output(1).locator(".dqnkit-cluster summary").click()
    href = notebook.output(1).get_by_role("link", name="Dask dashboard").get_attribute("href")
    assert href is not None
    assert re.fullmatch(r"/proxy/\d+/status", href)  # below JupyterLab
    assert notebook.page.context.new_page().goto(lab.url + href).status == 200
    notebook.click(1, "Stop")
    notebook.wait_for(1, r"sum 1 in flight 0", timeout=60)
    notebook.run(2)
    notebook.wait_for(2, r"left \[\]", timeout=60)
    notebook.output(1).get_by_alt_text(re.compile("Transitions a second by worker")).first.wait_for(timeout=30_000)
    notebook.screenshot("cluster-real-stopped", 1)
    assert not notebook.errors
    notebook.shut_down()
