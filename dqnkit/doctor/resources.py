"""Cores and memory that this process may use. In a container they are less than the computer's; Dask knows how many."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from dqnkit.own_process import Failed, run_python

SECONDS = 60  # time limit
# in a process of its own: the doctor must not fail with Dask, nor take the half second and the memory that it costs
ASK_DASK = """
import psutil
from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT
memory = psutil.virtual_memory()
print(CPU_COUNT, MEMORY_LIMIT, memory.total, memory.available)
"""


class Resources(NamedTuple):
    """What this process may use."""

    cores: int
    memory: int  # bytes in all
    free: int  # bytes of it that nothing uses


def resources() -> Resources | None:
    """What Dask finds; None where Dask is not installed or does not answer."""
    if find_spec("dask") is None or find_spec("distributed") is None:
        return None
    try:
        cores, limit, computer, free = map(int, run_python(ASK_DASK, SECONDS).split()[-4:])
    except (Failed, ValueError):  # the smoke test of Dask says what is wrong with it
        return None
    if limit < computer:
        free = min(free, max(limit - used_by_container(), 0))
    return Resources(cores, limit, free)


def used_by_container(root: Path = Path("/")) -> int:
    """Bytes of memory that the container uses, which Dask does not tell; 0 where the container does not show it."""
    groups = root / "sys/fs/cgroup"
    used, stat = _read(groups / "memory.current"), _read(groups / "memory.stat")
    if not used:  # control groups of version 1
        used, stat = _read(groups / "memory/memory.usage_in_bytes"), _read(groups / "memory/memory.stat")
    # pages of files that were read long ago are counted as used, but make room when it is needed
    cached = re.findall(r"^(?:total_)?inactive_file (\d+)$", stat, re.MULTILINE)
    return int(used) - max(map(int, cached), default=0) if used.isdigit() else 0


def _read(path: Path) -> str:
    """A small file's text; nothing where it is missing or may not be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
