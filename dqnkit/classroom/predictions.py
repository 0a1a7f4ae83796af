"""Predictions: the reader writes down what will happen, and later sees it beside what did happen.

A prediction is locked by Commit, by the run that needs it if something was entered (`prediction` reads it), or when the
result is shown. The first answer stays. It is never graded. Without a browser it is skipped, and the notebook goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from dqnkit.classroom import progress_file as records
from dqnkit.classroom import rich_text
from dqnkit.classroom.question import SHARES, Choice, Curve, Number, Question, find_question
from dqnkit.classroom.rich_text import RichText
from dqnkit.plots.sketch import sketch, svg_image

_ASKED: dict[str, Question] = {}  # by id, since the kernel started
_SHOWN: dict[str, Prediction] = {}  # id -> the newest prediction on the page
_SKIPPED: set[str] = set()  # ids of questions whose result was shown without an answer


def forget() -> None:
    """Forget all questions, as a restart of the kernel does."""
    for entries in (_ASKED, _SHOWN, _SKIPPED):
        entries.clear()


class Prediction:
    """A question on the page: with a form while it is open, in words once it is locked.

    ``own`` says that the question is not of a lesson: its text stands nowhere else, so the form shows it.
    """

    def __init__(self, id: str, question: Question, own: bool) -> None:
        self.id, self.question, self.own = id, question, own
        self.form = _make_form(self) if _state(id) == "open" else None
        self.display: Any = None  # IPython's handle of its output, once it is shown

    def commit(self, value: Any) -> str:
        """Record the answer if the question is still open; return what to tell the reader."""
        if _state(self.id) == "open":
            records.record_prediction(self.id, self.question.text, self.question.kind, value)
        self.close()
        return f"✓ Committed: {self.question.in_words(_stored_answer(self.id))}"

    def commit_what_was_entered(self) -> None:
        """Commit what stands in the form, if it is an answer."""
        entered = self.form.entered() if self.form is not None else None
        if entered is not None:
            self.commit(entered)

    def close(self) -> None:
        """Replace the form by the answer, or by the note that the question was skipped."""
        if self.form is not None:
            self.form.lock("→ No longer open")
        if self.display is not None:
            self.display.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        page = self._page()
        if self.form is not None and _state(self.id) == "open":
            from dqnkit.widgets.browser import as_widget

            return as_widget(self.form.box, page.text, page.html)
        return {"text/html": page.html, "text/plain": page.text}

    def _page(self) -> RichText:
        """What shows where no form can."""
        text = self.question.text if self.own else ""
        state = _state(self.id)
        if state == "committed":
            answer = self.question.in_words(_stored_answer(self.id))
            return _paragraphs("passed", "Prediction, committed", text, f"Your prediction: {answer}")
        if state == "skipped":
            return _paragraphs(
                "open", "Prediction, skipped", text, "The result was shown without one; nothing is lost."
            )
        options = self.question.options if isinstance(self.question, Choice) else ()
        advice = "Skipped where nobody answers: then the notebook goes on without it."
        return _paragraphs("note", "Predict", text, "\n\n".join(f"○ {option}" for option in options), advice)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.display = display(self._bundle(), raw=True, display_id=True)

    def __repr__(self) -> str:
        return self._page().text


def predict(id: str, question: Question | None = None) -> Prediction:
    """Ask the reader what will happen. The result shows itself as the value of a cell.

    Args:
        id: of the lesson's question, as "q_update-alpha" (`dqnkit.classroom.question`); its text stands above the cell.
        question: of your own, with an id of its own.

    Raises:
        ConfigError: there is no such question (a mistake in the notebook).
    """
    _ASKED[id] = question or find_question(id)
    if id in _SHOWN:  # the cell was run again: lock the earlier form
        _SHOWN[id].close()
    _SHOWN[id] = Prediction(id, _ASKED[id], own=question is not None)
    return _SHOWN[id]


def prediction(id: str) -> Any:
    """Return the reader's answer, as a run that shows the result is about to start. What was entered is committed.

    A question without an answer stays open until `compare` shows the result.

    Returns:
        The chosen option; the number; or the curve as points ``[5, 2]`` of share of the run (0 to 1) and value. None if
        there is no answer.
    """
    if id in _SHOWN and _state(id) == "open":
        _SHOWN[id].commit_what_was_entered()
    value = _stored_answer(id)
    if isinstance(value, list):  # of any numbers that a file can hold: null, and whole ones beyond 64 bits, too
        return np.column_stack([SHARES, np.array(value, np.float64)])
    return value


def _stored_answer(id: str) -> Any:
    """Return the answer in the progress file if it fits the question, else None."""
    entry, question = records.FILE.read()["predictions"].get(id), _ASKED.get(id)
    if entry is None or entry["value"] is None or (question is not None and not question.accepts(entry["value"])):
        return None
    return entry["value"]


def _skip(id: str) -> None:
    question = _ASKED.get(id)
    if question is None or id in _SKIPPED:
        return
    _SKIPPED.add(id)
    records.record_prediction(id, question.text, question.kind, None)
    if id in _SHOWN:
        _SHOWN.pop(id).close()


def _state(id: str) -> str:
    if _stored_answer(id) is not None:
        return "committed"
    return "skipped" if id in _SKIPPED else "open"


def _make_form(prediction: Prediction) -> Any:
    """Return the form of a prediction; None if ipywidgets is not installed."""
    if find_spec("ipywidgets") is None:
        return None
    from dqnkit.widgets.prediction_form import PredictionForm

    question = prediction.question
    head = rich_text.prose(question.text) if prediction.own else ""
    if isinstance(question, Choice):
        return PredictionForm(head, question.kind, question.options, "", (0.0, 0.0), prediction.commit)
    return PredictionForm(head, question.kind, (), question.unit, question.range, prediction.commit)


def _paragraphs(kind: str, title: str, *texts: str) -> RichText:
    return rich_text.message(kind, title, "\n\n".join(text for text in texts if text))


def compare(id: str, actual: Any) -> RichText:
    """Show the prediction beside what happened, and what the lesson says of it.

    Args:
        id: of the prediction.
        actual: what happened. Of a choice what its ``outcome`` takes; of a number the number; of a curve its values
            ``[N]`` at equal distances, or points ``[N, 2]`` (anything that grows over the run, value). None if it is
            not known.
    """
    question = _ASKED.get(id)
    if question is None:
        return rich_text.message(
            "open", "Prediction", f"The question {id!r} was not asked: run its cell first, then this one."
        )
    if isinstance(question, Choice) and actual is not None:
        actual = question.outcome(actual)
    if actual is None:
        return rich_text.message(
            "open",
            "Nothing to compare yet",
            "The run has given no clear result: let it finish, or run it again, then this.",
        )
    value = prediction(id)
    if value is None:
        _skip(id)
    happened = _happened(question, actual)
    records.record_happened(id, happened)
    if isinstance(question, Choice):
        return _compare_choice(question, value, happened)
    if isinstance(question, Number):
        return _compare_number(question, value, happened)
    values = None if value is None else value[:, 1]
    return _compare_curve(question, values, happened, _resample(actual, np.linspace(0, 1, 101)))


def _happened(question: Question, actual: Any) -> Any:
    """Return what happened, in the form in which a prediction is stored; None for NaN and infinity."""
    if isinstance(question, Choice):
        return str(actual)
    if isinstance(question, Number):
        number = float(actual)
        return number if np.isfinite(number) else None
    return [float(value) if np.isfinite(value) else None for value in _resample(actual, SHARES)]


def _resample(actual: npt.ArrayLike, shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the values of a curve at these shares of the run, by linear interpolation."""
    points = np.asarray(actual, dtype=np.float64)
    if points.ndim == 1:
        points = np.column_stack([np.arange(len(points)), points])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return np.full(np.shape(shares), np.nan)
    first, last = points[0, 0], points[-1, 0]
    return np.interp(first + np.asarray(shares) * (last - first), points[:, 0], points[:, 1])


