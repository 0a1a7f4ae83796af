"""Drawings that need no kernel, in a saved notebook: Amdahl's law, stragglers, replay; they calculate as Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import Wire, drag_across, path_across, serious_findings

from dqnkit.lessons.replay import replay_view
from dqnkit.lessons.replay.quarter_walk import QUARTERS, walk_by_quarters
from dqnkit.lessons.replay.replay_pictures import BufferView
from dqnkit.lessons.rollouts_on_dask import amdahl_view
from dqnkit.lessons.strategy_learner import stragglers_view
from dqnkit.small_environments import GridWorld
from dqnkit.widgets.drawing import script

pytestmark = pytest.mark.slow

AMDAHL, STRAGGLERS, RING, REPLAY, TRUNCATION = range(5)
CELLS = [
    "from dqnkit.lessons.rollouts_on_dask.amdahl_view import amdahl_view\namdahl_view()",
    "from dqnkit.lessons.strategy_learner.stragglers_view import stragglers\nstragglers(replicas=8, spread=2.0)",
    "from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView\nRingView(4, batch_size=2)",
    """from dqnkit.lessons.replay.quarter_walk import QUARTERS, walk_by_quarters
from dqnkit.small_environments import GridWorld
walk = walk_by_quarters(GridWorld(size=8, observation="xy"), 0.8, 0, 2_000)
ReplayView(8, walk.states, walk.transitions.action, walk.next_states, walk.episodes,
           {name: 2_000 * (i + 1) for i, name in enumerate(QUARTERS)}, capacity=500, now=2_500)""",
    """import numpy as np
along = {"goes on": np.full(50, 97.0), "as if terminated": np.full(50, 33.0)}
TruncationView([0, 1_000, 2_000], {"goes on": [[0, 50, 97], [0, 48, 96]], "as if terminated": [0, 30, 33.0]}, along,
               {"1 / (1 − γ)": 100.0, "1 / (1 − γ (1 − 1/T))": 33.6}, gamma=0.99, limit=50)""",
]
NAMES = ["amdahl", "stragglers", "ring", "replay", "truncation"]
FITS = "el => el.scrollWidth <= el.clientWidth && el.clientWidth <= el.parentElement.clientWidth"
LESSONS = Path(amdahl_view.__file__).parents[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook with the drawings, saved; its kernel is shut down."""
    notebook = lab.open(CELLS)
    notebook.run_all()
    notebook.wait_until_done()
    notebook.save()
    notebook.shut_down()
    return notebook.path


@pytest.fixture(scope="module")
def notebook(lab: Lab, saved: Path) -> Iterator[Notebook]:
    """The saved notebook, reopened; it has no kernel."""
    notebook = lab.open(saved, width=1280, height=800)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    for cell in range(len(CELLS)):
        notebook.output(cell).locator(".dqnkit svg").first.wait_for(timeout=30_000)
    yield notebook
    assert not notebook.errors
    notebook.page.close()


def calculated(lab: Lab, module: str, expression: str, **given: Any) -> Any:
    """What JavaScript, with the functions of a drawing, makes of an expression."""
    page = lab.browser.new_page()
    try:
        page.goto("about:blank")
        names = ", ".join(given)
        code = script(LESSONS / module, f"return JSON.stringify({expression});")
        function = f"({{ {names} }}) => {{ {code} }}"
        return json.loads(page.evaluate(function, given))
    finally:
        page.close()


def test_amdahls_jobs_are_those_of_python(lab: Lab) -> None:
    cases = [(n, driver) for n in (1, 3, 4, 5, 16) for driver in (0.0, 0.005, 0.025, 0.1)]
    found = calculated(
        lab,
        "rollouts_on_dask/amdahl_view.js",
        "cases.map(([n, driver]) => [withBarrier, withStream].map((make) => [make(job, n, driver), "
        "speedupOf(job, make(job, n, driver), driver)]))",
        cases=cases,
        job={"rollout": amdahl_view.ROLLOUT_SECONDS, "rollouts": amdahl_view.NUM_ROLLOUTS},
    )
    for (workers, driver), both in zip(cases, found, strict=True):
        for make, (work, times) in zip((amdahl_view.with_barrier, amdahl_view.with_stream), both, strict=True):
            expected = make(workers, driver)
            np.testing.assert_allclose([[w["row"], w["begin"], w["end"]] for w in work], expected, atol=1e-9)
            assert times == pytest.approx(amdahl_view.speedup_of(expected, driver))


