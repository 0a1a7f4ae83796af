"""A run folder belongs to one process at a time: a lock that ends with the process that holds it."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
import warnings
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from dqnkit.errors import CheckpointError
from dqnkit.files import write_whole

NAME = ".lock"
HOLDER = ".lock-holder.json"  # apart from the lock, which on Windows nobody else can read
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT)


class RunLock:
    """Holds a run folder inside a ``with`` block. A process that holds a folder may take it again.

    The system lets the lock go when the process ends, in whatever way. Where the file system has no locks (some network
    file systems), it is a file that exists while the folder is held; a killed process leaves that file behind, and only
    on the same computer the next process finds out by itself.

    Args:
        folder: it must exist.

    Raises:
        CheckpointError: on entering: another process holds the folder; or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder.absolute() / NAME
        self._lock: BaseFileLock = FileLock(path, timeout=0, thread_local=False, is_singleton=True)
        self._soft = path.with_name(f"{NAME}-soft")

    def __enter__(self) -> RunLock:
        try:
            self._acquire()
        except Timeout as error:
            raise CheckpointError(self._held_by_another()) from error
        except OSError as error:
            raise CheckpointError(f"the run folder {self._folder} cannot be written: {error}") from error
        return self

    def __exit__(self, *exception: object) -> None:
        if self._lock.lock_counter == 1:
            with suppress(OSError):
                (self._folder / HOLDER).unlink()
        self._lock.release()

    def _acquire(self) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):  # of filelock, where it takes a file in place of the lock
                self._lock.acquire()
        except Timeout:
            raise
        except OSError as error:
            if error.errno in UNWRITABLE:
                raise
            self._lock = SoftFileLock(self._soft, timeout=0, thread_local=False, is_singleton=True)
            self._lock.acquire()
        if self._lock.lock_counter == 1:
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            write_whole(self._folder / HOLDER, json.dumps(holder) + "\n")

    def _held_by_another(self) -> str:
        try:
            holder = json.loads((self._folder / HOLDER).read_text())
            who = f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
        except (OSError, ValueError, TypeError, KeyError):  # it has only just taken the lock
            who = "another process"
        advice = "wait until it ends, or stop it"
        if isinstance(self._lock, SoftFileLock):
            advice += f"; if it is gone, delete {self._soft}"
        return f"the run in {self._folder} is in use by {who}: {advice}"
