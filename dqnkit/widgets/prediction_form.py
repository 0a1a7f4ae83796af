"""The form of a prediction: choose, type or draw what you expect, then Commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets

from dqnkit.plots.sketch import in_words, sketch, svg_image
from dqnkit.widgets.controls import WRAP

FULL = {"width": "auto", "max_width": "46em"}
# an option's line is one line high unless told otherwise: long ones would run into each other
CHOICE_STYLE = """<style>
.dqnkit-choice, .dqnkit-choice .widget-radio-box { height: auto; max-width: 100%; }
.dqnkit-choice label {
    height: auto !important; white-space: normal !important; line-height: 1.4 !important; align-items: baseline;
    margin: 0.2em 0 !important; width: auto !important; gap: 0.5em;
    display: flex; flex-direction: row-reverse; justify-content: flex-end;
}
.dqnkit-choice label input { flex: none; margin: 0 !important; position: relative; top: 0.25em; }
</style>"""
SHARES = ("0 %", "25 %", "50 %", "75 %", "100 %")  # of the run


class PredictionForm:
    """A question, a way to answer it, and Commit. ``box`` is the widget to show.

    Args:
        question: HTML.
        kind: "choice", "number" or "curve".
        options: of a choice.
        unit: of a number, or of a curve's values.
        span: lowest and highest answer, or None.
        commit: is given the answer (an option, a number, or a list of five numbers), returns what to say then.
    """

    def __init__(
        self,
        question: str,
        kind: str,
        options: Sequence[str],
        unit: str,
        span: tuple[float, float] | None,
        commit: Callable[[Any], str],
    ) -> None:
        self._commit = commit
        inputs: dict[str, Callable[[], _Input]] = {
            "choice": lambda: _Choice(options),
            "number": lambda: _Number(unit, span),
            "curve": lambda: _Curve(unit, span or (0.0, 1.0)),
        }
        self._input = inputs[kind]()
        self._button = ipywidgets.Button(
            description="Commit", icon="check", button_style="primary", tooltip="Keep this answer; it cannot be changed"
        )
        self._button.on_click(self._on_commit)
        self._said = ipywidgets.HTML()
        head = ipywidgets.HTML(f'<div style="line-height: 1.45"><strong>Predict</strong>{question}</div>', layout=FULL)
        foot = ipywidgets.HBox([self._button, self._said], layout=WRAP)
        self.box = ipywidgets.VBox(
            [head, self._input.widget, foot], layout={"border": "1px solid #8a8a8a", "padding": "8px 12px", **FULL}
        )

    def lock(self, text: str) -> None:
        """Accept nothing more, and say why."""
        self._input.disable()
        self._button.disabled = True
        self._button.layout.display = "none"
        self._say(text)

    def _on_commit(self, button: Any) -> None:
        try:
            answer = self._input.read()
        except ValueError as error:
            self._say(f"✗ {error}")
            return
        self.lock(self._commit(answer))

    def _say(self, text: str) -> None:
        self._said.value = f'<span role="status">{escape(text)}</span>'


class _Input:
    """What the reader answers with."""

    widget: Any

    def read(self) -> Any:
        """The answer.

        Raises:
            ValueError: there is none yet; with what to do.
        """
        raise NotImplementedError

    def disable(self) -> None:
        """Accept nothing more."""
        raise NotImplementedError


class _Choice(_Input):
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
    def __init__(self, unit: str, span: tuple[float, float] | None) -> None:
        self.span = span
        hint = "a number" if span is None else f"{span[0]:g} to {span[1]:g}"
        self.text = ipywidgets.Text(
            description="Answer", placeholder=hint, layout={"width": "15em"}, style={"description_width": "initial"}
        )
        self.widget = ipywidgets.HBox([self.text, ipywidgets.Label(unit)])

    def read(self) -> float:
        try:
            number = float(self.text.value.strip().replace(",", "."))
        except ValueError:
            raise ValueError("Type a number first: a guess is welcome.") from None
        low, high = self.span or (-1e300, 1e300)
        if not low <= number <= high:
            between = f"between {low:g} and {high:g}" if self.span else "that is finite"
            raise ValueError(f"Type a number {between}.")
        return number

    def disable(self) -> None:
        self.text.disabled = True


class _Curve(_Input):
    """Five sliders, the values at equal distances of the run, and the curve that they make."""

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
