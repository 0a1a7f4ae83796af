"""What the doctor finds out about a computer: the limits of a container, and that it survives whatever it finds."""

from __future__ import annotations

import os
import socket
import sys
import tomllib
from pathlib import Path

import pytest

from dqnkit.doctor import Finding, computer, resources
from dqnkit.doctor.resources import Resources, used_by_container
from dqnkit.own_process import Failed

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GIB = 2**30


@pytest.fixture
def control_groups(tmp_path):
    """Writes the files in which Linux tells a container how much memory it uses."""

    def write(files):
        for name, text in files.items():
            (tmp_path / "sys/fs/cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sys/fs/cgroup" / name).write_text(f"{text}\n")
        return tmp_path

    return write


@pytest.fixture
def dask(monkeypatch):
    """Replaces Dask's answer (cores, memory limit, memory of the computer, free memory)."""

    def answer(*numbers):
        monkeypatch.setattr(resources, "find_spec", lambda name: object())
        monkeypatch.setattr(resources, "run_python", lambda code, seconds: " ".join(map(str, numbers)))

    return answer


def test_cores_and_memory_are_what_dask_finds():
    system = pytest.importorskip("distributed.system")
    cores = pytest.importorskip("dask.system").CPU_COUNT
    found = resources.resources()
    assert (found.cores, found.memory) == (cores, system.MEMORY_LIMIT)
    assert 0 < found.free <= found.memory
    assert computer.cores(found).value.startswith(f"{cores}")


def test_without_a_container_free_memory_is_the_computers(dask, monkeypatch):
    dask(4, 16 * GIB, 16 * GIB, 8 * GIB)
    monkeypatch.setattr(resources, "used_by_container", lambda: 15 * GIB)
    assert resources.resources() == (4, 16 * GIB, 8 * GIB)


@pytest.mark.parametrize(("used", "free"), [(GIB, GIB), (0, 2 * GIB), (3 * GIB, 0)])
def test_in_a_container_free_memory_is_what_it_leaves(dask, monkeypatch, used, free):
    dask(1, 2 * GIB, 16 * GIB, 8 * GIB)
    monkeypatch.setattr(resources, "used_by_container", lambda: used)
    assert resources.resources() == (1, 2 * GIB, free)


def test_version_2_tells_what_is_used(control_groups):
    root = control_groups({"memory.current": GIB + 300, "memory.stat": "anon 5\ninactive_file 300\nactive_file 70"})
    assert used_by_container(root) == GIB


def test_version_1_tells_what_is_used(control_groups):
    stat = "inactive_file 5\ntotal_inactive_file 300"
    root = control_groups({"memory/memory.usage_in_bytes": GIB + 300, "memory/memory.stat": stat})
    assert used_by_container(root) == GIB


def test_a_container_that_does_not_tell_uses_nothing(control_groups):
    assert used_by_container(control_groups({"memory.current": "nonsense"})) == 0


def fail(code, seconds):
    raise Failed("broken")


@pytest.mark.parametrize(
    ("name", "stand_in"), [("find_spec", lambda name: None), ("run_python", fail), ("run_python", lambda *_: "a b c d")]
)
def test_memory_that_is_not_known_is_said_so(monkeypatch, name, stand_in):
    monkeypatch.setattr(resources, name, stand_in)
    assert resources.resources() is None
    assert "not known" in computer.free_memory(None).value
    assert f"{os.cpu_count()} in the computer" in computer.cores(None).value
    assert {finding.status for finding in (computer.cores(None), computer.free_memory(None))} == {"ok"}


def test_cores_that_a_container_does_not_allow_are_named(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert computer.cores(Resources(2, GIB, GIB)).value == "2 of the computer's 64"
    assert computer.cores(Resources(64, GIB, GIB)).value == "64"


def test_little_memory_or_disk_is_advice(monkeypatch, tmp_path):
    found = computer.free_memory(Resources(1, 2 * GIB, GIB // 2))
    assert found == Finding("memory", "0.5 GiB free of 2.0 GiB", "advice", found.remedy)
    assert found.remedy
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
