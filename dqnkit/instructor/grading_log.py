"""The grading log: every verdict that was ever given, with the code that it was given on (``grades.sqlite``).

It only grows: triggers refuse to change or delete a row. A regrade adds rows; the newest one counts. What was graded is
known by `Key`, so a batch that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from dqnkit.instructor.settings import ClassError

NAME = "grades.sqlite"
PASSED = "passed"
TO_LOOK_AT = "to_look_at"  # by the instructor, who may accept it
BUSY_SECONDS = 30.0  # to wait for another process that writes
TABLE = """
CREATE TABLE IF NOT EXISTS verdicts (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL,
    student TEXT NOT NULL, notebook TEXT NOT NULL, exercise TEXT NOT NULL,
    submission_hash TEXT NOT NULL, received TEXT NOT NULL,
    code TEXT NOT NULL, code_hash TEXT NOT NULL, kit TEXT NOT NULL, exercise_version TEXT NOT NULL, seed TEXT NOT NULL,
    isolation TEXT NOT NULL, status TEXT NOT NULL, mistake TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL,
    cpu_seconds REAL NOT NULL, wall_seconds REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS of_student ON verdicts (student, exercise);
CREATE TRIGGER IF NOT EXISTS no_change BEFORE UPDATE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'the grading log only grows'); END;
CREATE TRIGGER IF NOT EXISTS no_deletion BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'the grading log only grows'); END;
"""


class Key(NamedTuple):
    """What decides a verdict: the same key gives the same one."""

    code_hash: str
    exercise: str
    exercise_version: str
    seed: str
    kit: str


@dataclass(frozen=True)
class Row:
    """One verdict, as it is kept."""

    student: str  # pseudonym
    notebook: str
    exercise: str
    submission_hash: str
    received: str
    code: str
    code_hash: str
    kit: str
    exercise_version: str
    seed: str  # 64 bits: more than SQLite's whole numbers have
    isolation: str
    status: str
    mistake: str
    message: str
    detail: str  # JSON: `rows` about the smallest failing case that students can see, `for_instructors`
    cpu_seconds: float
    wall_seconds: float
    at: str = ""  # when it was given, UTC; set by `append`

    @property
    def key(self) -> Key:
        """What decided this verdict."""
        return Key(self.code_hash, self.exercise, self.exercise_version, self.seed, self.kit)

    @property
    def rows(self) -> list[list[str]]:
        """(name, value) pairs about the smallest failing case that students can see."""
        return list(json.loads(self.detail).get("rows", []))


COLUMNS = tuple(field.name for field in fields(Row))


def code_hash(code: str, name: str) -> str:
    """The hash of an answer's code and of the name that it gives to the answer."""
    return hashlib.sha256(f"{name}\0{code}".encode(errors="replace")).hexdigest()


class GradingLog:
    """The log of a class. Several processes may use it at once.

    Raises:
        ClassError: the file cannot be opened, or is something else.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        try:
            self.path.touch(mode=0o600)
            with suppress(OSError):  # on file systems without rights
                os.chmod(self.path, 0o600)
            self._database = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
            self._database.executescript(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise ClassError(f"{self.path} cannot be used: {error}. Move it away to begin a new grading log") from error

    def append(self, row: Row) -> None:
        """Add a verdict; it is on the disk when this returns.

        Raises:
            ClassError: it cannot be written.
        """
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        values = [now if name == "at" else _storable(getattr(row, name)) for name in COLUMNS]
        marks = ", ".join("?" * len(COLUMNS))
        try:
            with self._database:
                self._database.execute(f"INSERT INTO verdicts ({', '.join(COLUMNS)}) VALUES ({marks})", values)
        except sqlite3.Error as error:
            raise ClassError(f"{self.path} cannot be written: {error}. What was graded so far is kept") from error

    def rows(self) -> Iterator[Row]:
        """All verdicts, the oldest first."""
        with closing(self._database.execute(f"SELECT {', '.join(COLUMNS)} FROM verdicts ORDER BY id")) as cursor:
            for values in cursor:
                yield Row(**dict(zip(COLUMNS, values, strict=True)))

    def newest(self) -> dict[tuple[str, str, str], Row]:
        """A dict: (student, exercise, hash of the submission) -> the newest verdict."""
        return {(row.student, row.exercise, row.submission_hash): row for row in self.rows()}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> GradingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _storable(value: object) -> object:
    """Text without what cannot be encoded: half a character from a student's code."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
