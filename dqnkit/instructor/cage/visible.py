"""What of this computer can be seen in the cage: Python, its packages and the system's libraries, all to read only."""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import dqnkit

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/localtime")
# Where libraries count cores and memory; of processes only the own one.
FACTS = ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/sys/devices/system/cpu")


def readable() -> list[Path]:
    """Paths that Python needs; none lies below another one."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    needed = {*prefixes, *packages(), *SYSTEM}
    every = {Path(path) for path in needed} | {Path(path).resolve() for path in needed}
    return _outermost(path for path in every if path.exists())


def packages() -> list[str]:
    """Folders of installed packages, in the order in which Python looks through them."""
    names = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    names += [folder for folder in site.getsitepackages() if folder in sys.path]
    names += [site.getusersitepackages()] if site.getusersitepackages() in sys.path else []
    return list(dict.fromkeys(name for name in names if Path(name).is_dir()))


def hidden(private: Iterable[Path]) -> list[Path]:
    """Folders below the readable ones that must not be seen: every installed dqnkit, and the class's.

    Args:
        private: folders of the class.
    """
    installed = [Path(folder) / "dqnkit" for folder in packages()]
    every = {path.resolve() for path in (*installed, Path(dqnkit.__file__).parent, *private) if path.is_dir()}
    inside = readable()
    return _outermost(path for path in every if any(path.is_relative_to(outer.resolve()) for outer in inside))


def readable_but(hidden_ones: Iterable[Path]) -> Iterator[Path]:
    """The readable paths, cut up so that none of them leads to a hidden one; for `landlock`, which can only allow."""
    away = [path.resolve() for path in hidden_ones]
    waiting = readable()
    while waiting:
        path = waiting.pop()
        real = path.resolve()
        if any(real.is_relative_to(hidden_one) for hidden_one in away):
            continue
        if any(hidden_one.is_relative_to(real) for hidden_one in away):
            waiting += list(path.iterdir())
        else:
            yield path


def _outermost(paths: Iterable[Path]) -> list[Path]:
    chosen: list[Path] = []
    for path in sorted(paths, key=lambda each: len(each.parts)):
        if not any(path.is_relative_to(outer) for outer in chosen):
            chosen.append(path)
    return chosen
