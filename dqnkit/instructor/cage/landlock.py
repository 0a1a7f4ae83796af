"""Landlock (Linux 5.13 and later): a process says which files it will need, and the kernel refuses all others.

It needs no rights and no program, so it works where bubblewrap does not: in containers, on hubs. It hides no names of
files and no processes; `seccomp` keeps the process away from those. See ``man 7 landlock``.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # numbers of the system calls, the same on all machines
ASK_VERSION, PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38

EXECUTE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
READING = EXECUTE | READ_FILE | READ_FOLDER
ALL_OF = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}  # by version
OF_A_FILE = EXECUTE | 1 << 1 | READ_FILE | 1 << 14 | 1 << 15  # what can be allowed for a file: write, truncate, ioctl
TCP = 0b11  # bind and connect, from version 4 on
SCOPES = 0b11  # abstract sockets and signals of others, from version 6 on
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """The version of Landlock in this kernel; 0 where there is none."""
    try:
        return max(0, _call(CREATE_RULESET, None, 0, ASK_VERSION))
    except (OSError, AttributeError):  # AttributeError: no Linux
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Refuse this process, for good, all files but those below these paths, and TCP.

    Raises:
        OSError: the kernel has no Landlock.
    """
    number = version()
    every = ALL_OF[min(number, max(ALL_OF))] if number else 0
    rules = _Ruleset(every, TCP if number >= 4 else 0, SCOPES if number >= 6 else 0)
    size = 8 if number < 4 else 16 if number < 6 else 24
    ruleset = _call(CREATE_RULESET, ctypes.byref(rules), size, 0)
    try:
        for path in readable:
            _allow(ruleset, path, READING & every)
        for path in writable:
            _allow(ruleset, path, every)
        for path in DEVICES:
            _allow(ruleset, path, every)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(*map(ctypes.c_ulong, (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    if not Path(path).exists():
        return
    file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            rights &= OF_A_FILE
        _call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(_PathBeneath(rights, file)), 0)
    finally:
        os.close(file)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
