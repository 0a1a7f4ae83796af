"""Collecting: from folders, from the zip files of learning platforms and from git, into the folder of the class.

Every file ends in one of three lists: collected, collected before, or not collected with the reason. Nothing is
unpacked to disk and nothing of it runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from dqnkit.classroom import course, handing_in
from dqnkit.instructor import submission
from dqnkit.instructor.roster import Roster, Student
from dqnkit.instructor.settings import ClassError, ClassSettings
from dqnkit.instructor.submission import Submission

LARGEST_FILE = 4 * handing_in.LARGEST  # bytes; a notebook with pictures in its outputs
MOST_FILES = 100_000
DEEPEST = 2  # zip files in zip files
GIT_SECONDS = 300  # of one call of git
LINK = "120000"  # git's mode of one
KINDS = (".ipynb", ".json")
NOT_WORK = (".ipynb_checkpoints", "__MACOSX", ".git", ".virtual_documents")
MOODLE = re.compile(r"^(?P<who>.+?)_(?P<number>\d+)_assignsubmission_\w+?_")
CANVAS = re.compile(r"^(?P<who>[^_]+?)_(?:LATE_)?(?P<number>\d+)_\d+_")
MARKS = re.compile(r"[_\-. ]+")  # between the parts of a name
SHORTEST_ID = 4  # characters of an id that counts anywhere in a name


class File(NamedTuple):
    """One file that was handed in, before it is read."""

    name: str  # with its folders, as the instructor sees it
    received: datetime
    read: Callable[[], bytes]  # raises ValueError or OSError


@dataclass
class Collected:
    """What a call of `collect` did with each file."""

    new: list[Submission] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # files that had been collected
    refused: list[tuple[str, str]] = field(default_factory=list)  # file, reason
    warnings: list[tuple[str, str]] = field(default_factory=list)  # of files that were collected


def collect(
    settings: ClassSettings, roster: Roster, sources: Sequence[str], received: datetime | None = None
) -> Collected:
    """Collect what students handed in.

    Args:
        settings, roster: of the class.
        sources: folders, files, zip files, addresses or folders of git repositories.
        received: when all of it was received; unless given, what each source says: the time in the zip file, of the
            file's last change, of the commit.

    Raises:
        ClassError: a source cannot be read at all.
    """
    report = Collected()
    for source in sources:
        for file in _files(source, settings):
            try:
                _take(file, received, settings, roster, report)
            except (ValueError, OSError) as error:
                report.refused.append((file.name, f"{error}"))
    return report


def _take(file: File, received: datetime | None, settings: ClassSettings, roster: Roster, report: Collected) -> None:
    if not _is_work(file.name):
        wanted = "a notebook (.ipynb) or a file of hand_in() (.json)"
        what = "a zip file that can be read" if _is_zip(file.name) else wanted
        raise ValueError(f"it is not {what}")
    student = find_student(file.name, roster)
    if student is None:
        raise ValueError("it names nobody, or more than one, of the roster")
    when = file.received if received is None else received
    for each in submission.from_content(file.read(), settings.lessons, student.pseudonym, when):
        if submission.write(settings.folder, each, again=received is None):
            report.new.append(each)
        else:
            report.before.append(file.name)
        report.warnings += [(file.name, text) for text in _warnings(each, settings)]


def _warnings(made: Submission, settings: ClassSettings) -> Iterator[str]:
    yield from made.problems
    if made.kit is not None and made.kit != settings.kit:
        yield f"made with dqnkit {made.kit}; the class has {settings.kit}"
    changed = [name for name, version in made.exercises.items() if version != _version(name)]
    if changed:
        yield f"other versions of {', '.join(changed)} were asked there: its answers are graded by those of this kit"


def _version(exercise: str) -> str:
    return course.exercise_version(exercise) if exercise in course.exercise_names() else ""


def find_student(name: str, roster: Roster) -> Student | None:
    """Return the student whom a file's name or one of its folders names: the outermost that is clear; None if none is.

    Known are the names that Moodle (``Jana Müller_123_assignsubmission_file_/…``) and Canvas (``mullerjana_12_345_…``)
    give; an id, mail address or name at the beginning: ``ID/…``, ``ID.ipynb``, ``ID_01_q_update.ipynb``; and an id
    anywhere: ``01_q_update_ID.ipynb``.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    for part in parts:
        for pattern in (MOODLE, CANVAS):
            if found := pattern.match(part if part.endswith("_") else f"{part}_"):
                student = roster.find(found["who"]) or roster.find(found["number"])
                if student is not None:
                    return student
        for text in () if _is_notebook(part) else _beginnings(_stem(part)):
            student = roster.find(text)
            if student is not None:
                return student
    inside = {word.casefold() for part in parts for word in MARKS.split(_stem(part))}
    named = [student for student in roster if len(student.id) >= SHORTEST_ID and student.id.casefold() in inside]
    return named[0] if len(named) == 1 else None


def _is_notebook(part: str) -> bool:
    """Whether a name begins with that of a notebook of the course, whose number is nobody's id."""
    return any(part.startswith(course.notebook_name(lesson)) for lesson in course.exercises_by_lesson())


def _stem(part: str) -> str:
    return re.sub(r"(\.ipynb|-hand-in\.json|\.json)$", "", part)


def _beginnings(stem: str) -> Iterator[str]:
    """Yield a name, and what stands in it before each mark, the longest first: ``a-b_c`` gives a-b_c, a-b, a.

    The first of several words is not yielded where it has no digit: it would be a first name, not an id.
    """
    yield stem
    for mark in reversed(list(MARKS.finditer(stem))):
        before = stem[: mark.start()]
        if before and (mark.group().strip() or any(char.isdigit() for char in before)):
            yield before


