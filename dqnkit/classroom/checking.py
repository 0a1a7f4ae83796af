"""Checks of the reader's code: did it pass, and if not, what is wrong and why it matters.

A check runs the reader's code and the worked solution on the exercise's fixed cases and on fresh ones, and compares the
results. If they differ, it also runs the known mistakes, and names the one that gives the reader's results on every
case. Where several things are wrong at once, it names the mistake that explains most of the results and contradicts
none. Otherwise it shows the expected and the actual result of the smallest failing case, and does not guess.

The reader's code runs with a limit of processor time. Whatever it returns, raises or prints, `check` returns a result.
"""

from __future__ import annotations

import builtins
import inspect
import io
import logging
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any, NoReturn, TextIO

import numpy as np

from dqnkit.classroom import course, plain_source, rich_text
from dqnkit.classroom import progress_file as records
from dqnkit.classroom.allowance import is_library
from dqnkit.classroom.answer_sheet import Raised, Recording, Seen
from dqnkit.classroom.comparison import Difference, Items, Other, difference, normalise, shorten, show
from dqnkit.classroom.exercise import Case, Exercise, Mistake, is_stub
from dqnkit.classroom.kernel_health import damage
from dqnkit.classroom.own_code import source_of
from dqnkit.classroom.rich_text import RichText
from dqnkit.classroom.time_limit import Ended, TimeIsUpError, run_limited
from dqnkit.errors import UnknownNameError, UnwrittenError

CASE = "case"  # name of the row that describes the case in words
MAX_PRINTED = 2_000  # characters kept of what the reader's code prints
TIMES_THE_SOLUTION = 5  # processor time that the reader's code may take, where that is more than the exercise gives
NO_SOLUTION = "Your class has not handed out the worked solution (yet): ask whoever teaches it."
WALL_SECONDS = 60.0  # for code that waits; twice as many times the solution's, where that is more

_LAST: dict[str, tuple[Any, bool]] = {}  # exercise -> the object last checked, and whether it passed
_OWN: dict[tuple[Any, ...], tuple[Seen, tuple[float, float]]] = {}  # what `_observe_own` found on fixed cases


@dataclass(frozen=True)
class CheckResult:
    """The result of a check. It is true if the check passed, and shows itself as the value of a cell."""

    name: str
    status: str  # "passed", "wrong" or "open" (not written yet)
    title: str
    message: str = ""  # what is wrong and why it matters
    mistake: str = ""  # name of the known mistake, if it is one
    rows: tuple[tuple[str, str], ...] = ()  # (name, value) pairs about the smallest failing case
    printed: str = ""  # what the reader's code printed
    advice: str = ""
    help: str = ""  # HTML that unfolds: hints, and the worked solution

    @property
    def passed(self) -> bool:
        """Whether the reader's code gives the results of the solution on every case."""
        return self.status == "passed"

    def __bool__(self) -> bool:
        return self.passed

    @property
    def html(self) -> str:
        """The result as HTML."""
        rows = [[escape(name), escape(value) if name == CASE else rich_text.block(value)] for name, value in self.rows]
        inside = rich_text.prose(self.message)
        inside += rich_text.table(rows) if rows else ""
        inside += rich_text.fold("What your code printed", rich_text.block(self.printed)) if self.printed else ""
        inside += self.help or rich_text.prose(self.advice)
        return rich_text.box(self.status, self.title, inside)

    @property
    def text(self) -> str:
        """The result as plain text, for a terminal."""
        icon, _ = rich_text.KINDS[self.status]
        lines = [f"{icon} {self.title}", self.message]
        for name, value in self.rows:
            lines.append(f"  {name}: " + value.replace("\n", "\n    "))
        lines += [f"  What your code printed:\n{self.printed}"] if self.printed else []
        return "\n".join(line for line in [*lines, self.advice] if line)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def check(name: str, thing: Any) -> CheckResult:
    """Check the reader's code on the cases of an exercise.

    Args:
        name: of the exercise.
        thing: the reader's function or class.

    Returns:
        The result, which shows itself as the value of a cell. No error of the reader's code is raised here; only
        Ctrl-C ends a check early.
    """
    try:
        exercise = course.find_exercise(name)
    except UnknownNameError as error:
        return CheckResult(str(name), "wrong", f"{name}: no such exercise", f"{error}")
    result = check_exercise(exercise, thing)
    if result.status != "open":
        code = source_of(thing) if result.passed else ""
        records.record_check(exercise.name, exercise.notebook, result.passed, result.mistake, code)
    _LAST[exercise.name] = (thing, result.passed)
    return result


