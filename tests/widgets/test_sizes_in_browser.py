"""Every widget of the course at 1280 and 900 pixels: at most 640 pixels high, and nothing is scrolled sideways.

Exempt is what is a page of text or a static picture: the results of checks and comparisons, the summary of progress,
tables, printed lines, and what stays of a live panel at its end. A training with its cluster is measured in
test_cluster_view_in_browser.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import MEASURE, serious_findings
from test_browser import SETUP
from test_live_in_browser import PLAYS

from dqnkit.classroom.course import LESSONS
from dqnkit.classroom.question import questions_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HIGHEST = 640  # pixels
SIZES = [(1280, 800), (900, 700)]
WIDGETS = {
    "push": "from dqnkit.lessons.start_here.push_cartpole import push_cartpole\npush_cartpole()",
    "grid": """
from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
from dqnkit.small_environments import GridWorld
stepper = grid_stepper(q_update)
stepper
""",
    "room": """
from dqnkit.lessons.q_network.views import cartpole_view, draw_room
room = GridWorld(size=5, observation="xy")
draw_room(lambda o: np.stack([o[:, 0], o[:, 1], -o[:, 0], -o[:, 1]], -1), room, room.optimal_q(0.8), "A room", "Look.")
""",
    "landscape": """
from dqnkit.lessons.q_network.landscape_view import Snapshot, grid_points
from dqnkit.lessons.q_network.views import ANGLE, SPEED
view = cartpole_view(10_000, 5.0)
x, y = np.moveaxis(grid_points(ANGLE, SPEED), -1, 0)
both = np.stack([3 - x * y / 30 - x / 12, 3 + np.cos(y) + x / 12], -1).astype(np.float32)
view.draw([Snapshot(update, both * update / 10_000, update / 2_000) for update in range(500, 10_001, 500)])
view
""",
    "ring": """
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView
RingView(8)
""",
    "replay": """
from dqnkit.lessons.replay.quarter_walk import QUARTERS, walk_by_quarters
walk = walk_by_quarters(GridWorld(size=8, observation="xy"), 0.8, 0, 2_000)
ReplayView(8, walk.states, walk.transitions.action, walk.next_states, walk.episodes,
           {name: 2_000 * (i + 1) for i, name in enumerate(QUARTERS)}, capacity=500, now=2_500)
""",
    "truncation": """
along = {"goes on": np.full(50, 97.0), "as if terminated": np.full(50, 33.0)}
TruncationView([0, 1_000, 2_000], {"goes on": [[0, 50, 97], [0, 48, 96]], "as if terminated": [0, 30, 33.0]}, along,
               {"1 / (1 − γ)": 100.0, "1 / (1 − γ (1 − 1/T))": 33.6}, gamma=0.99, limit=50)
""",
    "two networks": """
