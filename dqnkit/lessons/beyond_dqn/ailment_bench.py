"""A widget to try double, n-step, prioritized and dueling on small environments whose exact Q-values are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import traitlets

from dqnkit.lessons.beyond_dqn.ailments import AILMENTS, Ailment, Parts, TableStatus, learn
from dqnkit.lessons.beyond_dqn.clock import Clock
from dqnkit.plots import Picture
from dqnkit.plots.ablation import learning_beside_truth
from dqnkit.widgets.drawing import Drawing
from dqnkit.widgets.kernel_status import answer_while_cells_run

TICK_SECONDS = 0.04  # seconds between two statuses of a run
RUNS_KEPT = 3  # earlier runs that stay in the picture
SWITCHES = {"double": "double", "n_step": "3-step", "prioritized": "prioritized", "dueling": "dueling"}
CAPTION = (
    "What to look for: on the left, does the blue line fall sooner than the grey ones of earlier runs, and how low? On "
    "the right each dot is one Q(s, a): in the shaded half the learned value is too high."
)


class AilmentBench(Drawing, module=Path(__file__).with_suffix(".js")):
    """A choice of environments, a switch for each part, Run and Stop; two charts show the values as they are learned.

    Args:
        ailments: the environments, by name.

    Attributes:
        problem: the name of the environment.
        parts: which of `SWITCHES` the last run was made with.
        seed: of the runs.
        state: of the newest run: "running", "finished" or "stopped".
        newest: the newest run: ``label``, ``steps`` and ``errors`` ``[N]``; its last status: ``learned`` and ``true``
            ``[V]``, ``overestimation``; and ``total``, the step at which it ends.
        earlier: the runs before it, the oldest first.
    """

    menu = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    parts: traitlets.List[str] = traitlets.List().tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    state = traitlets.Unicode("finished").tag(sync=True)
    newest = traitlets.Dict().tag(sync=True)
    earlier: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    _latest: ClassVar[AilmentBench | None] = None

    def __init__(self, ailments: Mapping[str, Ailment]) -> None:
        answer_while_cells_run()
        self._ailments = ailments
        self._statuses: Iterator[TableStatus] = iter(())  # the rest of the newest run
        problems = {
            name: {"title": ailment.title, "story": ailment.story, "part": SWITCHES[ailment.part]}
            for name, ailment in ailments.items()
        }
        super().__init__(menu={"problems": problems, "parts": SWITCHES, "caption": CAPTION})
        self.clock = Clock(self.tick, TICK_SECONDS)
        if AilmentBench._latest is not None:  # a cell run twice: only the newest bench runs
            AilmentBench._latest.stop()
        AilmentBench._latest = self
        self.on_msg(lambda widget, content, buffers: self.hear(content))
        self.begin(next(iter(ailments)))

    def hear(self, content: Mapping[str, Any]) -> None:
        """Do what the reader asks for: "run" with parts and a seed, "stop", or "begin" with a problem."""
        match content["do"]:
            case "run":
                self.run(content["parts"], content["seed"])
            case "stop":
                self.stop()
            case "begin":
                self.begin(content["problem"])

    def begin(self, problem: str) -> None:
        """Choose an environment, forget all runs, and make one without any part, to compare with."""
        self.clock.stop()
        with self.hold_sync():  # one message, not one for each status
            self.problem = problem
            self.earlier, self.newest = [], {}
            self._start([])
            while self.tick():
                pass

    def run(self, parts: list[str], seed: int) -> None:
        """Start a run with these parts; a run that has not finished stops."""
        self.seed = seed
        self._start(parts)
        self.clock.start()

    def stop(self) -> None:
        """End the run; what it has learned so far stays."""
        self.clock.stop()
        if self.state == "running":
            self.state = "stopped"

    def tick(self) -> bool:
        """Continue the run to its next status; False when it is over."""
        status = next(self._statuses, None)
        if status is None:
            self.state = "finished"
            return False
        run = self.newest
        self.newest = {
            "label": run["label"],
            "steps": [*run["steps"], status.step],
            "errors": [*run["errors"], round(status.error, 5)],
            "total": status.total,
            "learned": status.learned.round(4).tolist(),
            "true": status.true.round(4).tolist(),
            "overestimation": round(status.overestimation, 4),
        }
        return True

    def picture(self) -> Picture:
        """The first environment without any part, and with the part made for it; for pages without widgets."""
        ailment = next(iter(self._ailments.values()))
        runs = {}
        for parts in ([], [ailment.part]):
            statuses = list(learn(ailment, Parts(**dict.fromkeys(parts, True))))
            runs[_label(parts)] = ([s.step for s in statuses], [s.error for s in statuses])
        last = statuses[-1]
        return learning_beside_truth(
            runs, last.learned, last.true, total=last.total, title=ailment.title, caption=CAPTION
        )

    def _start(self, parts: list[str]) -> None:
        label = f"{_label(parts)}, seed {self.seed}"
        kept = [run for run in (*self.earlier, self.newest) if run and run["label"] != label]  # a repeated run is new
        self.earlier = [{name: run[name] for name in ("label", "steps", "errors")} for run in kept[-RUNS_KEPT:]]
        self.newest = {"label": label, "steps": [], "errors": [], "total": 0}
        self.parts, self.state = list(parts), "running"
        self._statuses = learn(self._ailments[self.problem], Parts(**dict.fromkeys(parts, True)), self.seed)


def bench() -> AilmentBench:
    """The bench with the four environments and the four parts, as the value of a cell."""
    return AilmentBench(AILMENTS)


def _label(parts: list[str]) -> str:
    return " + ".join(label for name, label in SWITCHES.items() if name in parts) or "no part"
