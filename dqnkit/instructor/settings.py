"""``class.toml``: what a class does, by when, and what it is worth.

`new` writes the file with comments, people edit it, and `read` turns it into a `ClassSettings`, or into one sentence
that says what is wrong in it.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dqnkit
from dqnkit.classroom import course
from dqnkit.errors import DQNKitError, UnknownNameError
from dqnkit.files import write_whole
from dqnkit.instructor import own_exercises

NAME = "class.toml"
SECRET_BYTES = 32
PSEUDONYM_LENGTH = 10  # characters of base 32: two of a thousand students agree once in two thousand million classes


class ClassError(DQNKitError, ValueError):
    """Something in the folder of a class cannot be used; the message names the file, the place and what to do."""


@dataclass(frozen=True)
class Lesson:
    """What a class does of one lesson."""

    name: str  # "q_update"
    points: Mapping[str, float]  # of each exercise
    deadline: datetime | None = None  # with its time zone; None: there is none
    mistakes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # exercise -> name of a mistake -> share

    @property
    def notebook(self) -> str:
        """The file name of its notebook without the suffix: ``"01_q_update"``."""
        return course.notebook_name(self.name)


@dataclass(frozen=True)
class ClassSettings:
    """All that ``class.toml`` says."""

    folder: Path
    name: str
    secret: bytes = field(repr=False)
    kit: str  # version of dqnkit with which the class was begun
    roster: Path
    zone: tzinfo  # of deadlines, and of times that say none
    lessons: tuple[Lesson, ...]
    exercises: tuple[str, ...] = ()  # where own exercises are
    known_mistake: float = 0.0  # share of the points for a wrong answer that is a known mistake
    late_per_day: float = 0.0  # share of the points that is lost for each day begun
    late_days: int = 0  # days that each student may be late, over the term, at no cost

    def pseudonym(self, student: str) -> str:
        """The name under which a student's work is kept: a keyed hash of the id (HMAC-SHA256, RFC 2104).

        Without the secret, nobody can tell whose it is, not even by trying all ids of the roster.
        """
        digest = self._keyed(f"student:{student}")
        alphabet = "abcdefghijklmnopqrstuvwxyz234567"
        number = int.from_bytes(digest)
        return "".join(alphabet[number >> 5 * place & 31] for place in range(PSEUDONYM_LENGTH))

    def seed(self, student: str, exercise: str) -> int:
        """The seed of the cases on which a student's answer is tried (64 bits); ``student`` is the pseudonym.

        It follows from the secret, so a regrade tries the same cases, and from the student, so no two share theirs.
        """
        return int.from_bytes(self._keyed(f"cases:{student}:{exercise}")[:8])

    def lesson_of(self, exercise: str) -> Lesson | None:
        """The lesson in which the class does an exercise, if it does."""
        return next((lesson for lesson in self.lessons if exercise in lesson.points), None)

    def _keyed(self, text: str) -> bytes:
        return hmac.digest(self.secret, text.encode(), hashlib.sha256)


def new(folder: Path, name: str, lessons: Sequence[str] = ()) -> Path:
    """Begin a class: write ``class.toml`` and an empty roster into a folder, which may exist already.

    A ``.gitignore`` keeps the folder out of any git repository around it.

    Args:
        folder: of the class.
        name: of the class, as students read it.
        lessons: that it does, by name; all of the course that have exercises unless given.

    Returns:
        the path of the new ``class.toml``, which only its owner may read.

    Raises:
        ClassError: there is a class already, or the folder cannot be written.
        UnknownNameError: the course has no such lesson.
    """
    path = folder / NAME
    if path.exists():
        raise ClassError(f"{path} is there already: edit it, or name another folder")
    exercises = course.exercises_by_lesson()
    chosen = [*lessons] or [lesson for lesson in course.LESSONS if exercises.get(lesson)]
    for lesson in chosen:
        course.number(lesson)  # raises where there is none
    parts = [_LESSON.format(lesson=lesson, points=_points(exercises.get(lesson, []))) for lesson in chosen]
    text = _HEAD.format(name=_quoted(name), secret=secrets.token_hex(SECRET_BYTES), kit=dqnkit.__version__)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        write_whole(path, text + "".join(parts))
        path.chmod(0o600)
        ignored = folder / ".gitignore"
        if not ignored.exists():  # names, students' work and the secret must not get into a repository around it
            ignored.write_text("*\n", encoding="utf-8")
        roster = folder / "roster.csv"
        if not roster.exists():
            roster.touch(mode=0o600)
            roster.write_text("id,name,email\n", encoding="utf-8")
    except OSError as error:
        raise ClassError(f"the class cannot be written to {folder} ({error}): name another folder") from error
    return path


def read(folder: Path) -> ClassSettings:
    """Read the ``class.toml`` of a folder.

    Raises:
        ClassError: it is not there or something in it cannot be used.
    """
    path = folder / NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ClassError(f"there is no {path}: `dqnkit class new {folder}` begins a class") from error
    except OSError as error:
        raise ClassError(f"{path} cannot be read ({error})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClassError(f"{path} is not TOML: {error}") from error
    try:
        return _settings(folder, content)
    except _Wrong as error:
        raise ClassError(f"{path}: {error}") from None


class _Wrong(Exception):
    """What is wrong in a ``class.toml``, in words."""


def _settings(folder: Path, content: dict[str, Any]) -> ClassSettings:
    _known(content, ("class", "marks", "lesson"), "the file")
    head, marks = _table(content, "class"), _table(content, "marks")
    _known(head, ("name", "secret", "kit", "roster", "timezone", "exercises"), "[class]")
    _known(marks, ("known_mistake", "late_per_day", "late_days"), "[marks]")
    zone = _zone(head.get("timezone", "UTC"))
    own = tuple(_texts(head.get("exercises", []), "exercises in [class]"))
    try:
        own_exercises.add(folder, own)
    except DQNKitError as error:
        raise _Wrong(str(error)) from None
    lessons = tuple(_lesson(entry, zone) for entry in _tables(content, "lesson"))
    if not lessons:
        raise _Wrong("it names no lesson: add a [[lesson]] with its notebook")
    _no_lesson_twice(lessons)
    return ClassSettings(
        folder=folder,
        name=_text(head, "name", "[class]"),
        secret=_secret(head),
        kit=_text(head, "kit", "[class]"),
        roster=folder / _text(head, "roster", "[class]", "roster.csv"),
        zone=zone,
        lessons=lessons,
        exercises=own,
        known_mistake=_share(marks.get("known_mistake", 0.0), "known_mistake in [marks]"),
        late_per_day=_share(marks.get("late_per_day", 0.0), "late_per_day in [marks]"),
        late_days=_days(marks.get("late_days", 0)),
    )


def _lesson(entry: dict[str, Any], zone: tzinfo) -> Lesson:
    name = _text(entry, "notebook", "[[lesson]]")
    where = f"the lesson {name}"
    _known(entry, ("notebook", "deadline", "exercises", "mistakes"), where)
    try:
        course.notebook_name(name)
    except UnknownNameError as error:
        raise _Wrong(str(error)) from None
    of_lesson = course.exercises_by_lesson().get(name, [])
    points = entry.get("exercises", dict.fromkeys(of_lesson, 1))
    if not isinstance(points, dict) or not all(_is_number(value) and value >= 0 for value in points.values()):
        raise _Wrong(f"exercises of {where} are names with points, like {{ q_update = 4 }}")
    for exercise in points:
        _named(exercise, of_lesson, f"{where} has no exercise")
    mistakes = _table(entry, "mistakes")
    for exercise, shares in mistakes.items():
        _named(exercise, of_lesson, f"mistakes of {where}: there is no exercise")
        if not isinstance(shares, dict):
            raise _Wrong(f"mistakes of {where}, {exercise}: give names of mistakes with a share, as in its comment")
        known = [mistake.name for mistake in course.find_exercise(exercise).mistakes]
        for mistake, share in shares.items():
            _named(mistake, known, f"mistakes of {where}: {exercise} has no mistake")
            _share(share, f"{mistake!r} of {exercise}")
    return Lesson(name, dict(points), _deadline(entry.get("deadline"), zone, where), mistakes)


def _no_lesson_twice(lessons: Sequence[Lesson]) -> None:
    names = [lesson.name for lesson in lessons]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise _Wrong(f"the lesson {twice} is there twice")


def _deadline(value: Any, zone: tzinfo, where: str) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise _Wrong(f"the deadline of {where} is a date with a time and without quotes, like 2026-12-14T23:59:00")
    return value if value.tzinfo else value.replace(tzinfo=zone)


def _zone(name: Any) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise _Wrong(f'timezone in [class] is a name like "Europe/Berlin", not {name!r}') from None


def _secret(head: dict[str, Any]) -> bytes:
    text = _text(head, "secret", "[class]")
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise _Wrong(
            f"secret in [class] is {2 * SECRET_BYTES} digits from 0 to f, as `dqnkit class new` wrote it. Another one "
            "gives other pseudonyms and other cases"
        )
    return secret


def _days(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _Wrong(f"late_days in [marks] is a whole number from 0, not {value!r}")
    return value


def _share(value: Any, what: str) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        raise _Wrong(f"{what} is a share from 0 to 1, not {value!r}")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _text(table: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = table.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f'{name} in {where} is missing: give a text in quotes, like {name} = "…"')
    return value


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _Wrong(f"{what} is a list of texts in quotes")
    return value


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise _Wrong(f"{name} must be a table, [{name}]")
    return value


def _tables(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = content.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _Wrong(f"{name} must stand in double brackets, [[{name}]]")
    return value


def _known(table: Mapping[str, Any], names: Collection[str], where: str) -> None:
    for name in table:
        _named(name, names, f"{where} takes no")


def _named(name: str, known: Collection[str], text: str) -> None:
    """Refuse a name that is not known, with the nearest ones."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:3]
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise _Wrong(f"{text} {name!r}{hint}")