def forget() -> None:
    """Forget what was checked, as a restart of the kernel does."""
    _LAST.clear()


def use(name: str, thing: Any) -> Any:
    """Return the reader's version if it passes its check, else the kit's; print which of the two it is.

    Where the course was handed out without solutions, it is the reader's version in any case. If that is not written
    yet, the cell that first calls it says so.

    Raises:
        UnknownNameError: there is no exercise of this name.
    """
    exercise = course.find_exercise(name)
    checked, passed = _LAST.get(exercise.name, (None, False))
    if checked is not thing or thing is None:
        passed = check(name, thing).passed
    if passed:
        print(f"✓ {exercise.name}: from here on, your version is used.")
        return thing
    if not exercise.source:
        if problem_before_running(exercise, thing) is not None:
            print(f"○ {exercise.name}: nothing is written that could be used.\n  {NO_SOLUTION}")
            return _unwritten(exercise.name)
        print(f"○ {exercise.name}: yours has not passed its check yet, and is used as it is.\n  {NO_SOLUTION}")
        return thing
    print(
        f"○ {exercise.name}: from here on, the kit's version is used.\n"
        "  Yours has not passed its check yet; when it does, run this cell again."
    )
    return exercise.solution


def _unwritten(name: str) -> Callable[..., NoReturn]:
    def unwritten(*_: object, **__: object) -> NoReturn:
        raise UnwrittenError(
            f"this cell needs your {name}, and none is written that it could call. Write it, run its cells, then this"
        )

    return unwritten


def check_exercise(exercise: Exercise, thing: Any, rng: np.random.Generator | None = None) -> CheckResult:
    """Check without recording it in the progress file; the exercise may be from outside the kit.

    The fresh cases are drawn from ``rng``; without it they are others each time.
    """
    result = _check_without_help(exercise, thing, rng or np.random.default_rng())
    return replace(result, help=_help(exercise, result.passed))


def _check_without_help(exercise: Exercise, thing: Any, rng: np.random.Generator) -> CheckResult:
    problem = problem_before_running(exercise, thing)
    if problem is not None:
        return problem
    printed = Printed()
    try:
        cases = exercise.draw(rng)
        expected, took = observe_solution(exercise, cases)
        say = partial(print, file=sys.stdout, flush=True)
        with printed.captured():
            seen = observe_reader(exercise, thing, cases, took, say)
    except TooSlowError as error:
        return replace(_too_slow(exercise, error), printed=printed.text)
    except ImportError as error:  # of the solution; one of the reader's code is an outcome
        text = f"Something that this check needs is missing here: {error}. Install it, then run this cell again."
        return CheckResult(exercise.name, "open", f"{exercise.name}: cannot be checked here", text)
    return replace(judge(exercise, cases, expected, seen), printed=printed.text)


