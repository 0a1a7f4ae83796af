"""The cage from outside: jobs go in, replies come out, and a cage that breaks is replaced by a new one."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from dqnkit.instructor.cage.isolation import CHECK_SECONDS, Isolation, IsolationError, Started
from dqnkit.instructor.cage.keeper import READY
from dqnkit.instructor.cage.limits import Limits

START_SECONDS = 120.0  # for a cage to be ready, on a busy computer
IMPORT_SECONDS = 900.0  # for the first import of TensorFlow on a busy computer; later jobs need none of it
LONGEST_LINE = 4_096  # bytes, of what the keeper says of a reply


@dataclass(frozen=True)
class Job:
    """An answer to be run on the cases of its exercise. Nothing of the solution is in it but how it is called."""

    exercise: str
    seed: int
    code: str
    name: str  # that the code gives to the answer
    form: Sequence[Any]  # that the answer must have, as `Form`
    took: Sequence[tuple[float, float]]  # processor and wall-clock seconds of the solution on each case
    modules: Sequence[str]  # that the exercise needs, to be imported once for all answers
    limits: Limits


@dataclass(frozen=True)
class Reply:
    """What came out of the cage for a job. Nothing in it can be trusted."""

    content: bytes  # JSON, if the code left that alone
    ended: str  # "" (it answered), "too_slow", "too_much_memory", "crashed" or "flooded"
    note: str = ""  # how it ended, in words
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0


class Cage:
    """A cage that is started with the first job and again whenever it has broken. One job at a time.

    Args:
        isolation: the kind of cage.
        folder: of the public kit (`kit.build`).
        private: folders that must not be seen in it.
    """

    def __init__(self, isolation: Isolation, folder: Path, private: Sequence[Path] = ()) -> None:
        self.isolation, self.folder, self.private = isolation, folder, tuple(private)
        self.starts = 0
        self._started: Started | None = None
        self._imported: set[str] = set()

    def ask(self, job: Job) -> Reply:
        """Run a job, and return what came of it, whatever its code does.

        Raises:
            IsolationError: the cage could not be started.
        """
        if self._started is None:
            self.start()
        token = secrets.token_hex(16)
        content = json.dumps(
            {
                "token": token,
                **{name: getattr(job, name) for name in ("exercise", "seed", "code", "name", "form", "took")},
            }
        ).encode()
        head = {
            "length": len(content),
            "exercise": job.exercise,
            "modules": [*job.modules],
            "limits": asdict(job.limits),
        }
        new = set(job.modules) - self._imported
        patience = 2 * job.limits.wall_seconds + 30 + (IMPORT_SECONDS if new else 0)
        began = time.monotonic()
        try:
            ending, reply = self._exchange(json.dumps(head).encode() + b"\n" + content, job.limits, began + patience)
        except _Broken as broken:
            self.close()
            return Reply(b"", "crashed", f"It broke the cage: {broken}.", wall_seconds=time.monotonic() - began)
        self._imported |= new
        return _judged(ending, reply, token.encode(), job.limits)

    def close(self) -> None:
        """End the cage and everything in it."""
        started, self._started = self._started, None
        self._imported.clear()
        if started is None:
            return
        process = started.process
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(CHECK_SECONDS)
        if started.folder is not None:
            started.folder.cleanup()

    def __enter__(self) -> Cage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start it.

        Raises:
            IsolationError: it could not be started.
        """
        self._started = self.isolation.start(self.folder, self.private)
        self.starts += 1
        try:
            ready = _read(self._started.process, len(READY), time.monotonic() + START_SECONDS)
            if ready != READY:
                raise _Broken("it said something else")
        except _Broken as broken:
            process = self._started.process
            process.kill()
            said = process.stderr.read(10_000).decode(errors="replace").strip() if process.stderr else ""
            self.close()
            raise IsolationError(f"the cage of {self.isolation.name} did not start ({broken}): {said[-500:]}") from None

    def _exchange(self, message: bytes, limits: Limits, deadline: float) -> tuple[dict[str, Any], bytes]:
        assert self._started is not None
        process = self._started.process
        _write(process, message, deadline)
        line = b""
        while not line.endswith(b"\n"):
            line += _read(process, 1, deadline)
            if len(line) > LONGEST_LINE:
                raise _Broken("a line without an end came out")
        ending = _ending(line)
        if not 0 <= ending["length"] <= 2 * limits.reply:
            raise _Broken("a reply was too large")
        return ending, _read(process, ending["length"], deadline)


class _Broken(Exception):
    """The cage does not keep to what was agreed, or has ended."""


def _ending(line: bytes) -> dict[str, Any]:
    wanted = {
        "length": int,
        "status": int,
        "stopped": str,
        "processor_seconds": float,
        "wall_seconds": float,
        "too_long": bool,
    }
    try:
        ending = json.loads(line)
        if set(ending) == set(wanted) and all(type(ending[name]) is kind for name, kind in wanted.items()):
            return dict(ending)
    except (ValueError, TypeError, RecursionError):
        pass
    raise _Broken("a line came out that means nothing")


def _judged(ending: Mapping[str, Any], content: bytes, token: bytes, limits: Limits) -> Reply:
    """A reply from what the keeper says of it."""
    status, stopped = ending["status"], ending["stopped"]
    spent = {"processor_seconds": ending["processor_seconds"], "wall_seconds": ending["wall_seconds"]}
    if ending["too_long"]:
        return Reply(b"", "flooded", "It wrote more than it may.", **spent)
    if stopped == "idle":
        return Reply(b"", "too_slow", "It waited for something that does not come, and was stopped.", **spent)
    ran_out = status == -signal.SIGXCPU or (
        status == -signal.SIGKILL and spent["processor_seconds"] > limits.processor_seconds
    )
    if stopped or ran_out:
        return Reply(b"", "too_slow", "It had not ended when its time was up, and was stopped.", **spent)
    if status == -signal.SIGKILL:
        return Reply(b"", "too_much_memory", "It was ended by the system, as happens when memory runs out.", **spent)
    if status == 0 and content.startswith(token):
        return Reply(content[len(token) :], "", **spent)
    if status == 0:
        return Reply(b"", "crashed", "It ended its process before a result was there.", **spent)
    how = f"signal {signal.Signals(-status).name}" if -status in set(signal.Signals) else f"exit status {status}"
    return Reply(b"", "crashed", f"It ended its process with {how}.", **spent)


def _write(process: subprocess.Popen[bytes], content: bytes, deadline: float) -> None:
    stream = process.stdin
    assert stream is not None
    os.set_blocking(stream.fileno(), False)
    rest = memoryview(content)
    while rest:
        _wait_for(stream, selectors.EVENT_WRITE, deadline)
        try:
            rest = rest[os.write(stream.fileno(), rest) :]
        except BlockingIOError:
            continue
        except OSError as error:
            raise _Broken("it has ended") from error


def _read(process: subprocess.Popen[bytes], length: int, deadline: float) -> bytes:
    stream = process.stdout
    assert stream is not None
    content = bytearray()
    while len(content) < length:
        _wait_for(stream, selectors.EVENT_READ, deadline)
        part = os.read(stream.fileno(), min(length - len(content), 1 << 20))
        if not part:
            raise _Broken("it has ended")
        content += part
    return bytes(content)


def _wait_for(stream: IO[bytes], event: int, deadline: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, event)
        if not selector.select(max(0.0, deadline - time.monotonic())):
            raise _Broken("it did not answer in time")