from dqnkit.lessons.target_network.two_networks_view import Look, TwoNetworks
seen = GridWorld(observation="xy")
optimum = seen.optimal_q(0.95).max(axis=1)
looks = [Look(u, optimum * u / 6_000, optimum * (u // 400 * 400) / 6_000, 1.0, 400, 1.0) for u in range(10, 6_001, 10)]
TwoNetworks(looks, seen, optimum)
""",
    "videos": """
import tempfile
from pathlib import Path
from dqnkit.widgets.video_player import player
from dqnkit.presets import preset
from dqnkit.videos import record_video
with tempfile.TemporaryDirectory() as folder:
    video = record_video(None, preset("CartPole-v1"), Path(folder) / "random.gif", max_frames=30)
    shown = player({"random policy": video, "trained policy": video})
shown
""",
    "bench": "from dqnkit.lessons.beyond_dqn.ailment_bench import bench\nbench()",
    "amdahl": "from dqnkit.lessons.rollouts_on_dask.amdahl_view import amdahl_view\namdahl_view()",
    "stragglers": "from dqnkit.lessons.strategy_learner.stragglers_view import stragglers\nstragglers(replicas=16)",
    "hand": """
from dqnkit.lessons.applications.hand import by_hand
from dqnkit.lessons.applications.tasks import TASKS
hand = by_hand(TASKS["game"])
hand
""",
    "class": """
from dqnkit.widgets.class_form import ClassForm
ClassForm(lambda action, text: None, needs_address=True).box
""",
    "upload": "from dqnkit.classroom import upload_progress\nupload_progress()",
}
LIVE = {  # each runs until it is stopped
    "live": """
settings = LiveSettings()
status = await live(playing(200.0, settings), settings=settings, title="CartPole", q_bound=100.0, band=band,
                    predicted=[[0, 20], [0.5, 400], [1, 490]])
""",
    "watch": """
from dqnkit.plots import error_curves
knobs = Sliders(alpha=(0.0, 1.0, 0.1), period=(1, 1000, 200))
def steps():
    for number in range(100_000):
        time.sleep(0.01)
        yield 1 / (1 + number)
def drawn(values):
    return error_curves({"error": (list(range(1, 1 + len(values))), values)})
last = await watch(steps(), drawn, total=100_000, title="Steps", sliders=knobs)
""",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def table() -> Iterator[list[tuple[str, int, int, int]]]:
    """Rows (widget, width of the page, width and height of its output), printed with ``-s``."""
    rows: list[tuple[str, int, int, int]] = []
    yield rows
    print("", *(f"{name:32} {page:5} {width:5} {height:4}" for name, page, width, height in rows), sep="\n")


def measured(
    notebook: Notebook, cells: dict[str, int], rows: list[tuple[str, int, int, int]], picture: bool = True
) -> list[str]:
    """Measure the outputs of cells at all sizes, in light and dark; what does not fit, in words."""
    wrong = []
    for width, height in SIZES:
        notebook.page.set_viewport_size({"width": width, "height": height})
        notebook.page.wait_for_timeout(1000)
        for name, cell in cells.items():
            output = notebook.output(cell)
            output.scroll_into_view_if_needed()
            found: dict[str, Any] = output.evaluate(MEASURE)
            rows.append((name, width, round(box_of(output)["width"]), found["height"]))
            if found["height"] > HIGHEST or found["scrolled"] or found["beyond"]:
                wrong.append(f"{name} at {width}: {found}")
            if picture:
                notebook.screenshot(f"size-{name.replace(' ', '-')}-{width}", cell)
    return wrong


def test_every_drawing_fits(lab: Lab, table: list[tuple[str, int, int, int]]) -> None:
    pytest.importorskip("minatar")
    notebook = lab.open(["import numpy as np", *WIDGETS.values()], width=1280, height=800)
    notebook.run_all()
    notebook.wait_until_done(timeout=400)
    cells = {name: cell for cell, name in enumerate(WIDGETS, start=1)}
    drawn = ".dqnkit :is(svg, canvas, .number), .dqnkit .scene img, .jupyter-widgets button"
    for cell in cells.values():
        notebook.output(cell).locator(drawn).first.wait_for(timeout=60_000)
    notebook.wait_for(cells["bench"], "Finished: no part")
    wrong = measured(notebook, cells, table)
    assert wrong == []
    assert not notebook.errors
    notebook.shut_down()


def test_every_prediction_fits(lab: Lab, table: list[tuple[str, int, int, int]]) -> None:
    ids = [f"{lesson}-{name}" for lesson in LESSONS for name in questions_of(lesson)]
    notebook = lab.open(["from dqnkit.classroom import predict", *(f"predict({id!r})" for id in ids)], width=1280)
    notebook.run_all()
    notebook.wait_until_done(timeout=400)
    cells = {id: cell for cell, id in enumerate(ids, start=1)}
    for cell in cells.values():
        notebook.output(cell).locator(".dqnkit").first.wait_for(timeout=60_000)
    assert measured(notebook, cells, table, picture=False) == []
    notebook.shut_down()


def test_every_live_panel_fits(lab: Lab, table: list[tuple[str, int, int, int]]) -> None:
    notebook = lab.open([SETUP + PLAYS, *LIVE.values()], width=1280, height=800, dark=True)
    notebook.run(0)
    notebook.wait_until_done(0)
    wrong = []
    for cell, name in enumerate(LIVE, start=1):
        notebook.run(cell)
        notebook.wait_for_controls(cell, timeout=60)
        notebook.page.wait_for_timeout(1500)
        wrong += measured(notebook, {name: cell}, table)
        assert not serious_findings(notebook.page, ".dqnkit-board")
        notebook.click(cell, "Stop")
        notebook.wait_until_done(cell)
    assert wrong == []
    notebook.shut_down()