def test_the_simulated_replicas_are_those_of_python(lab: Lab) -> None:
    cases = [
        stragglers_view.Settings(),
        stragglers_view.Settings(8, 2.0, 1.0, 1.0),
        stragglers_view.Settings(16, 8.0, 0.0, 4.0),
        stragglers_view.Settings(1, 0.0, 10.0, 2.5, waits=False),
        stragglers_view.Settings(16, 3.5, 0.5, 1.25, waits=False),
    ]
    found = calculated(
        lab,
        "strategy_learner/stragglers_view.js",
        "cases.map((settings) => (settings.waits ? synchronous : asynchronous)("
        "computeTimes(exponentials(16 * updates, seed), { mean, updates }, settings), settings.sync, drawn))",
        cases=[settings._asdict() for settings in cases],
        updates=stragglers_view.NUM_UPDATES,
        seed=stragglers_view.SEED,
        mean=stragglers_view.MEAN_COMPUTE_MS,
        drawn=stragglers_view.DRAWN_MS,
    )
    for settings, run in zip(cases, found, strict=True):
        simulate = stragglers_view.synchronous if settings.waits else stragglers_view.asynchronous
        spans, update, busy = simulate(stragglers_view.compute_times(settings), settings.sync)
        assert (run["update"], run["busy"]) == pytest.approx((update, busy), rel=1e-9)
        assert [(span["row"], span["kind"]) for span in run["spans"]] == [(span.row, span.kind) for span in spans]
        np.testing.assert_allclose(
            [(span["begin"], span["end"]) for span in run["spans"]], [span[1:3] for span in spans], atol=1e-9
        )


def test_what_the_buffer_holds_is_counted_as_in_python(lab: Lab) -> None:
    walk = walk_by_quarters(GridWorld(size=8, observation="xy"), 0.8, seed=0, steps_each=500)
    run = (walk.states, walk.transitions.action, walk.next_states, walk.episodes)
    view = replay_view.ReplayView(8, *run, {name: 500 * (i + 1) for i, name in enumerate(QUARTERS)})
    drawn = np.random.default_rng(1).integers(800, 1_300, size=32, dtype=np.int32)
    cases = [(1_300, 500, drawn), (2_000, 8_000, np.arange(1_968, 2_000)), (1, 32, np.zeros(1, np.int32))]
    found = calculated(
        lab,
        "replay/replay_view.js",
        "cases.map(([now, capacity, drawn]) => [countTo(Math.max(0, now - capacity), now), drawn]"
        ".map((steps) => factsOf(runOf(run), now, steps)))",
        cases=[(now, capacity, batch.tolist()) for now, capacity, batch in cases],
        run=view.data["run"],
    )
    for (now, capacity, batch), facts in zip(cases, found, strict=True):
        expected = BufferView(
            8, walk.states, walk.next_states, walk.transitions.action, walk.episodes, now, capacity, batch, {}
        )
        assert list(zip(*facts, strict=True)) == [row[1:] for row in expected.facts()[1:]]


def across(box: dict[str, float]) -> list[tuple[float, float]]:
    """Points along a slider, there and back."""
    shares = [0.1 + 0.8 * abs(6 * step % 120 - 60) / 60 for step in range(61)]
    return [(box["x"] + box["width"] * share, box["y"] + box["height"] / 2) for share in shares]


def test_the_hand_is_answered_in_a_frame_without_a_kernel(notebook: Notebook) -> None:
    wire = Wire(notebook.page)
    curve, strip = (notebook.output(cell).get_by_role("img").nth(1) for cell in (AMDAHL, REPLAY))
    slider = notebook.output(STRAGGLERS).get_by_role("slider", name="random part")
    hand = [(AMDAHL, curve, path_across), (STRAGGLERS, slider, across), (REPLAY, strip, path_across)]
    for cell, target, path in hand:
        before = notebook.text(cell)
        target.scroll_into_view_if_needed()
        answered = drag_across(notebook.page, target, wire, path=path)
        print(NAMES[cell], answered)
        assert answered.milliseconds <= 50, (NAMES[cell], answered)
        assert answered.to_kernel == 0
        assert notebook.text(cell) != before


