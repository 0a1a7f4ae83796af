"""The form of a prediction: choose, type or draw an answer, then Commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import traitlets

from dqnkit.plots.sketch import Axis, Sketch
from dqnkit.widgets.drawing import Drawing, PageDrawing

MODULE = Path(__file__).with_suffix(".js")
WHOLE_RUN = Axis("% of the run", 100.0)


class Asked(NamedTuple):
    """What a form asks for.

    Attributes:
        kind: "choice", "number" or "curve".
        name: the question as text: the name of the form for readers who only hear it.
        head: HTML above the input: the question, where it does not stand elsewhere.
        options: of a choice.
        unit: of a number, or of a curve's values.
        span: the lowest and the highest answer to a number or a curve.
        axis: of a curve.
    """

    kind: str
    name: str
    head: str = ""
    options: Sequence[str] = ()
    unit: str = ""
    span: tuple[float, float] = (0.0, 0.0)
    axis: Axis = WHOLE_RUN


class PredictionForm(Drawing, module=MODULE):
    """The input of a question and a Commit button; Enter commits, too.

    The browser draws the form and sends what stands in it; whether that is an answer is judged here.

    Args:
        id: of the question; the element that takes the place of the form has it, too, and gets its focus.
        asked: the question.
        commit: called with the answer (an option, a number, or a list of numbers); returns a text to show.
    """

    question = traitlets.Unicode().tag(sync=True)  # its id
    kind = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    head = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    span = traitlets.List(traitlets.Float()).tag(sync=True)
    over = traitlets.Unicode().tag(sync=True)
    end = traitlets.Float().tag(sync=True)
    # what stands in the form: an option, a typed text, or the values of the drawn line; None if there is nothing
    entered = traitlets.Any(None, allow_none=True).tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    locked = traitlets.Bool(False).tag(sync=True)

    def __init__(self, id: str, asked: Asked, commit: Callable[[Any], str]) -> None:
        super().__init__(
            question=id,
            kind=asked.kind,
            name=asked.name,
            head=asked.head,
            options=list(asked.options),
            unit=asked.unit,
            span=[float(end) for end in asked.span],
            over=asked.axis.name,
            end=asked.axis.end,
        )
        self._commit = commit
        self.on_msg(self._on_message)

    def answer(self) -> Any:
        """The answer that stands in the form, committed or not; None if there is none."""
        try:
            return self._read()
        except ValueError:
            return None

    def lock(self, text: str) -> None:
        """Disable the form and show why."""
        self.said, self.locked = text, True

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        """Take the message of the Commit button, which carries what stands in the form at that moment."""
        if self.locked or not isinstance(content, dict) or content.get("event") != "commit":
            return
        self.entered = content.get("entered")
        try:
            answer = self._read()
        except ValueError as error:
            self.said = f"✗ {error}"
            return
        self.lock(self._commit(answer))

    def _read(self) -> Any:
        """Return the answer.

        Raises:
            ValueError: there is none yet; the message says what to do.
        """
        return {"choice": self._read_choice, "number": self._read_number, "curve": self._read_line}[self.kind]()

    def _read_choice(self) -> str:
        if self.entered not in self.options:
            raise ValueError("Choose one first: a guess is welcome.")
        return str(self.entered)

    def _read_number(self) -> float:
        try:
            number = float(str(self.entered).strip().replace(",", "."))
        except ValueError:
            raise ValueError("Type a number first: a guess is welcome.") from None
        low, high = self.span
        if not low <= number <= high:
            raise ValueError(f"Type a number between {low:g} and {high:g}.")
        return number

    def _read_line(self) -> list[float]:
        if not self.entered:
            raise ValueError("Draw a line across the chart first: a guess is welcome.")
        return [float(value) for value in self.entered]


def drawn_line(
    asked: Asked,
    picture: Sketch,
    *,
    predicted: Sequence[float],
    happened: Sequence[Sequence[float]],
    gap: Sequence[Sequence[float]],
    stopped: float | None,
    said: tuple[str, str, str],
    quantity: str,
) -> PageDrawing:
    """Return the chart of a committed line, and of what happened over it; it needs no kernel.

    Args:
        asked: the question.
        picture: the same where no script runs.
        predicted: values at equal distances from the beginning to the end of the run; may be empty.
        happened: points of the axis and the value, as far as the run came; may be empty.
        gap: rows of the axis, the predicted value and what happened.
        stopped: where the run stopped before its end.
        said: one number that says how far they are apart, its unit, and the words that belong to it.
        quantity: whose colour what happened has.
    """
    data = {
        "name": picture.alt,
        "unit": asked.unit,
        "span": list(asked.span),
        "over": asked.axis.name,
        "end": asked.axis.end,
        "predicted": list(predicted),
        "happened": list(happened),
        "gap": list(gap),
        "stopped": stopped,
        "said": list(said),
        "quantity": quantity,
    }
    return PageDrawing(MODULE, data, picture)
