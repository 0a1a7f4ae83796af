"""Giving up rights: another user, and none of root's capabilities (``man 7 capabilities``)."""

from __future__ import annotations

import ctypes
import os
import sys

CAPSET = {"x86_64": 126, "aarch64": 91}  # number of the system call
VERSION_3 = 0x20080522


def give_up(user: int | None) -> None:
    """Become another user, if one is given, and lose every capability.

    Raises:
        OSError: it was not possible.
    """
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)  # from root to another user: the kernel takes all capabilities away
    elif sys.platform == "linux" and os.geteuid() == 0:
        head = (ctypes.c_uint32 * 2)(VERSION_3, 0)
        none = (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).syscall(CAPSET[os.uname().machine], head, none) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