def test_all_of_it_can_be_operated_by_keys(notebook: Notebook) -> None:
    def press(cell: int, role: str, name: str, keys: str) -> None:
        """Press keys on a control that Tab reaches."""
        control = notebook.output(cell).get_by_role(role, name=name).first
        control.scroll_into_view_if_needed()
        assert control.evaluate("el => el.tabIndex") == 0
        control.focus()
        for key in keys.split():
            notebook.page.keyboard.press(key)
        assert notebook.output(cell).locator(":focus").count() == 1  # it stays

    press(AMDAHL, "slider", "workers", "Home " + "ArrowRight " * 7)
    notebook.wait_for(AMDAHL, r"3\.3 ×")
    press(AMDAHL, "radio", "barrier", "ArrowRight")
    notebook.wait_for(AMDAHL, r"4\.\d ×[\s\S]*40 rollouts a second")
    press(STRAGGLERS, "slider", "random part", "Home " + "ArrowRight " * 20)
    press(STRAGGLERS, "slider", "replicas", "Home " + "ArrowRight " * 7)
    notebook.wait_for(STRAGGLERS, r"69 % busy[\s\S]*14\.4\s+ms per update")
    press(STRAGGLERS, "radio", "synchronous", "ArrowRight")
    notebook.wait_for(STRAGGLERS, r"91 % busy[\s\S]*7\s+updates: age")
    press(RING, "button", "Draw a batch", "Enter")
    notebook.wait_for(RING, "add transitions first")
    press(RING, "button", "Add 5", "Enter")
    notebook.wait_for(RING, "Transitions 0 to 4 came; 0 had to go")
    press(RING, "button", "Add 1", "Space")
    notebook.wait_for(RING, "Transition 5 came; 1 had to go")
    press(RING, "button", "Draw a batch", "Enter")
    notebook.wait_for(RING, r"Drawn: transitions [2-5], [2-5]\. They stay")
    press(RING, "button", "Empty it", "Enter")
    notebook.wait_for(RING, "4 free slots")
    press(REPLAY, "slider", "steps so far", "Home")
    notebook.wait_for(REPLAY, "1 of 500 slots")
    press(REPLAY, "radio", "500", "ArrowRight ArrowRight")
    press(REPLAY, "slider", "steps so far", "End")
    notebook.wait_for(REPLAY, "8,000 of 8,000 slots")
    press(REPLAY, "radio", "at random", "ArrowRight")
    notebook.wait_for(REPLAY, "0 to 31, mean 16")
    press(REPLAY, "button", "Play", "Enter")
    notebook.wait_for(REPLAY, r"(?m)^\s*\d{2,3} of 8,000 slots|\s\d{2,3} of 8,000 slots")
    press(REPLAY, "button", "Pause", "Enter")
    notebook.wait_for(REPLAY, "Play")
    press(TRUNCATION, "radio", "goes on", "ArrowRight")
    notebook.wait_for(TRUNCATION, r"nothing follows[\s\S]*33\.0")


def test_it_fits_and_can_be_read_by_all(notebook: Notebook) -> None:
    for width, height, theme in ((1280, 800, "Light"), (900, 700, "Light"), (1280, 800, "Dark")):
        notebook.page.set_viewport_size({"width": width, "height": height})
        notebook.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        notebook.page.wait_for_timeout(1000)
        for cell, name in enumerate(NAMES):
            drawing = notebook.output(cell).locator(".dqnkit")
            drawing.scroll_into_view_if_needed()
            notebook.screenshot(f"{name}-{theme.lower()}-{width}", cell)
            assert box_of(drawing)["height"] <= 640, name
            assert drawing.evaluate(FITS), (name, width)
        assert not serious_findings(notebook.page, ".dqnkit")
