"""Predictions: the reader writes down what will happen, and later sees it beside what did happen.

A prediction is locked by Commit, or when a run that shows it starts (`prediction` reads it). The first answer stays. It
is never graded. Without a browser, it is skipped and the notebook continues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from dqnkit.classroom import progress_file as records
from dqnkit.classroom import rich_text
from dqnkit.classroom.rich_text import RichText
from dqnkit.errors import ConfigError
from dqnkit.plots.sketch import in_words, sketch, svg_image

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the run, at which a curve is predicted
KINDS = ("choice", "number", "curve")


@dataclass(frozen=True)
class Question:
    """A question to the reader; the fields are the arguments of `predict`."""

    id: str
    text: str
    kind: str
    options: tuple[str, ...]
    unit: str
    range: tuple[float, float] | None

    def accepts(self, value: Any) -> bool:
        """Return whether a stored value answers this question (the course may have changed since)."""
        if self.kind == "choice":
            return value in self.options
        numbers = value if self.kind == "curve" and isinstance(value, list) else [value]
        wanted = len(SHARES) if self.kind == "curve" else 1
        return len(numbers) == wanted and all(isinstance(number, (int, float)) for number in numbers)

    def in_words(self, value: Any) -> str:
        """Return an answer as text."""
        if self.kind == "choice":
            return str(value)
        if self.kind == "number":
            return self.with_unit(value)
        return f"{in_words(value)} {self.unit}".strip() + " (at 0, 25, 50, 75 and 100 % of the run)"

    def with_unit(self, number: float) -> str:
        """Return a number and its unit as text."""
        return f"{number:.6g} {self.unit}".strip()


_ASKED: dict[str, Question] = {}  # by id
_SHOWN: dict[str, Prediction] = {}  # id -> the newest prediction on the page
_SKIPPED: set[str] = set()  # ids of questions locked without an answer


def forget() -> None:
    """Forget all questions, as a restart of the kernel does."""
    for entries in (_ASKED, _SHOWN, _SKIPPED):
        entries.clear()


class Prediction:
    """A question on the page: with a form while it is open, in words once it is locked."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.form = _make_form(self) if _state(question) == "open" else None
        self.display: Any = None  # IPython's handle of its output, once it is shown

    def commit(self, value: Any) -> str:
        """Record the answer if the question is still open; return what to tell the reader."""
        if _state(self.question) == "open":
            records.record_prediction(self.question.id, self.question.text, self.question.kind, value)
        self.close()
        return f"✓ Committed: {self.question.in_words(_stored_answer(self.question.id, self.question))}"

    def close(self) -> None:
        """Replace the form by the answer, or by the note that the question was skipped."""
        if self.form is not None:
            self.form.lock("→ No longer open")
        if self.display is not None:
            self.display.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        page = _render(self.question)
        if self.form is not None and _state(self.question) == "open":
            from dqnkit.widgets.browser import as_widget

            return as_widget(self.form.box, page.text, page.html)
        return {"text/html": page.html, "text/plain": page.text}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.display = display(self._bundle(), raw=True, display_id=True)

    def __repr__(self) -> str:
        return _render(self.question).text


