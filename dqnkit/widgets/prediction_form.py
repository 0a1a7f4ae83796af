"""The form of a prediction: choose, type or draw an answer, then Commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets

from dqnkit.plots.sketch import in_words, sketch, svg_image
from dqnkit.widgets.controls import WRAP

FULL = {"width": "auto", "max_width": "46em"}
# By default an option is one line high, and long ones would overlap.
CHOICE_STYLE = """<style>
.dqnkit-choice, .dqnkit-choice .widget-radio-box { height: auto; max-width: 100%; }
.dqnkit-choice label {
    height: auto !important; white-space: normal !important; line-height: 1.4 !important; align-items: baseline;
    margin: 0.2em 0 !important; width: auto !important; gap: 0.5em;
    display: flex; flex-direction: row-reverse; justify-content: flex-end;
}
.dqnkit-choice label input { flex: none; margin: 0 !important; position: relative; top: 0.25em; }
</style>"""
SHARES = ("0 %", "25 %", "50 %", "75 %", "100 %")  # of the run, as `dqnkit.classroom.question.SHARES`


class PredictionForm:
    """The input of a question and a Commit button; Enter in a field commits, too. ``box`` is the widget to show.

    Args:
        head: HTML above the input: the question, where it does not stand elsewhere.
        kind: "choice", "number" or "curve".
        options: of a choice.
        unit: of a number, or of a curve's values.
        span: the lowest and the highest answer to a number or a curve.
        commit: called with the answer (an option, a number, or a list of five numbers); returns a text to show.
    """

    def __init__(
        self,
        head: str,
        kind: str,
        options: Sequence[str],
        unit: str,
        span: tuple[float, float],
        commit: Callable[[Any], str],
    ) -> None:
        self._commit = commit
        inputs: dict[str, Callable[[], _Input]] = {
            "choice": lambda: _Choice(options),
            "number": lambda: _Number(unit, span, self._on_commit),
            "curve": lambda: _Curve(unit, span),
        }
        self._input = inputs[kind]()
        self._button = ipywidgets.Button(
            description="Commit", icon="check", button_style="primary", tooltip="Keep this answer; it cannot be changed"
        )
        self._button.on_click(self._on_commit)
        self._said = ipywidgets.HTML()
        title = ipywidgets.HTML(f'<div style="line-height: 1.45"><strong>Predict</strong>{head}</div>', layout=FULL)
        foot = ipywidgets.HBox([self._button, self._said], layout=WRAP)
        self.box = ipywidgets.VBox(
            [title, self._input.widget, foot], layout={"border": "1px solid #8a8a8a", "padding": "8px 12px", **FULL}
        )

    def entered(self) -> Any:
        """The answer that stands in the form, committed or not; None if there is none."""
        try:
            return self._input.read()
        except ValueError:
            return None

    def lock(self, text: str) -> None:
        """Disable the form and show why."""
        self._input.disable()
        self._button.disabled = True
        self._button.layout.display = "none"
        self._say(text)

    def _on_commit(self, event: Any = None) -> None:
        try:
            answer = self._input.read()
        except ValueError as error:
            self._say(f"✗ {error}")
            return
        self.lock(self._commit(answer))

    def _say(self, text: str) -> None:
        self._said.value = f'<span role="status">{escape(text)}</span>'


class _Input:
    """The input of a form."""

    widget: Any

    def read(self) -> Any:
        """Return the answer.

        Raises:
            ValueError: there is none yet; the message says what to do.
        """
        raise NotImplementedError

    def disable(self) -> None:
        """Disable the input."""
        raise NotImplementedError


class _Choice(_Input):
    """Radio buttons."""

    def __init__(self, options: Sequence[str]) -> None:
        self.buttons = ipywidgets.RadioButtons(options=list(options), value=None, layout=FULL)
        self.buttons.add_class("dqnkit-choice")
        self.widget = ipywidgets.VBox([self.buttons, ipywidgets.HTML(CHOICE_STYLE, layout={"display": "none"})])

    def read(self) -> str:
        if self.buttons.value is None:
            raise ValueError("Choose one first: a guess is welcome.")
        return str(self.buttons.value)

    def disable(self) -> None:
        self.buttons.disabled = True


class _Number(_Input):
    """A text field for a number."""

    def __init__(self, unit: str, span: tuple[float, float], commit: Callable[[], None]) -> None:
        self.span = span
        self.text = ipywidgets.Text(
            description="Answer",
            placeholder=f"{span[0]:g} to {span[1]:g}",
            layout={"width": "15em"},
            style={"description_width": "initial"},
        )
        # the front end's message for Enter; `on_submit`, which reads it too, is deprecated
        self.text.on_msg(lambda _, content, buffers: commit() if content.get("event") == "submit" else None)
        self.widget = ipywidgets.HBox([self.text, ipywidgets.Label(unit)])

    def read(self) -> float:
        try:
            number = float(self.text.value.strip().replace(",", "."))
        except ValueError:
            raise ValueError("Type a number first: a guess is welcome.") from None
        low, high = self.span
        if not low <= number <= high:
            raise ValueError(f"Type a number between {low:g} and {high:g}.")
        return number

    def disable(self) -> None:
        self.text.disabled = True


class _Curve(_Input):
    """Five sliders for the values at equal distances of the run, and the curve through them."""

    def __init__(self, unit: str, span: tuple[float, float]) -> None:
        self.unit, self.span = unit, span
        low, high = span
        self.sliders = [
            ipywidgets.FloatSlider(
                value=low,
                min=low,
                max=high,
                step=(high - low) / 100,
                description=f"at {share}",
                readout_format=".0f" if high - low >= 50 else ".2f",
                layout={"width": "auto", "min_width": "15em"},
            )
            for share in SHARES
        ]
        for slider in self.sliders:
            slider.observe(self._draw, "value")
        self.preview = ipywidgets.HTML()
        self._draw()
        sliders = ipywidgets.VBox(self.sliders, layout={"flex": "1 1 16em"})
        self.widget = ipywidgets.HBox([sliders, self.preview], layout={"flex_flow": "row wrap", **FULL})

    def read(self) -> list[float]:
        values = [float(slider.value) for slider in self.sliders]
        if len(set(values)) == 1 and values[0] == self.span[0]:
            raise ValueError("Move the sliders first: the dashed line is your prediction.")
        return values

    def disable(self) -> None:
        for slider in self.sliders:
            slider.disabled = True

    def _draw(self, change: Any = None) -> None:
        values = [slider.value for slider in self.sliders]
        svg = sketch(values, self.span, self.unit)
        alt = f"Your curve: {in_words(values)} at 0, 25, 50, 75 and 100 % of the run"
        self.preview.value = svg_image(svg, alt)
