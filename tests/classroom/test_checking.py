"""A check survives whatever a reader writes, and says what is wrong."""

from __future__ import annotations

import builtins
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from dqnkit.classroom import CheckResult, check, hints, progress_file, solution, use
from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.comparison import difference, normalise, show
from dqnkit.classroom.course import find_exercise
from dqnkit.classroom.exercise import Answers, Case, Exercise, Mistake
from dqnkit.classroom.time_limit import TimeIsUpError, run_limited
from dqnkit.errors import MissingExtraError, UnknownNameError

Q_UPDATE = find_exercise("q_update")


def double(x: Any) -> Any:
    return 2 * x


DOUBLE = Exercise(
    name="double",
    notebook="01_q_update",
    signature="(x) -> twice x",
    minutes=1,
    difficulty=1,
    answers=Answers(
        solution=double,
        mistakes=[Mistake("squares", lambda x: x * x, "It squares `x`: a <b>square</b> grows faster than a double.")],
    ),
    fixed_cases=lambda: [Case("a number", (2.0,)), Case("a row", (np.array([1.0, 3.0]),)), Case("zero", (0.0,))],
    cases=lambda rng: [],
    hints=["Add it to itself.", "`x + x`"],
)


def attempt(thing: Any, exercise: Exercise = DOUBLE) -> CheckResult:
    """The result of a check, which can be displayed in any case."""
    result = check_exercise(exercise, thing)
    assert isinstance(result, CheckResult)
    assert result.title in result.text
    assert "<script" not in result.html
    assert result.html.count("<div") == result.html.count("</div>")
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    return result


def test_what_is_right_passes() -> None:
    result = attempt(lambda x: x + x)
    assert result.passed
    assert result
    assert "✓" in result.text
    assert "passed" in result.text


def test_a_known_mistake_is_named_with_the_smallest_case_that_shows_it() -> None:
    result = attempt(lambda value: value**2)
    assert not result
    assert result.mistake == "squares"
    assert "grows faster" in result.text
    assert result.rows[0] == ("case", "a row")  # 2 * 2 is 2 ** 2
    assert dict(result.rows)["expected"] == "[2., 6.]"
    assert dict(result.rows)["yours"] == "[1., 9.]"
    assert "&lt;b&gt;" in result.html


def test_an_unknown_error_gets_what_was_seen_and_no_guess() -> None:
    result = attempt(lambda x: 2 * x + (x > 1 if np.ndim(x) == 0 else 0))
    assert result.mistake == ""
    assert "2 of 3 cases are right" in result.text
    assert dict(result.rows) == {"case": "a number", "with": "x=2", "expected": "4", "yours": "5"}


