"""Files that somebody else has changed end in a sentence or are set aside. tests/fuzz/fuzz_files.py looks for more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import files_to_touch
import pytest

from dqnkit import runs
from dqnkit.errors import CheckpointError, DQNKitError
from dqnkit.files import MAX_DEPTH, parse_json

Tried = Callable[[int, str, str], None]
JSON = ["config.json", "a notebook", ".dqnkit-course.json", "a notebook to update", "a price table", "certificates"]
JSON += ["a recording", "the study of policy lag", "dqnkit-progress.json", "an upload"]
TABLES = ["metrics.csv", "episodes.csv"]
OTHERS = ["manifest.json", "counters.json", "learner.npz", "replay.npz", "a segment of replay", "START.md"]
OTHERS += ["constraints.txt", "pyproject.toml"]
RAW = {"empty": b"", "null": b"null", "a list": b"[]", "NaN": b"NaN", "binary": b"\x80\x00\xff", "deep": b"[" * 100_000}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> files_to_touch.Kinds:
    """A valid file of each kind, and what reads it."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("distributed")
    return files_to_touch.kinds(tmp_path_factory.mktemp("files"))


def read_changed(kinds: files_to_touch.Kinds, name: str, content: bytes | None) -> str:
    """Read a file with this content, None for a folder in its place; what the kit says, or "" where it goes on."""
    path, read = kinds[name]
    valid = path.read_bytes()
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    try:
        files_to_touch.forget()
        read(path)
    except DQNKitError as error:
        return str(error).replace(str(path), name).replace(str(path.parent), "runs/one")
    finally:
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        path.write_bytes(valid)
    return ""


@pytest.mark.parametrize("name", [*JSON, *TABLES, *OTHERS])
def test_whatever_stands_in_its_place(kinds: files_to_touch.Kinds, name: str, tried: Tried) -> None:
    assert read_changed(kinds, name, kinds[name][0].read_bytes()) == ""
    for given, content in {**RAW, "a folder": None}.items():
        said = read_changed(kinds, name, content)
        if given == "a list" and said:
            tried(14, f"{name}: {', '.join(RAW)}, a folder", said)


def changed(kinds: files_to_touch.Kinds, name: str, change: Callable[[Any], object]) -> bytes:
    """The JSON of a valid file with a change."""
    values = json.loads(kinds[name][0].read_bytes())
    change(values)
    return json.dumps(values).encode()


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    return [deep(levels - 1)] if levels else 1


def machine(table: Any) -> Any:
    """The prices of one cloud."""
    return table["clouds"]["aws"]


CHANGES: list[tuple[str, str, Callable[[Any], object], bool]] = [  # the last: whether the kit refuses it
    ("config.json", "seed NaN", lambda v: v.update(seed=float("nan")), True),
    ("config.json", "gamma 10**400", lambda v: v.update(gamma=10**400), True),
    ("config.json", "hidden_sizes null", lambda v: v.update(hidden_sizes=None), True),
    ("config.json", "half a character", lambda v: v.update(env_id="\ud800"), True),
    ("a price table", "a list as scheduler", lambda v: machine(v).update(scheduler=[[]]), True),
    ("a price table", "deep nesting", lambda v: v.update(about=deep(600)), True),
    ("certificates", "a key cut off", lambda v: _tls(v)["client"].update(key=_tls(v)["client"]["key"][:90]), True),
    ("certificates", "a number as key", lambda v: _tls(v)["client"].update(key=5), True),
    ("a recording", "no seeds", lambda v: v.update(seeds=[]), True),
    ("a recording", "seeds null", lambda v: v.update(seeds=None), True),
    ("a recording", "another field", lambda v: v.update(more=1), True),
    ("a notebook", "a cell that is null", lambda v: v.update(cells=[None, {"cell_type": "code", "source": 3}]), False),
    ("a notebook", "minutes in words", lambda v: v["metadata"].update(dqnkit={"minutes": "ten", "idea": 3}), False),
    ("a notebook", "deep nesting", lambda v: v.update(more=deep(600)), False),
    ("a notebook to update", "deep nesting", lambda v: v.update(more=deep(600)), False),
    (".dqnkit-course.json", "files null", lambda v: v.update(files=None), False),
]


def _tls(values: Any) -> Any:
    return values["distributed"]["comm"]["tls"]


@pytest.mark.parametrize(
    ("name", "given", "change", "refused"), CHANGES, ids=lambda value: value[:30] if isinstance(value, str) else ""
)
def test_values_of_another_kind(
    kinds: files_to_touch.Kinds,
    name: str,
    given: str,
    change: Callable[[Any], object],
    refused: bool,
    tried: Tried,
) -> None:
    said = read_changed(kinds, name, changed(kinds, name, change))
    assert bool(said) == refused
    tried(14, f"{name}: {given}", said or "goes on without")


# ---- tables that a spreadsheet has saved

TABLE = "step,return\n1,9\n2,10.5\n"
SAVED = {
    "a mark of the encoding": ("\ufeff" + TABLE).encode(),
    "lines that end as on Windows": TABLE.replace("\n", "\r\n").encode(),
    "semicolons and commas": b"step;return\n1;9\n2;10,5\n",
    "tabs": TABLE.replace(",", "\t").encode(),
    "columns in another order, one more": b'"return","note","step"\n9,good,1\n10.5,"a, b",2\n',
    "half a line at the end": (TABLE + "3").encode()[:-1],
    "an empty line": TABLE.replace("\n", "\n\n").encode(),
}


@pytest.mark.parametrize("given", SAVED)
def test_a_table_that_was_saved_by_another_program_is_read(given: str, tmp_path: Path, tried: Tried) -> None:
    path = tmp_path / "episodes.csv"
    path.write_bytes(SAVED[given])
    assert list(runs.read_rows(path)) == [{"step": 1, "return": 9}, {"step": 2, "return": 10.5}]
    tried(14, f"episodes.csv with {given}", "read as it was")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\x00", b"a,b\n1,2\n", b"\xff\xfes\x00t\x00"])
def test_a_file_that_is_another_table_is_left_as_it_is(content: bytes, tmp_path: Path, tried: Tried) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="names no column 'step'") as caught:
        list(runs.read_rows(path))
    assert path.read_bytes() == content
    tried(14, f"metrics.csv that begins with {content[:8]!r}", str(caught.value).replace(str(path), "metrics.csv"))


def test_rows_that_cannot_be_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "episodes.csv"
    path.write_text("step,return\n-1,3\nnan,3\ninf,3\n1e400,3\n5,x\n6," + '"' + "9" * 200_000 + "\n7,8\n")
    rows = list(runs.read_rows(path))
    assert [row["step"] for row in rows] == [5, 7]
    assert list(runs.read_rows(tmp_path / "metrics.csv")) == []


@pytest.mark.parametrize("content", ["Infinity", "1e999", "1" * 400, '"\\ud800"', "[" * (MAX_DEPTH + 2), b"\xff", "{"])
def test_json_that_could_not_be_written_again_is_refused(content: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(content)


def test_json_in_other_encodings_is_read() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert parse_json('{"a": [1, "é"]}'.encode(encoding)) == {"a": [1, "é"]}
