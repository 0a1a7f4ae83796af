"""The template: a process with everything imported, which is forked for each answer.

It never runs students' code and never reads any, so the next child finds nothing of the last one in its memory. No
operation of TensorFlow runs here: its threads would not be there in a child. What may be imported was tried: Keras and
TensorFlow start their threads with the first operation.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from dqnkit.classroom import course
from dqnkit.instructor.cage import child, landlock, limits, seccomp

LARGEST_ORDER = 65_536  # bytes
IDLE_SECONDS = 15.0  # a process that used no processor time for so long waits for something that never comes
NO_TIME = 0.02  # of a second: less in `IDLE_SECONDS` is none
FIRST_LOOK, LAST_LOOK = 0.0005, 0.02  # seconds between two looks whether a child has ended
PR_SET_DUMPABLE = 4
HIGH = 100  # numbers of files from here on are free


@dataclass(frozen=True)
class Walls:
    """What holds a child in, besides the walls around the whole cage."""

    filtered: bool  # by `seccomp`
    readable: tuple[str, ...] = ()  # for `landlock`, where there are some
    writable: tuple[str, ...] = ()

    def close(self) -> None:
        """Put this process behind them, for good."""
        if self.readable:
            landlock.restrict(self.readable, self.writable)
        if self.filtered:
            seccomp.apply()


@dataclass(frozen=True)
class Ending:
    """How a child ended."""

    status: int  # as `os.waitstatus_to_exitcode`: below 0 it is a signal
    stopped: str  # why it was ended: "wall", "idle", "told"; empty if it ended by itself
    processor_seconds: float
    wall_seconds: float


def serve(control: socket.socket, walls: Walls) -> None:
    """Fork a child for each order that comes, until the keeper ends. An order brings the child's two pipes along."""
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, this goes before all else
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no child can look into this process
    threads = limits.threads_allowed()
    while True:
        content, files, _, _ = socket.recv_fds(control, LARGEST_ORDER, 2)
        if not content:
            return
        if len(files) != 2:  # "end it", which came when the child had just ended
            continue
        source, target = files
        order = json.loads(content)
        _import(order)
        began = time.monotonic()
        process = os.fork()
        if not process:
            _become_child(order, source, target, walls, threads)
        os.close(source)
        os.close(target)
        ending = _wait(process, began, order["wall_seconds"], control)
        control.send(json.dumps(vars(ending)).encode())


def _import(order: Mapping[str, Any]) -> None:
    """Import what the exercise and its solution need, once."""
    before = len(sys.modules)
    for name in order["modules"]:
        if name not in sys.modules:
            with suppress(Exception):  # a library that is missing is missed by the answer that needs it
                import_module(name)
    with suppress(Exception):  # told by the child, which tries it again
        course.find_public(order["exercise"])
    if len(sys.modules) > before:
        gc.collect()
        gc.freeze()  # else the first collection in each child writes to every object, and so copies all of its memory


def _become_child(order: Mapping[str, Any], source: int, target: int, walls: Walls, threads: int) -> None:
    status = 4
    try:
        os.setsid()
        source, target = (fcntl.fcntl(file, fcntl.F_DUPFD, HIGH) for file in (source, target))
        os.dup2(source, 3)
        os.dup2(target, 4)
        os.closerange(5, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        limits.apply(limits.Limits(**order["limits"]), threads)
        walls.close()
        child.run(3, 4, order["length"], order["limits"]["reply"])
    except BaseException:
        status = 5
    finally:
        os._exit(status)


def _wait(process: int, began: float, wall_seconds: float, control: socket.socket) -> Ending:
    """Wait until a child has ended, or end it: after its time, when it only waits, or when the keeper says so."""
    stopped, look = "", FIRST_LOOK
    seen = _processor_seconds(process), time.monotonic()
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process, signal.SIGKILL)  # what it may have started, where no filter forbade that
            spent = usage.ru_utime + usage.ru_stime
            return Ending(os.waitstatus_to_exitcode(status), stopped, spent, time.monotonic() - began)
        now = time.monotonic()
        spent = _processor_seconds(process)
        if spent - seen[0] > NO_TIME:
            seen = spent, now
        told = not stopped and bool(select.select([control], [], [], look)[0])
        if not stopped:
            stopped = "told" if told else "wall" if now - began > wall_seconds else ""
            stopped = stopped or ("idle" if now - seen[1] > IDLE_SECONDS else "")
        if told:
            control.recv(LARGEST_ORDER)
        if stopped:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
            time.sleep(look)
        look = min(2 * look, LAST_LOOK)


def _processor_seconds(process: int) -> float:
    """Processor time of a running process; where it cannot be known, that of the clock, so that it is never idle."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
