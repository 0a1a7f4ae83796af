"""The three forms of a notebook: what is left out of the student's copy, and that what is left still runs."""

from __future__ import annotations

import ast
import json
import textwrap

import pytest

pytest.importorskip("jupytext")

from dqnkit.classroom.build import build_course, without_solution
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


def test_a_source_gives_two_notebooks_without_outputs(tmp_path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "place.json").write_text('{"repository": "someone/fork", "tag": "autumn"}')
    (tmp_path / "source" / "00_try.py").write_text(
        "# %% [markdown]\n# # Title\n# <!-- badges -->\n\n"
        "# %%\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    )

    built = build_course(tmp_path)

    student, solution = (json.loads(built[tmp_path / name]) for name in ("00_try.ipynb", "solutions/00_try.ipynb"))
    assert "".join(student["cells"][1]["source"]) == "def f():\n    # YOUR CODE HERE\n    return None"
    assert "".join(solution["cells"][1]["source"]) == "def f():\n    return 1"
    assert "someone/fork/autumn?urlpath=lab/tree/notebooks/00_try.ipynb" in "".join(student["cells"][0]["source"])
    assert "blob/autumn/notebooks/solutions/00_try.ipynb" in "".join(solution["cells"][0]["source"])
    assert student["cells"][1]["outputs"] == []


def test_a_source_that_is_not_well_formed_is_named(tmp_path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "place.json").write_text('{"repository": "someone/fork", "tag": "autumn"}')
    (tmp_path / "source" / "00_try.py").write_text("# %% [markdown]\n# # Title\n\n# %%\n### END SOLUTION\n")

    with pytest.raises(DQNKitError, match=r"00_try.py, cell 1: line 1"):
        build_course(tmp_path)
