"""Makes a process of this computer behave as if it ran in a container on another machine.

The hypervisor copies this file, as ``sitecustomize.py``, to a folder on the path of such processes only, and Python
runs it when they start. dqnkit is hidden there, so this file imports only the standard library. In such a process a
wildcard address means the machine's own address, packages that the image lacks are not found, and connections beyond
the loopback fail.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

ADDRESS, HIDDEN, VIOLATIONS, TETHER = (f"SIMULATED_{name}" for name in ("ADDRESS", "HIDDEN", "VIOLATIONS", "TETHER"))
INTERNET = (socket.AF_INET, socket.AF_INET6)
Undo = Callable[[], None]


class BeyondTheLoopbackError(OSError):
    """A connection or name look-up that would leave this computer."""


def stay_on_the_loopback(record: Callable[[str], None], own: str = "127.0.0.1") -> Undo:
    """From now on, connections of this process that would leave this computer are recorded and raise an error.

    Args:
        record: called with a line for each.
        own: this machine's address. Programs connect a datagram socket to find it out; they get this one.

    Returns:
        a function that ends it.
    """

    def check(what: str, host: Any) -> None:
        if not _is_near(host):
            record(f"{what} {host!r} by process {os.getpid()}")
            raise BeyondTheLoopbackError(errno.ENETUNREACH, f"{what} {host!r} would leave the loopback")

    def connecting(original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in INTERNET:
                if self.type == socket.SOCK_DGRAM and not _is_near(address[0]):  # connecting sends nothing
                    return self.bind((own, 0))
                check("a connection to", address[0])
            return original(self, address)

        return connect

    def sending(original: Callable[..., Any]) -> Callable[..., Any]:
        def send(self: socket.socket, *args: Any) -> Any:
            if self.family in INTERNET and isinstance(args[-1], tuple):
                check("a datagram to", args[-1][0])
            return original(self, *args)

        return send

    def resolving(original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(host: Any = None, *args: Any, **options: Any) -> Any:
            check("a look-up of", host)
            return original(host, *args, **options)

        return resolve

    changes: list[tuple[Any, str, Callable[..., Any]]] = [
        *((socket.socket, name, connecting) for name in ("connect", "connect_ex")),
        *((socket.socket, name, sending) for name in ("sendto", "sendmsg")),
        *((socket, name, resolving) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, change in changes:
        setattr(owner, name, change(getattr(owner, name)))

    def undo() -> None:
        for owner, name, original in before:
            setattr(owner, name, original)

    return undo


def _is_near(host: Any) -> bool:
    """Whether a name or an address certainly means this computer."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def live_on(own: str) -> None:
    """Let this process listen on the machine's own address where it asks for all addresses."""
    original: Callable[..., None] = socket.socket.bind
    go: Callable[..., None] = socket.socket.connect
    resolve: Callable[..., Any] = socket.getaddrinfo

    def bind(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_INET and address[0] in ("", "0.0.0.0"):
            address = (own, address[1])
        if self.family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "this machine has no address of IPv6")
        original(self, address)

    def look_up(host: Any, port: Any, family: int = 0, *args: Any, **options: Any) -> Any:
        return resolve(host, port, family or socket.AF_INET, *args, **options)

    def connect(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_INET and self.type == socket.SOCK_DGRAM:
            self.bind((own, 0))  # a common way to find out one's own address
        go(self, address)

    socket.socket.bind, socket.socket.connect = bind, connect  # type: ignore[assignment, method-assign]
    socket.getaddrinfo = look_up
    socket.has_ipv6 = False


class Hiding:
    """A finder of modules that finds hidden packages in zip files only: those that were sent to a worker."""

    def __init__(self, finder: Any, hidden: list[str]) -> None:
        self._finder, self._hidden = finder, hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name in self._hidden:
            return PathFinder.find_spec(name, [entry for entry in sys.path if entry.endswith(".zip")])
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found

    def find_distributions(self, *context: Any) -> Any:
        asked = re.sub(r"[-_.]+", "_", getattr(context[0], "name", None) or "") if context else ""
        if asked in self._hidden or not hasattr(self._finder, "find_distributions"):
            return []
        return self._finder.find_distributions(*context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def _end_with_the_hypervisor() -> None:
    """End when the standard input closes: the hypervisor holds its other end as long as it lives."""
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


def _write_violation(line: str) -> None:
    with open(os.environ[VIOLATIONS], "a", encoding="utf-8") as file:
        file.write(line + "\n")


def enter() -> None:
    """Put this process on the machine that its environment variables describe."""
    hidden = os.environ[HIDDEN].split()
    sys.meta_path[:] = [Hiding(finder, hidden) for finder in sys.meta_path]
    live_on(os.environ[ADDRESS])
    stay_on_the_loopback(_write_violation, os.environ[ADDRESS])
    if os.environ.pop(TETHER, ""):  # the first process of a container only
        threading.Thread(target=_end_with_the_hypervisor, daemon=True).start()


if __name__ == "sitecustomize":
    enter()