class Nasty:
    """An object whose every method fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __array__(self, *arguments: Any, **named: Any) -> Any:
        raise RuntimeError("no")

    shape = dtype = None


class Pair(NamedTuple):
    a: int
    b: int


async def coroutine(x: Any) -> Any:
    return x


RAGGED: list[Any] = [1, [2, 3]]
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "is None"),
        (float("nan"), "NaN"),
        (float("inf"), "infinity"),
        ("four", "is text"),
        (b"four", "is text"),
        ([], "is empty"),
        ({}, "is empty"),
        ({"a": 1}, "one value (a)"),
        (Pair(1, 2), "2 values (a, b)"),
        (RAGGED, "2 values"),
        (ENDLESS, "one value"),
        (np.ones((3, 1)), "shape [3, 1]"),
        (np.ones(3), "shape [3]"),
        ([4.0], "shape [1]"),
        (np.array(["x", None], dtype=object), "2 values"),
        (np.array("text"), "is text"),
        (np.datetime64("2020-01-01"), "datetime"),
        (np.array(["2020-01-01", "2021-01-01"], "datetime64[D]"), "ndarray"),
        (np.zeros(3, [("a", float)]), "ndarray"),
        (1 + 2j, "not what was expected"),
        (True, "not what was expected"),
        (10**400, "int"),
        (Nasty(), "Nasty"),
        (Nasty, "is a class"),
        (print, "is a function"),
        ((number for number in range(3)), "generator"),
        (range(3), "range"),
        ({1, 2}, "set"),
        (object(), "object"),
        (np.random.default_rng(0), "Generator"),
        ("<script>alert(1)</script>", "is text"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_returned_the_check_says_what_it_is(returned: Any, words: str) -> None:
    result = attempt(lambda x: returned)
    assert result.status == "wrong"
    assert words in result.text


def test_a_coroutine_is_named() -> None:
    assert "async def" in attempt(coroutine).text


def test_a_shape_that_would_broadcast_is_said_as_such() -> None:
    row = replace(
        DOUBLE, fixed_cases=lambda: [Case("a row", (np.array([1.0, 3.0, 5.0]),))], answers=Answers(double, [])
    )
    text = attempt(lambda x: (2 * x)[:, None], row).text
    assert "has the shape [3, 1]; expected [3]" in text
    assert "[3, 3]" in text


def broken_str() -> Exception:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    return Broken()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a <b>bad</b> value"),
        KeyError("missing"),
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        BaseException("bare"),
        MemoryError(),
        RecursionError(),
        StopIteration(),
        ModuleNotFoundError("no module", name="torch"),
        AssertionError(),
        broken_str(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_is_shown_with_the_readers_line(error: BaseException) -> None:
    def thing(x: Any) -> Any:
        raise error  # the reader's line

    result = attempt(thing)
    assert result.status == "wrong"
    shown = dict(result.rows)
    assert type(error).__name__ in shown["error"]
    assert shown["where"].startswith("line ")
    assert "of thing" in shown["where"]
    assert "raise error  # the reader's line" in shown["where"]
    assert "<b>bad" not in result.html


def test_the_readers_line_is_shown_though_a_library_raised() -> None:
    def thing(x: Any) -> Any:
        return np.zeros(3).reshape(2)  # here

    assert "np.zeros(3).reshape(2)  # here" in attempt(thing).text


def test_nobody_answers_input() -> None:
    before = builtins.input
    result = attempt(lambda x: input("? "))
    assert "EOFError" in result.text
    assert builtins.input is before


def test_deep_recursion_is_an_error_like_others() -> None:
    def thing(x: Any) -> Any:
        return thing(x)

    assert "RecursionError" in attempt(thing).text


def test_a_function_that_changes_its_arguments_is_told_which() -> None:
    def thing(x: Any) -> Any:
        x *= 2
        return x

    result = attempt(thing)
    assert result.status == "wrong"
    assert "changes its argument `x`" in result.text
    assert result.rows[0] == ("case", "a row")


def test_a_list_that_is_changed_is_noticed_and_a_generator_that_is_used_is_not() -> None:
    def draw(rng: np.random.Generator, seen: list[int]) -> int:
        return int(rng.integers(100))

    def draw_and_note(rng: np.random.Generator, seen: list[int]) -> int:
        seen.append(1)
        return int(rng.integers(100))

    exercise = replace(
        DOUBLE, answers=Answers(draw, []), fixed_cases=lambda: [Case("once", (np.random.default_rng(0), [0]))]
    )
    assert attempt(draw, exercise).passed
    assert "changes its argument `seen`" in attempt(draw_and_note, exercise).text


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (3, "not a function"),
        ("double", "not a function"),
        (np.zeros(3), "not a function"),
        (Nasty(), "not a function"),
        (Nasty, "the class `Nasty`"),
        (lambda: 1, "it is called with 1: `(x)`"),
        (lambda x, y: 1, "it is called with 1"),
        (lambda x, *, y: 1, "it is called with 1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_called_is_said_before_anything_runs(thing: Any, words: str) -> None:
    result = attempt(thing)
    assert result.status == "wrong"
    assert words in result.text


@pytest.mark.parametrize("thing", [max, print, np.add, int.__add__], ids=str)
def test_functions_that_are_not_pythons_are_tried(thing: Any) -> None:
    assert attempt(thing).status == "wrong"


def test_optional_arguments_and_callable_objects_are_fine() -> None:
    class Doubler:
        def __call__(self, x: Any, scale: float = 2.0) -> Any:
            return scale * x

    assert attempt(Doubler()).passed
    assert attempt(lambda *values: 2 * values[0]).passed


def test_stubs_are_open_not_wrong() -> None:
    def documented(x: Any) -> Any:
        """Twice x."""
        # YOUR CODE HERE

    def explicit(x: Any) -> Any:
        return None

    for stub in (None, ..., documented, explicit, lambda x: None):
        result = attempt(stub)
        assert result.status == "open"
        assert "not written yet" in result.text
        assert "hints('double')" in result.text
    assert attempt(lambda x: 0 * x).status == "wrong"


class Counter:
    """A class as a solution."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int) -> None:
        self.count += number


