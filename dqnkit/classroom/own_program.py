"""A program made of the reader's own functions, which runs without the kit.

A lesson has a template, ``programs/NAME.py.txt``: the text of the program, with a line for each part that a reader has
written in an exercise::

    # part: q_network
    # part: replay_add as RingBuffer      the name in the program, where it is another one than the exercise's
    # part: td_target (if used)           only where another part of the reader's calls it

Such a line becomes what the reader wrote, as it was when its check passed (`dqnkit.classroom.own_code`), or else the
kit's worked solution, marked as such. A reader's part is also left out where it could not run in the program: where it
uses something that is not there, or gives another meaning to a name that is.
"""

from __future__ import annotations

import hashlib
import inspect
import itertools
import re
import runpy
import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dqnkit.classroom import course, own_code, plain_source, progress_file, rich_text
from dqnkit.errors import UnknownNameError
from dqnkit.files import write_whole

SLOT = re.compile(r"^# part: (?P<exercise>\w+)(?: as (?P<name>\w+))?(?P<if_used> \(if used\))?$", re.MULTILINE)
SEAL = "\n\n# {}: as the notebook wrote it. Change what you like: a changed file is never written over.\n"
NOT_PASSED = "yours has not passed its check yet"


@dataclass(frozen=True)
class Part:
    """A part of a program, and whose it is."""

    name: str  # in the program
    source: str
    why_not_own: str = ""  # empty: it is the reader's own

    @property
    def whose(self) -> str:
        """In words."""
        return f"the kit's worked solution; {self.why_not_own}" if self.why_not_own else "your own"

    @property
    def text(self) -> str:
        """The source, bound to its name in the program, below a comment that says whose it is."""
        bound = [*own_code.statements_of(self.source)][-1]
        alias = "" if bound == self.name else f"\n\n\n{self.name} = {bound}"
        return f"# {self.name}: {self.whose}\n{self.source}{alias}"


@dataclass(frozen=True)
class Program(rich_text.RichText):
    """A program that was written. It shows itself as the value of a cell, and runs as in a terminal."""

    path: Path
    source: str
    parts: tuple[Part, ...]

    def run(self, *arguments: object) -> int:
        """Run it here, as ``python NAME.py ARGUMENTS`` does in a process of its own; return its exit status.

        It shares this process, for a second TensorFlow would take another 600 MB. An interrupt ends the program.
        """
        command = [self.path.name, *(str(argument) for argument in arguments)]
        print("$", " ".join(["python", *command]), flush=True)
        before, sys.argv = sys.argv, command
        try:
            runpy.run_path(str(self.path), run_name="__main__")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            print("stopped")
            return 130
        except Exception:
            print(traceback.format_exc())
            return 1
        finally:
            sys.argv = before
        return 0


def write_program(name: str, folder: Path | None = None) -> Program:
    """Write the program of this name, of the reader's own functions where they have passed; return it.

    Args:
        name: of the program, as ``"my_dqn.py"``.
        folder: where to write it; that of the notebook unless given.

    A file of this name that somebody has changed stays as it is: then the program is written beside it.

    Raises:
        UnknownNameError: there is no such program.
    """
    template = _template(name)
    parts = _parts(template)
    source = _filled(template, parts)
    path, notice = _write((folder or progress_file.FILE.path.parent) / name, source)
    return _shown(path, notice, source, [part for part in parts.values() if part is not None])


def _template(name: str) -> str:
    files = {file.name.removesuffix(".txt"): file for file in course.FOLDER.glob("*/programs/*.py.txt")}
    if name not in files:
        raise UnknownNameError(f"there is no program {name!r}; there are {', '.join(sorted(files))}")
    return files[name].read_text(encoding="utf-8")


def _parts(template: str) -> dict[str, Part | None]:
    """Return the part for each slot of a template, by the name of the exercise; None where it is not used."""
    slots = list(SLOT.finditer(template))
    names = {slot["exercise"]: slot["name"] or slot["exercise"] for slot in slots}
    given = dict.fromkeys(own_code.statements_of(template), "")
    parts: dict[str, Part | None] = {}
    for slot in slots:
        parts[slot["exercise"]] = _part(slot["exercise"], names, given)
    for slot in reversed(slots):
        if slot["if_used"] and not _is_used(names[slot["exercise"]], parts.values()):
            parts[slot["exercise"]] = None
    return parts