def predict(
    id: str,
    question: str,
    *,
    kind: str = "choice",
    options: Sequence[str] = (),
    unit: str = "",
    range: tuple[float, float] | None = None,
) -> Prediction:
    """Ask the reader what will happen. The result shows itself as the value of a cell.

    Args:
        id: of the prediction, as "02-error": the two digits of the notebook, then a word.
        question: one or two sentences.
        kind: "choice" of options, a "number", or a "curve": its values at 0, 25, 50, 75 and 100 % of the run.
        options: of a choice.
        unit: of the number, or of the curve's values.
        range: the lowest and the highest answer; a curve needs it.

    Raises:
        ConfigError: the arguments do not fit together (a mistake in the notebook).
    """
    if kind not in KINDS:
        raise ConfigError(f"kind takes one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "choice" and len(options) < 2:
        raise ConfigError("a choice needs at least two options")
    if kind == "curve" and range is None:
        raise ConfigError("a curve needs a range=(lowest, highest)")
    asked = Question(id, question, kind, tuple(options), unit, range)
    _ASKED[id] = asked
    if id in _SHOWN:  # the cell was run again: lock the earlier form
        _SHOWN[id].close()
    _SHOWN[id] = Prediction(asked)
    return _SHOWN[id]


def prediction(id: str) -> Any:
    """Return the reader's answer and lock the question, since a run that shows the answer is about to start.

    Returns:
        The chosen option; the number; or the curve as points ``[5, 2]`` of share of the run (0 to 1) and value. None if
        there is no answer.
    """
    question = _ASKED.get(id)
    value = _stored_answer(id, question)
    if value is None:
        _skip(id, question)
        return None
    return np.column_stack([SHARES, value]) if isinstance(value, list) else value


def _stored_answer(id: str, question: Question | None) -> Any:
    """Return the answer in the progress file if it fits this question, else None."""
    entry = records.FILE.read()["predictions"].get(id)
    if entry is None or entry["value"] is None or (question is not None and not question.accepts(entry["value"])):
        return None
    return entry["value"]


def _skip(id: str, question: Question | None) -> None:
    if question is None or id in _SKIPPED:
        return
    _SKIPPED.add(id)
    records.record_prediction(id, question.text, question.kind, None)
    if id in _SHOWN:
        _SHOWN.pop(id).close()


def _state(question: Question) -> str:
    if _stored_answer(question.id, question) is not None:
        return "committed"
    return "skipped" if question.id in _SKIPPED else "open"


def _make_form(prediction: Prediction) -> Any:
    """Return the form of a prediction; None if ipywidgets is not installed."""
    if find_spec("ipywidgets") is None:
        return None
    from dqnkit.widgets.prediction_form import PredictionForm

    question = prediction.question
    head = rich_text.prose(question.text)
    return PredictionForm(head, question.kind, question.options, question.unit, question.range, prediction.commit)


def _render(question: Question) -> RichText:
    state = _state(question)
    if state == "committed":
        text = f"Your prediction: {question.in_words(_stored_answer(question.id, question))}"
        return _paragraphs("passed", "Prediction, committed", question.text, text)
    if state == "skipped":
        return _paragraphs(
            "open", "Prediction, skipped", question.text, "The run has started without one; nothing is lost."
        )
    options = "\n\n".join(f"○ {option}" for option in question.options)
    text = "Skipped where nobody answers: then the notebook goes on without it."
    return _paragraphs("note", "Predict", question.text, options, text)


def _paragraphs(kind: str, title: str, *texts: str) -> RichText:
    return rich_text.message(kind, title, "\n\n".join(text for text in texts if text))


def compare(id: str, actual: Any, *, answers: Mapping[Any, str] | None = None) -> RichText:
    """Show the prediction beside what happened.

    Args:
        id: of the prediction.
        actual: what happened: the right option; the number; or the curve, as values ``[N]`` at equal distances or as
            points ``[N, 2]`` (anything that grows over the run, value). None if it is not known.
        answers: replies to wrong predictions. For a choice: option -> a sentence or two about the reasoning behind it.
            For a number: ``(low, high)`` -> a reply to predictions in this range.

    Raises:
        ConfigError: a reply to an option that was not offered (a mistake in the notebook).
    """
    question = _ASKED.get(id)
    value = _stored_answer(id, question)
    if value is None:
        _skip(id, question)
    if question is None:
        return rich_text.message(
            "open", "Prediction", f"The question {id!r} was not asked: run its cell first, then this one."
        )
    if actual is None:
        return rich_text.message(
            "open", "Nothing to compare yet", "The run has given no result: let it finish, then run this."
        )
    if question.kind == "choice":
        _check_options(question, [actual, *(answers or {})])
    happened = _happened(question, actual)
    records.record_happened(id, happened)
    if question.kind == "choice":
        return _compare_choice(question, value, str(actual), answers or {})
    if question.kind == "number":
        return _compare_number(question, value, happened, answers or {})
    return _compare_curve(question, value, happened, _resample(actual, np.linspace(0, 1, 101)))


def _check_options(question: Question, named: Sequence[Any]) -> None:
    for option in named:
        if option not in question.options:
            offered = ", ".join(map(repr, question.options))
            raise ConfigError(f"the prediction {question.id!r} has no option {option!r}; it offers {offered}")


def _happened(question: Question, actual: Any) -> Any:
    """Return what happened, in the form in which a prediction is stored; None for NaN and infinity."""
    if question.kind == "choice":
        return str(actual)
    if question.kind == "number":
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


def _compare_choice(question: Question, value: Any, actual: str, answers: Mapping[Any, str]) -> RichText:
    if value is None:
        others = [
            f"To who expected “{option}”: {answers[option]}"
            for option in question.options
            if option in answers and option != actual
        ]
        return _beside("open", "No prediction to compare", question, None, actual, others)
    if value == actual:
        return _beside("passed", "As you predicted", question, value, actual)
    said = [answers[value]] if value in answers else []
    return _beside("note", "Otherwise than you predicted", question, value, actual, said)


def _compare_number(question: Question, value: Any, actual: float | None, answers: Mapping[Any, str]) -> RichText:
    shown = "no number (it was infinite, or NaN)" if actual is None else question.with_unit(actual)
    if value is None:
        return _beside("open", "No prediction to compare", question, None, shown)
    texts = []
    if actual is not None:
        off = value - actual
        exact = abs(off) < 1e-9 * max(1.0, abs(actual))
        side = "above" if off > 0 else "below"
        texts.append("Exactly." if exact else f"Your prediction is {question.with_unit(abs(off))} {side} it.")
    texts += [text for reach, text in answers.items() if isinstance(reach, tuple) and reach[0] <= value <= reach[1]]
    return _beside("note", "Your prediction beside what happened", question, question.with_unit(value), shown, texts)


def _beside(
    kind: str, title: str, question: Question, predicted: str | None, happened: str, texts: Sequence[str] = ()
) -> RichText:
    rows = [("You predicted", predicted), ("What happened", happened)]
    shown = [(name, text) for name, text in rows if text is not None]
    inside = rich_text.prose(question.text) + rich_text.table([[escape(cell) for cell in row] for row in shown])
    inside += rich_text.prose("\n\n".join(texts))
    icon, _ = rich_text.KINDS[kind]
    plain = [f"{icon} {title}", question.text, *(f"  {name}: {text}" for name, text in shown), *texts]
    return RichText(rich_text.box(kind, title, inside), "\n".join(plain))


def _compare_curve(
    question: Question, value: Any, actual: list[float | None], fine: npt.NDArray[np.float64]
) -> RichText:
    numbers = np.array([np.nan if number is None else number for number in actual])
    head = ["", *(f"{share:.0%}" for share in SHARES)]
    happened = ["What happened", *(f"{number:.3g}" for number in numbers)]
    title, kind = "No prediction to compare", "open"
    rows, texts, drawing = [happened], [], ""
    if value is not None:
        title, kind = "Your curve beside what happened", "note"
        rows.insert(0, ["You predicted", *(f"{number:.3g}" for number in value)])
        off = np.abs(np.array(value) - numbers)
        if np.isfinite(off).any():
            at = SHARES[int(np.nanargmax(off))]
            texts.append(f"On average they are {np.nanmean(off):.3g} apart, furthest at {at:.0%} of the run.")
        assert question.range is not None
        drawing = svg_image(
            sketch(value, question.range, question.unit, fine), " / ".join(" ".join(row) for row in rows)
        )
    inside = (
        rich_text.prose(question.text)
        + drawing
        + rich_text.table([[escape(cell) for cell in row] for row in rows], head)
    )
    inside += rich_text.prose("\n\n".join(texts))
    icon, _ = rich_text.KINDS[kind]
    plain = [f"{icon} {title}", question.text, *("  ".join(row) for row in (head, *rows)), *texts]
    return RichText(rich_text.box(kind, title, inside), "\n".join(plain))