def observe_all(exercise: Exercise, thing: Any, cases: Sequence[Case]) -> list[Seen]:
    """Run the kit's own code, a solution or a known mistake, on every case; what it prints is dropped."""
    if isinstance(thing, Recording):
        return [thing.outcome_of(case) for case in cases]
    with Printed().captured(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return [_observe(exercise, thing, case) for case in cases]


def _observe_own(exercise: Exercise, thing: Any, case: Case) -> tuple[Seen, tuple[float, float]]:
    """What the solution or a known mistake gives on a case, and the processor and wall-clock time that it took.

    Every check asks for most of this on the fixed cases. So it is kept, unless it took so long that the limit of the
    reader's code follows from it.
    """
    key = None
    if case.fixed is not None and not isinstance(thing, Recording):
        key = (exercise.fixed_cases, exercise.observe, thing, case.fixed)
        if key in _OWN:
            return _OWN[key]
    processor, wall = time.process_time(), time.monotonic()
    [seen] = observe_all(exercise, thing, [case])
    took = time.process_time() - processor, time.monotonic() - wall
    if isinstance(thing, Recording) and thing.times:
        took = thing.took(case)
    if key is not None and TIMES_THE_SOLUTION * max(took) < exercise.seconds:
        _OWN[key] = seen, took
    return seen, took


def find_mistake(exercise: Exercise, cases: Sequence[Case], seen: Sequence[Seen]) -> Mistake | None:
    """Return the known mistake that gives the same on every case, or None."""
    for mistake in exercise.mistakes:
        shown = (_observe_own(exercise, mistake.wrong, case)[0] for case in cases)  # it stops at the first difference
        if all(map(same, shown, seen)):
            return mistake
    return None


def find_one_of_several(
    exercise: Exercise, cases: Sequence[Case], expected: Sequence[Seen], seen: Sequence[Seen]
) -> Mistake | None:
    """Return the known mistake that explains most of what is wrong, where none explains everything; or None.

    It gives the reader's results in at least two of the places where the reader's code shows something wrong and in a
    quarter of them, and is right wherever the reader is right.
    """
    due, given = ([_parts(result) for result in results] for results in (expected, seen))
    right = [
        {name for name in ours.keys() & theirs.keys() if same(ours[name], theirs[name])}
        for ours, theirs in zip(due, given, strict=True)
    ]
    wrong = [theirs.keys() - names for theirs, names in zip(given, right, strict=True)]

    def explained(mistake: Mistake) -> int:
        """Return in how many of the wrong places it gives the same; 0 once it is wrong where the reader is right."""
        count = 0
        for n, case in enumerate(cases):
            mistaken = _parts(_observe_own(exercise, mistake.wrong, case)[0])
            if any(name not in mistaken or not same(due[n][name], mistaken[name]) for name in right[n]):
                return 0
            count += sum(same(given[n][name], mistaken[name]) for name in wrong[n] & mistaken.keys())
        return count

    counts = {mistake.name: explained(mistake) for mistake in exercise.mistakes}
    best = max(exercise.mistakes, key=lambda mistake: counts[mistake.name], default=None)
    return best if best is not None and counts[best.name] >= max(2, sum(map(len, wrong)) / 4) else None


def _parts(result: Seen) -> dict[str, Seen]:
    """Return the parts of an outcome by name; one without names is a single part."""
    if isinstance(result.outcome, Items) and not result.outcome.is_list:
        return {name: Seen(value) for name, value in zip(result.outcome.names, result.outcome.values, strict=True)}
    return {"": result}


def same(one: Seen, other: Seen) -> bool:
    """Return whether two outcomes are the same value or the same error."""
    if isinstance(one.outcome, Raised) or isinstance(other.outcome, Raised):
        return type(one.outcome) is type(other.outcome) and bool(one.outcome == other.outcome)
    return difference(one.outcome, other.outcome) is None


def _observe(exercise: Exercise, thing: Any, case: Case) -> Seen:
    given = deepcopy(case.arguments)
    try:
        outcome = normalise(exercise.observe(thing, replace(case, arguments=given)))
    except ImportError:
        raise
    except Exception as error:
        outcome = raised(error)
    return Seen(outcome, _changed(exercise, case.arguments, given))


def _changed(exercise: Exercise, before: Sequence[Any], after: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the arguments whose values differ from before."""
    names = exercise.form.by_position
    changed = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if difference(_only_data(normalise(old)), _only_data(normalise(new))) is not None:
            changed.append(names[number] if number < len(names) else f"argument {number + 1}")
    return tuple(changed)


def _only_data(value: Any) -> Any:
    """Return arrays and lists, and None for other objects: a random generator or a network may change with use."""
    return value if isinstance(value, np.ndarray) or hasattr(value, "values") else None


class TooSlowError(Exception):
    """The reader's code took too long on a case: longer than ``limit``, in words."""

    def __init__(self, case: Case, limit: str, ended: bool) -> None:
        super().__init__(case.label)
        self.case, self.limit, self.ended = case, limit, ended


def observe_solution(exercise: Exercise, cases: Sequence[Case]) -> tuple[list[Seen], list[tuple[float, float]]]:
    """Run the solution on every case; also the processor time and the wall-clock time that each took."""
    found = [_observe_own(exercise, exercise.solution, case) for case in cases]
    return [seen for seen, _ in found], [took for _, took in found]


def observe_reader(
    exercise: Exercise,
    thing: Any,
    cases: Sequence[Case],
    took: Sequence[tuple[float, float]],
    say: Callable[[str], None] | None = None,
) -> list[Seen]:
    """Run the reader's code on every case, with limits that follow from what the solution ``took`` here and now."""
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuntimeWarning)  # NumPy warns so of overflow and division by 0: worth seeing
        warnings.showwarning = _print_warning
        for case, (processor, wall) in zip(cases, took, strict=True):
            seconds = max(exercise.seconds, TIMES_THE_SOLUTION * min(processor, wall))
            patience = max(WALL_SECONDS, 2 * TIMES_THE_SOLUTION * wall)
            try:
                seen.append(run_limited(partial(_observe_safely, exercise, thing, case), seconds, patience, say))
            except TimeIsUpError as error:
                limit = f"{patience:.2g} seconds" if error.only_waited else f"{seconds:.2g} seconds of processor time"
                raise TooSlowError(case, limit, error.ended) from None
    return seen


def _observe_safely(exercise: Exercise, thing: Any, case: Case) -> Seen:
    try:
        return _observe(exercise, thing, case)
    except Ended:
        raise
    except BaseException as error:  # also exit(), a KeyboardInterrupt raised by the reader, an ImportError
        return Seen(raised(error))


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"{category.__name__} in line {lineno}: {message}")


