"""A grid world where one click is one Q-update; shows the numbers in the formula, and the exact Q* beside the table."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any, NamedTuple

import ipywidgets
import numpy as np

from dqnkit.plots import Picture, q_table
from dqnkit.plots.grid import MOVES, Square, greedy_moves
from dqnkit.plots.lines import error_trace
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array
from dqnkit.widgets.controls import PlayButton, button, label_width
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

QUpdate = Callable[[Array, int, int, float, int, bool, float, float], float]

TICK_SECONDS = 0.25  # between two updates while it plays
LEAP_UPDATES = 100  # updates of the third button
EPISODE_LIMIT = 100  # steps; then the episode is truncated
TRACE_POINTS = 200  # of the error curve
FORMULA_STYLE = (
    "font-family: var(--jp-code-font-family, monospace); white-space: pre-wrap; line-height: 1.5; margin: 0.2em 0"
)


class Step(NamedTuple):
    """The numbers of one update."""

    state: int
    action: int
    explored: bool
    reward: float
    next_state: int
    terminated: bool
    old_value: float
    next_value: float  # max over a' of Q(s', a'), before the update
    new_value: float


class GridStepper(InteractivePicture):
    """Q-learning in a grid world, update by update.

    Args:
        q_update: ``(q, s, a, r, s_next, terminated, alpha, gamma) -> new value of Q(s, a)``.
        env: the grid world.
        alpha, gamma, epsilon: initial values of the sliders.
        seed: of all random choices; Reset starts again from it.
    """

    def __init__(
        self,
        q_update: QUpdate,
        env: GridWorld | None = None,
        *,
        alpha: float = 0.5,
        gamma: float = 0.9,
        epsilon: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(self._tick, TICK_SECONDS)
        self.env = GridWorld() if env is None else env
        self._q_update = q_update
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._state, self._time = 0, 0  # where the agent is, and its steps in this episode
        self.q = np.zeros((self.env.num_states, len(MOVES)))
        self.updates = 0
        self.errors: list[tuple[int, float]] = []  # (updates, error)
        self.last: Step | None = None
        self.problem = ""  # what is wrong with the reader's q_update
        self.alpha = _slider(alpha, 0.05, 1.0, 0.05, "alpha (step size)")
        self.gamma = _slider(gamma, 0.0, 0.99, 0.01, "gamma (discount)")
        self.epsilon = _slider(epsilon, 0.0, 1.0, 0.05, "epsilon (random share)")
        self.gamma.observe(self._gamma_moved, "value")
        self.exact = self.env.optimal_q(self.gamma.value, tolerance=1e-6)
        self.step_button = button("Step: one update", lambda clicked: self.steps(1))
        self.play_button = PlayButton(self.clock)
        self.leap_button = button(f"{LEAP_UPDATES} updates", lambda clicked: self.steps(LEAP_UPDATES))
        self.reset_button = button("Reset the table", lambda clicked: self.reset())
        self._formula = ipywidgets.HTML(layout={"width": "100%"})
        # two boxes, not one picture: on a narrow page they wrap, and the numbers stay readable
        self._table, self._exact, self._trace = (PictureBox() for _ in range(3))
        self._exact_shown: tuple[float, tuple[float, float]] | None = None
        self.widget = self._laid_out()
        self.reset()

    def reset(self) -> None:
        """Set all values to 0 and begin a new run."""
        self.play_button.value = False
        self.q = np.zeros((self.env.num_states, len(MOVES)))
        self.updates = 0
        self.errors = [(0, self.error)]
        self.last = None
        self.problem = ""
        self._rng = np.random.default_rng(self._seed)
        self._begin_episode(seed=self._seed)
        self._show()

    def steps(self, count: int) -> None:
        """Make this many updates, then show the last one."""
        for _ in range(count):
            self._step()
            if self.problem:
                break
        self.errors.append((self.updates, self.error))
        self._show()

    @property
    def error(self) -> float:
        """The largest ``|Q - Q*|`` over all moves in all squares that are not terminal."""
        return float(np.abs(self.q - self.exact)[~self.env.terminal].max())

    def picture(self) -> Picture:
        """The table beside the exact Q*."""
        tables = {f"The table after {self.updates} updates": self.q, "The exact Q*": self.exact}
        return q_table(tables, goals=self.env.goals, agent=self._square(self._state))

    def _begin_episode(self, seed: int | None = None) -> None:
        self._state, _ = self.env.reset(seed=seed)
        self._time = 0

    def _step(self) -> None:
        """Select an action, execute it, update the table."""
        if self._time == EPISODE_LIMIT or self.env.terminal[self._state]:
            self._begin_episode()
        state = self._state
        action, explored = self._select(state)
        next_state, reward, terminated, _, _ = self.env.step(np.int64(action))
        arguments = (state, action, reward, next_state, terminated, self.alpha.value, self.gamma.value)
        old_value, next_value = float(self.q[state, action]), float(self.q[next_state].max())
        try:
            new_value = float(self._q_update(self.q.copy(), *arguments))
            self.problem = "" if math.isfinite(new_value) else f"q_update returned {new_value}"
        except Exception as error:  # the reader's code may raise anything
            self.problem = f"q_update did not return a number: {type(error).__name__}: {error}"
        if self.problem:
            self.play_button.value = False
            return
        self.q[state, action] = new_value
        self.updates += 1
        self.last = Step(state, action, explored, reward, next_state, terminated, old_value, next_value, new_value)
        self._state, self._time = next_state, self._time + 1

    def _select(self, state: int) -> tuple[int, bool]:
        """An epsilon-greedy action with random ties, and whether it was explored."""
        if self._rng.random() < self.epsilon.value:
            return int(self._rng.integers(len(MOVES))), True
        return int(self._rng.choice(greedy_moves(self.q[state]))), False

    # -- the clock and the sliders --------------------------------------------------------------------------------

    def _tick(self) -> bool:
        self.steps(1)
        return not self.problem

    def _gamma_moved(self, change: Any) -> None:
        """Another gamma has another exact Q*."""
        self.exact = self.env.optimal_q(self.gamma.value, tolerance=1e-6)
        self.errors.append((self.updates, self.error))
        self._show()

    # -- the picture ----------------------------------------------------------------------------------------------

    def _laid_out(self) -> ipywidgets.VBox:
        wrap = {"flex_flow": "row wrap"}
        buttons = [self.step_button, self.play_button, self.leap_button, self.reset_button]
        for box in (self._table, self._exact):
            box.layout.width, box.layout.flex = "auto", "1 1 390px"  # side by side on a page of 1,000 pixels
            box.layout.max_width = "520px"
        self._trace.layout.width = "auto"
        sliders = ipywidgets.VBox([self.alpha, self.gamma, self.epsilon], layout={"flex": "1 1 380px"})
        return ipywidgets.VBox(
            [
                ipywidgets.HBox(buttons, layout=wrap),
                self._formula,
                ipywidgets.HBox([self._table, self._exact], layout=wrap),
                ipywidgets.HBox([sliders, self._trace], layout=wrap),
            ],
            layout={"max_width": "1050px"},
        )

    def _show(self) -> None:
        low = min(0.0, float(self.q.min()))
        scale = (low, max(1e-6, float(self.exact.max()), float(self.q.max())))
        lit = None if self.last is None else (self._square(self.last.state), self.last.action)
        draw = partial(q_table, goals=self.env.goals, scale=scale, caption="")
        self._table.show(draw({"Your table": self.q}, agent=self._square(self._state), lit=lit), self._summary())
        if self._exact_shown != (self.gamma.value, scale):  # drawn only when it changed: it takes as long as the table
            self._exact_shown = (self.gamma.value, scale)
            self._exact.show(draw({f"The exact Q* for gamma {self.gamma.value:g}": self.exact}))
        thinned = self.errors[:: max(1, len(self.errors) // TRACE_POINTS)] + self.errors[-1:]
        self._trace.show(error_trace(*np.transpose(thinned), ylabel="error against Q*: largest |Q − Q*|"))
        self._formula.value = self._written_formula()

    def _summary(self) -> str:
        where = "row {}, column {}".format(*self._square(self._state))
        if self.problem:
            return f"{self.problem}. The table is left as it is."
        return f"{self.updates} updates, error {self.error:.3f}. The agent is in {where}."

    def _written_formula(self) -> str:
        """The formula in symbols, and below it with the numbers of the last update."""
        symbols = "Q(s, a) ← Q(s, a) + alpha [ r + gamma max Q(s', a') − Q(s, a) ]"
        if self.last is None:
            told = "One click: the agent selects an action, executes it, and updates one value. All values are 0 now."
            return _lines(symbols, "", told)
        last, alpha, gamma = self.last, self.alpha.value, self.gamma.value
        old = f"{last.old_value:.3f}"
        follows = "0 (terminated: nothing follows)" if last.terminated else f"{gamma:g} × {last.next_value:.3f}"
        numbers = f"{last.new_value:.3f}   ←  {old}   + {alpha:g} [ {last.reward:g} + {follows} − {old} ]"
        how = "explored" if last.explored else "greedy"
        told = (
            f"s = {self._square(last.state)}, a = {MOVES[last.action]} ({how}), r = {last.reward:g}, "
            f"s' = {self._square(last.next_state)}{', terminated' if last.terminated else ''}"
        )
        return _lines(symbols, numbers.replace("-", "−"), told)

    def _square(self, state: int) -> Square:
        row, column = divmod(int(state), self.env.size)
        return row, column


def grid_stepper(q_update: QUpdate, env: GridWorld | None = None, **settings: Any) -> GridStepper:
    """Q-learning in a grid world by clicks, as the value of a cell. Arguments as for `GridStepper`."""
    return GridStepper(q_update, env, **settings)


def _lines(symbols: str, numbers: str, told: str) -> str:
    return f'<div style="{FORMULA_STYLE}">{escape(symbols)}\n<b>{escape(numbers)}</b>\n{escape(told)}</div>'


def _slider(value: float, low: float, high: float, step: float, name: str) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=name,
        readout_format=".2f",
        **label_width(160, 400),
    )
