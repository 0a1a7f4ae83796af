"""CartPole by hand in a browser: Gymnasium's physics, answered within a frame, by pointer or keys, without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from browser import Lab, box_of, jupyter_lab
from drawn import Answer, Wire, computed, drag, load_and_end_kernel, serious_findings, smooth, without_kernel

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


def drag_from_side_to_side(page: Any, stage: Any, wire: Wire | None = None) -> Answer:
    box = box_of(stage)
    sides = [(box["x"] + box["width"] * (0.1 if n % 2 else 0.9), box["y"] + 100 + n % 7) for n in range(26)]
    return drag(page, sides, wire)


def test_the_cart_is_pushed_by_keys_and_pointer_without_a_kernel(lab: Lab) -> None:
    page = without_kernel(lab.browser, push_cartpole.push_cartpole().html(), 1112)
    whole = page.locator(".dqnkit-cart")

    def text(words: str) -> None:
        page.wait_for_function("words => new RegExp(words).test(document.body.innerText)", arg=words, timeout=20_000)

    text("A new episode")
    assert box_of(whole)["height"] <= 640
    page.get_by_role("button", name="Push left").click()
    text(r"\b1 return")
    page.keyboard.press("ArrowLeft")  # the keys go on where the pointer was
    text(r"\b2 return")
    page.get_by_role("button", name="Start again").focus()  # from here by keys alone
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    text(r"terminated: the pole fell")
    text(r"Your returns so far: \d+\.")
    page.keyboard.press("Enter")
    text(r"\b0 return")

    page.get_by_role("slider", name="speed").focus()
    page.keyboard.press("Home")  # slowly: the episode lasts as long as the hand moves
    answered = smooth(page, lambda: drag_from_side_to_side(page, page.locator(".stage svg")))
    print(answered)
    assert answered.milliseconds <= 50, answered

    page.keyboard.press("End")
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Push left").click()
    text(r"terminated: the pole fell")
    assert not page.get_by_role("checkbox").is_checked()
    text(r"Your returns so far: \d+, \d+")
    page.close()


def test_in_jupyterlab_it_goes_on_after_its_kernel_has_ended(lab: Lab) -> None:
    notebook = lab.open([CART], width=900, height=700)
    wire = Wire(notebook.page)
    notebook.run(0)
    notebook.wait_for(0, "A new episode")
    notebook.save()
    assert not notebook.errors
    load_and_end_kernel(notebook)
    whole = notebook.output(0).locator(".dqnkit-cart")
    assert box_of(whole)["height"] <= 640
    assert whole.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    assert not serious_findings(notebook.page, ".dqnkit-cart")
    notebook.output(0).get_by_role("slider", name="speed").focus()
    notebook.page.keyboard.press("Home")
    stage = notebook.output(0).locator(".stage svg")
    answered = smooth(notebook.page, lambda: drag_from_side_to_side(notebook.page, stage, wire), wanted=30)
    print(answered)
    assert answered.to_kernel == 0
    notebook.screenshot("cart-900", 0)
    notebook.page.close()
