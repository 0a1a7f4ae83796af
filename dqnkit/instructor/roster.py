"""The roster: who is in the class. It is the only file of a class with names in it.

A CSV file as a spreadsheet saves it, with a column ``id`` and, where wanted, ``name`` (or first and last name) and
``email``; other columns are kept. An id is what a student's files are named by: a matriculation number, a login.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dqnkit.instructor.settings import ClassError, ClassSettings

MOST_STUDENTS = 100_000
OTHER_NAMES = {  # columns of the sheets that learning platforms export -> ours
    "id": (
        "id",
        "student id",
        "sis user id",
        "sis login id",
        "id number",
        "username",
        "user",
        "login",
        "matrikelnummer",
    ),
    "name": ("name", "full name", "student", "student name"),
    "first": ("first name", "given name", "vorname"),
    "last": ("last name", "surname", "family name", "nachname"),
    "email": ("email", "e-mail", "email address", "mail"),
}
NOBODY = ("points possible", "manual posting", "student, test")  # how names begin in other lines that Canvas exports


@dataclass(frozen=True)
class Student:
    """One line of the roster."""

    id: str
    pseudonym: str
    name: str = ""
    email: str = ""
    others: Mapping[str, str] = field(default_factory=dict)  # the other columns


@dataclass(frozen=True)
class Roster:
    """All students of a class, in the order of the file."""

    students: tuple[Student, ...]

    def __len__(self) -> int:
        return len(self.students)

    def __iter__(self) -> Iterator[Student]:
        return iter(self.students)

    def by_pseudonym(self) -> dict[str, Student]:
        """Return a dict: pseudonym -> student."""
        return {student.pseudonym: student for student in self.students}

    def find(self, *names: str) -> Student | None:
        """Return the one student whom one of these texts names, by id, mail address or name; None if it is not clear.

        Case, accents, spaces and the order of first name and surname do not matter: platforms write
        ``mullerjana`` and ``Jana Müller`` for one person.
        """
        exact = [student for student in self.students if student.id.casefold() in {name.casefold() for name in names}]
        if len(exact) == 1:
            return exact[0]
        for keys in (_id_keys, _name_keys):
            wanted = {key for name in names for key in keys(name)} - {""}
            found = [student for student in self.students if wanted & _keys_of(student, keys is _id_keys)]
            if len(found) == 1:
                return found[0]
        return None


def read(settings: ClassSettings) -> Roster:
    """Read the roster of a class.

    Raises:
        ClassError: it is not there, has no column of ids, an empty id, or one id twice.
    """
    path = settings.roster
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ClassError(f"there is no roster {path}: a CSV file with the columns id, name, email") from error
    except UnicodeDecodeError as error:
        raise ClassError(f"{path} is not in UTF-8: save it again as “CSV UTF-8”") from error
    except OSError as error:
        raise ClassError(f"the roster {path} cannot be read ({error})") from error
    rows = list(_rows(text))
    if not rows:
        raise ClassError(f"the roster {path} is empty: its first line names the columns id, name, email")
    head, *lines = rows
    columns = _columns(head, path)
    students = []
    for number, line in enumerate(lines, start=2):
        cells = [*line, *[""] * (len(head) - len(line))]
        own = {ours: cells[place].strip() for ours, place in columns.items()}
        name = own.get("name") or " ".join(filter(None, (own.get("first"), own.get("last"))))
        if is_nobody(name):
            continue
        if not own["id"]:
            raise ClassError(f"{path}, line {number}: the id is empty")
        others = {
            name: cell
            for place, (name, cell) in enumerate(zip(head, cells, strict=False))
            if place not in columns.values()
        }
        pseudonym = settings.pseudonym(own["id"])
        students.append(Student(own["id"], pseudonym, name, own.get("email", ""), others))
    ids = [student.id.casefold() for student in students]
    twice = next((name for name in ids if ids.count(name) > 1), None) if len(set(ids)) < len(ids) else None
    if twice is not None:
        raise ClassError(f"{path}: the id {twice!r} is there twice")
    return Roster(tuple(students))


def is_nobody(name: str) -> bool:
    """Whether what stands in the place of a name is that of one of Canvas' own lines."""
    return name.strip().casefold().startswith(NOBODY)


def _rows(text: str) -> Iterator[list[str]]:
    first = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=first.count)
    for number, row in enumerate(csv.reader(io.StringIO(text.replace("\0", "")), delimiter=separator)):
        if number > MOST_STUDENTS:
            raise ClassError(f"the roster has more than {MOST_STUDENTS:,} lines")
        if any(cell.strip() for cell in row):
            yield row


def _columns(head: Sequence[str], path: Path) -> dict[str, int]:
    """Return a dict: our name of a column -> its place."""
    names = [name.strip().casefold() for name in head]
    found = {
        ours: next((names.index(name) for name in theirs if name in names), -1) for ours, theirs in OTHER_NAMES.items()
    }
    if found["id"] < 0:
        raise ClassError(f"the roster {path} has no column id; its first line has {', '.join(head)}")
    return {ours: place for ours, place in found.items() if place >= 0}


def _keys_of(student: Student, by_id: bool) -> set[str]:
    if by_id:
        return {plain(student.id), plain(student.email), plain(student.email.partition("@")[0])} - {""}
    return _name_keys(student.name)


def _id_keys(text: str) -> set[str]:
    return {plain(text)}


def _name_keys(text: str) -> set[str]:
    """Return the letters of a name's words, sorted and in both orders of a name with a comma."""
    words = [plain(word) for word in text.replace(",", " ").replace("_", " ").split()]
    joined = {"".join(words), "".join(sorted(words)), "".join(reversed(words))}
    return {key for key in joined if len(key) > 2}


def plain(text: str) -> str:
    """Return a text in small letters, without accents and without all that is neither letter nor digit."""
    spread = unicodedata.normalize("NFKD", text.replace("ß", "ss").casefold())
    return "".join(char for char in spread if char.isalnum())
