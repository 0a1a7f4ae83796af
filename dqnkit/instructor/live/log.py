"""The log of one class: an SQLite file to which events are only ever added, each once.

It is complete after every event: a server that was killed goes on from it. Events of students and what the instructor
did are in one order, so that the class is what `dqnkit.instructor.live.state` makes of them. Tokens and links are kept
as hashes only. Addresses of computers are not kept.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dqnkit.errors import DQNKitError
from dqnkit.instructor.live.events import Event

INSTRUCTOR = 0  # the number under which the instructor's own events are kept; students begin at 1
ONE_CLASS = timedelta(hours=12)  # a server that starts within this time of the last event goes on with that class
SCHEMA = """
CREATE TABLE IF NOT EXISTS class (name TEXT NOT NULL, code TEXT NOT NULL, begun TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS students (
    number INTEGER PRIMARY KEY, token_hash TEXT UNIQUE, name TEXT NOT NULL, joined TEXT NOT NULL, seen TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS links (token_hash TEXT PRIMARY KEY, right TEXT NOT NULL, made TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, student INTEGER NOT NULL, id TEXT NOT NULL, received TEXT NOT NULL, kind TEXT NOT NULL,
    name TEXT NOT NULL, content TEXT NOT NULL, UNIQUE (student, id)
);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events only come'); END;
CREATE TRIGGER IF NOT EXISTS events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events only come'); END;
"""


class LiveError(DQNKitError):
    """The live class cannot be held as it was asked for; the message says what to do."""


@dataclass(frozen=True)
class Student:
    """Someone who joined, or whose progress file was dropped on the page."""

    number: int
    name: str  # empty: not given


@dataclass(frozen=True)
class Entry:
    """An event in the log."""

    seq: int
    student: int
    received: datetime
    event: Event


class ClassLog:
    """The file of a class. It is used by one thread at a time.

    Args:
        path: of the file; made if it is not there.
        name: of the class, for a new file.
        code: with which students join, for a new file.

    Raises:
        LiveError: it cannot be opened, or is something else.
    """

    def __init__(self, path: Path, name: str, code: str) -> None:
        try:
            path.touch(mode=0o600)
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
            self._file.executescript(SCHEMA)
            if self._file.execute("SELECT count(*) FROM class").fetchone()[0] == 0:
                self._file.execute("INSERT INTO class VALUES (?, ?, ?)", (name, code, _text(now())))
            self.name, self.code = self._file.execute("SELECT name, code FROM class").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise LiveError(f"the class cannot be kept in {path}: {error}. Name another folder") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def join(self, token_hash: str, name: str, most: int) -> Student | None:
        """The student with this token, added if there is room; None if there are ``most`` already."""
        known = self.student(token_hash)
        if known is not None:
            return known
        if self._file.execute("SELECT count(*) FROM students").fetchone()[0] >= most:
            return None
        return self._add_student(token_hash, name, "[]")

    def student(self, token_hash: str) -> Student | None:
        """The student with this token, if there is one."""
        row = self._file.execute("SELECT number, name FROM students WHERE token_hash = ?", (token_hash,)).fetchone()
        return None if row is None else Student(*row)

    def student_of_record(self, entries: Iterable[str]) -> Student:
        """The student whose progress file this is: one that was dropped before if its entries are among these, or these
        among its; else a new one.

        Args:
            entries: of the file, each as one text that stays the same in later versions of the file.
        """
        mine = set(entries)
        rows = self._file.execute("SELECT number, name, seen FROM students WHERE token_hash IS NULL").fetchall()
        for number, name, seen in rows:
            theirs = set(json.loads(seen))
            if theirs <= mine or mine <= theirs:
                merged = json.dumps(sorted(theirs | mine))
                self._file.execute("UPDATE students SET seen = ? WHERE number = ?", (merged, number))
                return Student(number, name)
        return self._add_student(None, "", json.dumps(sorted(mine)))

    def _add_student(self, token_hash: str | None, name: str, seen: str) -> Student:
        added = self._file.execute(
            "INSERT INTO students (token_hash, name, joined, seen) VALUES (?, ?, ?, ?)",
            (token_hash, name, _text(now()), seen),
        )
        return Student(int(added.lastrowid or 0), name)

    def students(self) -> list[Student]:
        """Everybody in the class."""
        return [Student(*row) for row in self._file.execute("SELECT number, name FROM students ORDER BY number")]

    def add(self, student: int, events: Sequence[Event]) -> list[Entry]:
        """Add events in one transaction; return those that were not there yet."""
        received, added = now(), []
        self._file.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                row = (student, event.id, _text(received), event.kind, event.name, json.dumps(dict(event.content)))
                done = self._file.execute(
                    "INSERT OR IGNORE INTO events (student, id, received, kind, name, content) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )
                if done.rowcount:
                    added.append(Entry(int(done.lastrowid or 0), student, received, event))
            self._file.execute("COMMIT")
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        return added

    def entries(self) -> Iterator[Entry]:
        """All events, in the order in which they came."""
        rows = self._file.execute("SELECT seq, student, received, id, kind, name, content FROM events ORDER BY seq")
        for seq, student, received, id, kind, name, content in rows:
            yield Entry(seq, student, datetime.fromisoformat(received), Event(id, kind, name, json.loads(content)))

    def add_link(self, token_hash: str, right: str) -> None:
        """Keep the hash of a link's token, and what it allows."""
        self._file.execute("INSERT INTO links VALUES (?, ?, ?)", (token_hash, right, _text(now())))

    def right(self, token_hash: str) -> str | None:
        """What a link's token allows; None if there is no such link."""
        row = self._file.execute("SELECT right FROM links WHERE token_hash = ?", (token_hash,)).fetchone()
        return None if row is None else str(row[0])


def file_of_class(folder: Path, anew: bool = False) -> Path:
    """The file of the class that is held now: the newest if its last event is younger than `ONE_CLASS`, else a new one.

    Args:
        folder: of all classes of a course.
        anew: begin a new one in any case.
    """
    files = sorted(folder.glob("[0-9]*.sqlite"))
    if files and not anew and now() - _last_change(files[-1]) < ONE_CLASS:
        return files[-1]
    return folder / f"{now():%Y-%m-%dT%H%M%S-%f}.sqlite"  # two classes may begin within a second


def _last_change(path: Path) -> datetime:
    files = [path, path.with_name(f"{path.name}-wal")]
    return datetime.fromtimestamp(max(file.stat().st_mtime for file in files if file.exists()), UTC)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def control(id: str, action: str, name: str = "", **content: Any) -> Event:
    """Something that the instructor did, as an event."""
    return Event(id, action, name, content)
