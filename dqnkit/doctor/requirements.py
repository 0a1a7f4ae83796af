"""What the kit asks for: packages, the versions allowed and tested, and the commands that install them."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from dqnkit.notebooks import PACKAGE, is_checkout

# What each extra is for. `notebooks` is made of others, and `learner-gpu` is advised where TensorFlow misses a GPU.
EXTRAS = {
    "learner": "training",
    "cluster": "rollouts over a Dask cluster",
    "cloud": "clusters in a cloud or over ssh",
    "course": "the notebooks, plots and videos",
    "games": "Atari, MinAtar and LunarLander",
    "test": "the kit's own tests",
}
# Packages that bring the same modules: one of each line is enough.
TENSORFLOW = ("tensorflow", "tensorflow-cpu")
PYGAME = ("pygame-ce", "pygame")
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
# Colab's own page stands in for these.
NOT_ON_COLAB = ("dask-labextension", "jupyter-server-proxy", "jupyterlab")


class Requirement(NamedTuple):
    """A package that the kit asks for."""

    names: tuple[str, ...]  # any one of these will do
    versions: str  # like ">=1.3,<1.5"
    extra: str  # empty for the base install


def is_colab() -> bool:
    """Whether this runs on Google Colab: in one of its notebooks, or in a program that such a notebook started."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def requirements() -> list[Requirement]:
    """What the kit asks for here, each package under the first of EXTRAS that needs it.

    It comes from the installed metadata or, in a checkout that was not installed, from its project file. Conditions
    other than the extra are left aside: they only choose between packages of which any one will do.
    """
    try:
        lines = metadata.requires("dqnkit") or []
    except metadata.PackageNotFoundError:
        lines = _requires_of_checkout(PACKAGE.parent / "pyproject.toml") if is_checkout() else []
    parsed = [requirement for line in lines for requirement in _parse(line)]
    replaced = NOT_ON_COLAB if is_colab() else ()
    wanted: dict[tuple[str, ...], Requirement] = {}
    for extra in ("", *EXTRAS):
        for requirement in parsed:
            if requirement.extra == extra and requirement.names[0] not in replaced:
                wanted.setdefault(requirement.names, requirement)
    return list(wanted.values())


def _parse(line: str) -> list[Requirement]:
    """One line of the metadata, like ``dask[distributed]>=2026.7; extra == 'cluster'``, of which two are wanted."""
    requirement, _, condition = line.partition(";")
    name, versions = re.match(r"([\w.-]+)(?:\[.*\])?(.*)", requirement.replace(" ", "")).groups()  # type: ignore[union-attr]
    versions = ",".join(sorted(versions.split(","), reverse=True))  # the lower bound first
    extra = re.search(r"extra == ['\"]([\w-]+)", condition)
    # dqnkit: this extra is made of others
    names = {"dqnkit": (), "dask": ("dask", "distributed")}.get(name, (name.lower(),))
    return [Requirement(_alternatives(name), versions, extra[1] if extra else "") for name in names]


def _requires_of_checkout(project_file: Path) -> list[str]:
    """The requirements in a project file, written as the metadata of a wheel has them."""
    project = tomllib.loads(project_file.read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, wanted in project["optional-dependencies"].items():
        lines += [f"{requirement.partition(';')[0]}; extra == '{extra}'" for requirement in wanted]
    return lines


def _alternatives(name: str) -> tuple[str, ...]:
    for names in (TENSORFLOW, PYGAME, OPENCV):
        if name in names:
            return names
    return (name,)


def is_within(version: str, versions: str) -> bool:
    """Whether a version like 2.21.0 is in a range like ``>=2.20,<2.22``. What follows the numbers does not count."""
    for bound in filter(None, versions.split(",")):
        operator, wanted = re.match(r"([<>=!]+)(.*)", bound).groups()  # type: ignore[union-attr]
        left, right = _numbers(version), _numbers(wanted)
        size = max(len(left), len(right))
        left, right = (numbers + [0] * (size - len(numbers)) for numbers in (left, right))
        holds = {
            ">=": left >= right,
            "<=": left <= right,
            ">": left > right,
            "<": left < right,
            "==": left == right,
            "!=": left != right,
        }
        if not holds[operator]:
            return False
    return True


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]


def installed(names: Iterable[str]) -> dict[str, str]:
    """Those of the packages that are installed, with their versions."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def tested_versions() -> dict[str, str]:
    """The versions that the kit's tests run with; none where their list is missing.

    A wheel carries the list among its data.
    """
    for path in (PACKAGE / "data" / "constraints.txt", PACKAGE.parent / "binder" / "constraints.txt"):
        if path.is_file():
            pins = re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
            return {name.lower(): version for name, version in pins}
    return {}


def install_command(extra: str = "", missing: Iterable[Requirement] = ()) -> str:
    """The command that installs the kit, or mends it, with an extra.

    On Colab, where packages that are there must stay as they are, it installs no more than what is ``missing``.
    """
    if is_colab():
        return f"pip install {' '.join(map(_to_install, missing))}" if missing else "run the first cell again"
    kit = f"{PACKAGE.parent if is_checkout() else 'dqnkit'}{f'[{extra}]' if extra else ''}"
    return f'{pip()} install {"-e " if is_checkout() else ""}"{kit}"'


def _to_install(requirement: Requirement) -> str:
    """A package as pip takes it; distributed in the release of the dask that is there."""
    name, versions = requirement.names[0], requirement.versions
    dask = installed(["dask"]).get("dask")
    if name == "distributed" and dask is not None and is_within(dask, versions):
        versions = f"=={dask}"
    return f'"{name}{versions}"'


def reinstall_command(names: Iterable[str], extra: str) -> str:
    """The command that takes packages away and installs what an extra needs in their place; on Colab, the way back."""
    if is_colab():
        return "choose Runtime, Disconnect and delete runtime, then run the first cell"
    return f"{pip()} uninstall -y {' '.join(names)} && {install_command(extra)}"


def pip() -> str:
    """The pip of this very Python: its environment need not be activated, nor be the first on the path."""
    return f'"{sys.executable}" -m pip' if " " in sys.executable else f"{sys.executable} -m pip"
