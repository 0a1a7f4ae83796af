"""Programs that XLA has compiled, kept on the disk: a later process, or a second learner in this one, loads them.

Compiling a learner's program takes more than a second, loading it half of that. TensorFlow does both, if it is told of
a folder before it is imported. It does not look at what a program was compiled for, so the folder's name says it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FLAG = "--tf_xla_persistent_cache_directory="
LARGEST = 64_000_000  # bytes of all programs together; one has less than a million


def keep() -> None:
    """Let TensorFlow, when it is imported after this, keep what it compiles, if a folder for it can be written.

    A folder that the reader has chosen stays. Where TensorFlow is there already, it would print lines at every load.
    """
    root = _root()
    if "tensorflow" in sys.modules or root is None:
        return
    flags = [flag for flag in os.environ.get("TF_XLA_FLAGS", "").split() if not flag.startswith(f"{FLAG}{root}")]
    if any(flag.startswith(FLAG) for flag in flags):
        return
    folder = root / _compiled_for(flags)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _remove_oldest()
    if os.access(folder, os.W_OK):
        flags.append(f"{FLAG}{folder}")
    os.environ["TF_XLA_FLAGS"] = " ".join(flags)


def forget() -> bool:
    """Remove all kept programs, as one of them is damaged; whether there were any."""
    found = _files()
    for path in found:
        with suppress(OSError):
            path.unlink()
    return bool(found)


def _root() -> Path | None:
    """The folder of all kept programs; None where this user has no home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dqnkit" / "xla"
    except RuntimeError:
        return None


def _files() -> list[Path]:
    """Those of all machines and versions, the newest first."""
    root = _root()
    try:
        found = [] if root is None else [(path.stat().st_mtime, path) for path in root.glob("*/*")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def _remove_oldest() -> None:
    total = 0
    for path in _files():
        total += path.stat().st_size
        if total > LARGEST:
            path.unlink()


def _compiled_for(flags: list[str]) -> str:
    """A name for what a program depends on: TensorFlow's version, the processor's instructions, and the flags."""
    versions = []
    for package in ("tensorflow", "tensorflow-cpu"):
        with suppress(PackageNotFoundError):
            versions.append(version(package))
    processor = platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))
    about = [*versions, platform.machine(), processor, *flags, os.environ.get("XLA_FLAGS", "")]
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]
