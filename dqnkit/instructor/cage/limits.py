"""Limits of an answer's process that the kernel holds (``man 2 setrlimit``)."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

FILE_BYTES = 16 * 2**20  # of one file
OPEN_FILES = 256
THREADS = 512  # more than those that the user of this process has already
FOLDER_BYTES = 64 * 2**20  # of all that an answer writes


@dataclass(frozen=True)
class Limits:
    """What one answer may use."""

    processor_seconds: float
    wall_seconds: float
    memory: int = 2 * 2**30  # bytes of address space beyond what the template has: TensorFlow's threads take most of it
    reply: int = 8 * 2**20  # bytes


def apply(limits: Limits, threads: int) -> None:
    """Hold this process to its limits, for good.

    Args:
        limits: of the answer.
        threads: that its user may have in all (`threads_allowed`).
    """
    seconds = int(limits.processor_seconds) + 1
    _at_most(resource.RLIMIT_CPU, seconds, seconds + 1)  # a signal that can be caught, then one that cannot
    _at_most(resource.RLIMIT_FSIZE, FILE_BYTES)
    _at_most(resource.RLIMIT_NOFILE, OPEN_FILES)
    _at_most(resource.RLIMIT_CORE, 0)
    statm = Path("/proc/self/statm")
    if statm.exists():
        _at_most(resource.RLIMIT_AS, int(statm.read_text().split()[0]) * resource.getpagesize() + limits.memory)
        _at_most(resource.RLIMIT_NPROC, threads)


def _at_most(kind: int, value: int, hard: int | None = None) -> None:
    _, highest = resource.getrlimit(kind)
    hard = value if hard is None else hard
    if highest != resource.RLIM_INFINITY:
        value, hard = min(value, highest), min(hard, highest)
    resource.setrlimit(kind, (value, hard))


def threads_allowed() -> int:
    """How many threads this process's user may have: those that can be seen now, and `THREADS` more."""
    count = THREADS
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid in (os.getuid(), 0):  # 0: what may not be looked into belongs to root
                count += len(os.listdir(folder / "task"))
        except OSError:  # it has ended, or belongs to somebody else
            continue
    return count
