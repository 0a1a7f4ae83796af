"""Answer sheets: what a solution and the known mistakes return, recorded, in place of their code.

A class that gets the course without solutions gets one sheet for each exercise, ``answers/NAME.json.gz``. A check draws
its cases from one of the recorded seeds and compares with what was recorded for it, so it passes what the solution
passes and names the same mistakes. The sheet tells what the right values are for these cases, and not how to compute
them; whoever grades uses others.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from dqnkit.classroom.exercise import Answers, Case, Exercise, Form, Mistake

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT, VERSION = "dqnkit-answer-sheet", 1
NO_FORM = Form(False, (), (), ())
SLOWER = 4  # times: a reader's computer may be slower than that of the recording


@dataclass(frozen=True)
class Raised:
    """An exception that was raised instead of a value being returned."""

    kind: str
    message: str
    line: str = field(compare=False)  # where in the reader's code; empty if it was raised elsewhere


@dataclass(frozen=True)
class Seen:
    """What happened on one case."""

    outcome: Any  # the value as `comparison.normalise` returns it, or `Raised`
    changed: tuple[str, ...] = ()  # names of the arguments that were changed


@dataclass(frozen=True)
class NumberedCase(Case):
    """A case that has a place in a sheet."""

    place: tuple[int, int] = (0, 0)  # the seed's number, the case's


@dataclass(frozen=True)
class Recording:
    """Stands for a solution or a mistake: what it returned, by place; and how long it took."""

    outcomes: Sequence[Sequence[Seen]]
    times: Sequence[Sequence[tuple[float, float]]] = ()

    def outcome_of(self, case: Case) -> Seen:
        """Return what it returned for a case that `RecordedAnswers` has drawn."""
        assert isinstance(case, NumberedCase)
        seed, number = case.place
        return self.outcomes[seed][number]

    def took(self, case: Case) -> tuple[float, float]:
        """Return the processor time and the wall-clock time that it may have taken, in seconds."""
        assert isinstance(case, NumberedCase)
        seed, number = case.place
        processor, wall = self.times[seed][number]
        return SLOWER * processor, SLOWER * wall


@dataclass(frozen=True)
class RecordedAnswers(Answers):
    """The private part of an exercise without code: recordings of its solution and of the known mistakes."""

    seeds: tuple[int, ...] = ()
    recorded_form: Form = NO_FORM

    @property
    def form(self) -> Form:
        """The form that an answer must have."""
        return self.recorded_form

    @property
    def source(self) -> str:
        """Empty: there is none here."""
        return ""

    def draw(self, exercise: Exercise, rng: Generator) -> list[Case]:
        """Return the cases of one check: the fixed ones, and those of one of the recorded seeds."""
        place = int(rng.integers(len(self.seeds)))
        cases = [*exercise.fixed_cases(), *exercise.cases(np.random.default_rng(self.seeds[place]))]
        return [NumberedCase(case.label, case.arguments, place=(place, n)) for n, case in enumerate(cases)]


def record(
    exercise: Exercise, seeds: Sequence[int], observe: Callable[[Any, list[Case]], tuple[list[Seen], list[Any]]]
) -> dict[str, Any]:
    """Return the sheet of an exercise, as values for JSON.

    Args:
        exercise: with its answers.
        seeds: of the fresh cases.
        observe: runs a solution or a mistake on cases; returns what happened and the times that each case took.
    """
    from dqnkit.classroom.outcomes import pack

    drawn = [exercise.draw(np.random.default_rng(seed)) for seed in seeds]
    things = {"": exercise.solution, **{mistake.name: mistake.wrong for mistake in exercise.mistakes}}
    outcomes: dict[str, list[list[Any]]] = {}
    times: list[Any] = []
    for name, thing in things.items():
        found = [observe(thing, cases) for cases in drawn]
        outcomes[name] = [[pack(seen) for seen in each] for each, _ in found]
        times = times or [took for _, took in found]
    return {
        "format": FORMAT,
        "version": VERSION,
        "exercise": exercise.name,
        "seeds": list(seeds),
        "form": list(exercise.form),
        "times": times,
        "outcomes": outcomes,
        "messages": {mistake.name: mistake.message for mistake in exercise.mistakes},
    }


def write(path: Path, sheet: Mapping[str, Any]) -> None:
    """Write a sheet; the same sheet gives the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    path.write_bytes(gzip.compress(json.dumps(sheet, separators=(",", ":")).encode(), mtime=0))


def read(path: Path) -> RecordedAnswers:
    """Return the answers in a sheet.

    Raises:
        OSError, ValueError: it cannot be read, or is something else.
    """
    from dqnkit.classroom.outcomes import unpack

    sheet = json.loads(gzip.decompress(path.read_bytes()))
    if sheet.get("format") != FORMAT or sheet.get("version") != VERSION:
        raise ValueError(f"{path} is no answer sheet of this version")

    def recording(name: str) -> Recording:
        return Recording([[unpack(seen) for seen in each] for each in sheet["outcomes"][name]], sheet["times"])

    is_class, *names = sheet["form"]
    form = Form(is_class, *map(tuple, names))
    mistakes = [Mistake(name, recording(name), message) for name, message in sheet["messages"].items()]
    return RecordedAnswers(recording(""), mistakes, tuple(sheet["seeds"]), form)
