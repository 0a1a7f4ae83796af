"""The grid stepper: Python makes the updates of the browser with the reader's function, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anywidget")
pytest.importorskip("matplotlib")

from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import GridStepper, grid_stepper, world_as_json
from dqnkit.small_environments import GridWorld

RIGHT = 1
INTO_THE_GOAL = (23, RIGHT, 1.0, 24, True, 0.5, 0.9)
BESIDE_IT = (22, RIGHT, 0.0, 23, False, 0.5, 0.9)
FIRST = {"first": 0, "q": np.zeros((25, 4)).tolist(), "steps": [(*INTO_THE_GOAL, 0.5), (*BESIDE_IT, 0.225)]}


def said(stepper: GridStepper) -> str:
    return str(stepper.connection.said["text"])


def test_the_same_values_are_counted_and_the_table_is_known() -> None:
    stepper = grid_stepper(q_update)
    stepper.hear(FIRST)
    assert said(stepper).endswith("your q_update gave the same 2 values.")
    assert (stepper.q[23, RIGHT], stepper.q[22, RIGHT], stepper.updates) == (0.5, 0.225, 2)
    stepper.hear({"first": 2, "q": stepper.q.tolist(), "steps": [(*INTO_THE_GOAL, 0.75)]})
    assert said(stepper).endswith("the same 3 values.")


def test_the_first_other_value_is_told_until_reset() -> None:
    def no_bootstrap(q: Any, s: int, a: int, r: float, s_next: int, ends: bool, alpha: float, gamma: float) -> float:
        return float(q[s, a] + alpha * (r - q[s, a]))

    stepper = grid_stepper(no_bootstrap)
    stepper.hear(FIRST)
    found = "Update 2, right from (4, 2): your q_update gave 0, the formula gives 0.225."
    assert said(stepper) == found
    stepper.hear({"first": 2, "q": stepper.q.tolist(), "steps": [(*INTO_THE_GOAL, 0.75)]})
    assert said(stepper) == found
    assert (stepper.q[22, RIGHT], stepper.q[23, RIGHT]) == (0.225, 0.75)  # the table is the browser's
    stepper.hear({**FIRST, "steps": FIRST["steps"][:1]})  # after Reset
    assert said(stepper).endswith("the same 1 values.")


def raises(*arguments: Any) -> float:
    raise ZeroDivisionError("oh")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(lambda *a: None, "did not return a number (TypeError", id="None"),
        pytest.param(lambda *a: float("nan"), "gave nan, the formula gives 0.5", id="nan"),
        pytest.param(raises, "did not return a number (ZeroDivisionError: oh)", id="error"),
    ],
)
def test_a_readers_mistake_is_said(function: Callable[..., Any], words: str) -> None:
    stepper = grid_stepper(function)
    stepper.hear(FIRST)
    assert words in said(stepper)


def test_a_function_cannot_write_into_the_table() -> None:
    def writes(q: Any, *arguments: Any) -> float:
        q[:] = 7
        return 0.5

    stepper = grid_stepper(writes)
    stepper.hear(FIRST)
    assert stepper.q.max() == 0.5


def test_the_world_of_the_browser_has_the_chances_and_rewards_of_the_environment() -> None:
    env = GridWorld(4, slip=0.3, goals={(0, 2): 0.2, (3, 3): 1.0})
    probabilities, rewards = np.zeros((16, 4, 16)), np.zeros((16, 4, 16))
    for s, actions in enumerate(world_as_json(env)["moves"]):
        for a, arrivals in enumerate(actions):
            for next_state, chance, reward in arrivals:
                probabilities[s, a, next_state], rewards[s, a, next_state] = chance, reward
    np.testing.assert_array_equal(probabilities, env.probabilities)
    np.testing.assert_array_equal(rewards, np.where(env.probabilities > 0, env.rewards, 0))


def test_the_output_is_html_that_needs_no_widget_and_has_a_picture() -> None:
    stepper = grid_stepper(q_update)
    bundle = stepper._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "<figure" in bundle["text/html"]
    assert stepper.connection.link in bundle["text/html"]
    assert "The table after 0 updates: values from 0.00" in bundle["text/plain"]


def test_in_colab_it_is_a_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = grid_stepper(q_update)
    for module in ("dqnkit.lessons.q_update.grid_stepper", "dqnkit.widgets.browser"):
        monkeypatch.setattr(f"{module}.is_colab", lambda: True)
    bundle = stepper._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "text/html" not in bundle
