"""The source of what passed a check is kept, and a later failure, a merge or rubbish in the file never loses it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom import check, course, download_progress, own_code, progress_file, progress_summary
from dqnkit.classroom.own_code import source_of
from dqnkit.classroom.progress_record import empty, merge, parse

FACTOR = 2
SIZES = (3, "four")


def greedy(q_values):  # type: ignore[no-untyped-def]
    """Uses a module, a constant and a helper."""
    return helper(np.argmax(q_values)) * FACTOR


def helper(value):  # type: ignore[no-untyped-def]
    # a comment stays
    return -value if SIZES else greedy([value])


double = lambda value: 2 * value  # noqa: E731
renamed = helper


def uses_another_name(value):  # type: ignore[no-untyped-def]
    return renamed(value)


class Ring:
    """A class with a base."""

    size = FACTOR
    twice = size * 2

    def add(self, value: NotThere) -> None:  # type: ignore[name-defined]  # noqa: F821
        self.value = value


def epsilon_greedy(q_values: Any, epsilon: float, rng: np.random.Generator) -> int:
    """Right: an answer to the exercise."""
    return int(rng.integers(len(q_values))) if rng.random() < epsilon else int(np.argmax(q_values))


def in_cells(*cells: str) -> dict[str, Any]:
    """The names that cells of a notebook define."""
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    try:
        for cell in cells:
            shell.run_cell(cell, store_history=False, silent=True).raise_error()
        return dict(shell.user_ns)
    finally:
        shell.history_manager.end_session()
        type(shell).clear_instance()


def test_the_source_comes_with_what_it_uses() -> None:
    assert list(own_code.statements_of(source_of(greedy))) == ["np", "FACTOR", "SIZES", "helper", "greedy"]
    namespace: dict[str, Any] = {}
    exec(source_of(greedy), namespace)
    assert namespace["greedy"]([1.0, 5.0]) == greedy([1.0, 5.0])
    assert "# a comment stays" in source_of(greedy)


def test_a_function_used_under_another_name_has_both() -> None:
    assert source_of(uses_another_name).count("renamed = helper\n") == 1


def test_a_class_is_found_and_its_annotations_need_nothing() -> None:
    source = source_of(Ring)
    assert list(own_code.statements_of(source)) == ["FACTOR", "Ring"]
    assert own_code.names_used(source) == set()


def test_a_lambda_is_found_with_its_name() -> None:
    assert source_of(double).startswith("double = lambda value: 2 * value")


def test_functions_and_classes_of_a_notebook_are_found() -> None:
    names = in_cells(
        "import math\n\n\nclass Base:\n    def add(self):\n        return math.pi\n\n\nx = 1",
        "class Ring(Base):\n    def draw(self):\n        return self.add()\n\ndef area():\n    return Ring().draw()",
    )
    assert list(own_code.statements_of(source_of(names["area"]))) == ["math", "Base", "Ring", "area"]
    assert source_of(names["Ring"]).startswith("import math\n\n\nclass Base:")


def test_a_function_inside_another_is_taken_out_of_it() -> None:
    def inner() -> str:
        return """two
