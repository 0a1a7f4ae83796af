"""Predictions: the reader writes down what will happen, and later sees it beside what did happen.

A prediction is locked by Commit, by the run that needs it if something was entered (`prediction` reads it), or when the
result is shown. The first answer stays. It is never graded. Without a browser it is skipped, and the notebook goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np

from dqnkit.classroom import progress_file as records
from dqnkit.classroom import rich_text
from dqnkit.classroom.drawn_line import Comparison, course_of
from dqnkit.classroom.question import SHARES, Choice, Curve, Number, Question, find_question
from dqnkit.classroom.rich_text import RichText
from dqnkit.errors import ConfigError
from dqnkit.plots.sketch import sketch
from dqnkit.types import Array

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
        self.happened = np.empty((0, 2))  # of a curve, once it is known: points [N, 2] of the axis and the value

    def commit(self, value: Any) -> str:
        """Record the answer if the question is still open; return what to tell the reader."""
        if _state(self.id) == "open":
            records.record_prediction(self.id, self.question.text, self.question.kind, value)
        said = f"✓ Committed: {self.question.in_words(_stored_answer(self.id))}"
        self.close(said)
        return said

    def commit_what_was_entered(self) -> None:
        """Commit what stands in the form, if it is an answer."""
        entered = self.form.answer() if self.form is not None else None
        if entered is not None:
            self.commit(entered)

    def close(self, said: str = "→ No longer open") -> None:
        """Replace the form by the answer, or by the note that the question was skipped."""
        if self.form is not None:
            self.form.lock(said)  # its focus goes over to what takes its place, so it must hear of it before
        self._show()

    def show_happened(self, happened: Array) -> None:
        """Draw what happened ``[N, 2]`` into the chart of a committed curve, too."""
        self.happened = happened
        self._show()

    def _show(self) -> None:
        if self.display is not None:
            self.display.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        page = self._page()
        if self.form is not None and _state(self.id) == "open":
            from dqnkit.widgets.browser import as_widget

            return as_widget(self.form, page.text, page.html)
        return {"text/html": page.html, "text/plain": page.text}

    def _page(self) -> RichText:
        """What shows where no form can."""
        text = self.question.text if self.own else ""
        state = _state(self.id)
        if state == "committed":
            return self._committed(text)
        if state == "skipped":
            return _paragraphs(
                "open", "Prediction, skipped", text, "The result was shown without one; nothing is lost."
            )
        options = self.question.options if isinstance(self.question, Choice) else ()
        advice = "Skipped where nobody answers: then the notebook goes on without it."
        return _paragraphs("note", "Predict", text, "\n\n".join(f"○ {option}" for option in options), advice)

    def _committed(self, text: str) -> RichText:
        answer, title = _stored_answer(self.id), "Prediction, committed"
        page = _paragraphs("passed", title, text, f"Your prediction: {self.question.in_words(answer)}")
        inside = page.html
        if isinstance(self.question, Curve):
            comparison = Comparison(self.question, np.array(answer, np.float64), self.happened)
            inside = rich_text.box("passed", title, rich_text.prose(text) + _drawing(comparison, says_how_far=False))
        # the form hands the focus over to it
        return RichText(f'<div tabindex="-1" data-dqnkit-answer="{escape(self.id)}">{inside}</div>', page.text)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.display = display(self._bundle(), raw=True, display_id=True)

    def __repr__(self) -> str:
        return self._page().text


def predict(id: str, question: Question | None = None, *, end: float | None = None) -> Prediction:
    """Ask the reader what will happen. The result shows itself as the value of a cell.

    Args:
        id: of the lesson's question, as "q_update-alpha" (`dqnkit.classroom.question`); its text stands above the cell.
        question: of your own, with an id of its own.
        end: of a curve, how long the run is, in what its question counts, as ``config.total_steps``. The line is drawn
            on this axis, and a run that stops early is compared as far as it came.

    Raises:
        ConfigError: there is no such question, or it has no axis that could end (a mistake in the notebook).
    """
    asked = question or find_question(id)
    if end is not None:
        if not isinstance(asked, Curve) or not 0 < end < np.inf:
            raise ConfigError(f"end is the length of a curve's run, not {end!r} of a {asked.kind}")
        asked = replace(asked, end=float(end))
    _ASKED[id] = asked
    if id in _SHOWN:  # the cell was run again: lock the earlier form
        _SHOWN[id].close()
    _SHOWN[id] = Prediction(id, _ASKED[id], own=question is not None)
    return _SHOWN[id]


def prediction(id: str) -> Any:
    """Return the reader's answer, as a run that shows the result is about to start. What was entered is committed.

    A question without an answer stays open until `compare` shows the result.

    Returns:
        The chosen option; the number; or the curve as points ``[P, 2]`` of share of the run (0 to 1) and value. None if
        there is no answer.
    """
    if id in _SHOWN and _state(id) == "open":
        _SHOWN[id].commit_what_was_entered()
    value = _stored_answer(id)
    if isinstance(value, list):  # of any numbers that a file can hold: null, and whole ones beyond 64 bits, too
        return np.column_stack([np.linspace(0, 1, len(value)), np.array(value, np.float64)])
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
    """Return the form of a prediction; None if widgets are not installed."""
    if not _has_widgets():
        return None
    from dqnkit.widgets.prediction_form import PredictionForm

    head = rich_text.prose(prediction.question.text) if prediction.own else ""
    return PredictionForm(prediction.id, _asked(prediction.question, head), prediction.commit)


def _has_widgets() -> bool:
    return find_spec("ipywidgets") is not None and find_spec("anywidget") is not None


def _asked(question: Question, head: str = "") -> Any:
    """Return what a form asks for."""
    from dqnkit.widgets.prediction_form import Asked

    if isinstance(question, Choice):
        return Asked(question.kind, question.text, head, question.options)
    asked = Asked(question.kind, question.text, head, (), question.unit, question.range)
    return asked._replace(axis=question.axis) if isinstance(question, Curve) else asked


def _drawing(comparison: Comparison, says_how_far: bool = True) -> str:
    """Return a predicted curve and what happened as HTML: drawn by the browser, or a picture where no script runs."""
    question, happened = comparison.question, comparison.shown
    picture = sketch(
        comparison.predicted,
        happened,
        gap=comparison.gap,
        span=question.range,
        unit=question.unit,
        axis=question.axis,
        quantity=question.quantity,
        alt=comparison.alt(),
    )
    if not _has_widgets():
        return picture.html
    from dqnkit.widgets.prediction_form import drawn_line

    return drawn_line(
        _asked(question),
        picture,
        predicted=comparison.predicted.tolist(),
        happened=happened.tolist(),
        gap=comparison.gap.tolist(),
        stopped=comparison.stopped_at,
        said=comparison.how_far() if says_how_far else ("", "", ""),
        quantity=question.quantity,
    ).html()


def _paragraphs(kind: str, title: str, *texts: str) -> RichText:
    return rich_text.message(kind, title, "\n\n".join(text for text in texts if text))


def compare(id: str, actual: Any) -> RichText:
    """Show the prediction beside what happened, and what the lesson says of it.

    Args:
        id: of the prediction.
        actual: what happened. Of a choice what its ``outcome`` takes; of a number the number; of a curve its values
            ``[N]`` at equal distances over the whole run, or points ``[N, 2]`` of what the run is counted in (steps)
            and the value, as far as it came. None if it is not known.
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
            "The run has given no clear result. Let it finish, or run it again; then run this cell once more.",
        )
    value = prediction(id)
    if value is None:
        _skip(id)
    if isinstance(question, Curve):
        return _compare_curve(id, question, value, course_of(question, actual))
    happened = _happened(question, actual)
    records.record_happened(id, happened)
    if isinstance(question, Choice):
        return _compare_choice(question, value, happened)
    return _compare_number(question, value, happened)