class Printed(io.TextIOBase):
    """A stream that keeps the beginning of what is printed."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = MAX_PRINTED - len(self.text)
        self.text += text[:room] + (" …" if 0 < room < len(text) else "")
        return len(text)

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Capture what is printed. Logging is off, for TensorFlow logs the errors that the check reports anyway."""
        was_disabled, was_input = logging.root.manager.disable, builtins.input
        logging.disable(logging.CRITICAL)
        builtins.input = _no_input
        try:
            with redirect_stdout(self), redirect_stderr(self):
                yield
        finally:
            builtins.input = was_input
            logging.disable(was_disabled)


def _no_input(prompt: object = "") -> str:
    raise EOFError("a check has nobody who could answer input(): take what you need from the arguments")


def raised(error: BaseException) -> Raised:
    try:
        text = str(error)
    except Exception:
        text = ""
    return Raised(type(error).__name__, shorten(text.strip()), _line_of_reader(error))


def _line_of_reader(error: BaseException) -> str:
    """Return where in the reader's code an error happened: the innermost frame that belongs to no library."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not is_library(frame.filename):
            return f"line {frame.lineno} of {frame.name}" + (f":\n    {frame.line}" if frame.line else "")
    return ""


def problem_before_running(exercise: Exercise, thing: Any) -> CheckResult | None:
    """Return what is wrong before anything is run: an empty stub, not a function, other arguments; None if nothing."""
    name, wants_class = exercise.name, exercise.form.is_class
    open_title = f"{name}: not written yet"
    advice = f"{exercise.minutes} minutes, difficulty {exercise.difficulty} of 3. Stuck? `hints({name!r})`"
    has_stubs = inspect.isclass(thing) and _has_stubs(exercise, thing)
    if thing is None or thing is Ellipsis or is_stub(thing) or has_stubs:
        return CheckResult(name, "open", open_title, "Fill in the code where it says `YOUR CODE HERE`.", advice=advice)
    if inspect.isclass(thing) and not wants_class:
        text = (
            f"This is the class `{thing.__name__}`. The check takes the function itself: `{name}{exercise.signature}`."
        )
        return _wrong(exercise, text)
    if wants_class and not inspect.isclass(thing):
        return _wrong(exercise, f"A class is wanted, without parentheses behind its name; this is {_in_words(thing)}.")
    if not callable(thing):
        text = (
            f"This is {_in_words(thing)}, not a function. Give the check the function itself, without calling it: "
            f"`check({name!r}, {name})`."
        )
        return _wrong(exercise, text)
    if not wants_class:
        return _other_arguments(exercise, thing)
    return None


def _in_words(thing: Any) -> str:
    try:
        return f"`{shorten(show(normalise(thing)))}`"
    except Exception:
        return f"a {type(thing).__name__}"


def _has_stubs(exercise: Exercise, thing: type) -> bool:
    """Return whether a method that the solution implements is still empty in the reader's class."""
    return any(is_stub(getattr(thing, name, None)) for name in exercise.form.methods)


