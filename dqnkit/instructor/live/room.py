"""The class while the server runs: the log, the state made of it, and those who watch.

The log is written by one thread, so that a slow disk stops no page; the state changes after that, in the event loop.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from dqnkit.instructor.live import rights
from dqnkit.instructor.live.catalogue import Catalogue
from dqnkit.instructor.live.events import Event
from dqnkit.instructor.live.log import INSTRUCTOR, ClassLog, Student, control
from dqnkit.instructor.live.state import ClassState

MOST_STUDENTS = 2_000
BETWEEN = 0.25  # seconds between two pictures of the class; what happens meanwhile comes together
AT_LEAST = 10.0  # seconds after which a page gets one in any case: it tells silence from a lost connection by that

Result = TypeVar("Result")


class Room:
    """One class.

    Args:
        path: of its log.
        name: of the class, where the log is new.
        catalogue: what the course asks.

    Raises:
        LiveError: the log cannot be opened.
    """

    def __init__(self, path: Path, name: str, catalogue: Catalogue) -> None:
        self.log = ClassLog(path, name, rights.new_code())
        self.catalogue = catalogue
        self.state = ClassState(self.log.name, self.log.code, catalogue)
        self.state.students = {student.number: student for student in self.log.students()}
        for entry in self.log.entries():
            self.state.apply(entry)
        self.version = 1
        self._writer = ThreadPoolExecutor(1, "class-log")
        self._changed = asyncio.Event()
        self._pictures: dict[str, tuple[int, str]] = {}  # right -> (version, what it sees)

    async def in_log(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Call a method of the log in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, call, *arguments)

    def close(self) -> None:
        """Close the log, after what is being written."""
        self._writer.shutdown()
        self.log.close()

    async def join(self, token: str, name: str) -> Student | None:
        """The student with this token, added if there is none and room for one; None: the class is full."""
        student = await self.in_log(self.log.join, rights.hashed(token), name, MOST_STUDENTS)
        if student is not None and student.number not in self.state.students:
            self._admit(student)
        return student

    async def student(self, token: str) -> Student | None:
        """The student with this token, if there is one."""
        return await self.in_log(self.log.student, rights.hashed(token))

    async def student_of_record(self, entries: Sequence[str]) -> Student:
        """The student whose progress file this is; see `ClassLog.student_of_record`."""
        student = await self.in_log(self.log.student_of_record, entries)
        self._admit(student)
        return student

    def _admit(self, student: Student) -> None:
        self.state.students[student.number] = student
        self._tell()

    async def add(self, student: int, events: Sequence[Event]) -> int:
        """Keep events; return how many were new."""
        added = await self.in_log(self.log.add, student, events)
        for entry in sorted(added, key=lambda entry: entry.seq):
            self.state.apply(entry)
        if added:
            self._tell()
        return len(added)

    async def control(self, action: str, name: str = "", **content: Any) -> None:
        """Do what the instructor asks, and keep it."""
        await self.add(INSTRUCTOR, [control(secrets.token_hex(16), action, name, **content)])

    def _tell(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def picture(self, right: str) -> str:
        """What a page with this right shows now, as JSON; made once for all who watch."""
        version, text = self._pictures.get(right, (0, ""))
        if version != self.version:
            seen = self.state.instructor() if right == rights.INSTRUCTOR else self.state.projector()
            text = json.dumps({**seen, "version": self.version}, ensure_ascii=False)
            self._pictures[right] = (self.version, text)
        return text

    async def pictures(self, right: str) -> AsyncIterator[str]:
        """What a page shows, now and whenever it changes."""
        while True:
            changed, version = self._changed, self.version
            yield self.picture(right)
            await asyncio.sleep(BETWEEN)
            if self.version == version:
                try:
                    await asyncio.wait_for(changed.wait(), AT_LEAST)
                except TimeoutError:
                    self._pictures.clear()
