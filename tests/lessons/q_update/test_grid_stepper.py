"""The grid stepper: one click is one update, the formula has its numbers, and the sliders work."""

from __future__ import annotations

import asyncio
import html

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
from dqnkit.plots.lines import error_trace
from dqnkit.small_environments import GridWorld


def formula(stepper):
    return html.unescape(stepper._formula.value)


def test_a_click_is_one_update_with_its_numbers_in_the_formula():
    stepper = grid_stepper(q_update, GridWorld(2), alpha=0.5, gamma=0.9, epsilon=1.0)
    while stepper.last is None or not stepper.last.terminated:
        stepper.step_button.click()
    assert stepper.last.new_value == 0.5
    assert "0.500   ←  0.000   + 0.5 [ 1 + 0 (terminated: nothing follows) − 0.000 ]" in formula(stepper)
    assert "(explored), r = 1" in formula(stepper)
    for _ in range(200):
        stepper.step_button.click()
        last = stepper.last
        target = last.reward + (0 if last.terminated else 0.9 * last.next_value)
        assert last.new_value == pytest.approx(last.old_value + 0.5 * (target - last.old_value))
        assert stepper.q[last.state, last.action] == last.new_value
    assert stepper.updates > 200
    assert f"{stepper.updates} updates" in stepper._table.summary


def test_it_learns_the_exact_values():
    stepper = grid_stepper(q_update, GridWorld(3), alpha=1.0, epsilon=1.0)
    before = stepper.error
    for _ in range(20):
        stepper.leap_button.click()
    assert stepper.error < 1e-6 < before
    assert stepper.errors[0] == (0, before)
    assert stepper.errors[-1][0] == stepper.updates == 2000


def test_another_gamma_is_another_exact_answer():
    stepper = grid_stepper(q_update)
    stepper.gamma.value = 0.5
    np.testing.assert_allclose(stepper.exact, GridWorld().optimal_q(0.5), atol=1e-5)
    assert stepper._exact_shown[0] == 0.5


def test_reset_begins_anew_with_the_same_luck():
    stepper = grid_stepper(q_update)
    stepper.steps(50)
    first = stepper.q.copy()
    stepper.reset_button.click()
    assert not stepper.q.any()
    assert stepper.updates == 0
    stepper.steps(50)
    np.testing.assert_array_equal(stepper.q, first)


def test_play_goes_on_by_itself_until_paused():
    async def run():
        stepper = grid_stepper(q_update)
        stepper.clock._seconds = 0.001
        stepper.play_button.value = True
        assert "Pause" in stepper.play_button.description
        await asyncio.sleep(0.5)
        played = stepper.updates
        assert played > 2
        stepper.play_button.value = False
        assert "Play" in stepper.play_button.description
        await asyncio.sleep(0.1)
        assert stepper.updates == played
        stepper.play_button.value = True
        stepper.reset()
        assert not stepper.clock.running
        assert not stepper.play_button.value

    asyncio.run(run())


def raises(*arguments):
    raise ZeroDivisionError("oh")


@pytest.mark.parametrize(
    ("function", "words"),
    [(lambda *a: None, "did not return a number"), (lambda *a: float("nan"), "returned nan"), (raises, "ZeroDivision")],
)
def test_a_readers_mistake_is_said_and_the_table_left_alone(function, words):
    stepper = grid_stepper(function)
    stepper.steps(100)
    assert words in stepper._table.summary
    assert not stepper.q.any()
    assert stepper.updates == 0


def test_a_function_cannot_write_into_the_table():
    def writes(q, *arguments):
        q[:] = 7
        return 0.0

    stepper = grid_stepper(writes)
    stepper.steps(3)
    assert not stepper.q.any()


def test_where_no_widget_can_be_shown_there_is_a_picture():
    bundle = grid_stepper(q_update)._repr_mimebundle_()
    assert bundle["text/html"].startswith("<figure")
    assert "The table after 0 updates: values from 0.00" in bundle["text/plain"]


@pytest.mark.parametrize("values", [[], [0.0], [0.66, 0.3, 0.1], [3e5, 1.0], [0.0, 0.0]])
def test_the_small_curve_can_always_be_drawn(values):
    picture = error_trace(np.arange(len(values)), values, ylabel="error")
    assert picture.alt.startswith("error: ")
    assert len(picture.png) < 20_000
