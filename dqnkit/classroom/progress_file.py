"""The progress file: the record of a reader's progress in one small file beside the notebooks.

What is in it is described in `dqnkit.classroom.progress_record`.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import SoftFileLock, Timeout

from dqnkit.classroom import start_page
from dqnkit.classroom.progress_record import NAME, Record, empty, merge, parse
from dqnkit.files import write_whole

LOCK_SECONDS = 2.0  # how long to wait for another notebook that is writing
Observer = Callable[[str, str, dict[str, Any]], None]
OBSERVERS: list[Observer] = []  # told what was recorded (its kind, name and content); a class that was joined is one


class ProgressFile:
    """The file in one folder. Nothing here raises: if the file cannot be written, this kernel keeps the record.

    Args:
        folder: where the file is; the working folder at the first use unless given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.unwritten: Record | None = None  # what could not be written
        self.notices: list[str] = []  # what the reader should know about the file; shown once
        self._folder = folder

    @property
    def path(self) -> Path:
        """Where the file is."""
        if self._folder is None:
            self._folder = _working_folder()
        return self._folder / NAME

    def read(self) -> Record:
        """The record: what is in the file and what could not be written."""
        data = self._load()
        return data if self.unwritten is None else merge(data, self.unwritten)

    def change(self, edit: Callable[[Record], None]) -> None:
        """Read the file, edit the record and write it, while no other notebook does; then update the start page."""
        try:
            with self._locked():
                data = self.read()
                edit(data)
                self._write(data)
            self.unwritten = None
        except (OSError, ValueError) as error:  # ValueError: something that JSON cannot hold
            data = self.read()
            edit(data)
            if self.unwritten is None:
                self.notices.append(f"Progress cannot be written to {self.path} ({error}); this kernel remembers it.")
            self.unwritten = data
        start_page.refresh(self.path.parent)

    def _load(self) -> Record:
        try:
            content = self.path.read_bytes()
        except OSError:  # there is none yet, or it may not be read
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
                time.sleep(seconds)  # on Windows, while another notebook reads it

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other notebooks out. After `LOCK_SECONDS` go on without: better a lost entry than a stuck notebook."""
        with ExitStack() as held:
            with suppress(Timeout):
                held.enter_context(self._lock().acquire(timeout=LOCK_SECONDS, poll_interval=0.02))
            yield

    def _lock(self) -> SoftFileLock:
        """A lock that is a file which exists while it is held. So it works on network file systems, too.

        If its holder was killed, the next notebook on the same computer removes it.
        """
        return SoftFileLock(self.path.with_name(f".{NAME}.lock"))


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # the folder was deleted
        return Path()


FILE = ProgressFile()  # in the notebook's folder, where its kernel works


def now() -> str:
    """The time, as it is written in the file."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record_check(name: str, notebook: str, passed: bool, mistake: str = "", code: str = "") -> None:
    """Record that an exercise was checked, and the code if it passed; what passed before stays if this did not."""

    def edit(data: Record) -> None:
        fresh = {"notebook": notebook, "tries": 0, "first_tried": now(), "last_tried": now(), "passed": None}
        entry = data["checks"].setdefault(name, {**fresh, "mistakes": []})
        entry["tries"] += 1
        entry["last_tried"] = now()
        entry["passed"] = entry["passed"] or (now() if passed else None)
        if passed and code:
            entry |= {"code": code, "code_passed": now()}
        if mistake and mistake not in entry["mistakes"]:
            entry["mistakes"].append(mistake)

    FILE.change(edit)
    _tell("check", name, passed=passed, mistake=mistake)


def passed_code(name: str) -> str:
    """Return the reader's code that passed the check of an exercise last; empty if there is none."""
    entry = FILE.read()["checks"].get(name, {})
    return str(entry.get("code", ""))


def record_prediction(name: str, question: str, kind: str, value: Any) -> None:
    """Record a prediction; an answer that is there already stays."""

    taken: list[bool] = []

    def edit(data: Record) -> None:
        entry = {"question": question, "kind": kind, "value": value, "when": now(), "happened": None}
        old = data["predictions"].get(name)
        taken.append(old is None or (old["value"] is None and value is not None))
        if taken[-1]:
            data["predictions"][name] = {**(old or {}), **entry}

    FILE.change(edit)
    if taken[-1] and value is not None:
        _tell("prediction", name, value=value)


def record_happened(name: str, happened: Any) -> None:
    """Record what a prediction was compared with."""

    def edit(data: Record) -> None:
        if name in data["predictions"]:
            data["predictions"][name]["happened"] = happened

    FILE.change(edit)
    if happened is not None:
        _tell("happened", name, value=happened)


def _tell(kind: str, name: str, **content: Any) -> None:
    for observer in OBSERVERS:
        observer(kind, name, content)
