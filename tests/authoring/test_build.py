"""The three forms of a notebook: what the student's copy leaves out, and that the rest still runs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("jupytext")

from click.testing import CliRunner

from dqnkit.authoring import build
from dqnkit.authoring.build import build_course
from dqnkit.authoring.notebooks import SET_UP
from dqnkit.authoring.source import sized, with_solution, without_solution
from dqnkit.classroom import course as lessons
from dqnkit.errors import DQNKitError


def cell(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


CUTS = {
    "the whole of a function": (
        """
        def f(x):
            '''What it does.'''
            ### BEGIN SOLUTION
            y = x + 1
            return y
            ### END SOLUTION
        """,
        """
        def f(x):
            '''What it does.'''
            # YOUR CODE HERE
            return None
        """,
    ),
    "a part in the middle": (
        """
        def f(x):
            ### BEGIN SOLUTION
            y = x + 1
            ### END SOLUTION
            return x
        """,
        """
        def f(x):
            # YOUR CODE HERE
            return x
        """,
    ),
    "all of a loop's body": (
        """
        def f(items):
            for item in items:
                ### BEGIN SOLUTION
                if item:
                    print(item)
                ### END SOLUTION
            return items
        """,
        """
        def f(items):
            for item in items:
                # YOUR CODE HERE
                pass
            return items
        """,
    ),
    "two methods of a class": (
        """
        class Buffer:
            def add(self, x):
                ### BEGIN SOLUTION
                self.x = x
                ### END SOLUTION

            def get(self):
                ### BEGIN SOLUTION
                return self.x
                ### END SOLUTION
        """,
        """
        class Buffer:
            def add(self, x):
                # YOUR CODE HERE
                return None

            def get(self):
                # YOUR CODE HERE
                return None
        """,
    ),
    "outside a function": (
        """
        answer = None
        ### BEGIN SOLUTION
        answer = 42
        ### END SOLUTION
        print(answer)
        """,
        """
        answer = None
        # YOUR CODE HERE
        print(answer)
        """,
    ),
    "a function within what is left out": (
        """
        def outer(x):
            ### BEGIN SOLUTION
            def inner(y):
                return y
            return inner(x)
            ### END SOLUTION

        await outer(1)
        """,
        """
        def outer(x):
            # YOUR CODE HERE
            return None

        await outer(1)
        """,
    ),
}


TO_MEND = """
        def q_update(q, y, alpha):
            error = y - q
            ### BEGIN SOLUTION
            return q + alpha * error
            ### BROKEN
            return q - alpha * error
            ### END SOLUTION
        """


def test_code_to_be_mended_is_broken_for_the_student_and_right_in_the_solution() -> None:
    one_or_other = "def q_update(q, y, alpha):\n    error = y - q\n    return q {} alpha * error"
    assert without_solution(cell(TO_MEND)) == one_or_other.format("-")
    assert with_solution(cell(TO_MEND)) == one_or_other.format("+")


@pytest.mark.parametrize(("code", "expected"), CUTS.values(), ids=CUTS.keys())
def test_the_solution_is_left_out_and_what_is_left_is_a_program(code: str, expected: str) -> None:
    assert without_solution(cell(code)) == cell(expected)
    ast.parse(without_solution(cell(code)))


@pytest.mark.parametrize(
    "code", ["### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION", "### BEGIN SOLUTION\n### BEGIN SOLUTION"]
)
def test_marks_without_a_partner_are_an_error(code: str) -> None:
    with pytest.raises(DQNKitError, match="line"):
        without_solution(code)


SHORT = {
    "UPDATES = 4_000  # fast: 400": ("UPDATES = 4_000", "UPDATES = 400"),
    "    total_steps=120_000,  # fast: 3_000": ("    total_steps=120_000,", "    total_steps=3_000,"),
    "SEEDS = range(3)  # one is luck  # fast: range(1)": (
        "SEEDS = range(3)  # one is luck",
        "SEEDS = range(1)  # one is luck",
    ),
    "A, B = 15_000, 1.5  # fast: 2_000, 0.5": ("A, B = 15_000, 1.5", "A, B = 2_000, 0.5"),
    "SIZES = (64, 256)  # fast: (64,)": ("SIZES = (64, 256)", "SIZES = (64,)"),
    "same = a == b  # kept as it is": ("same = a == b  # kept as it is", "same = a == b  # kept as it is"),
}


@pytest.mark.parametrize("line", SHORT)
def test_a_mark_shortens_a_run_for_tests_and_is_not_seen_by_readers(line: str) -> None:
    whole, short = SHORT[line]
    assert sized(f"x = 1\n{line}\ny = 2", fast=False) == f"x = 1\n{whole}\ny = 2"
    assert sized(f"x = 1\n{line}\ny = 2", fast=True) == f"x = 1\n{short}\ny = 2"


@pytest.mark.parametrize("line", ["f(4_000)  # fast: f(400)", "for i in range(9):  # fast: 2", "X = 4  # fast:"])
def test_a_mark_that_cannot_be_read_is_an_error(line: str) -> None:
    with pytest.raises(DQNKitError, match="name = value"):
        sized(line, fast=False)


HEADER = "# ---\n# jupyter:\n#   dqnkit:\n#     idea: one idea\n#     run_seconds: 100\n# ---\n\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebooks folder of a small checkout, whose course is one lesson."""
    monkeypatch.setattr(lessons, "LESSONS", ("try",))
    folder = tmp_path / "notebooks"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "repository.json").write_text('{"repository": "someone/fork", "tag": "autumn"}')
    (folder / "source" / "try.py").write_text(
        f"{HEADER}# %% [markdown]\n# # Title\n# <!-- badges -->\n\n"
        "# %%\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    )
    marks = "<!-- begin badges: x -->\n<!-- end badges -->\n\n<!-- begin clone: x -->\n<!-- end clone -->\n\n"
    table = "<!-- begin course: x -->\n<!-- end course -->\n"
    hours = "<!-- begin hours: x -->\n<!-- end hours -->\n"
    (tmp_path / "README.md").write_text(f"# Top\n\n{marks}The rest.\n{table}{hours}")
    (folder / "README.md").write_text(f"Before.\n{table}<!-- begin links: x -->\nold\n<!-- end links -->\nAfter.\n")
    return folder


def cells_of(notebook: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(notebook)["cells"]]


def test_a_source_gives_two_notebooks_without_outputs(course: Path) -> None:
    built = build_course(course)

    student, solution = (cells_of(built[course / name]) for name in ("00_try.ipynb", "solutions/00_try.ipynb"))
    assert student[2] == "def f():\n    # YOUR CODE HERE\n    return None"
    assert solution[2] == "def f():\n    return 1"
    assert "someone/fork/autumn?urlpath=lab/tree/notebooks/00_try.ipynb" in student[0]
    assert "blob/autumn/notebooks/solutions/00_try.ipynb" in solution[0]
    assert json.loads(built[course / "00_try.ipynb"])["cells"][2]["outputs"] == []


def test_a_cell_with_a_title_is_folded_and_shows_the_title(course: Path) -> None:
    source = course / "source" / "try.py"
    source.write_text(source.read_text() + "\n# %% Draw the errors\nprint(1)\n")

    notebook = json.loads(build_course(course)[course / "00_try.ipynb"])

    _, set_up, open_cell, folded = notebook["cells"]
    assert "".join(folded["source"]) == "# @title Draw the errors\nprint(1)"
    assert folded["metadata"] == set_up["metadata"] == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert open_cell["metadata"] == {}


def test_short_notebooks_are_written_beside_the_others(course: Path, tmp_path: Path) -> None:
    source = course / "source" / "try.py"
    source.write_text(source.read_text() + "\n# %%\nUPDATES = 4_000  # fast: 400\n")

    paths = build.build_fast(course, tmp_path / "fast")

    assert [str(path.relative_to(tmp_path / "fast")) for path in paths] == ["00_try.ipynb", "solutions/00_try.ipynb"]
    for path in paths:
        assert cells_of(path.read_text())[3] == "UPDATES = 400"
    assert cells_of(build_course(course)[course / "00_try.ipynb"])[3] == "UPDATES = 4_000"


def test_the_cell_after_the_title_sets_the_course_up_from_the_place(course: Path) -> None:
    notebooks = [content for path, content in build_course(course).items() if path.suffix == ".ipynb"]
    assert len(notebooks) == 2
    for notebook in notebooks:
        title, set_up, *_ = cells_of(notebook)
        assert title.startswith("# Title")
        assert 'kit = "https://github.com/someone/fork/archive/autumn.zip"' in set_up
        assert json.loads(notebook)["cells"][1]["cell_type"] == "code"


def test_elsewhere_than_on_colab_the_set_up_cell_does_nothing_and_says_nothing() -> None:
    transformer = pytest.importorskip("IPython.core.inputtransformer2").TransformerManager()
    program = transformer.transform_cell(SET_UP.format(kit="https://nowhere.invalid/kit.zip"))
    assert len(program.splitlines()) <= 10

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert ended.stdout == ended.stderr == ""


def test_the_readmes_get_their_links_between_the_marks_and_nowhere_else(course: Path) -> None:
    built = build_course(course)
    top, inner = built[course.parent / "README.md"], built[course / "README.md"]

    assert top.startswith("# Top\n\n<!-- begin badges: x -->\n[![")
    clone = "git clone https://github.com/someone/fork && cd fork"
    assert f"\n{clone}\n```\n<!-- end clone -->\n\nThe rest.\n" in top
    assert "| [00_try](notebooks/00_try.ipynb) | one idea | 5 |" in top
    assert "1 notebooks, about 0 hours" in top
    assert "| [00_try](00_try.ipynb) | one idea | 5 |" in inner
    assert "https://mybinder.org/v2/gh/someone/fork/autumn?urlpath=lab/tree/notebooks/START.md" in top
    assert "https://colab.research.google.com/github/someone/fork/blob/autumn/notebooks/00_try.ipynb" in top
    assert "old" not in inner
    assert "| 00_try | [Binder](https://mybinder.org/v2/gh/someone/fork/autumn?urlpath=lab/tree/notebooks/00_t" in inner

    (course / "README.md").write_text("no marks")
    with pytest.raises(DQNKitError, match="begin course"):
        build_course(course)


def test_one_command_leads_everything_to_another_place(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "__file__", str(course.parent / "dqnkit" / "authoring" / "build.py"))

    result = CliRunner().invoke(build.main, ["--repository", "school/dqn", "--tag", "v1.2"])

    assert result.exit_code == 0, result.output
    written = [course.parent / "README.md", course / "README.md", course / "00_try.ipynb"]
    for path in [*written, course / "solutions" / "00_try.ipynb"]:
        assert "someone/fork" not in path.read_text()
        assert "school/dqn" in path.read_text()
    assert "school/dqn/archive/v1.2.zip" in (course / "00_try.ipynb").read_text()


@pytest.mark.parametrize("tag", ["", "two words", "feature/x", "-x", "a..b", "v1.", 'x"; y', "täg"])
def test_a_tag_that_makes_no_address_is_refused_and_nothing_is_changed(
    tag: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "__file__", str(course.parent / "dqnkit" / "authoring" / "build.py"))
    before = (course / "source" / "repository.json").read_text()

    result = CliRunner().invoke(build.main, ["--tag", tag])

    assert result.exit_code == 1
    assert "not" in result.output
    assert (course / "source" / "repository.json").read_text() == before
    assert not (course / "00_try.ipynb").exists()


def test_a_source_that_is_not_well_formed_is_named(course: Path) -> None:
    source = course / "source" / "try.py"
    source.write_text(f"{HEADER}# %% [markdown]\n# # Title\n\n# %%\n### END SOLUTION\n")
    with pytest.raises(DQNKitError, match=r"try.py, cell 1: line 1"):
        build_course(course)

    source.write_text("# %% [markdown]\n# # Title\n")
    with pytest.raises(DQNKitError, match=r"try.py must begin with a header that gives idea and run_seconds"):
        build_course(course)

    source.write_text(f"{HEADER}# %% [markdown]\n# # Title, after [[nowhere]]\n")
    with pytest.raises(DQNKitError, match=r"try.py, cell 0: there is no lesson nowhere"):
        build_course(course)

    source.unlink()
    with pytest.raises(DQNKitError, match=r"the lesson try is in the course, but there is no .*try.py"):
        build_course(course)


def add_lesson(course: Path, name: str, text: str) -> None:
    (course / "source" / f"{name}.py").write_text(f"{HEADER}# %% [markdown]\n# # [[number]] · {text}\n\n# %%\n1\n")


def test_a_lesson_between_two_others_moves_the_numbers_and_nothing_else(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_lesson(course, "last", "Last, of [[minutes]] minutes, after [[try]]")
    add_lesson(course, "between", "Between")
    monkeypatch.setattr(lessons, "LESSONS", ("try", "last"))
    before = build_course(course)[course / "01_last.ipynb"]
    assert cells_of(before)[0] == "# 01 · Last, of 5 minutes, after 00"

    monkeypatch.setattr(lessons, "LESSONS", ("try", "between", "last"))
    after = build_course(course)[course / "02_last.ipynb"]

    assert cells_of(after)[0] == "# 02 · Last, of 5 minutes, after 00"
    assert [cell["id"] for cell in json.loads(after)["cells"]] == [cell["id"] for cell in json.loads(before)["cells"]]


def test_a_cell_that_comes_between_changes_no_other_cell(course: Path) -> None:
    def cells() -> list[str]:
        return [json.dumps(cell) for cell in json.loads(build_course(course)[course / "00_try.ipynb"])["cells"]]

    before = cells()
    source = course / "source" / "try.py"
    source.write_text(
        source.read_text().replace("# %%\ndef f", "# %%\n1\n\n# %% [markdown]\n# New.\n\n# %%\n1\n\n# %%\ndef f")
    )

    after = cells()

    assert [cell for cell in after if cell in before] == before
    assert len(after) == len(before) + 3
    assert len({json.loads(cell)["id"] for cell in after}) == len(after)  # two cells have equal text


def test_a_lesson_that_is_left_out_leaves_nothing_behind(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "__file__", str(course.parent / "dqnkit" / "authoring" / "build.py"))
    add_lesson(course, "last_one", "Last, after [[try]]")
    monkeypatch.setattr(lessons, "LESSONS", ("try", "last_one"))
    assert CliRunner().invoke(build.main, []).exit_code == 0
    assert (course / "01_last_one.ipynb").exists()
    own = course / "07_my_own.ipynb"
    own.write_text('{"cells": [], "metadata": {}}')

    monkeypatch.setattr(lessons, "LESSONS", ("last_one",))
    result = CliRunner().invoke(build.main, [])

    assert result.exit_code == 0, result.output
    assert "removed notebooks/00_try.ipynb" in result.output
    left = sorted(path.name for path in [*course.glob("*.ipynb"), *(course / "solutions").glob("*")])
    assert left == ["00_last_one.ipynb", "00_last_one.ipynb", own.name]
    for text in (course.parent / "README.md", course / "README.md"):
        assert "00_try" not in text.read_text()
        assert "00_last_one" in text.read_text()
    assert cells_of((course / "00_last_one.ipynb").read_text())[0] == "# 00 · Last, after try"
