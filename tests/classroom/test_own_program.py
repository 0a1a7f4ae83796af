"""A program is made of the reader's own parts where they can run in it; what somebody changed stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dqnkit.classroom import course, own_program, progress_file, write_program
from dqnkit.classroom.own_program import NOT_PASSED, Program
from dqnkit.classroom.plain_source import plain
from dqnkit.classroom.progress_file import record_check
from dqnkit.errors import UnknownNameError

TEMPLATE = '''"""A small program."""

from __future__ import annotations

import numpy as np

STEPS = 3


# part: td_target (if used)


# part: epsilon_greedy as choose


# part: q_update


def main():
    """Prints an action and a value."""
    q = np.ones((2, 2))
    print(choose(q[0], 0.0, np.random.default_rng(0)), q_update(q, 0, 0, 1.0, 1, True, 0.5, 0.9))


if __name__ == "__main__":
    main()
'''
OWN = {
    "q_update": 'def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n    """Mine."""\n    return 7.0',
    "epsilon_greedy": "def epsilon_greedy(q_values, epsilon, rng):\n    return 1",
}


@pytest.fixture(autouse=True)
def template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_program, "_template", lambda name: TEMPLATE)


def passed(**codes: str) -> None:
    for name, code in codes.items():
        record_check(name, "01_q_update", True, code=code)


def written(name: str = "small.py") -> Program:
    return write_program(name)


def reasons(program: Program) -> dict[str, str]:
    return {part.name: part.why_not_own for part in program.parts}


def test_without_anything_passed_it_is_the_kits_and_says_so() -> None:
    program = written()
    assert reasons(program) == {"choose": NOT_PASSED, "q_update": NOT_PASSED}
    assert f"# q_update: the kit's worked solution; {NOT_PASSED}\ndef q_update(q, s, a, r, s_next" in program.source
    assert "choose = epsilon_greedy" in program.source
    assert "of its 2 parts, 0 are your own" in program.text
    assert subprocess.check_output([sys.executable, program.path], text=True) == "0 1.0\n"


def test_what_passed_is_in_it_word_for_word() -> None:
    passed(**OWN)
    program = written()
    assert reasons(program) == {"choose": "", "q_update": ""}
    assert all(code in program.source for code in OWN.values())
    assert "# q_update: your own\n" in program.source
    assert "dqnkit" not in program.source
    assert "of its 2 parts, 2 are your own" in program.html


def test_it_runs_and_what_it_prints_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    passed(**OWN)
    assert written().run() == 0
    assert capsys.readouterr().out == "$ python small.py\n1 7.0\n"


def test_an_interrupt_ends_the_program_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    passed(q_update="def q_update(*given):\n    raise KeyboardInterrupt")
    argv = list(sys.argv)
    assert written().run() == 130
    assert capsys.readouterr().out.endswith("stopped\n")
    assert sys.argv == argv


def test_an_error_of_the_program_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    passed(q_update="def q_update(*given):\n    raise ValueError('mine')")
    assert written().run("--more") == 1
    assert "ValueError: mine" in capsys.readouterr().out


HELPER = "def helper(x):\n    return x\n\n\n"
CLASHES = {
    "uses what is not there": ("def q_update(*given):\n    return far_away(given)", "yours uses far_away, which"),
    "has another constant": ("STEPS = 4\n\n\ndef q_update(*given):\n    return STEPS", "in yours, STEPS is something"),
    "has a function of a name that is taken": (
        "def main():\n    return 3\n\n\ndef q_update(*given):\n    return main()",
        "in yours, main is something else",
    ),
    "is called as another part is": ("def choose(*given):\n    return 1", "in yours, choose is something else"),
    "is called as a function of the program is": (
        "def main(*given):\n    return 1",
        "in yours, main is something else",
    ),
}


@pytest.mark.parametrize("given", CLASHES)
def test_a_part_that_could_not_run_here_is_left_out_and_the_reason_is_said(given: str) -> None:
    code, reason = CLASHES[given]
    passed(**{**OWN, "q_update": code})
    program = written()
    assert reasons(program)["q_update"].startswith(reason)
    assert program.run() == 0


FITS = {
    "brings a helper": (HELPER + "def q_update(*given):\n    return helper(7.0)", "def helper"),
    "brings an import": ("import math\n\n\ndef q_update(*given):\n    return 7.0 * math.cos(0)", "import math"),
    "imports what is there": (
        "import numpy as np\n\n\ndef q_update(*given):\n    return np.float64(7)",
        "np.float64(7)",
    ),
    "is a lambda": ("q_update = lambda *given: 7.0", "q_update = lambda"),
    "is called something else": ("def my_update(*given):\n    return 7.0", "q_update = my_update"),
    "has annotations that are not there": ("def q_update(*given: Array) -> Float:\n    return 7.0", "given: Array"),
    "calls another part": (
        "def q_update(*given):\n    return td_target(7.0, 0.0, np.ones((1, 1)))",
        "# td_target: the kit's worked solution",
    ),
}


@pytest.mark.parametrize("given", FITS)
def test_a_part_brings_what_it_uses(given: str) -> None:
    code, there = FITS[given]
    passed(**{**OWN, "q_update": code})
    program = written()
    assert reasons(program)["q_update"] == ""
    assert program.source.count(there) == 1
    assert program.source.count("import numpy as np") == 1
    if "td_target" not in there:  # TensorFlow is not imported in this program
        assert subprocess.check_output([sys.executable, program.path], text=True) == "1 7.0\n"


def test_two_parts_may_bring_the_same_helper_but_not_two_of_one_name() -> None:
    choose = HELPER + "def epsilon_greedy(*given):\n    return helper(1)"
    passed(epsilon_greedy=choose, q_update=HELPER + "def q_update(*given):\n    return helper(7.0)")
    program = written()
    assert reasons(program) == {"choose": "", "q_update": ""}
    assert program.source.count("def helper") == 1
    passed(q_update=HELPER.replace("x\n", "-x\n") + "def q_update(*given):\n    return helper(7.0)")
    assert reasons(written())["q_update"].startswith("in yours, helper is something else")


def test_it_is_written_again_as_long_as_nobody_changed_it(tmp_path: Path) -> None:
    first = written()
    passed(**OWN)
    second = written()
    assert first.path == second.path == tmp_path / "small.py"
    assert OWN["q_update"] in second.path.read_text("utf-8")
    assert written().path == second.path


def change_a_line(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("STEPS = 3", "STEPS = 4"), encoding="utf-8")


def cut_the_end(path: Path) -> None:
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]), encoding="utf-8")


def empty_it(path: Path) -> None:
    path.write_text("", encoding="utf-8")


def bytes_for_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("change", [change_a_line, cut_the_end, empty_it, bytes_for_text, a_folder])
def test_what_somebody_changed_is_never_written_over(change: Any, tmp_path: Path) -> None:
    path = written().path
    change(path)
    before = None if path.is_dir() else path.read_bytes()
    beside = written()
    assert beside.path == tmp_path / "small_2.py"
    assert "You have changed small.py" in beside.text.replace("`", "")
    assert path.is_dir() or path.read_bytes() == before
    assert written().path == beside.path  # nobody changed that one
    change(beside.path)
    assert written().path == tmp_path / "small_3.py"


def test_a_folder_that_is_read_only_gets_it_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_writing(*given: Any) -> Any:
        raise PermissionError("read-only")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_writing)
        program = written()
    assert "cannot be written" in program.text
    assert program.path.parent != tmp_path
    assert program.run() == 0


def test_a_program_that_no_lesson_has_is_an_error_that_lists_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(UnknownNameError, match=r"my_dqn\.py"):
        write_program("other.py")


@pytest.mark.parametrize("name", course.exercise_names())
def test_a_solution_without_its_annotations_is_python_without_the_kit(name: str) -> None:
    import inspect

    source = plain(inspect.getsource(course.find_answers(name).solution))
    compile(source, name, "exec")
    assert "dqnkit" not in source
    assert "->" not in source.split('"""')[0]


def test_annotations_are_taken_out_and_all_else_stays() -> None:
    annotated = '''def f(a: int, b: dict[str, int] = {}, *c: Any, d: float = 1.0, **e: Any) -> list[float]:
    """A: docstring -> stays."""
    from dqnkit.backend import tf

    x: list[int] = [a]  # type: ignore[arg-type]
    return {"ä": x, "y": b}  # a remark: stays
'''
    bare = '''def f(a, b={}, *c, d=1.0, **e):
    """A: docstring -> stays."""
    x = [a]
    return {"ä": x, "y": b}  # a remark: stays'''
    assert plain(annotated) == bare


def test_progress_without_a_file_is_no_error(tmp_path: Path) -> None:
    assert not progress_file.FILE.path.exists()
    assert written().path.parent == tmp_path
