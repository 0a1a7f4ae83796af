"""Handing in: one file of a notebook's code cells and the reader's progress, for whoever grades it.

Nothing is sent: the reader gives the file to whom they want. It is JSON::

    {
      "format": "dqnkit-hand-in",
      "version": 1,
      "notebook": "01_q_update",
      "kit": "0.1.0",                     of dqnkit
      "python": "3.12.3",
      "packages": {"numpy": "2.1.3"},     what answers depend on
      "made": "2026-12-14T20:01:00Z",
      "cells": ["…"],                     sources of the code cells, in order
      "exercises": {"q_update": "…"},     what was asked (`course.exercise_version`)
      "progress": {…},                    the progress file (`dqnkit.classroom.progress_record`), without code
      "hash": "…"                         SHA-256 of all that, to notice a file that was damaged on the way
    }
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from copy import deepcopy
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

import dqnkit
from dqnkit.classroom import course, progress_file, rich_text, written_answers
from dqnkit.classroom.rich_text import RichText
from dqnkit.files import parse_json, write_whole

FORMAT, VERSION = "dqnkit-hand-in", 1
SUFFIX = "-hand-in.json"
LARGEST = 5_000_000  # bytes of a file; more is no course work
PACKAGES = ("numpy", "gymnasium", "tensorflow", "tensorflow-cpu", "keras", "dask", "distributed")


def hand_in(lesson: str) -> RichText:
    """Write the file to hand in, and say what is in it.

    Args:
        lesson: by name, as ``"q_update"``.

    Returns:
        what was found for each exercise, and a link that saves the file on the reader's own computer.

    Raises:
        UnknownNameError: there is no such lesson.
    """
    notebook = course.notebook_name(lesson)
    cells, source = _cells()
    record = make(notebook, lesson, cells)
    content = json.dumps(record, indent=1, ensure_ascii=False)
    path = progress_file.FILE.path.parent / f"{notebook}{SUFFIX}"
    try:
        write_whole(path, content)
        where = f"It is the file `{path.name}` beside this notebook."
    except OSError as error:
        where = f"It could not be written here ({error}): use the link."
    return _shown(record, lesson, content, f"{source} {where}")


def make(notebook: str, lesson: str, cells: Sequence[str]) -> dict[str, Any]:
    """Return the record of a notebook's cells that is handed in, with its hash."""
    progress = deepcopy(progress_file.FILE.read())
    for entry in progress["checks"].values():  # the code is in the cells
        entry.pop("code", None)
        entry.pop("code_passed", None)
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "notebook": notebook,
        "kit": dqnkit.__version__,
        "python": platform.python_version(),
        "packages": _versions(),
        "made": progress_file.now(),
        "cells": list(cells),
        "exercises": {name: course.exercise_version(name) for name in course.exercises_by_lesson().get(lesson, [])},
        "progress": progress,
    }
    return {**record, "hash": digest(record)}


def digest(record: dict[str, Any]) -> str:
    """Return the hash of a record without its own ``hash``."""
    plain = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def parse(content: bytes) -> dict[str, Any]:
    """Return the record in a file's content.

    Raises:
        ValueError: it is something else, damaged, of a newer version or too large; the message says which.
    """
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST:,} bytes")
    record = parse_json(content)
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("version"), int):
        raise ValueError("it is no file of hand_in()")
    if record["version"] > VERSION:
        raise ValueError(f"it is of version {record['version']}, made by a newer dqnkit; this one reads {VERSION}")
    cells, exercises = record.get("cells"), record.get("exercises")
    texts = [record.get(name) for name in ("notebook", "kit", "made", "hash")]
    if not isinstance(cells, list) or not isinstance(exercises, dict):
        raise ValueError("it is damaged")
    if not all(isinstance(text, str) for text in [*cells, *texts, *exercises.values()]):
        raise ValueError("it is damaged")
    if digest(record) != record["hash"]:
        raise ValueError("it was changed after it was made: its hash does not fit")
    return record


