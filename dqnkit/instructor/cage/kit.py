"""The kit in the cage: the public part of the package, and the cage's own modules."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import dqnkit
from dqnkit.instructor import public_kit

ROOM = Path("instructor")


def build(folder: Path) -> Path:
    """Make the kit in an empty folder, for any user to read; return the folder.

    Raises:
        OSError: it cannot be written.
    """
    source, target = Path(dqnkit.__file__).parent, public_kit.copy(folder)
    (target / ROOM).mkdir()
    shutil.copy(source / ROOM / "__init__.py", target / ROOM)
    shutil.copytree(source / ROOM / "cage", target / ROOM / "cage", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def pack(folder: Path, file: Path) -> bytes:
    """Return the kit as the bytes of a zip file, to be sent to other computers; ``file`` is where it is made."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file.read_bytes()
