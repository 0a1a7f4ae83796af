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
from dqnkit.classroom.question import Choice, Curve, Number, Question, Reply
from dqnkit.errors import ConfigError
from dqnkit.plots.sketch import Axis, sketch

pytest.importorskip("ipywidgets")
pytest.importorskip("anywidget")

VIEW = "application/vnd.jupyter.widget-view+json"


WHICH = Choice(
    "Which is <b>larger</b>: `q` or `r`?",
    {
        "the value": Reply(wrong="A value is a <i>sum</i>.", right="Rewards were negative."),
        "the reward": Reply(right="There is nothing after it.", wrong="No: rewards were negative."),
    },
    lambda larger: {"q": "the value", "r": "the reward"}.get(larger),
)
HOW_MANY = Number(
    "How many steps?",
    unit="steps",
    range=(0, 500),
    replies={(0, 50): "too few", (51, 500): "too many"},
    reason="Gravity.",
)
HOW = Curve("How does the return grow?", unit="return", range=(0, 500), reason="It learns.")


def ask_choice(id: str = "own-choice") -> Prediction:
    return predict(id, WHICH)


def ask_number(id: str = "own-number") -> Prediction:
    return predict(id, HOW_MANY)


def ask_curve(id: str = "own-curve") -> Prediction:
    return predict(id, HOW)


def two_options(one: str, other: str, text: str = "Which?") -> Question:
    return Choice(text, {one: Reply("yes"), other: Reply(wrong="no")}, lambda result: one)


def commit(asked: Prediction, entered: Any) -> str:
    """Send what the browser sends when the reader presses Commit or Enter; returns the text of the form."""
    assert asked.form is not None
    asked.form._handle_custom_msg({"event": "commit", "entered": entered}, [])
    return str(asked.form.said)


def answer(asked: Prediction, value: Any) -> str:
    """Answer as a reader does: what is entered arrives first, then Commit."""
    assert asked.form is not None
    asked.form.entered = value
    return commit(asked, value)


def kept(id: str) -> Any:
    return progress_file.FILE.read()["predictions"].get(id)


def test_commit_locks() -> None:
    asked = ask_choice()
    assert asked._bundle().keys() == {"text/html", "text/plain", VIEW}
    assert "Committed: the reward" in answer(asked, "the reward")
    assert asked.form is not None
    assert asked.form.locked
    assert VIEW not in asked._bundle()
    assert "Your prediction: the reward" in repr(asked)
    assert prediction("own-choice") == "the reward"


def test_a_second_commit_changes_nothing() -> None:
    asked = ask_choice()
    answer(asked, "the reward")
    answer(asked, "the value")
    assert prediction("own-choice") == "the reward"


def test_a_rerun_of_the_cell_keeps_the_first() -> None:
    answer(ask_choice(), "the reward")
    again = ask_choice()
    assert again.form is None
    assert "Your prediction: the reward" in repr(again)


def test_a_rerun_before_the_answer_asks_once_more_and_closes_the_first_form() -> None:
    first, second = ask_choice(), ask_choice()
    assert first.form is not None
    assert first.form.locked
    answer(second, "the value")
    assert prediction("own-choice") == "the value"


def test_an_answer_is_kept_over_a_restart_of_the_kernel() -> None:
    answer(ask_number(), "40")
    predictions.forget()
    assert prediction("own-number") == 40
    assert ask_number().form is None


def test_an_answer_to_a_question_that_has_changed_is_none() -> None:
    answer(ask_choice(), "the reward")
    predictions.forget()
    assert predict("own-choice", two_options("left", "right")).form is not None
    assert prediction("own-choice") is None


@pytest.mark.parametrize(
    ("ask", "entered", "expected"),
    [
        (ask_choice, "the reward", "the reward"),
        (ask_number, "40", 40.0),
        (ask_curve, [0, 0, 0, 0, 500], [0.0, 0.0, 0.0, 0.0, 500.0]),
    ],
    ids=["choice", "number", "curve"],
)
def test_what_was_entered_is_committed_when_the_run_starts(ask: Any, entered: Any, expected: Any) -> None:
    asked = ask()
    asked.form.entered = entered
    assert prediction(asked.id) is not None
    assert kept(asked.id)["value"] == expected
    assert asked.form.locked