def test_where_a_class_is_wanted() -> None:
    def observe(thing: Any, case: Case) -> Any:
        counter = thing()
        counter.add(*case.arguments)
        return {"count": counter.count}

    exercise = replace(
        DOUBLE, answers=Answers(Counter, []), observe=observe, fixed_cases=lambda: [Case("add 2", (2,))], name="counter"
    )

    class Stub(Counter):
        def add(self, number: int) -> None:
            """Add."""

    class Half(Counter):
        def add(self, number: int) -> None:
            self.count += number // 2

    class Missing:
        pass

    assert attempt(Counter, exercise).passed
    assert attempt(Stub, exercise).status == "open"
    assert dict(attempt(Half, exercise).rows)["yours (count)"] == "1"
    assert "no attribute 'add'" in attempt(Missing, exercise).text
    assert "A class is wanted" in attempt(Counter(), exercise).text
    assert "A class is wanted" in attempt(double, exercise).text


# ---- code that never ends


def swallow_everything() -> None:
    number = 0
    while True:
        try:  # noqa: SIM105
            number += 1
        except:  # noqa: E722
            pass


def swallow_in_two_places() -> None:
    while True:
        try:  # noqa: SIM105
            swallow_and_return()
        except:  # noqa: E722
            pass


def swallow_and_return() -> int:
    try:
        while True:
            sum(range(10))
    except:  # noqa: E722
        return 1


def continue_in_finally() -> None:
    while True:
        try:
            np.zeros(3).dot(np.ones(3))
        finally:
            continue  # noqa: B012


def sleep_and_swallow() -> None:
    while True:
        try:
            time.sleep(0.01)
        except BaseException as error:
            kept = error  # noqa: F841


def plain() -> None:
    while True:
        pass


