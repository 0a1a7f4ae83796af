"""The progress file: what was predicted, tried and passed, in one small file beside the notebooks.

The file is `dqnkit-progress.json`, in the folder of the notebook. The reader can look at it and delete it; nothing else
keeps these things, and it holds no name and none of the reader's code. Hints and solutions that were looked at are not
in it. It is JSON::

    {
      "format": "dqnkit-progress",
      "version": 1,
      "checks": {
        "q_update": {                              name of the exercise
          "notebook": "01_q_update",
          "tries": 3,                              checks of something written (an empty stub is none)
          "first_tried": "2026-11-23T09:30:00Z",   times are UTC
          "last_tried": "2026-11-23T09:41:07Z",
          "passed": "2026-11-23T09:41:07Z",        when it first passed; null: not yet
          "mistakes": ["jumps to the target"]      known mistakes that were seen, in the order of their first time
        }
      },
      "predictions": {
        "01-alpha": {                              id of the prediction; its first two digits are the notebook's
          "question": "...",
          "kind": "number",                        "choice", "number" or "curve"
          "value": 40.0,                           choice: the option; number; curve: values at 0, 25, 50, 75 and 100 %
                                                   of the run; null: skipped (the run began before an answer came)
          "when": "2026-11-23T09:32:10Z",
          "happened": 52.0                         what the prediction was compared with, as value; null: not yet
        }
      }
    }

**Version rule.** Fields may be added within a version: who reads the file ignores those it does not know, and who
writes it keeps them. A change of a field's meaning raises `version`. A file of a newer version, or a damaged one, is
renamed and never overwritten.

**Merging** (two notebooks open at once, or a file uploaded) loses nothing and may be done twice: of a check the
larger `tries`, the earliest `first_tried` and `passed`, the latest `last_tried`, all mistakes; of a prediction an
answer before a skipped one, then the earlier.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dqnkit.files import write_whole

NAME = "dqnkit-progress.json"
FORMAT, VERSION = "dqnkit-progress", 1
PATIENCE = 2.0  # seconds to wait for another notebook that is writing
STALE = 10.0  # seconds after which a lock was left behind by a kernel that died
Record = dict[str, Any]


def empty() -> Record:
    """The progress of somebody who has not begun."""
    return {"format": FORMAT, "version": VERSION, "checks": {}, "predictions": {}}


def parse(content: str | bytes) -> Record:
    """Progress from a file's content.

    Raises:
        ValueError: it is damaged, something else, or of a newer version; with which.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is damaged") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("version"), int):
        raise ValueError("it is not a progress file")
    if data["version"] > VERSION:
        raise ValueError(
            f"it is of version {data['version']}, made by a newer dqnkit; this one reads version {VERSION}"
        )
    if not _fits(data, {"checks": dict, "predictions": dict}):
        raise ValueError("it is damaged")
    good_checks = all(_fits(entry, CHECK) for entry in data["checks"].values())
    if not good_checks or not all(_fits(entry, PREDICTION) for entry in data["predictions"].values()):
        raise ValueError("it is damaged")
    return data


TEXT_OR_NONE = (str, type(None))
CHECK: Record = {
    "notebook": str,
    "tries": int,
    "first_tried": str,
    "last_tried": str,
    "passed": TEXT_OR_NONE,
    "mistakes": list,
}
PREDICTION: Record = {"question": str, "kind": str, "value": object, "when": str, "happened": object}


def _fits(entry: Any, fields: Record) -> bool:
    return isinstance(entry, dict) and all(name in entry and isinstance(entry[name], fields[name]) for name in fields)


def merge(one: Record, other: Record) -> Record:
    """Two records of one reader as one; see the module's text. In any order, and as often as you like."""
    merged = {**deepcopy(other), **deepcopy(one)}
    for part, join in (("checks", _join_checks), ("predictions", _join_predictions)):
        for name, entry in other[part].items():
            ours = one[part].get(name)
            merged[part][name] = deepcopy(entry) if ours is None else join(ours, entry)
    return merged


def _join_checks(one: Record, other: Record) -> Record:
    passed = [entry["passed"] for entry in (one, other) if entry["passed"]]
    earlier, later = sorted((one, other), key=lambda entry: (entry["first_tried"], json.dumps(entry, sort_keys=True)))
    return {
        **later,
        **earlier,
        "tries": max(one["tries"], other["tries"]),
        "last_tried": max(one["last_tried"], other["last_tried"]),
        "passed": min(passed, default=None),
        "mistakes": list(dict.fromkeys([*earlier["mistakes"], *later["mistakes"]])),
    }