def _other_arguments(exercise: Exercise, thing: Any) -> CheckResult | None:
    """Return what is wrong if the function cannot be called as the solution is; else None."""
    _, by_position, by_name, _ = exercise.form
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # a function that is not written in Python
        return None
    try:
        signature.bind(*by_position, **dict.fromkeys(by_name))
    except TypeError:
        called = ", ".join([*by_position, *(f"{name}=…" for name in by_name)])
        text = (
            f"Its arguments are `{signature}`; it is called with {len(by_position) + len(by_name)}: `({called})`. "
            "Keep the first line of the function as it was."
        )
        return _wrong(exercise, text)
    return None


def _wrong(exercise: Exercise, text: str, **more: Any) -> CheckResult:
    """Return a result that did not pass."""
    advice = f"Stuck? `hints({exercise.name!r})` unfolds one hint after the other."
    return CheckResult(exercise.name, "wrong", f"{exercise.name}: not yet right", text, advice=advice, **more)


def _too_slow(exercise: Exercise, error: TooSlowError) -> CheckResult:
    text = (
        f"It had not returned after {error.limit}, and was stopped. Does every loop come to an end: "
        "does something in it change the condition that it runs on?"
    )
    if not error.ended:
        text += (
            "\n\nIt could not be ended, for it waits outside Python (`input()`, `sleep`), and may still run. If the "
            "notebook has become slow, restart the kernel."
        )
    elif broken := damage():
        text += f"\n\nIt was stopped at a moment that broke something: {broken}. Restart the kernel before you go on."
    return _wrong(exercise, text, rows=case_rows(exercise, error.case))


def judge(exercise: Exercise, cases: Sequence[Case], expected: Sequence[Seen], seen: Sequence[Seen]) -> CheckResult:
    """Return the result of a check from the outcomes of all cases."""
    name = exercise.name
    failing = [number for number in range(len(cases)) if not same(expected[number], seen[number])]
    if failing:
        first = failing[0]
        mistake = find_mistake(exercise, cases, seen)
        several = None if mistake else find_one_of_several(exercise, cases, expected, seen)
        message, rows = _explain(expected[first].outcome, seen[first].outcome)
        right = f"{len(cases) - len(failing)} of {len(cases)} cases are right."
        if mistake is not None:
            message = mistake.message
        elif several is not None:
            mistake, message = several, f"More than one thing is wrong. The first: {several.message}"
        elif len(failing) < len(cases):
            message += f" ({right} Below is the first that is not.)"
        rows = (*case_rows(exercise, cases[first]), *rows)
        return _wrong(exercise, message.strip(), rows=rows, mistake=mistake.name if mistake else "")
    changed = [set(now.changed) - set(due.changed) for due, now in zip(expected, seen, strict=True)]
    if any(changed):
        first = next(number for number, names in enumerate(changed) if names)
        names = " and ".join(f"`{one}`" for one in sorted(changed[first]))
        text = (
            f"What it returns is right, but it changes its argument {names}. Whoever called it still holds that "
            "object and finds other values in it. Work on a copy, or compute the new value without writing it back."
        )
        return _wrong(exercise, text, rows=case_rows(exercise, cases[first]), mistake="changes its arguments")
    return CheckResult(name, "passed", f"{name}: passed", f"It is right on all {len(cases)} cases.")