lines"""

    assert source_of(inner) == 'def inner() -> str:\n    return """two\nlines"""'


class Evil:
    """Has every attribute, and each is itself."""

    def __getattr__(self, name: str) -> Any:
        return self


def without_source() -> Any:
    namespace: dict[str, Any] = {}
    exec("def f(x):\n    return x", namespace)
    return namespace["f"]


@pytest.mark.parametrize(
    "thing",
    [without_source(), len, np.argmax, 3, None, Evil(), Evil, parse, course.find_exercise("q_update").solution],
    ids=["no source", "len", "argmax", "number", "None", "evil", "class", "imported", "solution"],
)
def test_where_no_source_of_a_reader_is_to_be_had_there_is_none(thing: Any) -> None:
    assert source_of(thing) in ("", source_of(Evil))


def test_code_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_code, "LONGEST", 30)
    assert source_of(greedy) == ""


def code_in_file() -> Any:
    return json.loads(progress_file.FILE.path.read_text(encoding="utf-8"))["checks"]["epsilon_greedy"].get("code")


def test_a_check_that_passes_keeps_the_code_and_one_that_fails_later_does_not_lose_it() -> None:
    def wrong(q_values: Any, epsilon: float, rng: np.random.Generator) -> int:
        return 0

    check("epsilon_greedy", wrong)
    assert code_in_file() is None
    check("epsilon_greedy", epsilon_greedy)
    kept = code_in_file()
    assert kept == source_of(epsilon_greedy)
    check("epsilon_greedy", wrong)
    assert code_in_file() == kept


def test_the_code_that_passed_last_is_kept() -> None:
    def shorter(q_values: Any, epsilon: float, rng: np.random.Generator) -> int:
        explore = rng.random() < epsilon
        return int(rng.integers(len(q_values)) if explore else np.argmax(q_values))

    check("epsilon_greedy", epsilon_greedy)
    check("epsilon_greedy", shorter)
    assert "explore =" in code_in_file()


def test_the_kits_own_solution_is_no_code_of_the_reader() -> None:
    check("epsilon_greedy", course.find_exercise("epsilon_greedy").solution)
    assert code_in_file() is None


def test_the_code_survives_download_and_upload() -> None:
    check("epsilon_greedy", epsilon_greedy)
    found = re.search(r'base64,([^"]+)"', download_progress().html)
    assert found
    progress_file.FILE.path.unlink()
    assert "Taken" in progress_summary._merge_upload(base64.b64decode(found[1]))
    assert progress_file.passed_code("epsilon_greedy") == source_of(epsilon_greedy)


@pytest.mark.parametrize(
    "rubbish",
    [
        *(3, None, [], {"a": 1}, "def f(:", "x = 1\n" * 5_000, "\x00", "(" * 5_000, "x = '\\d'", {}, "", "# nothing"),
        *("return 1", "print('run at once')", "x = print('run')", "await f()", "def f(x):\n    return yield"),
    ],
    ids=lambda rubbish: repr(rubbish)[:20],
)
def test_rubbish_in_place_of_code_costs_nothing_else(rubbish: Any) -> None:
    check("epsilon_greedy", epsilon_greedy)
    data = json.loads(progress_file.FILE.path.read_text(encoding="utf-8"))
    data["checks"]["epsilon_greedy"]["code"] = rubbish
    progress_file.FILE.path.write_text(json.dumps(data), encoding="utf-8")
    entry = progress_file.FILE.read()["checks"]["epsilon_greedy"]
    assert entry["passed"]
    assert progress_file.passed_code("epsilon_greedy") == ("x = '\\d'" if rubbish == "x = '\\d'" else "")
    assert not progress_file.FILE.notices
    check("epsilon_greedy", epsilon_greedy)
    assert progress_file.passed_code("epsilon_greedy") == source_of(epsilon_greedy)


def entry(code: str, passed: str) -> dict[str, Any]:
    moments = {"first_tried": "1", "last_tried": passed, "passed": "1"}
    more = {"code": code, "code_passed": passed} if code else {}
    return {"notebook": "01", "tries": 1, "mistakes": [], **moments, **more}


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (entry("old", "1"), entry("new", "2"), "new"),
        (entry("", "9"), entry("new", "2"), "new"),
        (entry("a", "2"), entry("b", "2"), "b"),
    ],
)
def test_of_two_records_the_code_that_passed_last_is_kept(one: Any, other: Any, kept: str) -> None:
    records = [{**empty(), "checks": {"q": value}} for value in (one, other)]
    turns: list[Callable[[Any], Any]] = [iter, reversed]
    for turn in turns:
        merged = merge(*turn(records))
        assert merged["checks"]["q"]["code"] == kept
        assert merge(merged, records[0]) == merged
