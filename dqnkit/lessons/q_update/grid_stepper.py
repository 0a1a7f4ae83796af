"""A grid world where one step is one Q-update, with the numbers in the formula and the exact Q* beside the table.

The browser computes and draws, and needs no kernel. Where there is one, Python hears of the updates afterwards, makes
them with the reader's own function, and says whether it gave the same values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import traitlets

from dqnkit.hosted import is_colab
from dqnkit.plots import Picture, q_table
from dqnkit.plots.grid import MOVES
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array
from dqnkit.widgets.browser import as_widget
from dqnkit.widgets.drawing import Drawing, PageDrawing
from dqnkit.widgets.kernel_status import answer_while_cells_run

QUpdate = Callable[[Array, int, int, float, int, bool, float, float], float]
Update = tuple[int, int, float, int, bool, float, float, float]  # s, a, r, s_next, terminated, alpha, gamma, new value

MODULE = Path(__file__).with_suffix(".js")
TOLERANCE = 1e-9  # between the browser's value and the reader's, as a share of the larger one


class _Connection(Drawing, module=MODULE):
    """What the browser and Python share. In Colab it is also what is shown; elsewhere it has no view."""

    link = traitlets.Unicode().tag(sync=True)  # its name, by which the drawing on the page finds it
    world = traitlets.Dict().tag(sync=True)
    said: traitlets.Dict[str, Any] = traitlets.Dict({"text": ""}).tag(
        sync=True
    )  # {"text": one line, "updates": how many it has heard of}
    kept = traitlets.Dict({"updates": 0}).tag(sync=True, echo_update=False)  # a page loaded again goes on from it


class GridStepper:
    """Q-learning in a grid world, update by update.

    Args:
        q_update: ``(q, s, a, r, s_next, terminated, alpha, gamma) -> new value of Q(s, a)``.
        env: the grid world.
        alpha, gamma, epsilon: initial values of the sliders.
        seed: of all random choices; Reset starts again from it.

    Attributes:
        q: the table ``[S, A]`` after the updates that Python has heard of.
        updates: how many these are.
        problem: where the reader's function first gave another value, or what is wrong with it; empty if nothing is.
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
        answer_while_cells_run()
        self.env = GridWorld() if env is None else env
        self._q_update = q_update
        self.q = np.zeros((self.env.num_states, len(MOVES)))
        self.updates = 0
        self.problem = ""
        self.world = {**world_as_json(self.env), "alpha": alpha, "gamma": gamma, "epsilon": epsilon, "seed": seed}
        self.connection = _Connection(link=uuid4().hex, world=self.world)
        self.connection.on_msg(lambda widget, batch, buffers: self.hear(batch))

    def picture(self) -> Picture:
        """The table before the first update, beside the exact Q*."""
        exact = self.env.optimal_q(self.world["gamma"], tolerance=1e-6)
        tables = {"The table after 0 updates": np.zeros_like(exact), "The exact Q*": exact}
        return q_table(tables, goals=self.env.goals, sharpness=1)

    def hear(self, batch: Mapping[str, Any]) -> None:
        """Make the updates of a batch with the reader's function, and say what came of it.

        Args:
            batch: ``first``, how many updates came before; ``q``, the table before them ``[S, A]``; and ``steps``, a
                list of `Update`.
        """
        if batch["first"] == 0:
            self.problem = ""
        self.q, self.updates = np.array(batch["q"], dtype=np.float64), int(batch["first"])
        for update in batch["steps"]:
            self.updates += 1
            if not self.problem:
                self.problem = self._compared(update)
            self.q[update[0], update[1]] = update[-1]
        same = f"Python has made the updates, too: your q_update gave the same {self.updates:,} values."
        self.connection.said = {"text": self.problem or same, "updates": self.updates}

    def _compared(self, update: Update) -> str:
        """What is wrong with the reader's value of an update; empty if it is the browser's."""
        *arguments, value = update
        where = f"Update {self.updates:,}, {MOVES[update[1]]} from {divmod(update[0], self.env.size)}"
        try:
            own = float(self._q_update(self.q.copy(), *arguments))  # type: ignore[arg-type]
        except Exception as error:  # the reader's code may raise anything
            return f"{where}: your q_update did not return a number ({type(error).__name__}: {error})."
        if math.isclose(own, value, rel_tol=TOLERANCE, abs_tol=1e-12):
            return ""
        return f"{where}: your q_update gave {own:.6g}, the formula gives {value:.6g}."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if is_colab():  # its widgets need a view, which can be this drawing
            return as_widget(self.connection, self.picture().alt)
        # elsewhere a view would be what a saved notebook lacks: the page draws, and finds the widget by its link
        data = {"world": self.world, "link": self.connection.link}
        return PageDrawing(MODULE, data, self.picture())._repr_mimebundle_()


def grid_stepper(q_update: QUpdate, env: GridWorld | None = None, **settings: Any) -> GridStepper:
    """Q-learning in a grid world by clicks, as the value of a cell. Arguments as for `GridStepper`."""
    return GridStepper(q_update, env, **settings)


def world_as_json(env: GridWorld) -> dict[str, Any]:
    """The arrays of a grid world as the browser has them: for each state and move, the arrivals that can happen."""
    return {
        "size": env.size,
        "goals": [[row, column, reward] for (row, column), reward in env.goals.items()],
        "terminal": env.terminal.tolist(),
        "start": _possible(env.start),
        "moves": [
            [
                [[*arrival, float(env.rewards[s, a, arrival[0]])] for arrival in _possible(env.probabilities[s, a])]
                for a in range(len(MOVES))
            ]
            for s in range(env.num_states)
        ],
    }


def _possible(chances: Array) -> list[list[Any]]:
    """``[state, chance]`` of each state that has a chance."""
    return [[int(state), float(chances[state])] for state in np.flatnonzero(chances)]