def _explain(expected: Any, actual: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return a message and rows about an error that is no known mistake."""
    if isinstance(actual, Raised):
        text = f"{actual.kind}: {actual.message}" if actual.message else actual.kind
        if actual.line:
            return "Your code stopped with an error.", (("error", text), ("where", actual.line))
        return "What your code gave could not be used.", (("error", text),)
    if isinstance(expected, Raised):
        return "Here an error is expected.", (("expected", expected.kind), ("yours", show(actual)))
    found: Difference | None = difference(expected, actual)
    assert found is not None
    part = f" ({found.where})" if found.where else ""
    return found.remark, ((f"expected{part}", found.expected), (f"yours{part}", found.actual))


def case_rows(exercise: Exercise, case: Case) -> tuple[tuple[str, str], ...]:
    """Return rows that describe a case, with its arguments if the function gets them as they are."""
    label = (CASE, case.label)
    names = exercise.form.by_position
    arguments = [normalise(value) for value in case.arguments]
    if len(names) != len(arguments) or any(isinstance(value, Other) for value in arguments):
        return (label,)
    shown = [(name, show(value)) for name, value in zip(names, arguments, strict=True)]
    long = [f"{name} =\n{value}" for name, value in shown if "\n" in value]
    short = [f"{name}={value}" for name, value in shown if "\n" not in value]
    return label, ("with", "\n".join([*long, ", ".join(short)]))


def hints(name: str) -> RichText:
    """Return the hints of an exercise, each folded into the one before, and the worked solution in the last.

    Raises:
        UnknownNameError: there is no exercise of this name.
    """
    exercise = course.find_exercise(name)
    last = f"`solution({name!r})` shows the worked solution: read it, close it, and write it from memory."
    last = last if exercise.source else NO_SOLUTION
    title = f"Hints for {name}: about {exercise.minutes} minutes, difficulty {exercise.difficulty} of 3"
    every = enumerate([*exercise.hints, last], start=1)
    text = "\n".join([title, *(f"{number}. {hint}" for number, hint in every)])
    return RichText(rich_text.box("note", title, _help(exercise, passed=False)), text)


def _help(exercise: Exercise, passed: bool) -> str:
    """Return what unfolds in the result of a check, as HTML: one hint after the other, then the worked solution."""
    source = rich_text.code(plain_source.plain(exercise.source))
    if passed:
        return rich_text.fold("Compare with a worked solution", source) if exercise.source else ""
    advice = (
        "Read it, fold it away, and write it from memory. You can also go on: nothing later depends on your version."
    )
    nested = rich_text.fold("The worked solution", rich_text.prose(advice) + source)
    if not exercise.source:
        nested = rich_text.prose(NO_SOLUTION)
    for number in range(len(exercise.hints), 0, -1):
        title = f"Hint {number} of {len(exercise.hints)}"
        nested = rich_text.fold(title, rich_text.prose(exercise.hints[number - 1]) + nested)
    return nested


def solution(name: str) -> RichText:
    """Return the source of the worked solution.

    Raises:
        UnknownNameError: there is no exercise of this name.
    """
    exercise = course.find_exercise(name)
    source = plain_source.plain(exercise.source)  # as a reader would write it
    if not source:
        return rich_text.message("open", f"No worked solution of {name}", NO_SOLUTION)
    title = f"A worked solution of {name}"
    return RichText(rich_text.box("note", title, rich_text.code(source)), f"{title}\n\n{source}")