def test_commit_takes_what_stands_in_the_form_at_that_moment() -> None:
    asked = ask_number()
    assert asked.form is not None
    asked.form.entered = "4"  # the browser tells of each key, but Commit may overtake the last
    assert "Committed: 40 steps" in commit(asked, "40")
    assert kept("own-number")["value"] == 40


def test_other_messages_of_the_browser_commit_nothing() -> None:
    asked = ask_number()
    assert asked.form is not None
    for content in ({"event": "click", "entered": "40"}, {}, "commit", None):
        asked.form._handle_custom_msg(content, [])
    assert kept("own-number") is None
    assert not asked.form.locked


def test_what_cannot_be_an_answer_is_not_committed_by_the_run() -> None:
    asked = ask_number()
    assert asked.form is not None
    asked.form.entered = "many"
    assert prediction("own-number") is None
    assert not asked.form.locked


def test_without_an_answer_it_stays_open_until_the_result_is_shown() -> None:
    asked = ask_number()
    assert prediction("own-number") is None  # the run starts
    assert "Committed: 40 steps" in answer(asked, "40")
    assert prediction("own-number") == 40


def test_the_result_locks_it() -> None:
    asked = ask_number()
    compare("own-number", 42)
    assert asked.form is not None
    assert asked.form.locked
    assert "skipped" in repr(asked)
    answer(asked, "40")
    assert prediction("own-number") is None
    assert kept("own-number")["value"] is None
    assert ask_number().form is None


def test_what_was_entered_counts_when_the_result_is_shown() -> None:
    asked = ask_number()
    assert asked.form is not None
    asked.form.entered = "40"
    assert "2 steps below" in compare("own-number", 42).text


def test_what_was_skipped_can_be_answered_in_a_new_kernel() -> None:
    ask_number()
    compare("own-number", 42)
    predictions.forget()
    answer(ask_number(), "40")
    assert prediction("own-number") == 40


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
    assert kept("own-number") is None
    assert "Committed: 12.5 steps" in answer(asked, " 12,5 ")


def test_a_choice_is_asked_for_again() -> None:
    asked = ask_choice()
    assert "Choose one first" in answer(asked, None)
    assert kept("own-choice") is None


def test_a_curve_is_points_over_the_run() -> None:
    asked = ask_curve()
    assert "Draw a line across" in answer(asked, None)
    line = [float(value) for value in range(41)]  # as many as a line has that was drawn
    answer(asked, line)
    points = prediction("own-curve")
    np.testing.assert_allclose(points, np.column_stack([np.linspace(0, 1, 41), line]))
    assert "Your prediction: 0, 10, 20, 30, 40 return" in repr(asked)


def test_a_curve_of_five_sliders_is_still_an_answer() -> None:
    answer(ask_curve(), [0, 50, 100, 300, 500])
    predictions.forget()
    asked = ask_curve()
    assert asked.form is None
    np.testing.assert_array_equal(prediction("own-curve"), [[0, 0], [0.25, 50], [0.5, 100], [0.75, 300], [1, 500]])
    assert "<img alt=" in asked._bundle()["text/html"]


def test_a_committed_curve_is_drawn_and_told_in_words() -> None:
    asked = predict("own-curve", HOW, end=120_000)
    answer(asked, [0, 50, 100, 300, 500])
    html = asked._bundle()["text/html"]
    assert 'alt="You predicted 0, 50, 100, 300, 500 return' in html
    assert '"end":120000.0' in html  # what the browser draws it with


def test_only_a_curve_has_an_end() -> None:
    for asked, end in ((WHICH, 100.0), (HOW, 0.0), (HOW, float("nan")), (HOW, float("inf"))):
        with pytest.raises(ConfigError, match="end is the length of a curve's run"):
            predict("own-x", asked, end=end)


