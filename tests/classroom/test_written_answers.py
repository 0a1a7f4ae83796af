"""Answers are found by name in the code, wherever a notebook has them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom import course, written_answers
from dqnkit.classroom.written_answers import Found
from dqnkit.course_folder import find_notebooks

LESSONS = [*course.exercises_by_lesson()]


def found_in(*cells: str, **exercises: str) -> Found:
    """What is found of the exercises, ``name=signature``; ``f`` unless given."""
    return written_answers.find(cells, exercises or {"f": "(x) -> float"})


def value_of(found: Found, name: str = "f") -> Any:
    """The object that an answer's code binds."""
    written = found.answers[name]
    space: dict[str, Any] = {}
    exec(written.code, space)
    return space[written.name]


def notebook_cells(lesson: str, folder: str) -> list[str]:
    path = find_notebooks() / folder / f"{course.notebook_name(lesson)}.ipynb"
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_all_are_found_in_the_worked_notebooks_and_none_in_the_empty_ones(lesson: str) -> None:
    exercises = {name: course.find_exercise(name).signature for name in course.exercises_by_lesson()[lesson]}
    solved = written_answers.find(notebook_cells(lesson, "solutions"), exercises)
    assert solved.answers.keys() == exercises.keys()
    assert solved.problems == ()
    empty = written_answers.find(notebook_cells(lesson, "."), exercises)
    # code to be mended is there from the beginning
    assert {name for name, written in empty.answers.items() if "mended" not in written.name} == set()


@pytest.mark.parametrize("lesson", ["q_update", "replay"])
def test_a_shuffled_split_and_copied_notebook_has_the_same_answers(lesson: str) -> None:
    exercises = {name: course.find_exercise(name).signature for name in course.exercises_by_lesson()[lesson]}
    cells = notebook_cells(lesson, "solutions")
    split = [part for cell in cells for part in cell.split("\n\n\n")]
    random.Random(3).shuffle(split)
    shuffled = written_answers.find([*split, *split[:4]], exercises)
    for name in exercises:
        assert course.find_exercise(name).form == type(course.find_exercise(name).form).of(value_of(shuffled, name))


def test_what_an_answer_uses_comes_with_it() -> None:
    found = found_in(
        "import numpy as np\nfrom math import pi as PI\nUNUSED = 3",
        "SCALE = -2.5\nTABLE = np.arange(3)\nWEIGHTS = {'a': (1, 2)}\nhalf = lambda x: x / 2",
        "def g(x):\n    return half(x) * SCALE * WEIGHTS['a'][1]",
        "def f(x):\n    return np.float64(g(x)) + PI",
    )
    assert value_of(found)(4) == pytest.approx(4 / 2 * -2.5 * 2 + np.pi)
    assert "UNUSED" not in found.answers["f"].code
    assert "TABLE" not in found.answers["f"].code


def test_the_last_version_counts_and_no_empty_stub_after_it() -> None:
    stubs = [
        "def f(x):\n    ...",
        "def f(x):\n    '''Later.'''\n    return None",
        "def f(x):\n    raise NotImplementedError",
    ]
    found = found_in("def f(x):\n    return 1", "def f(x):\n    return 2", *stubs)
    assert value_of(found)(0) == 2
    assert found.answers["f"].cell == 2
    assert found_in(*stubs).answers == {}


@pytest.mark.parametrize(
    "cell",
    [
        "f = lambda x: x + 1",
        "if True:\n    def f(x):\n        return x + 1",
        "try:\n    import numpy as np\nexcept ImportError:\n    np = None\ndef f(x):\n    return x + 1",
        "def other(x):\n    return x + 1\n\ncheck('f', other)",
        "def other(x):\n    return x + 1\n\nother = use('f', other)",
        "%matplotlib inline\n!pip list\ndef f(x):\n    return x + 1\nf?",
        "%%time\ndef f(x):\n    return x + 1",
        "await live(train())\ndef f(x):\n    return x + 1",
        "from functools import cache\n@cache\ndef f(x):\n    return x + 1",
        "def f(x):\n    return 0\ndef better(x):\n    return x + 1\ncheck('f', better)",
        "def f(x):\n    return x + 1\ndef mended(x):\n    return 0\ncheck('f', f)\ncheck('f', mended)",
        "def f(x):\n    return x + 1\nf = [1, 2, 3]",
        "def f(x):\n    return x + 1\nfrom dqnkit.replay import ReplayBuffer as f",
        "from functools import partial\nfrom operator import add\nf = partial(add, 1)",
        "def log(*a): pass\ndef f(x):\n    log(x)\n    return x + 1",
        "import numpy as np\nONE = np.float64(1.0)\ndef f(x):\n    return x + ONE",
        "from numpy import *\ndef f(x):\n    return add(x, 1)",
        "files = !ls\ndef f(x):\n    return x + 1",
        "class Sum:\n    def reset(self): pass\n    def add(self, x): return x + 1\ndef f(x):\n    return Sum().add(x)",
    ],
)
def test_many_ways_to_write_it(cell: str) -> None:
    assert value_of(found_in(cell))(2) == 3


def test_a_class_is_found_by_the_name_in_the_signature() -> None:
    found = found_in("class Ring:\n    def add(self):\n        return 1", ring_add="Ring(capacity).add()")
    assert value_of(found, "ring_add")().add() == 1


def test_a_class_is_a_stub_while_a_method_of_the_signature_is() -> None:
    signature = "Ring(capacity).add() -> int"
    written = "class Ring:\n    def add(self):\n        return 1\n    def {}(self): pass"
    assert value_of(found_in(written.format("close"), ring_add=signature), "ring_add")().add() == 1
    assert found_in(written.format("add"), ring_add=signature).answers == {}


def test_what_an_answer_lacks_is_said() -> None:
    """It passes in the notebook, where the name is, and would stop where it is graded."""
    code = "rng = await generator()\ndef f(x):\n    return rng.random() + len(x)"
    assert found_in(code).answers["f"].lacks == ("rng",)
    assert found_in("import numpy as np\ndef f(x):\n    return np.abs(x)").answers["f"].lacks == ()


@pytest.mark.parametrize("change", ["T.append(1)", "for i in range(3):\n    T[i] = i", "T += [1]"])
def test_a_value_that_is_changed_after_it_is_given_is_said(change: str) -> None:
    use = "def f(x):\n    return T[x]\ndef g(x):\n    x.append(U)\n    return x"
    found = found_in("T = [0, 0, 0]\nU = 1", change, use, f="f(x)", g="g(x)")
    assert found.answers["f"].lacks == ("T",)
    assert found.answers["g"].lacks == ()


def test_functions_that_call_each_other_end() -> None:
    found = found_in("def g(x):\n    return f(x - 1) if x > 0 else 0", "def f(x):\n    return g(x) + 1")
    assert value_of(found)(3) == 4


def test_nothing_runs() -> None:
    found_in("raise SystemExit", "def f(x):\n    return x", "import os\nos._exit(3)")


def test_what_cannot_be_read_is_said_and_the_rest_is_found() -> None:
    found = found_in("def f(x):\n    return x", "def g(:\n", "%%bash\nls", "\0")
    assert found.problems == ("code cell 2, line 1 is not Python", "code cell 4 is not Python")
    assert "f" in found.answers


@pytest.mark.parametrize("cells", [["x"] * 3000, ["#" * 3_000_000], ["(" * 5_000 + ")" * 5_000]])
def test_no_notebook_is_too_large_or_too_deep(cells: list[str]) -> None:
    found = found_in(*cells)
    assert found.answers == {}