def _compare_choice(question: Choice, value: str | None, actual: str) -> RichText:
    reason = question.replies[actual].right
    if value is None:
        others = [
            f"If you had expected “{option}”: {reply.wrong}"
            for option, reply in question.replies.items()
            if reply.wrong and option != actual
        ]
        return _beside("open", "No prediction to compare", question, None, actual, [reason, *others])
    if value == actual:
        return _beside("passed", "As you predicted", question, value, actual, [reason])
    return _beside("note", "Not as you predicted", question, value, actual, [question.replies[value].wrong, reason])


def _compare_number(question: Number, value: float | None, actual: float | None) -> RichText:
    shown = "no number (it was infinite, or NaN)" if actual is None else question.in_words(actual)
    if value is None:
        return _beside("open", "No prediction to compare", question, None, shown, [question.reason])
    texts = []
    if actual is not None:
        off = value - actual
        exact = abs(off) < 1e-9 * max(1.0, abs(actual))
        side = "above" if off > 0 else "below"
        texts.append("Exactly." if exact else f"Your prediction is {question.in_words(abs(off))} {side} it.")
    texts += [text for (low, high), text in question.replies.items() if low <= value <= high]
    title = "Your prediction beside what happened"
    return _beside("note", title, question, question.in_words(value), shown, [*texts, question.reason])


