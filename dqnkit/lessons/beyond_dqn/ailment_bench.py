"""A widget to try double, n-step, prioritized and dueling on small environments whose exact Q-values are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

import ipywidgets
import numpy as np

from dqnkit.lessons.beyond_dqn.ailments import AILMENTS, Ailment, Parts, TableStatus, learn
from dqnkit.plots import Picture
from dqnkit.plots.ablation import learning_beside_truth
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

TICK_SECONDS = 0.2  # seconds between two pictures of a run
STATUSES_PER_TICK = 5  # statuses of the run between two pictures
RUNS_KEPT = 3  # earlier runs that stay in the picture
SWITCHES = {"double": "double", "n_step": "3-step", "prioritized": "prioritized", "dueling": "dueling"}
CAPTION = (
    "What to look for: on the left, does the blue line fall sooner than the grey ones of earlier runs, and how low? On "
    "the right each dot is one Q(s, a): in the shaded half the learned value is too high."
)


class AilmentBench(InteractivePicture):
    """A menu of environments, a switch for each part, and a Run button; a picture shows the error as it learns.

    Args:
        ailments: the environments, by name.
    """

    def __init__(self, ailments: Mapping[str, Ailment]) -> None:
        super().__init__(self._tick, TICK_SECONDS)
        self._ailments = ailments
        self._runs: dict[str, tuple[list[int], list[float]]] = {}  # label -> steps, errors
        self._label = ""  # of the newest run
        self._statuses: Iterator[TableStatus] = iter(())  # the rest of the newest run
        self._last: TableStatus | None = None
        self.choice = ipywidgets.Dropdown(
            options=[(ailment.title, name) for name, ailment in ailments.items()],
            description="problem",
            layout={"width": "auto", "max_width": "30em"},
        )
        self.switches = {
            name: ipywidgets.Checkbox(value=False, description=label, indent=False, layout={"width": "auto"})
            for name, label in SWITCHES.items()
        }
        self.seed = ipywidgets.BoundedIntText(
            value=0, min=0, max=99, description="seed", style={"description_width": "auto"}, layout={"width": "8em"}
        )
        self.run_button = ipywidgets.Button(description="Run", icon="play", button_style="primary")
        self.clear_button = ipywidgets.Button(description="Clear runs", icon="eraser")
        self._story = ipywidgets.HTML()
        self.box = PictureBox()
        self.choice.observe(lambda change: self._begin(), "value")
        self.run_button.on_click(lambda button: self.run())
        self.clear_button.on_click(lambda button: self._begin())
        row = {"flex_flow": "row wrap", "align_items": "center", "width": "100%", "margin": "0"}
        switches = ipywidgets.HBox(
            [ipywidgets.Label("parts"), *self.switches.values()], layout={**row, "grid_gap": "14px"}
        )
        buttons = ipywidgets.HBox([self.seed, self.run_button, self.clear_button], layout=row)
        self.widget = ipywidgets.VBox(
            [self.choice, self._story, switches, buttons, self.box], layout={"width": "100%", "margin": "0"}
        )
        self._begin()

    @property
    def summary(self) -> str:
        """One line about the newest run."""
        return self.box.summary

    def run(self) -> None:
        """Start a run with the current switches; a run that has not finished stops."""
        self._start(
            self._ailments[self.choice.value], {name: bool(switch.value) for name, switch in self.switches.items()}
        )
        self.clock.start()

    def picture(self) -> Picture:
        """The first environment without any part, and with the part made for it; for pages without widgets."""
        ailment = next(iter(self._ailments.values()))
        runs = {}
        for switches in ({}, {ailment.part: True}):
            statuses = list(learn(ailment, Parts(**switches)))
            runs[_label(switches)] = ([s.step for s in statuses], [s.error for s in statuses])
        return _drawn(runs, statuses[-1], ailment.title)

    def _begin(self) -> None:
        """Forget all runs, and make one without any part, to compare with."""
        ailment = self._ailments[self.choice.value]
        made_for = f"The part made for it: <b>{escape(SWITCHES[ailment.part])}</b>."
        self._story.value = f'<div style="max-width: 46em">{escape(ailment.story)} {made_for}</div>'
        self._runs = {}
        self._start(ailment, dict.fromkeys(SWITCHES, False))
        for status in self._statuses:
            self._note(status)
        self._show()

    def _start(self, ailment: Ailment, switches: dict[str, bool]) -> None:
        self._label = f"{_label(switches)}, seed {self.seed.value}"
        self._runs.pop(self._label, None)  # a repeated run becomes the newest
        self._runs = dict([*self._runs.items()][-RUNS_KEPT:])
        self._runs[self._label] = ([], [])
        self._statuses = learn(ailment, Parts(**switches), self.seed.value)

    def _tick(self) -> bool:
        """Continue the run for some statuses and show it; False when it is over."""
        for _ in range(STATUSES_PER_TICK):
            status = next(self._statuses, None)
            if status is None:
                return False
            self._note(status)
        self._show()
        return True

    def _note(self, status: TableStatus) -> None:
        steps, errors = self._runs[self._label]
        steps.append(status.step)
        errors.append(status.error)
        self._last = status

    def _show(self) -> None:
        last = self._last
        if last is None:
            return
        finished = last.step >= last.total
        direction = "too high" if last.overestimation > 0 else "too low"
        self.box.show(
            _drawn(self._runs, last, self._ailments[self.choice.value].title),
            f"{'Finished' if finished else 'Running'}: {self._label}. Step {last.step:,} of {last.total:,}: error "
            f"{last.error:.3f}; the values of states are {abs(last.overestimation):.3f} {direction} on average.",
        )


def bench() -> AilmentBench:
    """The bench with the four environments and the four parts, as the value of a cell."""
    return AilmentBench(AILMENTS)


def _label(switches: Mapping[str, bool]) -> str:
    return " + ".join(SWITCHES[name] for name, on in switches.items() if on) or "no part"


def _drawn(runs: Mapping[str, tuple[list[int], list[float]]], last: TableStatus, title: str) -> Picture:
    return learning_beside_truth(
        runs, np.asarray(last.learned), np.asarray(last.true), total=last.total, title=title, caption=CAPTION
    )
