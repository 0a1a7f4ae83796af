"""Predictions: locked by Commit or by the run; the first answer is kept; Compare replies to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom import compare, predict, prediction, predictions, progress_file
from dqnkit.classroom.predictions import Prediction
from dqnkit.errors import ConfigError
from dqnkit.plots.sketch import sketch

pytest.importorskip("ipywidgets")

VIEW = "application/vnd.jupyter.widget-view+json"


def ask_choice(id: str = "01-choice") -> Prediction:
    return predict(id, "Which is <b>larger</b>: `q` or `r`?", options=["the value", "the reward"])


def ask_number(id: str = "01-number") -> Prediction:
    return predict(id, "How many steps?", kind="number", unit="steps", range=(0, 500))


def ask_curve(id: str = "04-curve") -> Prediction:
    return predict(id, "How does the return grow?", kind="curve", unit="return", range=(0, 500))


def answer(asked: Prediction, value: Any) -> str:
    """Answer as a reader does, and press Commit; returns the text of the form."""
    form = asked.form
    assert form is not None
    if asked.question.kind == "choice":
        form._input.buttons.value = value
    elif asked.question.kind == "number":
        form._input.text.value = value
    else:
        for slider, height in zip(form._input.sliders, value, strict=True):
            slider.value = height
    form._button.click()
    return str(form._said.value)


def kept(id: str) -> Any:
    return progress_file.FILE.read()["predictions"].get(id)


def test_commit_locks() -> None:
    asked = ask_choice()
    assert asked._bundle().keys() == {"text/html", "text/plain", VIEW}
    assert "Committed: the reward" in answer(asked, "the reward")
    assert asked.form is not None
    assert asked.form._button.disabled
    assert asked.form._input.buttons.disabled
    assert VIEW not in asked._bundle()
    assert "Your prediction: the reward" in repr(asked)
    assert prediction("01-choice") == "the reward"


def test_a_second_commit_changes_nothing() -> None:
    asked = ask_choice()
    answer(asked, "the reward")
    answer(asked, "the value")
    assert prediction("01-choice") == "the reward"


def test_a_rerun_of_the_cell_keeps_the_first() -> None:
    answer(ask_choice(), "the reward")
    again = ask_choice()
    assert again.form is None
    assert "Your prediction: the reward" in repr(again)


def test_a_rerun_before_the_answer_asks_once_more_and_closes_the_first_form() -> None:
    first, second = ask_choice(), ask_choice()
    assert first.form is not None
    assert first.form._button.disabled
    answer(second, "the value")
    assert prediction("01-choice") == "the value"


def test_an_answer_is_kept_over_a_restart_of_the_kernel() -> None:
    answer(ask_number(), "40")
    predictions.forget()
    assert prediction("01-number") == 40
    assert ask_number().form is None


def test_an_answer_to_a_question_that_has_changed_is_none() -> None:
    answer(ask_choice(), "the reward")
    predictions.forget()
    assert predict("01-choice", "Which?", options=["left", "right"]).form is not None
    assert prediction("01-choice") is None


def test_reading_it_locks_it() -> None:
    asked = ask_number()
    assert prediction("01-number") is None
    assert asked.form is not None
    assert asked.form._button.disabled
    assert "skipped" in repr(asked)
    answer(asked, "40")
    assert prediction("01-number") is None
    assert kept("01-number")["value"] is None
    assert ask_number().form is None


def test_what_was_skipped_can_be_answered_in_a_new_kernel() -> None:
    ask_number()
    assert prediction("01-number") is None
    predictions.forget()
    answer(ask_number(), "40")
    assert prediction("01-number") == 40


def test_a_question_that_was_never_asked_is_none() -> None:
    assert prediction("99-nothing") is None
    assert kept("99-nothing") is None
    assert "was not asked" in compare("99-nothing", 3.0).text


@pytest.mark.parametrize(
    ("typed", "words"),
    [("", "Type a number"), ("many", "Type a number"), ("501", "between 0 and 500"), ("nan", "between")],
)
def test_a_number_is_asked_for_again(typed: str, words: str) -> None:
    asked = ask_number()
    assert words in answer(asked, typed)
    assert kept("01-number") is None
    assert "Committed: 12.5 steps" in answer(asked, " 12,5 ")


def test_a_choice_is_asked_for_again() -> None:
    asked = ask_choice()
    assert "Choose one first" in answer(asked, None)
    assert kept("01-choice") is None


def test_a_curve_is_points_over_the_run() -> None:
    asked = ask_curve()
    assert "Move the sliders" in answer(asked, [0, 0, 0, 0, 0])
    answer(asked, [0, 50, 100, 300, 500])
    points = prediction("04-curve")
    np.testing.assert_array_equal(points, [[0, 0], [0.25, 50], [0.5, 100], [0.75, 300], [1, 500]])


def test_the_sliders_draw_the_curve_that_they_say() -> None:
    asked = ask_curve()
    assert asked.form is not None
    before = asked.form._input.preview.value
    asked.form._input.sliders[2].value = 250
    assert asked.form._input.preview.value != before
    assert "Your curve: 0, 0, 250, 0, 0" in asked.form._input.preview.value
    assert all(slider.description for slider in asked.form._input.sliders)


def test_questions_and_options_are_escaped() -> None:
    asked = predict("01-x", "<script>x</script>", options=["<img src=x>", "b"])
    assert asked.form is not None
    for html in (asked._bundle()["text/html"], asked.form.box.children[0].value):
        assert "<script" not in html
        assert "<img" not in html


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"kind": "guess"}, "choice, number, curve"),
        ({"kind": "choice", "options": ["one"]}, "two options"),
        ({"kind": "curve"}, "range"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(named: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        predict("01-x", "What?", **named)


# ---- compare


def test_the_reasoning_behind_the_wrong_option_is_answered() -> None:
    answer(ask_choice(), "the value")
    page = compare("01-choice", "the reward", answers={"the value": "A value is a <i>sum</i>.", "the reward": "no"})
    assert "Otherwise than you predicted" in page.text
    assert "A value is a <i>sum</i>." in page.text
    assert "&lt;i&gt;" in page.html
    assert "  You predicted: the value" in page.text
    assert kept("01-choice")["happened"] == "the reward"


def test_the_right_option_gets_no_lecture() -> None:
    answer(ask_choice(), "the value")
    page = compare("01-choice", "the value", answers={"the reward": "no"})
    assert "As you predicted" in page.text
    assert "no" not in page.text.split()


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        (42.0, "60 steps above"),
        (142.0, "40 steps below"),
        (102, "Exactly"),
        (np.float32(102), "Exactly"),
        (np.nan, "NaN"),
    ],
)
def test_how_far_a_number_was(actual: float, words: str) -> None:
    answer(ask_number(), "102")
    page = compare("01-number", actual, answers={(0, 50): "too few", (51, 500): "too many"})
    assert words in page.text
    assert "too many" in page.text
    assert "too few" not in page.text
    json.dumps(kept("01-number"), allow_nan=False)


@pytest.mark.parametrize(
    "actual",
    [
        np.linspace(0, 400, 33),
        [0, 400],
        np.column_stack([np.linspace(100, 2000, 7), np.linspace(0, 400, 7)]),
        [np.nan, *np.linspace(0, 400, 9)][1:],
    ],
)
def test_how_far_a_curve_was(actual: Any) -> None:
    answer(ask_curve(), [0, 100, 200, 300, 500])
    page = compare("04-curve", actual)
    assert "On average they are 20 apart, furthest at 100% of the run" in page.text
    assert "<img alt=" in page.html
    assert kept("04-curve")["happened"] == [0, 100, 200, 300, 400]


def test_a_curve_of_which_nothing_came() -> None:
    answer(ask_curve(), [0, 100, 200, 300, 500])
    for actual in ([], [np.nan, np.nan]):
        assert "nan" in compare("04-curve", actual).text
    assert kept("04-curve")["happened"] == [None] * 5


@pytest.mark.parametrize(
    ("ask", "actual"),
    [(ask_choice, "the value"), (ask_number, 3.0), (ask_curve, [1.0, 2.0])],
    ids=["choice", "number", "curve"],
)
def test_without_a_prediction_compare_says_what_happened(ask: Any, actual: Any) -> None:
    asked = ask()
    page = compare(asked.question.id, actual, answers={"the reward": "because"} if ask is ask_choice else None)
    assert "No prediction to compare" in page.text
    assert "What happened" in page.text
    assert VIEW not in asked._bundle()


@pytest.mark.parametrize("ask", [ask_choice, ask_number, ask_curve])
def test_a_run_that_gave_nothing_is_no_error(ask: Any) -> None:
    asked = ask()
    assert "Nothing to compare yet" in compare(asked.question.id, None).text


def test_a_sketch_of_any_curve() -> None:
    for predicted, happened in (([0, 1, 2, 3, 4], None), ([0] * 5, [1e9, np.nan, -1e9]), ([3] * 5, [])):
        svg = sketch(predicted, (3, 3), "<return>", happened)
        assert svg.startswith("<svg")
        assert "nan" not in svg
        assert "&lt;return&gt;" in svg


def test_an_answer_to_an_option_that_was_not_offered_is_refused() -> None:
    ask_choice()
    with pytest.raises(ConfigError, match="offers 'the value', 'the reward'"):
        compare("01-choice", "the values")
    with pytest.raises(ConfigError, match="no option 'gamma'"):
        compare("01-choice", "the value", answers={"gamma": "no"})


# ---- without a browser


def test_in_a_notebook_that_nobody_watches_everything_goes_on(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        "from dqnkit.classroom import compare, predict, prediction",
        "predict('01-a', 'Which?', options=['left', 'right'])",
        "predict('01-b', 'How many?', kind='number')",
        "prediction('01-a') is None",
        "compare('01-a', 'left')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    bundles = [cell.outputs[0].data for cell in notebook.cells[1:]]
    assert "skipped" in bundles[0]["text/plain"]  # in words, though it was displayed as a form
    assert VIEW not in bundles[0]
    assert VIEW in bundles[1]
    assert "Skipped where nobody answers" in bundles[1]["text/plain"]
    assert bundles[2]["text/plain"] == "True"
    assert "What happened: left" in bundles[3]["text/plain"]
    assert (tmp_path / "dqnkit-progress.json").is_file()


def test_without_ipywidgets_a_question_is_text(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['ipywidgets'] = None\n"
        "from importlib import machinery\n"
        "sys.meta_path.insert(0, type('No', (), {'find_spec': staticmethod(lambda name, *a: None)}))\n"
        "import dqnkit.classroom.predictions as p\n"
        "p.find_spec = lambda name: None\n"
        "from dqnkit.classroom import compare, predict, prediction\n"
        "print(predict('01-a', 'Which?', options=['left', 'right']))\n"
        "print(prediction('01-a'), compare('01-a', 'left'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert not done.stderr
    assert "○ left" in done.stdout
    assert "No prediction to compare" in done.stdout
