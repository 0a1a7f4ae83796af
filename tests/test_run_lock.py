"""A run folder is used by one process at a time; the lock ends with its holder, in whatever way that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dqnkit.errors import CheckpointError
from dqnkit.run_lock import RunLock

HOLDER = """
import sys
from pathlib import Path
from dqnkit.run_lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
Tried = Callable[[int, str, str], None]


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_who_holds_the_folder_is_named_and_a_killed_holder_holds_nothing(tmp_path: Path, tried: Tried) -> None:
    with held_by_another(tmp_path) as other:
        since = time.strftime("%Y-%m-%d ")
        message = rf"is in use by process {other.pid} on .+, since {since}.*: wait until it ends, or stop it"
        with pytest.raises(CheckpointError, match=message) as refused, RunLock(tmp_path):
            pass
        other.kill()
        other.wait()
        with RunLock(tmp_path):
            tried(9, "a folder that another process holds", str(refused.value).replace(str(tmp_path), "RUN"))
            tried(9, "the process that held it was killed", "the folder can be used at once")


def test_a_process_may_take_a_folder_again_that_it_holds(tmp_path: Path) -> None:
    with RunLock(tmp_path), RunLock(tmp_path):
        pass
    with held_by_another(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir() if "holder" in path.name] in ([], [".lock-holder.json"])


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried, number: int
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with RunLock(tmp_path), RunLock(tmp_path):
        assert len(list(tmp_path.iterdir())) > 1
    with RunLock(tmp_path):  # it was let go
        pass
    tried(9, f"flock gives {errno.errorcode[number]}", "a file that exists while the folder is held takes its place")
