"""What the doctor finds out about a computer: the limits of a container, and that it survives whatever it finds."""

from __future__ import annotations

import os
import socket
import sys
import tomllib
from pathlib import Path

import pytest

from dqnkit.doctor import Finding, Memory, available_cores, computer, limits, memory

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GIB = 2**30
MEMINFO = f"MemTotal:       {16 * GIB // 1024} kB\nMemFree:   1 kB\nMemAvailable:   {8 * GIB // 1024} kB\n"


@pytest.fixture
def linux(tmp_path):
    """Writes the files in which Linux tells a process its limits."""

    def write(files):
        for name, text in {"proc/meminfo": MEMINFO, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        return tmp_path

    return write


def test_without_control_groups_memory_is_the_computers(linux):
    assert memory(linux({})) == (16 * GIB, 8 * GIB)
    assert memory(linux({"proc/self/cgroup": "0::/"})) == (16 * GIB, 8 * GIB)


def test_version_2_limits_memory(linux):
    root = linux(
        {
            "proc/self/cgroup": "0::/user.slice/notebook",
            "sys/fs/cgroup/user.slice/notebook/memory.max": "max",
            "sys/fs/cgroup/user.slice/notebook/memory.current": str(GIB),
            "sys/fs/cgroup/user.slice/memory.max": str(2 * GIB),
            "sys/fs/cgroup/user.slice/memory.current": str(GIB + 300),
            "sys/fs/cgroup/user.slice/memory.stat": "anon 5\ninactive_file 300\nactive_file 70",
        }
    )
    assert memory(root) == (2 * GIB, GIB)


def test_version_1_limits_memory(linux):
    root = linux(
        {
            "proc/self/cgroup": "9:name=systemd:/\n4:memory:/jupyter/user-1\n1:cpu,cpuacct:/\n0::/",
            "sys/fs/cgroup/memory/jupyter/user-1/memory.limit_in_bytes": str(3 * GIB),
            "sys/fs/cgroup/memory/jupyter/user-1/memory.usage_in_bytes": str(GIB + 300),
            "sys/fs/cgroup/memory/jupyter/user-1/memory.stat": "inactive_file 5\ntotal_inactive_file 300",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(12 * GIB),
        }
    )
    assert memory(root) == (3 * GIB, 2 * GIB)


def test_a_path_of_the_host_that_the_container_does_not_see_is_walked_up(linux):
    root = linux(
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n3:cpu:/../docker/0123",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(GIB),
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        }
    )
    assert memory(root) == (GIB, GIB)
    assert available_cores(root) == 0.5


def test_memory_that_is_not_known_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "find_spec", lambda name: None)
    assert memory(tmp_path) == (0, 0)
    monkeypatch.setattr(computer, "memory", lambda: Memory(0, 0))
    assert "not known" in computer.free_memory().value


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "150000 100000"}, 1.5),
        ({"sys/fs/cgroup/a/cpu.max": "max 100000"}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "max 100000", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"sys/fs/cgroup/a/cpu.max": "800000 100000"}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "nonsense"}, 4),
    ],
)
def test_cores_are_the_affinitys_or_the_quotas_of_version_2(linux, monkeypatch, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert available_cores(linux({"proc/self/cgroup": "0::/a", **files})) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 4), ("100000", 1), ("250000", 2.5)])
def test_cores_are_the_affinitys_or_the_quotas_of_version_1(linux, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    group = "sys/fs/cgroup/cpu/a"
    files = {f"{group}/cpu.cfs_quota_us": quota, f"{group}/cpu.cfs_period_us": "100000"}
    assert available_cores(linux({"proc/self/cgroup": "2:cpu,cpuacct:/a", **files})) == cores


def test_little_memory_or_disk_is_advice(monkeypatch, tmp_path):
    monkeypatch.setattr(computer, "memory", lambda: Memory(2 * GIB, GIB // 2))
    assert computer.free_memory() == Finding(
        "memory", "0.5 GiB free of 2.0 GiB", "advice", computer.free_memory().remedy
    )
    monkeypatch.setattr(computer.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": GIB // 4}))
    assert computer.disk(tmp_path).status == "advice"


def test_a_taken_port_is_noticed():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert "taken" in computer.port(port).value
    assert "free" in computer.port(port).value


def test_the_supported_pythons_are_those_of_the_project(monkeypatch):
    oldest, newest = computer.OLDEST_PYTHON, computer.NEWEST_PYTHON
    assert PROJECT["requires-python"] == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert computer.python().status == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert computer.python().status == "problem"
