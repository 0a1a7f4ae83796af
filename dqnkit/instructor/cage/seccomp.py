"""A filter of system calls for an answer's process (seccomp, Linux): it can compute, and start threads, and no more.

It cannot start processes or programs, reach the network, send signals to others, look into them, or make memory that no
limit counts. A call that is refused fails with EPERM, as a file does that one may not read; code that asks for it gets
an ``OSError`` or ``PermissionError``.

The filter is a program for the kernel's packet filter (classic BPF), written here without a library: see
``man 2 seccomp`` and the kernel's Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
CLONE_THREAD = 0x00010000
FIRST_X32 = 0x40000000  # numbers of the x32 interface begin here: the same calls under other numbers
F_SETOWN, F_SETSIG, F_SETOWN_EX = 8, 10, 15  # `fcntl` that sends a signal to a process when data arrive
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902  # the same through `ioctl`

# Offsets in the kernel's `struct seccomp_data`; of an argument the lower half (both machines are little-endian).
NUMBER, MACHINE, ARGUMENT = 0, 4, 16

LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS


@dataclass(frozen=True)
class Machine:
    """The numbers of a kind of processor; names as in the manual."""

    audit: int
    clone: int
    only_own: dict[str, int]  # allowed where the first argument is 0 or the own process
    by_command: dict[str, int]  # `fcntl`, `ioctl`: refused with some commands
    refused: tuple[int, ...]


# The numbers from 424 on are the same on all machines.
_NEWER = (
    *(424, 434, 438),  # pidfd_send_signal, pidfd_open, pidfd_getfd
    *(425, 426, 427),  # io_uring: a way around this filter
    *(428, 429, 430, 431, 432, 433, 442),  # mounts
    447,  # memfd_secret
)
MACHINES = {
    "x86_64": Machine(
        audit=0xC000003E,
        clone=56,
        only_own={"kill": 62, "tgkill": 234, "prlimit64": 302, "sched_setaffinity": 203},
        by_command={"fcntl": 72, "ioctl": 16},
        refused=(
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(101, 310, 311, 312),  # ptrace, process_vm_readv, process_vm_writev, kcmp
            *(200, 129, 297),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(41, 49, 50, 42),  # socket, bind, listen, connect
            *(272, 308, 165, 166, 155, 161),  # unshare, setns, mount, umount2, pivot_root, chroot
            *(321, 298, 323, 248, 249, 250),  # bpf, perf_event_open, userfaultfd, keys
            *(319, 29, 30, 64, 68, 240),  # memfd_create, shmget, shmat, semget, msgget, mq_open
            *(
                303,
                304,
                141,
                142,
                144,
            ),  # name_to_handle_at, open_by_handle_at, setpriority, sched_setparam, ..scheduler
            *_NEWER,
        ),
    ),
    "aarch64": Machine(
        audit=0xC00000B7,
        clone=220,
        only_own={"kill": 129, "tgkill": 131, "prlimit64": 261, "sched_setaffinity": 122},
        by_command={"fcntl": 25, "ioctl": 29},
        refused=(
            *(221, 281),  # execve, execveat
            *(117, 270, 271, 272),  # ptrace, process_vm_readv, process_vm_writev, kcmp
            *(130, 138, 240),  # tkill, rt_sigqueueinfo, rt_tgsigqueueinfo
            *(198, 200, 201, 203),  # socket, bind, listen, connect
            *(97, 268, 40, 39, 41, 51),  # unshare, setns, mount, umount2, pivot_root, chroot
            *(280, 241, 282, 217, 218, 219),  # bpf, perf_event_open, userfaultfd, keys
            *(279, 194, 196, 190, 186, 180),  # memfd_create, shmget, shmat, semget, msgget, mq_open
            *(
                264,
                265,
                140,
                118,
                119,
            ),  # name_to_handle_at, open_by_handle_at, setpriority, sched_setparam, ..scheduler
            *_NEWER,
        ),
    ),
}
CLONE3 = 435  # its flags lie in memory, where a filter cannot look; the C library then takes `clone`


def machine() -> Machine | None:
    """The numbers of this machine; None where this filter cannot be made."""
    is_64_bit = struct.calcsize("P") == 8
    return MACHINES.get(platform.machine()) if platform.system() == "Linux" and is_64_bit else None


def apply() -> None:
    """Put this process behind the filter, for good; to be called by a process with one thread.

    Raises:
        OSError: the kernel refuses, or there is no filter for this machine.
    """
    numbers = machine()
    if numbers is None:
        raise OSError(errno.ENOSYS, f"there is no filter of system calls for {platform.machine()}")
    program = b"".join(_program(numbers, os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    given = Filter(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(given))):
        if libc.prctl(*map(ctypes.c_ulong, (*arguments, 0, 0))) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _program(numbers: Machine, process: int) -> list[bytes]:
    """The filter's instructions, from the first: each block decides about some calls, or passes to the next."""
    blocks = [
        [_step(LOAD, MACHINE), _step(JUMP_EQUAL, numbers.audit, yes=1), _step(RETURN, KILL)],
        [_step(LOAD, NUMBER), _step(JUMP_GREATER_EQUAL, FIRST_X32, no=1), _step(RETURN, REFUSE)],
        [_step(JUMP_EQUAL, CLONE3, no=1), _step(RETURN, UNKNOWN)],
        *([_step(JUMP_EQUAL, number, no=1), _step(RETURN, REFUSE)] for number in numbers.refused),
        [
            _step(JUMP_EQUAL, numbers.clone, no=4),
            _step(LOAD, ARGUMENT),
            _step(JUMP_ANY_BIT, CLONE_THREAD, no=1),
            _step(RETURN, ALLOW),
            _step(RETURN, REFUSE),
        ],
        *(_only(number, ARGUMENT, (0, process), name) for name, number in numbers.only_own.items()),
        _except(numbers.by_command["fcntl"], (F_SETOWN, F_SETSIG, F_SETOWN_EX)),
        _except(numbers.by_command["ioctl"], (FIOSETOWN, SIOCSPGRP)),
        [_step(RETURN, ALLOW)],
    ]
    return [step for block in blocks for step in block]


def _only(number: int, offset: int, values: Sequence[int], name: str) -> list[bytes]:
    """Allow a call only with these values at an offset. `kill` with 0 reaches the whole group, so it is left out."""
    allowed = [value for value in values if value or name in ("prlimit64", "sched_setaffinity")]
    tests = [_step(JUMP_EQUAL, value, yes=len(allowed) - place) for place, value in enumerate(allowed)]
    inside = [_step(LOAD, offset), *tests, _step(RETURN, REFUSE), _step(RETURN, ALLOW)]
    return [_step(JUMP_EQUAL, number, no=len(inside)), *inside]


def _except(number: int, commands: Sequence[int]) -> list[bytes]:
    """Refuse a call with these commands, its second argument."""
    tests = [_step(JUMP_EQUAL, value, yes=len(commands) - place) for place, value in enumerate(commands)]
    inside = [_step(LOAD, ARGUMENT + 8), *tests, _step(RETURN, ALLOW), _step(RETURN, REFUSE)]
    return [_step(JUMP_EQUAL, number, no=len(inside)), *inside]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction; ``yes`` and ``no`` are how many to skip."""
    return struct.pack("<HBBI", code, yes, no, value)
