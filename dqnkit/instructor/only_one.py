"""A folder of a class that one process at a time works in: one grading, one live server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from dqnkit.errors import DQNKitError


@contextmanager
def only_one(lock: Path, taken: DQNKitError, unwritable: Callable[[OSError], DQNKitError]) -> Iterator[None]:
    """Hold a lock, which the system lets go when this process ends, in whatever way.

    Args:
        lock: its file; the folder is made where there is none.
        taken: raised where another process holds it.
        unwritable: makes what is raised where the file cannot be written.
    """
    file = FileLock(lock, timeout=0)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.acquire()
    except Timeout:
        raise taken from None
    except OSError as error:
        raise unwritable(error) from error
    try:
        yield
    finally:
        file.release()
