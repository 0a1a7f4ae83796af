"""Cores and memory that this process may use: those that a container allows, not the host's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


def available_cores(root: Path = Path("/")) -> float:
    """Processor cores that this process may use: its affinity and the time that its control groups allow."""
    if hasattr(os, "sched_getaffinity"):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    for group in _control_groups("cpu", root):
        quota, _, period = _read(group / "cpu.max").partition(" ")  # version 2: "150000 100000" or "max 100000"
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period) > 0:  # no limit is "max" or -1
            cores = min(cores, int(quota) / int(period))
    return cores


class Memory(NamedTuple):
    """Bytes of memory that this process may use in all, and how many are still free; 0 where that is not known."""

    limit: int
    available: int


def memory(root: Path = Path("/")) -> Memory:
    """Memory of the container: the smallest of the computer's and of what each control group above us allows."""
    limit, available = _physical_memory(root)
    for group in _control_groups("memory", root):
        allowed, used = _read(group / "memory.max"), _read(group / "memory.current")
        if not allowed:  # version 1
            allowed, used = _read(group / "memory.limit_in_bytes"), _read(group / "memory.usage_in_bytes")
        if allowed.isdigit() and (limit == 0 or int(allowed) < limit):  # no limit is "max" or a huge number
            limit = int(allowed)
        if allowed.isdigit() and used.isdigit():
            # files that were read long ago are counted as used, but make room when it is needed
            cached = re.findall(r"^(?:total_)?inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE)
            free = int(allowed) - int(used) + max(map(int, cached), default=0)
            available = min(available, free) if available else free
    return Memory(limit, min(available, limit))


def _control_groups(controller: str, root: Path) -> Iterator[Path]:
    """Folders of the control groups that limit this process, the innermost first.

    In a container the path may be one of the host, which cannot be seen from here; then only the last ones exist.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            mount = root / "sys/fs/cgroup" / controller
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield mount.joinpath(*parts[:depth])


def _physical_memory(root: Path) -> Memory:
    kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE))
    if "MemTotal" in kilobytes:
        return Memory(int(kilobytes["MemTotal"]) * 1024, int(kilobytes.get("MemAvailable", 0)) * 1024)
    if find_spec("psutil") is not None:  # not Linux; comes with ipykernel and distributed
        import psutil

        return Memory(psutil.virtual_memory().total, psutil.virtual_memory().available)
    return Memory(0, 0)


def _read(path: Path) -> str:
    """A small file's text; nothing where it is missing or not ours to read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
