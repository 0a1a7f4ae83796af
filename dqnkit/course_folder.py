"""The folder of the course: where the kit keeps it, and the reader's own copy, which later versions keep up to date."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import dqnkit
from dqnkit.errors import DQNKitError
from dqnkit.files import parse_json, read_object, write_whole

PACKAGE = Path(__file__).resolve().parent
MANIFEST = ".dqnkit-course.json"  # in the reader's copy: digests of what the kit wrote, to recognize the reader's work
# in a folder of notebooks, but not part of the course: made by JupyterLab, Python or training, or sources for authors
NOT_THE_COURSE = {
    *("dqnkit-progress.json", "START.md", ".ipynb_checkpoints", ".virtual_documents", "__pycache__", "runs", "source"),
}


class Copied(NamedTuple):
    """What a copy of the course has changed."""

    new: list[Path]  # files that were not there
    updated: list[Path]  # files that the reader had not changed
    beside: list[Path]  # newer versions of files that the reader has changed, under other names


def find_notebooks() -> Path:
    """The folder of the course's notebooks: inside an installed package, beside the package in a checkout.

    Raises:
        DQNKitError: it is in neither place; the message says what to do.
    """
    installed, checkout = PACKAGE / "course", PACKAGE.parent / "notebooks"
    if installed.is_dir():
        return installed
    if checkout.is_dir() and is_checkout():
        return checkout
    raise DQNKitError(
        f"the notebooks of the course are neither in {installed} nor in {checkout}. Install the kit again "
        "(pip install --force-reinstall --no-deps dqnkit) or run it in a whole checkout of its repository"
    )


def is_checkout() -> bool:
    """Whether the package is in a checkout of the repository. There the reader works in the notebooks themselves."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def copy_course(source: Path, folder: Path) -> Copied:
    """Copy the course into a folder, where the reader works on it, or bring a copy there up to date.

    A file that the reader has changed stays as it is. If the kit has a newer version of it, that version is put beside
    it: ``01_q_update.new-0.2.0-1f3a5c.ipynb``.

    Args:
        source: the notebooks.
        folder: where the copy goes; made if it does not exist.

    Raises:
        DQNKitError: ``folder`` cannot be written (it is a file, it is protected, the disk is full), or is inside the
            course.
    """
    copied = Copied([], [], [])
    if folder.resolve().is_relative_to(source.resolve()):
        raise DQNKitError(f"{folder} is in the course itself ({source}): name a folder outside of it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        offered = _read_manifest(folder)
        for file in _course_files(source):
            name, digest = file.relative_to(source).as_posix(), _digest(file)
            _copy_file(file, digest, folder / name, offered.get(name, ""), copied)
            offered[name] = digest
        _write_manifest(folder, offered)
    except OSError as error:
        raise DQNKitError(f"the course cannot be copied to {folder} ({error}): name another folder") from error
    return copied


def jupyter_config() -> Path:
    """The folder with the kit's settings for JupyterLab, for the environment variable ``JUPYTER_CONFIG_PATH``."""
    return PACKAGE / "data" / "jupyter"


def _copy_file(file: Path, digest: str, target: Path, offered: str, copied: Copied) -> None:
    """Copy one file, unless the reader has changed it; ``offered`` is the digest of what the kit wrote there before."""
    there = _digest(target)
    if not os.path.lexists(target):
        copied.new.append(target)
    elif there in (digest, ""):
        return
    elif there == offered:
        copied.updated.append(target)
    elif digest != offered:
        # with the digest, because a file may change twice within one version of the kit
        target = target.with_name(f"{target.stem}.new-{dqnkit.__version__}-{digest[:6]}{target.suffix}")
        if os.path.lexists(target):
            return
        copied.beside.append(target)
    else:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # under another name first: half a copy must not look like the reader's own file
    scratch = target.with_name(f".{target.name}.part")
    shutil.copyfile(file, scratch)
    os.replace(scratch, target)


def _digest(file: Path) -> str:
    """A digest of a file's content; empty where there is no file.

    Of a notebook only the cells count: JupyterLab changes the metadata as soon as a reader opens it.
    """
    if not file.is_file():
        return ""
    content = file.read_bytes()
    if file.suffix == ".ipynb":
        with suppress(ValueError, LookupError, TypeError):  # damaged: compare the bytes
            cells = parse_json(content)["cells"]
            parts = [(cell["cell_type"], "".join(cell["source"]), cell.get("outputs", [])) for cell in cells]
            content = json.dumps(parts, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _read_manifest(folder: Path) -> dict[str, str]:
    """Name -> digest of what the kit wrote into a folder; empty where that is not known."""
    try:
        files = read_object(folder / MANIFEST)["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _write_manifest(folder: Path, files: dict[str, str]) -> None:
    write_whole(folder / MANIFEST, json.dumps({"version": dqnkit.__version__, "files": files}, indent=1) + "\n")


def _course_files(source: Path) -> Iterator[Path]:
    for file in sorted(source.rglob("*")):
        if file.is_file() and NOT_THE_COURSE.isdisjoint(file.relative_to(source).parts):
            yield file
