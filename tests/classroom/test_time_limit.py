"""The limit of a check counts processor time, spares imports and TensorFlow while it traces, and reaches C code."""

from __future__ import annotations

import hashlib
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any
from urllib.parse import ParseResult

import nbclient
import nbformat
import numpy as np
import pytest

from dqnkit.classroom import allowance, check
from dqnkit.classroom.allowance import file_of, is_library
from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.classroom.exercise import Answers, Case, Exercise
from dqnkit.classroom.kernel_health import damage
from dqnkit.classroom.time_limit import STUCK, TimeIsUpError, run_limited
from dqnkit.types import Transition

Tried = Callable[[int, str, str], None]
ROOT = Path(__file__).resolve().parents[2]
needs_timers = pytest.mark.skipif(os.name == "nt", reason="Windows has no timers that send signals")


def compute(seconds: float) -> float:
    """Use this much processor time."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass
    return seconds


SLOW = Exercise(
    name="slow",
    signature="(x) -> x",
    minutes=1,
    difficulty=1,
    answers=Answers(compute, []),
    fixed_cases=lambda: [Case("a number", (0.2,))],
    cases=lambda rng: [],
    hints=[],
    seconds=0.05,
)


def test_time_in_which_others_work_does_not_count(tried: Tried) -> None:
    run_limited(lambda: time.sleep(0.5), 0.2, wall=60)
    tried(24, "an answer that gets no processor for longer than its limit", "goes on: only processor time counts")


def test_the_limit_follows_what_the_solution_took(tried: Tried) -> None:
    def twice(x: float) -> float:
        return compute(2 * x) / 2

    assert check_exercise(SLOW, twice).passed
    tried(24, "twice the solution's time on a machine too slow for the exercise's limit", "passes")


def power() -> int:
    return 10**10**9


def expression() -> Any:
    return re.match("(a+)+$", "a" * 40 + "b")


def sleep() -> None:
    time.sleep(100)


@needs_timers
@pytest.mark.parametrize("code", [power, expression, sleep])
def test_c_code_that_holds_the_interpreter_is_ended(code: Callable[[], Any], tried: Tried) -> None:
    with pytest.raises(TimeIsUpError) as caught:
        run_limited(code, 0.3, wall=0.5 if code is sleep else 60)
    assert caught.value.ended
    assert caught.value.only_waited == (code is sleep)
    said = {power: "`10**10**9`", expression: "a regular expression that backtracks", sleep: "`time.sleep(100)`"}[code]
    tried(24, f"{said} in an answer", "ended as any other, in the main thread")


@needs_timers
@pytest.mark.slow
def test_what_cannot_be_interrupted_is_said(tried: Tried) -> None:
    said: list[str] = []
    with pytest.raises(TimeIsUpError):  # as soon as it is back from C
        run_limited(
            lambda: [hashlib.pbkdf2_hmac("sha256", b"", b"", 10_000_000) for _ in range(2)], 0.1, say=said.append
        )
    assert said == [STUCK]
    tried(24, "C code that looks at no signals", STUCK)


def test_an_import_is_never_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    (tmp_path / "slow_import.py").write_text("import time\nlast = time.process_time() + 0.5\n" * 2)
    with (tmp_path / "slow_import.py").open("a") as file:
        file.write("while time.process_time() < last:\n    pass\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def code() -> bool:
        import slow_import  # type: ignore[import-not-found]

        return bool(slow_import.whole)

    assert run_limited(code, 0.2)
    tried(24, "an import longer than the limit, in an answer", "ends, and does not count")


def test_tensorflow_is_not_interrupted_while_it_traces(tried: Tried) -> None:
    tf = pytest.importorskip("tensorflow")
    traced = []

    def code() -> None:
        @tf.function
        def long(x: Any) -> Any:
            for _ in range(1500):
                x = x + 1
            traced.append(x)
            return x

        while True:
            long(tf.constant(len(traced)))

    with pytest.raises(TimeIsUpError) as caught:
        run_limited(code, 0.1, wall=60)
    assert caught.value.ended
    assert traced
    assert damage() == ""
    tried(24, "the time is up while TensorFlow traces", "the trace ends first; TensorFlow still works")


def test_a_library_that_frees_an_object_is_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    """Python ignores what is raised there, and what the library counts would be wrong from then on."""
    lines = ["import time", "begun = []", "ended = []", "class Held:", "    def __del__(self):"]
    lines += ["        begun.append(1)", "        last = time.process_time() + 0.3"]
    lines += ["        while time.process_time() < last:", "            pass", "        ended.append(1)"]
    (tmp_path / "holding.py").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(allowance, "LIBRARIES", (*allowance.LIBRARIES, f"{tmp_path.resolve()}/"))
    import holding  # type: ignore[import-not-found]

    def code() -> None:
        while True:
            holding.Held()

    with pytest.raises(TimeIsUpError) as caught:
        run_limited(code, 0.1, wall=60)
    assert caught.value.ended
    assert len(holding.begun) == len(holding.ended) > 0
    tried(24, "the time is up while a library frees an object", "the object is freed first")


def test_code_that_a_library_made_from_text_is_a_librarys() -> None:
    """Pytest keeps errors in named tuples, TensorFlow much of what it does: to end there would end them half-way."""
    found = []

    def trace(frame: FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename == "<string>":
            found.append(is_library(file_of(frame)))

    kinds: list[Callable[[], object]] = [
        lambda: ParseResult(*"abcdef"),
        lambda: Transition(*range(5)),
        lambda: Case("a data class", ()),
        lambda: exec("pass", {"__name__": "__main__"}),
    ]
    before = sys.gettrace()
    for kind in kinds:
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            kind()
        finally:
            sys.settrace(before)
    assert found == [True, True, True, False]


def test_damage_is_found_and_said(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    tf = pytest.importorskip("tensorflow")
    assert damage() == ""
    with tf.Graph().as_default():
        assert damage() == "TensorFlow is in graph mode"
    half = ModuleType("half")
    half.__spec__ = ModuleSpec("half", None)
    half.__spec__._initializing = True  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "half", half)

    def endless(x: Any) -> None:
        while True:
            pass

    text = check_exercise(replace(SLOW, answers=Answers(lambda x: x, [])), endless).message
    assert "the package half is only half loaded. Restart the kernel" in text
    tried(24, "a time-out that left TensorFlow in graph mode, or a package half loaded", text.split("\n\n")[-1])


def test_somebody_elses_timer_goes_on() -> None:
    signal = pytest.importorskip("signal")
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timers here")
    before = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    rest, interval = signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        run_limited(lambda: time.sleep(0.2), 5)
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] < 100
        assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == before
    finally:
        signal.setitimer(signal.ITIMER_REAL, rest, interval)


# ---- on a busy machine


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Other processes that compute."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param("train_step", marks=pytest.mark.rehearsal), "replica_gradients"])
def test_solutions_pass_on_a_busy_machine(name: str, tried: Tried) -> None:
    pytest.importorskip("tensorflow")
    exercise = find_exercise(name)
    cases = len(exercise.fixed_cases()) + len(exercise.cases(np.random.default_rng(0)))
    times = math.ceil(100 / cases)  # each case is a limit that may be passed
    with busy(4):
        passed = sum(check(name, exercise.solution).passed for _ in range(times))
    assert passed == times
    assert damage() == ""
    tried(24, f"the solution of {name} beside four busy processes", f"passes {passed} of {times} times")


CELLS = {
    "imports": "import tensorflow\n    return q[s, a]",
    "loops": "while True:\n        pass",
    "big": "return 10**10**9",
    "right": "y = r if terminated else r + gamma * q[s_next].max()\n    return q[s, a] + alpha * (y - q[s, a])",
}


@pytest.mark.slow
@pytest.mark.rehearsal
def test_in_a_fresh_kernel_on_a_busy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    pytest.importorskip("tensorflow")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    notebook.cells.append(nbformat.v4.new_code_cell("from dqnkit.classroom import check"))
    for body in CELLS.values():
        code = f"def f(q, s, a, r, s_next, terminated, alpha, gamma):\n    {body}\ncheck('q_update', f)"
        notebook.cells.append(nbformat.v4.new_code_cell(code))
    code = "import tensorflow as tf\nprint(tf.executing_eagerly(), int(tf.constant(1) + 1))"
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with busy(4):
        nbclient.NotebookClient(notebook, timeout=280, resources={"metadata": {"path": tmp_path}}).execute()
    shown = dict(zip(CELLS, (cell.outputs[0]["data"]["text/plain"] for cell in notebook.cells[1:-1]), strict=True))
    assert "What it returns is not what was expected" in shown["imports"]
    assert "was stopped" in shown["loops"]
    assert "was stopped" in shown["big"]
    assert "passed" in shown["right"]
    assert notebook.cells[-1].outputs[0]["text"].split() == ["True", "2"]
    tried(24, "`import tensorflow` in an answer in a fresh kernel, four busy processes beside", "imported, then judged")
    tried(24, "`while True: pass`, then `10**10**9`, in a real kernel", shown["loops"].splitlines()[1])