def _join_predictions(one: Record, other: Record) -> Record:
    def order(entry: Record) -> Any:
        return entry["value"] is None, entry["when"], json.dumps(entry, sort_keys=True)

    first, second = sorted((one, other), key=order)
    happened = second["happened"] if first["happened"] is None else first["happened"]
    return {**second, **first, "happened": happened}


class ProgressFile:
    """The file in one folder. Nothing here raises: where it cannot be written, this kernel remembers.

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.unwritten: Record | None = None  # what could not be written
        self.notices: list[str] = []  # what the reader should know of the file; shown once

    def read(self) -> Record:
        """All that is known."""
        data = self._load()
        return data if self.unwritten is None else merge(data, self.unwritten)

    def change(self, edit: Callable[[Record], None]) -> None:
        """Read the file, change what it says and write it, while no other notebook does."""
        try:
            with self._locked():
                data = self.read()
                edit(data)
                self._write(data)
            self.unwritten = None
        except OSError as error:
            data = self.read()
            edit(data)
            if self.unwritten is None:
                self.notices.append(f"Progress cannot be written to {self.path} ({error}); this kernel remembers it.")
            self.unwritten = data

    def _load(self) -> Record:
        try:
            content = self.path.read_bytes()
        except OSError:  # none yet, or not readable
            return empty()
        try:
            return parse(content)
        except ValueError as error:
            self._set_aside(str(error))
            return empty()

    def _set_aside(self, reason: str) -> None:
        moment = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"  # no two files get the same name
        aside = self.path.with_name(f"{self.path.stem}-set-aside-{moment}.json")
        try:
            os.replace(self.path, aside)
        except OSError:
            notice = f"{self.path.name} is left as it is, for {reason}; this kernel begins anew."
            self.notices += [notice] if notice not in self.notices else []
            return
        self.notices.append(f"{self.path.name} was set aside as {aside.name}, for {reason}. A new one is begun.")

    def _write(self, data: Record) -> None:
        content = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        for seconds in (0.05, 0.2, 0.0):
            try:
                write_whole(self.path, content)
                return
            except PermissionError:
                if not seconds:
                    raise
                time.sleep(seconds)  # on Windows, another notebook may be reading it

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock file; after some patience go on without, for a lost entry is better than a stuck notebook."""
        lock = self.path.with_name(f".{NAME}.lock")
        held = _take(lock)
        try:
            yield
        finally:
            if held:
                lock.unlink(missing_ok=True)


def _take(lock: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            return True
        except FileExistsError:
            _break_if_stale(lock)
            time.sleep(0.02)
    return False


def _break_if_stale(lock: Path) -> None:
    try:
        if time.time() - lock.stat().st_mtime > STALE:
            lock.unlink()
    except OSError:  # it has just gone
        return


def _folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was deleted
        return Path()


FILE = ProgressFile(_folder())  # the kernel's folder when the kit was imported: the notebook's


def now() -> str:
    """The time as it stands in the file."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_check(name: str, notebook: str, passed: bool, mistake: str = "") -> None:
    """Note that something was checked."""

    def edit(data: Record) -> None:
        fresh = {"notebook": notebook, "tries": 0, "first_tried": now(), "last_tried": now(), "passed": None}
        entry = data["checks"].setdefault(name, {**fresh, "mistakes": []})
        entry["tries"] += 1
        entry["last_tried"] = now()
        entry["passed"] = entry["passed"] or (now() if passed else None)
        if mistake and mistake not in entry["mistakes"]:
            entry["mistakes"].append(mistake)

    FILE.change(edit)


def record_prediction(name: str, question: str, kind: str, value: Any) -> None:
    """Note a prediction; an answer that is there already stays."""

    def edit(data: Record) -> None:
        entry = {"question": question, "kind": kind, "value": value, "when": now(), "happened": None}
        old = data["predictions"].get(name)
        if old is None or (old["value"] is None and value is not None):
            data["predictions"][name] = {**(old or {}), **entry}

    FILE.change(edit)


def record_happened(name: str, happened: Any) -> None:
    """Note what a prediction was compared with."""

    def edit(data: Record) -> None:
        if name in data["predictions"]:
            data["predictions"][name]["happened"] = happened

    FILE.change(edit)
