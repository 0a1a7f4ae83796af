"""One answer: its process reads the job, runs the code on the exercise's cases, and writes what happened.

It is forked from the template. Whatever the code does to this process, only its own reply can suffer.
"""

from __future__ import annotations
import __future__

import json
import linecache
import os
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from dqnkit.classroom import checking, course, outcomes
from dqnkit.classroom.answer_sheet import Raised, RecordedAnswers
from dqnkit.classroom.comparison import Items
from dqnkit.classroom.exercise import Case, Exercise, Form
from dqnkit.classroom.own_code import NOT_PYTHON
from dqnkit.classroom.time_limit import TimeIsUpError, run_limited

MODULE = "answer"  # that the code is run as
SECONDS_TO_DEFINE = 5.0  # of processor time, for the code's top level
MESSAGE = 500  # characters
TOO_MUCH_MEMORY = "It took more memory than an answer may have."


def answer(job: Mapping[str, Any], largest: int) -> dict[str, Any]:
    """Run a job; return the reply as plain data.

    Args:
        job: ``exercise``, ``seed`` of its fresh cases, ``code``, ``name`` that the code gives to the answer, ``form``
            that the answer must have, and ``took``: for each case the seconds that the solution took.
        largest: bytes that the outcomes may have.

    Returns:
        a table with ``outcomes``, or with ``status`` and ``message`` where it did not come to that.
    """
    is_class, *names = job["form"]
    form = Form(is_class, *map(tuple, names))
    exercise = replace(course.find_public(job["exercise"]), answers=RecordedAnswers(None, (), recorded_form=form))
    cases = [*exercise.fixed_cases(), *exercise.cases(np.random.default_rng(job["seed"]))]
    _seed_everything(job["seed"])
    printed = checking.Printed()
    with printed.captured():
        try:
            found = _defined(job["code"], job["name"])
            problem = found if isinstance(found, dict) else _problem(exercise, found)
            return problem or _outcomes(exercise, found, cases, job["took"], largest)
        except MemoryError as error:
            return _status("too_much_memory", str(error) or TOO_MUCH_MEMORY)


def _seed_everything(seed: int) -> None:
    """So that code which draws from global random generators draws the same at a regrade."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  it is the reader's code that uses it
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(seed % 2**32)


def _defined(code: str, name: str) -> Any:
    """Run the top level of a code; return what it gives the name to, or a reply that says what is wrong."""
    file = f"<{name}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)  # TensorFlow reads it to compile
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    # An answer is collected without what only annotations name, so these are not looked at; TensorFlow asks the module.
    vars(module)["annotations"] = __future__.annotations
    try:
        compiled = compile(code, file, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    except NOT_PYTHON as error:
        return _status("not_python", f"{type(error).__name__}: {error}")
    try:
        run_limited(partial(exec, compiled, vars(module)), SECONDS_TO_DEFINE, checking.WALL_SECONDS)
    except TimeIsUpError:
        return _status("too_slow", "The code above the function does not end.")
    except MemoryError:
        raise
    except BaseException as error:  # also exit() at the top level
        raised = checking.raised(error)
        return _status("error", f"{raised.kind}: {raised.message}", line=raised.line)
    return vars(module).get(name)


def _problem(exercise: Exercise, thing: Any) -> dict[str, Any] | None:
    result = checking.problem_before_running(exercise, thing)
    if result is None:
        return None
    return _status("missing" if result.status == "open" else "wrong", result.message)


def _outcomes(
    exercise: Exercise, thing: Any, cases: Sequence[Case], took: Sequence[Any], largest: int
) -> dict[str, Any]:
    try:
        seen = checking.observe_reader(exercise, thing, cases, took)
    except checking.TooSlowError as error:
        number = next(place for place, case in enumerate(cases) if case is error.case)
        return _status("too_slow", f"It had not returned after {error.limit}, and was stopped.", case=number)
    if any(isinstance(each.outcome, Raised) and "Memory" in each.outcome.kind for each in seen):
        return _status("too_much_memory", TOO_MUCH_MEMORY)
    if sum(_size(each.outcome) for each in seen) > largest:
        return _status("flooded", "What it returns is too large.")
    return {"outcomes": [*map(outcomes.pack, seen)]}


def _size(value: Any) -> int:
    """Bytes of an outcome, before it is turned into text."""
    if isinstance(value, Items):
        return sum(map(_size, value.values))
    return int(getattr(value, "nbytes", 0)) or (len(value) if isinstance(value, str | bytes) else 0)


def _status(status: str, message: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "message": message[:MESSAGE], **more}


def run(source: int, target: int, length: int, largest: int) -> None:
    """Read a job of so many bytes, answer it, and write the reply; ends this process.

    Whatever goes wrong here is this answer's own; the keeper sees that no reply came.
    """
    content = b""
    while len(content) < length:
        part = os.read(source, length - len(content))
        if not part:
            os._exit(3)
        content += part
    os.close(source)
    job = json.loads(content)
    end, write, dumps = os._exit, os.write, json.dumps  # as they are before anybody's code runs
    reply = memoryview((job["token"] + dumps(answer(job, largest // 2))).encode(errors="replace"))
    while reply:
        reply = reply[write(target, reply) :]
    end(0)