def _files(source: str, settings: ClassSettings) -> Iterator[File]:
    path = Path(source)
    if path.is_dir() and not ((path / ".git").exists() or (path / "HEAD").is_file()):
        yield from _in_folder(path, settings.zone)
    elif path.is_file() and zipfile.is_zipfile(path):
        yield from _in_zip(path, settings.zone)
    elif path.is_file():
        yield _on_disk(path, path.name)
    elif path.is_dir() or "://" in source or re.match(r"^[\w.-]+@[\w.-]+:", source):
        yield from _in_git(source)
    else:
        raise ClassError(f"{source} is neither a file, nor a folder, nor the address of a git repository")


def _is_work(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in KINDS


def _is_zip(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() == ".zip"  # documents of office programs are zip files as well


def _is_handed_in(name: str) -> bool:
    """Whether somebody put a file there, and no program for itself."""
    parts = PurePosixPath(name).parts
    return not any(part in NOT_WORK or (part.startswith(".") and part.strip(".")) for part in parts)


def _in_folder(folder: Path, zone: tzinfo) -> Iterator[File]:
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number > MOST_FILES:
            raise ClassError(f"{folder} has more than {MOST_FILES:,} files: name the folder of one hand-in")
        name = path.relative_to(folder).as_posix()
        if not _is_handed_in(name):
            continue
        if path.is_file() and _is_zip(name) and zipfile.is_zipfile(path):
            yield from (file._replace(name=f"{name}/{file.name}") for file in _in_zip(path, zone))
        elif path.is_file() or path.is_symlink():
            yield _on_disk(path, name)


def _on_disk(path: Path, name: str) -> File:
    def read() -> bytes:
        if path.is_symlink():
            raise ValueError("it is a link to another place")
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
        return path.read_bytes()

    return File(name, datetime.fromtimestamp(path.lstat().st_mtime, UTC), read)


def _in_zip(path: Path | BytesIO, zone: tzinfo, depth: int = 0) -> Iterator[File]:
    """Yield the files of a zip file, and those of zip files in it."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir() and _is_handed_in(entry.filename)]
        if len(entries) > MOST_FILES:
            raise ClassError(f"{path} has more than {MOST_FILES:,} files")
        for entry in entries:
            file = File(entry.filename, _time_of(entry, zone), partial(_unpacked, archive, entry))
            yield from _inside(file, zone, depth) if _is_zip(file.name) else [file]


def _inside(file: File, zone: tzinfo, depth: int) -> Iterator[File]:
    """Yield the files of a zip file in a zip file; the file itself, which will be refused, if it cannot be read."""
    try:
        content = BytesIO(file.read() if depth < DEEPEST else b"")
    except ValueError:
        content = BytesIO()
    if not zipfile.is_zipfile(content):
        yield file
        return
    for each in _in_zip(content, zone, depth + 1):
        yield each._replace(name=f"{file.name}/{each.name}")


def _time_of(entry: zipfile.ZipInfo, zone: tzinfo) -> datetime:
    try:
        when = datetime(*entry.date_time)  # a zip file keeps the time of a wall clock
    except ValueError:
        when = datetime(1980, 1, 1)
    return when.replace(tzinfo=zone).astimezone(UTC)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            content = file.read(LARGEST_FILE + 1)  # what the directory says of the size may be untrue
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"it cannot be unpacked ({error})") from error
    if len(content) > LARGEST_FILE:
        raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
    return content


def _in_git(source: str) -> Iterator[File]:
    """Yield the files of a repository: those of each branch, under the branch's name, without a checkout."""
    with TemporaryDirectory(prefix="dqnkit-collect-") as scratch:
        _git(None, "clone", "--quiet", "--bare", "--", source, scratch)
        heads = _git(scratch, "for-each-ref", "--format=%(refname:short)", "refs/heads").decode().splitlines()
        for branch in heads:
            lines = _git(scratch, "ls-tree", "-r", "-z", branch).decode(errors="replace").split("\0")
            for mode, name in ((line[:6], line.partition("\t")[2]) for line in filter(None, lines)):
                if not _is_handed_in(name):
                    continue
                when = _git(scratch, "log", "-1", "--format=%cI", branch, "--", name).decode().strip()
                content = _git_reader(scratch, branch, name, mode == LINK)
                yield File(f"{branch}/{name}", datetime.fromisoformat(when), content)


def _git_reader(folder: str, branch: str, name: str, is_link: bool) -> Callable[[], bytes]:
    def read() -> bytes:
        if is_link:
            raise ValueError("it is a link to another place")
        size = int(_git(folder, "cat-file", "-s", f"{branch}:{name}"))
        if size > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
        return _git(folder, "cat-file", "blob", f"{branch}:{name}")

    return read


def _git(folder: str | None, *arguments: str) -> bytes:
    command = ["git", *(["-C", folder] if folder else []), "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
            env=_git_environment(),
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise ClassError("git is not installed: install it, or collect from a folder") from error
    except subprocess.TimeoutExpired as error:
        raise ClassError(f"git did not end within {GIT_SECONDS} seconds: {' '.join(arguments[:1])}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ClassError(f"git {arguments[0]} failed: {said or f'status {done.returncode}'}")
    return done.stdout


def _git_environment() -> dict[str, str]:
    """Return an environment in which git asks nobody for a password."""
    return {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes", "LC_ALL": "C"}