def _is_used(name: str, parts: Collection[Part | None]) -> bool:
    others = [part for part in parts if part is not None and part.name != name]
    return any(name in own_code.names_used(part.source) for part in others)


def _part(exercise: str, names: dict[str, str], given: dict[str, str]) -> Part:
    """Return the reader's own part if it is there and can run in the program, else the kit's.

    Args:
        exercise: whose part it is.
        names: exercise -> name in the program, of all parts.
        given: names that the program has besides these -> their source; what the reader's part brings is added.
    """
    name = names[exercise]
    code = progress_file.passed_code(exercise)
    if not code:
        return Part(name, _kits_source(exercise), NOT_PASSED)
    statements = own_code.statements_of(code)
    own = [*statements][-1]
    brought = {key: text for key, text in statements.items() if key == own or key not in {*names.values(), *given}}
    source = own_code.joined(brought)
    clash = [key for key in statements if key != name and _differs(key, statements[key], given)]
    clash += [own] if own != name and own in names.values() else []
    missing = sorted(own_code.names_used(source) - {*names.values(), *given})
    if clash:
        return Part(name, _kits_source(exercise), f"in yours, {clash[0]} is something else than here")
    if missing:
        return Part(name, _kits_source(exercise), f"yours uses {missing[0]}, which is not here")
    given |= {key: text for key, text in brought.items() if key != name}
    return Part(name, source)


def _differs(name: str, text: str, given: dict[str, str]) -> bool:
    """Return whether a name means something else in the program; an import is taken for the same."""
    return name in given and text != given[name] and not text.startswith(("import ", "from "))


def _kits_source(exercise: str) -> str:
    return plain_source.plain(inspect.getsource(course.find_answers(exercise).solution))


def _filled(template: str, parts: dict[str, Part | None]) -> str:
    """Return the program: the template with its parts, without the lines of those that are not used."""

    def text(slot: re.Match[str]) -> str:
        part = parts[slot["exercise"]]
        return "" if part is None else part.text

    return re.sub(r"\n{4,}", "\n\n\n", SLOT.sub(text, template))


def _write(path: Path, source: str) -> tuple[Path, str]:
    """Write the program, or beside a file that was changed; return where it is, and a sentence about it."""
    try:
        place = next(place for place in _places(path) if not place.exists() or _is_unchanged(place))
        write_whole(place, _sealed(source))
    except OSError as error:
        place = Path(tempfile.mkdtemp(prefix="dqnkit-")) / path.name
        place.write_text(_sealed(source), encoding="utf-8")
        return place, f"The folder of this notebook cannot be written ({error}). The program is `{place}`."
    if place.name == path.name:
        return place, f"It is in the file `{place.name}`, beside this notebook."
    return place, f"You have changed `{path.name}`, so it stays as it is. This one is beside it, in `{place.name}`."


def _places(path: Path) -> Iterator[Path]:
    """Yield a path, then others beside it: my_dqn.py, my_dqn_2.py, my_dqn_3.py, ..."""
    others = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in itertools.count(2))
    return itertools.chain([path], others)


def _sealed(source: str) -> str:
    """Return a program with a last line from which it can be told whether somebody changed it."""
    return source.rstrip() + SEAL.format(hashlib.sha256(source.rstrip().encode()).hexdigest()[:12])


def _is_unchanged(file: Path) -> bool:
    """Return whether a file is as `_write` left it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):  # a folder; not text
        return False
    return text == _sealed(text[: text.rfind(SEAL[:4])])


def _shown(path: Path, notice: str, source: str, parts: Sequence[Part]) -> Program:
    """Return the program with what a cell shows of it."""
    count = sum(not part.why_not_own for part in parts)
    title = f"{path.name}: of its {len(parts)} parts, {count} {'is' if count == 1 else 'are'} your own"
    advice = f"It needs nothing of dqnkit. In a terminal: `python {path.name}`."
    rows = [[rich_text.inline_code(part.name), rich_text.prose(part.whose)] for part in parts]
    listing = rich_text.fold("The program", rich_text.scrolled(rich_text.code(source)), is_open=True)
    inside = rich_text.prose(notice) + rich_text.table(rows) + rich_text.prose(advice) + listing
    lines = [title, notice, *(f"  {part.name}: {part.whose}" for part in parts), advice, "", source]
    return Program(rich_text.box("note", title, inside), "\n".join(lines), path, source, tuple(parts))