LOOPS = [plain, swallow_everything, swallow_in_two_places, continue_in_finally, sleep_and_swallow]


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_an_endless_loop_is_ended(loop: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    began = time.monotonic()
    with pytest.raises(TimeIsUpError) as caught:
        run_limited(loop, 0.2)
    assert caught.value.ended
    assert time.monotonic() - began < 1.5
    time.sleep(0.05)  # time for the thread's last steps
    assert threading.active_count() == threads
    assert capsys.readouterr() == ("", "")
    assert sys.gettrace() is None or "pytest" not in str(sys.gettrace())
    for _ in range(20):  # code that runs afterwards is not affected
        assert run_limited(lambda: sum(number for number in range(10)), 5) == 45


def in_another_thread(call: Callable[[], Any]) -> Any:
    """What a call returns in a thread that is not the main one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_what_waits_outside_python_is_given_up_in_another_thread() -> None:
    began = time.monotonic()
    with pytest.raises(TimeIsUpError) as caught:
        in_another_thread(lambda: run_limited(lambda: time.sleep(3), 0.1))
    assert not caught.value.ended
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_an_endless_loop_is_ended_in_another_thread(loop: Callable[[], None]) -> None:
    with pytest.raises(TimeIsUpError) as caught:
        in_another_thread(lambda: run_limited(loop, 0.2))
    assert caught.value.ended


@pytest.mark.parametrize("code", [plain, lambda: time.sleep(3)], ids=["ended", "given up"])
def test_after_another_thread_was_interrupted_code_can_be_traced(code: Callable[[], None]) -> None:
    """Python 3.11 hung here: its flag for exceptions from other threads stayed set."""
    with pytest.raises(TimeIsUpError):
        in_another_thread(lambda: run_limited(code, 0.1))
    before, seen = sys.gettrace(), []
    sys.settrace(lambda *event: seen.append(event))
    try:
        sum(number for number in range(3))
    finally:
        sys.settrace(before)
    assert seen


def test_the_limit_holds_in_a_thread_that_is_not_the_main_one() -> None:
    results: list[CheckResult] = []

    def looping(x: Any) -> Any:
        swallow_everything()

    thread = threading.Thread(target=lambda: results.append(attempt(looping, replace(DOUBLE, seconds=0.2))))
    thread.start()
    thread.join(10)
    assert "not returned after 0.2 seconds" in results[0].text
    assert attempt(double).passed


def test_a_loop_that_prints_does_not_flood_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def printing(x: Any) -> Any:
        while True:
            try:  # noqa: SIM105
                print("again", x)
            except:  # noqa: E722
                pass

    result = attempt(printing, replace(DOUBLE, seconds=0.3))
    assert "Does every loop come to an end" in result.text
    assert "again 2.0" in result.printed
    assert len(result.printed) < 3000
    assert capsys.readouterr() == ("", "")


def test_values_and_errors_pass_through_the_limit() -> None:
    assert run_limited(lambda: 3, 5) == 3
    with pytest.raises(KeyError):
        run_limited(lambda: {}["x"], 5)
    with pytest.raises(SystemExit):
        run_limited(lambda: sys.exit(1), 5)


def test_what_the_code_prints_is_shown_with_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    def thing(x: Any) -> Any:
        print("x is <i>", x)
        np.float64(1.0) / np.zeros(1)
        return 2 * x

    result = attempt(thing)
    assert result.passed
    assert "x is <i> 2.0" in result.printed
    assert "divide by zero" in result.printed
    assert "x is &lt;i&gt;" in result.html
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_ends_the_check_and_the_readers_thread() -> None:
    code = """
import _thread, signal, threading, time
from dqnkit.classroom.time_limit import run_limited
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
def loop():
    while True:
        try: pass
        except: pass
threading.Timer(0.5, _thread.interrupt_main).start()
began = time.monotonic()
try:
    run_limited(loop, 60)
except KeyboardInterrupt:
    time.sleep(0.2)
    print("interrupted", time.monotonic() - began < 5, threading.active_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["interrupted", "True", "1"]
    assert not done.stderr


# ---- values


def test_numbers_of_every_library_are_the_same() -> None:
    tf = pytest.importorskip("tensorflow")
    for number in (2, 2.0, np.float32(2), np.array(2.0), tf.constant(2.0), tf.Variable(2.0), np.int64(2)):
        assert difference(normalise(2.0), normalise(number)) is None, number
    for row in ([1, 2], (1.0, 2.0), np.array([1, 2]), tf.constant([1.0, 2.0]), [tf.constant(1.0), np.float32(2)]):
        assert difference(normalise(np.array([1.0, 2.0])), normalise(row)) is None, row
    for pair in ((1.0, np.ones(2)), [tf.constant(1.0), tf.ones(2)]):
        assert difference(normalise((1.0, np.ones(2))), normalise(pair)) is None
    assert difference(normalise([np.ones(2), np.zeros(2)]), normalise(tf.constant([[1.0, 1.0], [0.0, 0.0]]))) is None


def test_tensorflow_functions_can_be_checked() -> None:
    tf = pytest.importorskip("tensorflow")
    assert attempt(tf.function(lambda x: 2 * x)).passed
    assert attempt(lambda x: tf.constant(x, tf.float32) * 2).passed
    assert "shape [1]" in attempt(lambda x: tf.ones([1])).text
    symbolic = tf.keras.Input((3,))
    assert attempt(lambda x: symbolic).status == "wrong"
    assert "Sequential" in attempt(lambda x: tf.keras.Sequential()).text


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (np.ones((2, 3)), (np.ones(3), np.ones(3))),
        (np.ones((2, 3)), [[1, 1, 1], (1.0, 1, 1)]),
        (np.array([1.0, 2.0]), (1, np.float32(2))),
        ("learn", np.str_("learn")),
        ({"turn": "act"}, {"turn": np.array("act")}),
        (True, np.bool_(True)),
        ((1.0, 0.5), [np.float64(1), 0.5]),
        ((1.0, 0.5), np.array([1.0, 0.5])),
        ([np.zeros(2), np.zeros((3, 1))], (np.zeros(2), np.zeros((3, 1)))),
    ],
)
def test_the_same_values_in_another_type_are_right(expected: Any, actual: Any) -> None:
    assert difference(normalise(expected), normalise(actual)) is None


def test_the_part_that_differs_is_named() -> None:
    expected = normalise({"reward": 1.0, "rows": (np.ones(2), np.zeros(2))})
    found = difference(expected, normalise({"rows": (np.ones(2), np.ones(2)), "reward": 1.0}))
    assert found is not None
    assert (found.where, found.expected, found.actual) == ("rows, the second value", "[0., 0.]", "[1., 1.]")
    lost = difference(expected, normalise({"reward": 1.0}))
    assert lost is not None
    assert "one value (reward); expected 2 values (reward, rows)" in lost.remark


def test_small_differences_of_float32_are_none() -> None:
    assert difference(normalise(1000.0), normalise(np.float32(1000.01))) is None
    assert difference(normalise(1.0), normalise(1.01)) is not None
    assert difference(normalise(np.nan), normalise(np.nan)) is None


def test_long_values_are_cut() -> None:
    for value in (np.arange(10_000.0), "x" * 10_000, list(map(str, range(10_000)))):
        assert len(show(normalise(value))) < 700