def test_questions_and_options_are_escaped() -> None:
    asked = predict("own-x", two_options("<img src=x>", "b", text="<script>x</script>"))
    assert asked.form is not None
    for html in (asked._bundle()["text/html"], asked.form.head):
        assert "<script" not in html
        assert "<img" not in html


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ({"one": Reply(right="yes")}, "two options"),
        ({"one": Reply(wrong="no"), "two": Reply(wrong="no")}, "a reply for being right"),
        ({"one": Reply(right="yes"), "two": Reply()}, "nothing to say to who wrongly chooses 'two'"),
        ({"one": Reply(right="yes"), "two": Reply(right="yes", wrong="no")}, "chooses 'one'"),
    ],
)
def test_a_choice_that_leaves_an_option_out_is_refused(replies: dict[str, Reply], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Choice("Which?", replies, lambda result: result)


def test_a_question_that_no_lesson_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="no question 'q_update-beta'; there are q_update-rewards, q_update-alpha"):
        predict("q_update-beta")
    with pytest.raises(ConfigError, match="none of a lesson 'nowhere'"):
        predict("nowhere-x")


def test_the_text_of_a_lessons_question_stands_in_the_notebook_alone() -> None:
    asked = predict("q_update-alpha")
    assert asked.form is not None
    for shown in (repr(asked), asked.form.head):
        assert asked.question.text not in shown
    assert "○ alpha = 0.1" in repr(asked)


# ---- compare


def test_the_reasoning_behind_the_wrong_option_is_answered_and_the_right_one_explained() -> None:
    answer(ask_choice(), "the value")
    page = compare("own-choice", "r")
    assert "Not as you predicted" in page.text
    assert "A value is a <i>sum</i>." in page.text
    assert "There is nothing after it." in page.text
    assert "&lt;i&gt;" in page.html
    assert "  You predicted: the value" in page.text
    assert kept("own-choice")["happened"] == "the reward"


def test_the_right_option_gets_its_reason_only() -> None:
    answer(ask_choice(), "the reward")
    page = compare("own-choice", "r")
    assert "As you predicted" in page.text
    assert "There is nothing after it." in page.text
    assert "sum" not in page.text


def test_a_result_that_does_not_tell_is_none() -> None:
    ask_choice()
    assert "Nothing to compare yet" in compare("own-choice", "neither").text


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
    page = compare("own-number", actual)
    assert words in page.text
    assert "too many" in page.text
    assert "too few" not in page.text
    json.dumps(kept("own-number"), allow_nan=False)


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
    page = compare("own-curve", actual)
    # the gap is a triangle over the last quarter, 100 high: half of its height on a quarter of the axis
    assert "12.5 return apart on average; furthest at 100 % of the run, where you drew 500 and 400" in page.text
    assert "<img alt=" in page.html
    assert kept("own-curve")["happened"] == [0, 100, 200, 300, 400]


def test_a_run_that_stopped_is_compared_as_far_as_it_came() -> None:
    asked = predict("own-curve", HOW, end=120_000)
    answer(asked, [0, 100, 200, 300, 400])  # a straight line: 61.35 at the stop
    page = compare("own-curve", [(200, np.nan), (400, 10.0), (18_405, 10.0)])
    assert "over the first 18,405 of 120,000 steps" in page.text
    assert "furthest at 18,405 steps, where you drew 61.4 and 10 happened" in page.text
    assert kept("own-curve")["happened"] == [10, None, None, None, None]
    assert "The run stopped at 18,405 steps" in page.html
    assert "What happened  10  nan  nan  nan  nan" in page.text
    assert "The run stopped at 18,405 steps" in asked._bundle()["text/html"]  # the chart in which it was drawn, too


def test_a_run_without_a_length_is_its_own_axis() -> None:
    answer(ask_curve(), [0, 100, 200, 300, 400])
    page = compare("own-curve", [(200, 0), (18_405, 400)])
    assert "0 return apart on average" in page.text
    assert "first" not in page.text


