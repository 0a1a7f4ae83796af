"""The file to hand in: what was run counts, and it says what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dqnkit.classroom import handing_in, progress_file

RIGHT = "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n    return 0.0\n"


class Shell:
    """What a cell knows of its IPython."""

    def __init__(self, *cells: str) -> None:
        self.user_ns = {"In": ["", *cells]}


@pytest.fixture(autouse=True)
def progress_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "FILE", progress_file.ProgressFile(tmp_path))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setattr(handing_in, "_shell", lambda: None)


def written(tmp_path: Path) -> dict[str, Any]:
    return handing_in.parse((tmp_path / "01_q_update-hand-in.json").read_bytes())


def save(path: Path, *cells: str) -> None:
    content = {"cells": [{"cell_type": "code", "source": [cell]} for cell in cells], "nbformat": 4}
    path.write_text(json.dumps(content))


def test_what_was_run_last_counts_before_what_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "01_q_update.ipynb", "import numpy", "a = 1", "b = 1")
    monkeypatch.setenv("JPY_SESSION_NAME", "/somewhere/01_q_update.ipynb")
    monkeypatch.setattr(handing_in, "_shell", lambda: Shell("a = 1", "a = 2", "a = 1", "c = 1"))
    handing_in.hand_in("q_update")
    assert written(tmp_path)["cells"] == ["import numpy", "b = 1", "a = 2", "a = 1", "c = 1"]


def test_without_the_file_it_is_what_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_in, "_shell", lambda: Shell(RIGHT))
    shown = handing_in.hand_in("q_update")
    assert written(tmp_path)["cells"] == [RIGHT]
    assert "was not found" in shown.text
    assert "q_update: written; its check has not passed yet" in shown.text
    assert "epsilon_greedy: nothing written yet" in shown.text


def test_what_an_answer_uses_and_is_not_handed_in_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes its check in the notebook, where a deleted cell has left the name."""
    monkeypatch.setattr(handing_in, "_shell", lambda: Shell("def q_update(*transition):\n    return best(transition)"))
    shown = handing_in.hand_in("q_update")
    assert "it uses best, which does not come with it as it is here" in shown.text


def test_it_says_what_was_asked_and_holds_no_code_twice(tmp_path: Path) -> None:
    progress_file.record_check("q_update", "01_q_update", True, code=RIGHT)
    handing_in.hand_in("q_update")
    record = written(tmp_path)
    assert record["exercises"].keys() == {"q_update", "epsilon_greedy"}
    assert "code" not in record["progress"]["checks"]["q_update"]
    assert "numpy" in record["packages"]
    assert "code" in progress_file.FILE.read()["checks"]["q_update"]


def test_where_nothing_can_be_written_the_link_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(handing_in, "write_whole", fails)
    shown = handing_in.hand_in("q_update")
    assert "the disk is full" in shown.text
    assert "data:application/json;base64," in shown.html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": ["other"]}, "changed after it was made"),
        ({"cells": 3}, "damaged"),
        ({"kit": None}, "damaged"),
        ({"version": 2}, "newer dqnkit"),
        ({"format": "x"}, "no file of hand_in"),
    ],
)
def test_a_changed_file_is_refused(change: dict[str, Any], message: str) -> None:
    record = {**handing_in.make("01_q_update", "q_update", [RIGHT]), **change}
    with pytest.raises(ValueError, match=message):
        handing_in.parse(json.dumps(record).encode())


def test_notebooks_of_before_2015_are_read_too() -> None:
    old = {
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": ["a\n", "b"]}, {"cell_type": "markdown", "source": "x"}]}
        ]
    }
    assert handing_in.code_cells(old) == ["a\nb"]