# ---- the rest of the classroom


def reader(q: Any, s: Any, a: Any, r: Any, s_next: Any, terminated: Any, alpha: Any, gamma: Any) -> Any:
    target = r + (0 if terminated else gamma * max(q[s_next]))
    return (1 - alpha) * q[s][a] + alpha * target


def test_use_gives_the_readers_version_if_it_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert use("q_update", reader) is reader
    assert "your version is used" in capsys.readouterr().out


@pytest.mark.parametrize(
    "thing", [None, 3, lambda *a: None, lambda *a: 7.0], ids=["nothing", "a number", "gives nothing", "gives a number"]
)
def test_use_gives_the_kits_version_if_not(thing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    check("q_update", thing)
    assert use("q_update", thing) is Q_UPDATE.solution
    assert "the kit's version is used" in capsys.readouterr().out


def test_use_checks_what_was_not_checked_yet_and_only_that(capsys: pytest.CaptureFixture[str]) -> None:
    check("q_update", lambda *a: 7.0)
    assert use("q_update", reader) is reader
    assert use("q_update", reader) is reader
    assert progress_file.FILE.read()["checks"]["q_update"]["tries"] == 2
    assert use("q_update", lambda *a: 7.0) is Q_UPDATE.solution


def test_a_check_is_recorded_and_a_stub_is_not() -> None:
    check("q_update", None)
    assert progress_file.FILE.read()["checks"] == {}
    check("q_update", lambda q, s, a, r, s_next, terminated, alpha, gamma: q[s, a])
    wrong = Q_UPDATE.mistakes[0]
    check("q_update", wrong.wrong)
    check("q_update", reader)
    entry = progress_file.FILE.read()["checks"]["q_update"]
    assert (entry["tries"], entry["mistakes"], entry["notebook"]) == (3, [wrong.name], "01_q_update")
    assert entry["passed"]


def test_unknown_names_get_the_nearest() -> None:
    assert "'q_update'" in check("q_updat", reader).text
    for function in (hints, solution, lambda name: use(name, reader)):
        with pytest.raises(UnknownNameError, match="'epsilon_greedy'"):
            function("epsilon_gredy")
    assert "q_update" in check("zzz", reader).text
    assert check(None, reader).status == "wrong"  # type: ignore[arg-type]


def test_hints_unfold_one_in_the_other() -> None:
    html = hints("q_update").html
    assert html.count("<details") == len(Q_UPDATE.hints) + 1
    assert html.index("</details>") > html.index("def q_update")  # nested: the first fold closes last
    assert "difficulty 1 of 3" in html


def test_a_check_without_tensorflow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def solution_that_needs_it(x: Any) -> Any:
        import not_installed_here  # type: ignore[import-not-found]

        return not_installed_here

    def cases_that_need_it() -> list[Case]:
        raise MissingExtraError("TensorFlow", "learner")

    result = attempt(double, replace(DOUBLE, answers=Answers(solution_that_needs_it, [])))
    assert result.status == "open"
    assert "not_installed_here" in result.text
    result = attempt(double, replace(DOUBLE, fixed_cases=cases_that_need_it))
    assert result.status == "open"
    assert "dqnkit[learner]" in result.text


def test_what_the_kits_own_mistakes_print_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(x: Any) -> Any:
        print("loud")
        logging.getLogger("tensorflow").error("loud")
        return x * x

    exercise = replace(DOUBLE, answers=Answers(double, [Mistake("loud", loud, "It squares `x`.")]))
    result = attempt(lambda x: x**2, exercise)
    assert (result.mistake, result.printed) == ("loud", "")
    assert capsys.readouterr() == ("", "")


def test_the_classroom_imports_neither_tensorflow_nor_widgets() -> None:
    code = (
        "import sys\n"
        "from dqnkit.classroom import check, hints, solution, progress, predict\n"
        "from dqnkit.classroom import course\n"
        "from dqnkit.lessons.q_update.answers.q_update import q_update\n"
        "assert len([course.find_exercise(name) for name in course.exercise_names()]) > 5\n"
        "assert check('q_update', q_update).passed\n"
        "print(*{'tensorflow', 'keras', 'ipywidgets', 'IPython', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_checks_work_where_ipywidgets_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_widgets(name: str, *arguments: Any, **named: Any) -> Any:
        if name.split(".")[0] == "ipywidgets":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_widgets)
    assert check("q_update", reader).passed