def test_a_run_that_went_on_is_compared_on_the_part_that_was_predicted() -> None:
    answer(predict("own-curve", HOW, end=1000), [0, 0, 0, 0, 0, 0])
    page = compare("own-curve", [(0, 10), (1000, 10), (4000, 500)])
    assert "10 return apart on average; furthest" in page.text
    assert kept("own-curve")["happened"] == [10] * 5


def test_a_curve_of_numbers_beyond_64_bits_is_compared() -> None:
    answer(ask_curve(), [0, 100, 200, 300, 500])
    record = json.loads(progress_file.FILE.path.read_text("utf-8"))
    record["predictions"]["own-curve"]["value"][0] = 2**64  # as a file may hold it that somebody changed
    progress_file.FILE.path.write_text(json.dumps(record), "utf-8")
    assert "1.84e+19" in compare("own-curve", [0, 400]).text
    assert prediction("own-curve").dtype == np.float64


def test_a_curve_of_which_nothing_came() -> None:
    answer(ask_curve(), [0, 100, 200, 300, 500])
    for actual in ([], [np.nan, np.nan]):
        assert "nan" in compare("own-curve", actual).text
    assert kept("own-curve")["happened"] == [None] * 5


@pytest.mark.parametrize(
    ("ask", "actual"),
    [(ask_choice, "q"), (ask_number, 3.0), (ask_curve, [1.0, 2.0])],
    ids=["choice", "number", "curve"],
)
def test_without_a_prediction_compare_says_what_happened(ask: Any, actual: Any) -> None:
    asked = ask()
    page = compare(asked.id, actual)
    assert "No prediction to compare" in page.text
    assert "What happened" in page.text
    assert VIEW not in asked._bundle()


@pytest.mark.parametrize("ask", [ask_choice, ask_number, ask_curve])
def test_a_run_that_gave_nothing_is_no_error(ask: Any) -> None:
    asked = ask()
    assert "Nothing to compare yet" in compare(asked.id, None).text


@pytest.mark.parametrize(
    ("predicted", "happened", "gap"),
    [
        ([0, 1, 2, 3, 4], [], []),
        ([0] * 5, [(0, 1e9), (900, -1e9)], [(0, 0, 1e9), (900, 0, -1e9)]),
        ([3] * 5, [(5, 3)], [(5, 3, 3)]),
        ([], [(0, 1), (2000, 2)], []),
    ],
)
def test_a_sketch_of_any_curve(predicted: Any, happened: Any, gap: Any) -> None:
    look: Any = {"span": (3, 3), "unit": "<return>", "axis": Axis("steps", 1000), "quantity": "environment"}
    drawn = sketch(predicted, happened, gap=gap, alt='a "line"', **look)
    assert drawn.svg.startswith("<svg")
    assert "nan" not in drawn.svg
    assert "&lt;return&gt;" in drawn.svg
    assert 'alt="a &quot;line&quot;"' in drawn.html
    assert drawn.svg.count("<polygon") == bool(gap)


# ---- without a browser


def test_in_a_notebook_that_nobody_watches_everything_goes_on(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        "from dqnkit.classroom import compare, predict, prediction",
        "predict('q_update-alpha')",
        "predict('q_update-gamma')",
        "prediction('q_update-alpha') is None",
        "compare('q_update-alpha', {1.0: 0.3, 0.1: 0.1})",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    bundles = [cell.outputs[0].data for cell in notebook.cells[1:]]
    assert "skipped" in bundles[0]["text/plain"]  # in words, though it was displayed as a form
    assert VIEW not in bundles[0]
    assert VIEW not in bundles[1]  # nbclient forbids questions to a reader: a picture of the question stays in the page
    assert "text/html" in bundles[1]
    assert "Skipped where nobody answers" in bundles[1]["text/plain"]
    assert bundles[2]["text/plain"] == "True"
    assert "What happened: alpha = 0.1" in bundles[3]["text/plain"]
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
        "print(predict('q_update-alpha'))\n"
        "print(prediction('q_update-alpha'), compare('q_update-alpha', {0.1: 0.1}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert not done.stderr
    assert "○ alpha = 1" in done.stdout
    assert "No prediction to compare" in done.stdout
