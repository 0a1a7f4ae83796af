"""CartPole by hand in a browser: Gymnasium's physics, answered within a frame, by pointer or keys, without a kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from browser import Lab, jupyter_lab
from drawn import Wire, computed, drag, load_without_kernel, serious_findings

import dqnkit.lessons.start_here.push_cartpole as push_cartpole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MODULE = Path(push_cartpole.__file__).with_suffix(".js")
CART = "from dqnkit.lessons.start_here.push_cartpole import push_cartpole\npush_cartpole()"
EPISODE = """(() => {
    let state = data.state;
    const states = [], ends = [];
    for (const action of data.actions) {
        state = cartStep(state, action);
        states.push(state);
        ends.push(endOf(state, states.length));
    }
    return { states, ends };
})()"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def by_rule(state: Any) -> int:
    return int(state[2] + 0.5 * state[3] > 0)


def test_the_physics_are_gymnasiums(lab: Lab) -> None:
    page = lab.browser.new_page()
    rng = np.random.default_rng(0)
    env: Any = gym.make("CartPole-v1")
    ends = set()
    for seed in range(30):
        env.reset(seed=seed)
        start = list(env.unwrapped.state)
        actions, states, over = [], [], False
        while not over:  # a rule that balances, chance, and one that leaves the track
            rules = [by_rule(env.unwrapped.state), int(rng.integers(2)), int(env.unwrapped.state[2] + 0.04 > 0)]
            actions.append(rules[seed % 3])
            *_, terminated, truncated, _ = env.step(actions[-1])
            states.append(list(env.unwrapped.state))
            over = terminated or truncated
        found = computed(page, MODULE, EPISODE, {"state": start, "actions": actions})
        np.testing.assert_allclose(found["states"], states, rtol=1e-9, atol=1e-12)
        assert not any(found["ends"][:-1])
        ends.add(found["ends"][-1])
        assert found["ends"][-1].startswith("terminated" if terminated else "truncated")
    assert len(ends) >= 2
    assert computed(page, MODULE, "endOf([2.41, 0, 0, 0], 3)") == "terminated: the cart left the track"
    page.close()


@pytest.mark.parametrize(("width", "height", "dark"), [(1280, 800, False), (900, 700, True)])
def test_the_cart_is_pushed_without_a_kernel(lab: Lab, width: int, height: int, dark: bool) -> None:
    notebook = lab.open([CART], width=width, height=height, dark=dark)
    wire = Wire(notebook.page)
    notebook.run(0)
    notebook.wait_for(0, "A new episode")
    notebook.save()
    load_without_kernel(notebook)
    whole = notebook.output(0).locator(".dqnkit-cart")
    whole.wait_for(timeout=30_000)
    notebook.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")
    notebook.wait_for(0, "A new episode")
    assert whole.bounding_box()["height"] <= 640
    assert whole.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    assert not serious_findings(notebook.page, ".dqnkit-cart")

    notebook.click(0, "Push left")
    notebook.wait_for(0, r"\b1 return", timeout=1)
    notebook.page.keyboard.press("ArrowLeft")  # the keys go on where the pointer was
    notebook.wait_for(0, r"\b2 return", timeout=1)
    again = notebook.output(0).get_by_role("button", name="Start again")
    again.focus()  # from here by keys alone
    for _ in range(30):
        notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for(0, r"terminated: the pole fell")
    steps = notebook.wait_for(0, r"Your returns so far: (\d+)\.")[1]
    assert 8 <= int(steps) <= 20
    notebook.page.keyboard.press("Enter")
    notebook.wait_for(0, r"\b0 return")

    notebook.output(0).get_by_role("slider", name="speed").focus()
    notebook.page.keyboard.press("Home")  # slowly: the episode lasts as long as the hand moves
    box = notebook.output(0).locator(".stage svg").bounding_box()
    sides = [(box["x"] + box["width"] * (0.1 if n % 2 else 0.9), box["y"] + 100 + n % 7) for n in range(26)]
    answered = drag(notebook.page, sides, wire)
    print(f"{width}: {answered}")
    assert answered.frames_per_second >= 50, answered
    assert answered.milliseconds <= 50, answered
    assert answered.to_kernel == 0
    notebook.screenshot(f"cart-{width}", 0)

    notebook.click(0, "Start again")
    notebook.output(0).get_by_role("checkbox").check()
    notebook.click(0, "Push left")
    notebook.wait_for(0, r"terminated: the pole fell", timeout=20)
    assert not notebook.output(0).get_by_role("checkbox").is_checked()
    assert len(re.findall(r"\d+", notebook.wait_for(0, r"Your returns so far: [\d, ]+\.")[0])) >= 2
    notebook.page.close()