def _beside(
    kind: str, title: str, question: Question, predicted: str | None, happened: str, texts: Sequence[str]
) -> RichText:
    said = [text for text in texts if text]
    rows = [("You predicted", predicted), ("What happened", happened)]
    shown = [(name, text) for name, text in rows if text is not None]
    inside = rich_text.prose(question.text) + rich_text.table([[escape(cell) for cell in row] for row in shown])
    inside += rich_text.prose("\n\n".join(said))
    icon, _ = rich_text.KINDS[kind]
    plain = [f"{icon} {title}", question.text, *(f"  {name}: {text}" for name, text in shown), *said]
    return RichText(rich_text.box(kind, title, inside), "\n".join(plain))


def _compare_curve(
    question: Curve,
    value: npt.NDArray[np.float64] | None,
    actual: list[float | None],
    fine: npt.NDArray[np.float64],
) -> RichText:
    numbers = np.array(actual, dtype=np.float64)  # None becomes NaN
    head = ["", *(f"{share:.0%}" for share in SHARES)]
    happened = ["What happened", *(f"{number:.3g}" for number in numbers)]
    title, kind = "No prediction to compare", "open"
    rows, texts, drawing = [happened], [], ""
    if value is not None:
        title, kind = "Your curve beside what happened", "note"
        rows.insert(0, ["You predicted", *(f"{number:.3g}" for number in value)])
        off = np.abs(value - numbers)
        if np.isfinite(off).any():
            at = SHARES[int(np.nanargmax(off))]
            texts.append(f"On average they are {np.nanmean(off):.3g} apart, furthest at {at:.0%} of the run.")
        alt = " / ".join(" ".join(row) for row in rows)
        drawing = svg_image(sketch(list(value), question.range, question.unit, fine), alt)
    texts += [question.reason] if question.reason else []
    inside = (
        rich_text.prose(question.text)
        + drawing
        + rich_text.table([[escape(cell) for cell in row] for row in rows], head)
    )
    inside += rich_text.prose("\n\n".join(texts))
    icon, _ = rich_text.KINDS[kind]
    plain = [f"{icon} {title}", question.text, *("  ".join(row) for row in (head, *rows)), *texts]
    return RichText(rich_text.box(kind, title, inside), "\n".join(plain))