def _cells() -> tuple[list[str], str]:
    """Return the sources of the notebook's code cells, and where they come from, in words.

    What was run counts before what is in the file, which may be older: cells that were run in this session stand at the
    end, in the order of their last run.
    """
    history = _history()
    saved, source = _on_colab(), "The cells are those of the page."
    if saved is None:
        saved, source = _saved(), "The cells are those of the saved notebook and of what you ran since."
    if saved is None:
        return history, "The notebook's file was not found: the cells are those that you ran since the kernel started."
    run = {cell.strip() for cell in history}
    return [*(cell for cell in saved if cell.strip() not in run), *history], source


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def _history() -> list[str]:
    """Return the cells that this kernel has run, each once, in the order of their last run."""
    shell = _shell()
    cells = [] if shell is None else [str(cell) for cell in shell.user_ns.get("In", [])]
    return [*reversed(dict.fromkeys(cell for cell in reversed(cells) if cell.strip()))]


def _on_colab() -> list[str] | None:
    """Return the cells of the page on Colab, which keeps no file; None elsewhere."""
    if "google.colab" not in sys.modules:
        return None
    try:
        from google.colab import _message  # type: ignore[import-untyped,import-not-found,unused-ignore]

        answer = _message.blocking_request("get_ipynb", timeout_sec=20)
        return code_cells(answer["ipynb"])
    except Exception:  # another version of Colab
        return None


def _saved() -> list[str] | None:
    """Return the cells of the notebook's file; None where it is not known which file that is."""
    shell = _shell()
    names = [os.environ.get("JPY_SESSION_NAME", "")]  # JupyterLab and Notebook 7
    if shell is not None:
        names.append(str(shell.user_ns.get("__vsc_ipynb_file__", "")))  # VS Code
    here = progress_file.FILE.path.parent
    for file in [path for name in filter(None, names) for path in (Path(name), here / Path(name).name)]:
        try:
            return code_cells(parse_json(file.read_bytes()))
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return None


def code_cells(notebook: Any) -> list[str]:
    """Return the sources of a notebook's code cells.

    Raises:
        LookupError, TypeError: it is no notebook.
    """
    cells = [cell for sheet in notebook.get("worksheets", [notebook]) for cell in sheet["cells"]]  # before nbformat 4
    sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"]
    return ["".join(source) for source in sources]


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _shown(record: dict[str, Any], lesson: str, content: str, where: str) -> RichText:
    names = course.exercises_by_lesson().get(lesson, [])
    found = written_answers.find(record["cells"], {name: course.find_exercise(name).signature for name in names})
    rows = [(name, _state(name, found, record)) for name in names]
    rows += [("not read", problem) for problem in found.problems]
    name = f"{record['notebook']}{SUFFIX}"
    source = f"data:application/json;base64,{base64.b64encode(content.encode()).decode()}"
    link = f'<a download="{name}" href="{source}" style="text-decoration: underline">Download {name}</a>'
    text = f"Handing in {record['notebook']}"
    note = f"{where} Nothing is sent: give it to whoever asked for it. Run the cell again after a change."
    html = rich_text.table([[escape(name), escape(state)] for name, state in rows]) if rows else ""
    plain = "\n".join([text, *(f"  {name}: {state}" for name, state in rows), note])
    return RichText(rich_text.box("note", text, f"{html}<p>{link}</p>{rich_text.prose(note)}"), plain)


def _state(name: str, found: written_answers.Found, record: dict[str, Any]) -> str:
    entry = record["progress"]["checks"].get(name)
    passed = "a version of it has passed its check" if entry and entry["passed"] else "its check has not passed yet"
    written = found.answers.get(name)
    if written is None:
        return "nothing written yet"
    lacks = f"; it uses {', '.join(written.lacks)}, which does not come with it as it is here" if written.lacks else ""
    return f"written; {passed}{lacks}"