def _points(exercises: Sequence[str]) -> str:
    return f"{{ {', '.join(f'{name} = 1' for name in exercises)} }}" if exercises else "{}"


def _quoted(text: str) -> str:
    escaped = "".join(f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char for char in text)
    return '"' + escaped.replace("\\u", "\0").replace("\\", "\\\\").replace("\0", "\\u").replace('"', '\\"') + '"'


_HEAD = """\
# A class. `dqnkit class --help` lists what can be done with it.
# Nobody else should read this file: who knows the secret knows the cases on which answers are tried.

[class]
name = {name}
secret = "{secret}"
kit = "{kit}" # the version of dqnkit that the class began with
roster = "roster.csv" # columns id, name, email; keep it apart from the students' work
timezone = "UTC" # of the deadlines, like "Europe/Berlin"
exercises = [] # folders of own lessons, with exercises/NAME.py and answers/NAME.py

[marks]
known_mistake = 0.0 # share of the points for a wrong answer that is one of the known mistakes
late_per_day = 0.1 # share of the points that is lost for each day begun after the deadline
late_days = 0 # days that each student may be late, over the term, at no cost

# One [[lesson]] for each that the class does. `exercises` are names with points. A deadline looks like
#     deadline = 2026-12-14T23:59:00
# and single mistakes can be worth something else than known_mistake says:
#     mistakes.q_update = {{ "jumps to the target" = 0.5 }}
"""
_LESSON = """
[[lesson]]
notebook = "{lesson}"
exercises = {points}
"""