def _happened(question: Choice | Number, actual: Any) -> Any:
    """Return what happened, in the form in which a prediction is stored; None for NaN and infinity."""
    if isinstance(question, Choice):
        return str(actual)
    number = float(actual)
    return number if np.isfinite(number) else None


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


def _compare_curve(id: str, question: Curve, value: Array | None, happened: Array) -> RichText:
    """Compare points ``[P, 2]`` of share and value, if there are any, with points ``[N, 2]`` of the axis and value."""
    comparison = Comparison(question, np.empty(0) if value is None else value[:, 1], happened)
    seen = comparison.at(SHARES)
    records.record_happened(id, [float(number) if np.isfinite(number) else None for number in seen])
    rows = [["What happened", *(f"{number:.3g}" for number in seen)]]
    title, kind = "No prediction to compare", "open"
    if value is not None:
        title, kind = "Your curve beside what happened", "note"
        guessed = np.interp(SHARES, value[:, 0], value[:, 1])
        rows.insert(0, ["You predicted", *(f"{number:.3g}" for number in guessed)])
    inside = rich_text.prose(question.text) + _drawing(comparison) + rich_text.prose(question.reason)
    if id in _SHOWN:  # the chart in which it was drawn shows it, too
        _SHOWN[id].show_happened(happened)
    head = ["", *(f"{share:.0%}" for share in SHARES)]
    said = [" ".join(filter(None, comparison.how_far())), question.reason]
    icon, _ = rich_text.KINDS[kind]
    plain = [f"{icon} {title}", question.text, *("  ".join(row) for row in (head, *rows)), *filter(None, said)]
    return RichText(rich_text.box(kind, title, inside), "\n".join(plain))
