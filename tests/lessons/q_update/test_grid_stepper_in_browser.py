"""The grid stepper in a browser: its arithmetic is that of the kit, it answers the hand, and it needs no kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import (
    Wire,
    computed,
    drag_across,
    load_and_end_kernel,
    path_to_and_fro,
    serious_findings,
    without_kernel,
)

from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import MODULE, grid_stepper, world_as_json
from dqnkit.small_environments import GridWorld

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STEPPER = """
from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
stepper = grid_stepper(q_update, alpha=0.5, gamma=0.9, epsilon=1.0)
stepper
"""
AWAITED = """
import asyncio
for _ in range(600):
    await asyncio.sleep(0.05)
    if stepper.updates >= 103:
        break
print("heard of", stepper.updates * 7)
"""
WRONG = "stepper = grid_stepper(lambda q, s, a, r, s_next, end, alpha, gamma: q[s, a] + alpha * r)\nstepper"
RUN = """(() => {
    const agent = new QLearning(data.world), steps = [];
    for (let n = 0; n < data.steps; n++) steps.push(agent.step(data));
    return { steps, q: agent.q, error: agent.error(optimalQ(data.world, data.gamma)) };
})()"""

# the number of arrows, and the numbers that an arrow comes closer to than a pixel
TOUCHED = """() => {
    const seen = (what) => [...document.querySelectorAll(`.dqnkit-grid svg ${what}`)]
        .filter((element) => getComputedStyle(element).visibility === "visible")
        .map((element) => [element.getBoundingClientRect(), element.textContent]);
    const arrows = seen(".dqnkit-grid-arrow"), numbers = seen("text");
    const beside = (a, n) => a.left < n.right + 1 && n.left < a.right + 1;
    const close = ([a], [n]) => beside(a, n) && a.top < n.bottom - 2 && n.top + 2 < a.bottom;
    return [arrows.length, numbers.filter((n) => arrows.some((a) => close(a, n))).map(([, text]) => text)];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def kernel_ended(notebook: Notebook) -> None:
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.wait_for_timeout(1000)


def slider(notebook: Notebook, name: str) -> Any:
    return notebook.output(0).get_by_role("slider", name=name)


@pytest.mark.parametrize("epsilon", [0.3, 1.0])
def test_a_run_of_the_browser_is_one_of_the_kits_environment_and_formula(lab: Lab, epsilon: float) -> None:
    env = GridWorld(slip=0.3, goals={(0, 2): 0.2, (4, 4): 1.0})
    alpha, gamma, count = 0.5, 0.9, 3_000
    page = lab.browser.new_page()
    world = {**world_as_json(env), "seed": 1}
    run = computed(
        page, MODULE, RUN, {"world": world, "alpha": alpha, "gamma": gamma, "epsilon": epsilon, "steps": count}
    )
    q, counts, explored = np.zeros((25, 4)), np.zeros((25, 4, 25)), []
    state, time = 0, 0
    for step in run["steps"]:
        s, a, s_next = step["s"], step["a"], step["next"]
        assert s == (0 if time == 0 else state), "an episode begins at the start, a step where the last one ended"
        assert step["r"] == env.rewards[s, a, s_next]
        assert step["terminated"] == env.terminal[s_next]
        assert step["explored"] or q[s, a] == pytest.approx(q[s].max(), abs=1e-11)
        value = q_update(q, s, a, step["r"], s_next, step["terminated"], alpha, gamma)
        assert step["value"] == pytest.approx(value, rel=1e-12, abs=1e-15)
        q[s, a] = step["value"]
        counts[s, a, s_next] += 1
        explored.append(step["explored"])
        state, time = s_next, 0 if step["terminated"] or time == 99 else time + 1
    np.testing.assert_array_equal(run["q"], q)
    exact = env.optimal_q(gamma, tolerance=1e-6)
    assert run["error"] == pytest.approx(np.abs(q - exact)[~env.terminal].max())
    assert np.mean(explored) == pytest.approx(epsilon, abs=0.04)
    assert not counts[env.probabilities == 0].any()
    moves = counts.sum(axis=2)
    slipped = (counts[:, :, :] * (env.probabilities < 0.5)).sum() / counts[moves > 0].sum()
    assert slipped == pytest.approx(0.75 * 0.3, abs=0.08)  # where a wall is, some slips arrive where the move does
    page.close()


def test_the_browsers_exact_values_are_the_kits(lab: Lab) -> None:
    page = lab.browser.new_page()
    for env in (GridWorld(), GridWorld(slip=0.3), GridWorld(6, goals={(0, 2): 0.2, (5, 5): 1.0})):
        for gamma in (0.0, 0.5, 0.9, 0.99):
            exact = computed(
                page, MODULE, "optimalQ(data.world, data.gamma)", {"world": world_as_json(env), "gamma": gamma}
            )
            np.testing.assert_allclose(exact, env.optimal_q(gamma, tolerance=1e-6), rtol=0, atol=1e-12)
    page.close()


def test_the_first_step_is_at_random_among_equal_values(lab: Lab) -> None:
    page = lab.browser.new_page()
    first = "data.map((world) => new QLearning(world).step({ alpha: 0.5, gamma: 0.9, epsilon: 0 }).a)"
    actions = computed(page, MODULE, first, [{**world_as_json(GridWorld()), "seed": seed} for seed in range(200)])
    assert np.bincount(actions, minlength=4).min() > 30
    page.close()


def test_what_the_notebook_says_of_the_stepper_is_true(lab: Lab) -> None:
    env, gamma = GridWorld(), 0.9
    exact = env.optimal_q(gamma)
    page = lab.browser.new_page()
    data = {"world": {**world_as_json(env), "seed": 0}, "alpha": 0.5, "gamma": gamma, "epsilon": 0.5, "steps": 2_000}
    first = next(step for step in computed(page, MODULE, RUN, data)["steps"] if step["value"] != 0)
    assert (first["terminated"], first["value"]) == (True, 0.5), (
        "the first value to change is of the move into the goal"
    )
    # with an alpha of 1 a value is right once the best value of the next square is, and wrong before
    q, right_before, wrong_before = np.zeros((25, 4)), [], []
    for step in computed(page, MODULE, RUN, {**data, "alpha": 1.0})["steps"]:
        next_is_right = np.isclose(q[step["next"]].max(), exact[step["next"]].max())
        is_right = np.isclose(step["value"], exact[step["s"], step["a"]])
        (right_before if step["terminated"] or next_is_right else wrong_before).append(is_right)
        q[step["s"], step["a"]] = step["value"]
    assert right_before
    assert all(right_before)
    assert wrong_before
    assert not any(wrong_before)
    page.close()


def test_python_makes_the_updates_too_also_while_a_cell_runs_and_after_a_reload(lab: Lab) -> None:
    notebook = lab.open([STEPPER, AWAITED, WRONG], width=1280, height=800)
    notebook.run(0)
    notebook.wait_for(0, r"\b0 updates, error 1\.000")
    for count in (1, 2, 3):
        notebook.click(0, "Step: one update")
        notebook.wait_for(0, rf"\b{count} updates, error")
    notebook.wait_for(0, r"your q_update gave the same 3 values")
    assert re.search(r"0\.9 × 0\.000", notebook.text(0))
    notebook.run(1)
    notebook.page.wait_for_timeout(500)
    assert notebook.is_running(1)
    notebook.click(0, "100 updates")
    notebook.wait_for(1, r"heard of 721")
    notebook.wait_for(0, r"your q_update gave the same 103 values")
    slider(notebook, "gamma").focus()
    notebook.page.keyboard.press("ArrowLeft")
    notebook.wait_for(0, r"The exact Q\* for gamma = 0\.89")
    notebook.page.wait_for_timeout(300)
    assert not serious_findings(notebook.page, ".dqnkit-grid")
    notebook.click(0, "100 updates")
    notebook.wait_for(0, r"the same 203 values")

    notebook.save()
    assert not notebook.errors
    notebook.load()
    notebook.wait_for(0, r"\b203 updates, error")
    notebook.wait_for(0, r"The exact Q\* for gamma = 0\.89")
    notebook.wait_for(0, r"the same 203 values")
    notebook.click(0, "Reset the table")
    notebook.wait_for(0, r"\b0 updates, error 1\.000")

    notebook.run(2)
    notebook.wait_for(2, r"\b0 updates")
    notebook.click(2, "100 updates")
    notebook.click(2, "100 updates")
    notebook.click(2, "100 updates")
    notebook.wait_for(
        2, r"Update \d+, (up|right|down|left) from \(\d, \d\): your q_update gave [\d.]+, the formula gives"
    )
    kernel_ended(notebook)
    notebook.click(2, "Step: one update")
    notebook.wait_for(2, r"Python has not answered|No Python is connected")
    notebook.page.close()


@pytest.mark.parametrize("width", [620, 830, 1060])
def test_no_arrow_touches_a_number(lab: Lab, width: int) -> None:
    page = without_kernel(lab.browser, grid_stepper(q_update)._repr_mimebundle_()["text/html"], width)
    arrows, touched = page.evaluate(TOUCHED)
    assert arrows >= 40, "those of the exact values"
    assert touched == []
    page.close()


def test_it_is_alive_without_a_kernel(lab: Lab) -> None:
    page = without_kernel(lab.browser, grid_stepper(q_update, epsilon=1.0)._repr_mimebundle_()["text/html"], 1112)
    whole = page.locator(".dqnkit-grid")
    assert "No Python is connected" in whole.inner_text()
    assert box_of(whole)["height"] <= 640
    page.get_by_role("button", name="100 updates").focus()  # by keys alone
    for _ in range(10):
        page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert re.search(r"\b1,000 updates, error 0\.", whole.inner_text())
    page.get_by_role("slider", name="speed").focus()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Play").click()  # one update a second
    page.wait_for_timeout(2_500)
    page.get_by_role("button", name="Pause").click()
    assert re.search(r"\b1,00[1-4] updates", whole.inner_text())
    page.get_by_role("slider", name="speed").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Play").click()  # 200 updates a second, while gamma is dragged
    answered = drag_across(page, page.get_by_role("slider", name="gamma"), path=path_to_and_fro)
    print(answered)
    assert answered.milliseconds <= 50, answered
    page.close()


def test_in_jupyterlab_it_goes_on_after_its_kernel_has_ended(lab: Lab) -> None:
    notebook = lab.open([STEPPER], width=900, height=700)
    wire = Wire(notebook.page)
    notebook.run(0)
    notebook.wait_for(0, r"\b0 updates")
    notebook.save()
    load_and_end_kernel(notebook)
    whole = notebook.output(0).locator(".dqnkit-grid")
    assert box_of(whole)["height"] <= 640
    assert whole.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    assert not serious_findings(notebook.page, ".dqnkit-grid")
    notebook.click(0, "100 updates")
    notebook.wait_for(0, r"\b100 updates")
    notebook.wait_for(0, "No Python is connected|Python has not answered")
    slider(notebook, "speed").focus()
    notebook.page.keyboard.press("End")
    notebook.click(0, "Play")
    answered = drag_across(notebook.page, slider(notebook, "gamma"), wire, path=path_to_and_fro, wanted=30)
    print(answered)
    assert answered.to_kernel == 0
    notebook.screenshot("grid-900", 0)
    notebook.page.close()
