"""Install packages from inside a notebook, and change nothing that is there.

The same on your own computer, on Binder and on Colab. Every installed package is held at its version while the missing
ones are installed: a package that is replaced while a kernel runs would need a restart of the kernel, and may no longer
fit the others.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.version import InvalidVersion, Version

from dqnkit.doctor.requirements import install_command, tested_versions
from dqnkit.errors import DQNKitError
from dqnkit.hosted import is_colab

INSTALL_SECONDS = 300  # time limit of pip
CONFLICT = ("ResolutionImpossible", "No solution found")  # what pip and uv say of versions that do not fit together
# What the notebook `cloud` needs and the others do without: module -> requirement, as in pyproject.toml. It is the part
# of the extra `cloud` without Google's cloud and ssh.
FOR_CLOUDS = {
    "aiobotocore": "aiobotocore>=2.26",
    "dask_cloudprovider": "dask-cloudprovider[aws]>=2025.9",
    "flask_cors": "flask-cors>=5",
    "moto": "moto>=5.1.20",
}
# What the last lesson needs: the extra `applications`. Here, pygame in either form will do.
FOR_APPLICATIONS = {
    "highway_env": "highway-env>=1.12",
    "imageio": "imageio>=2.31",
    "minatar": "minatar>=1.0.15",
    "minigrid": "minigrid>=3.2",
    "mujoco": "mujoco>=4.0",
    "pygame": "pygame-ce>=2.5",
}
# They need pygame-ce by name, which overwrites the files of pygame where that is installed, as on Colab; either serves.
# What else they need, Gymnasium, NumPy, Matplotlib and pandas, is there with pygame.
ASK_FOR_PYGAME_CE = ("highway-env", "minigrid")


def add_clouds() -> None:
    """Install what clusters on Amazon's machines and the simulated cloud need, in about half a minute.

    It does nothing where all is installed. Elsewhere than on Colab it takes the versions that dqnkit was tested with,
    as long as they fit what is there.

    Raises:
        DQNKitError: it could not be installed; with the reason and what to do.
    """
    _add(FOR_CLOUDS, "cloud")


def add_applications() -> None:
    """Install what the robots, the car and the games of the last lesson need, in about half a minute.

    Raises:
        DQNKitError: as `add_clouds`.
    """
    _add(FOR_APPLICATIONS, "applications")


def _add(wanted: Mapping[str, str], extra: str) -> None:
    missing = [requirement for module, requirement in wanted.items() if find_spec(module) is None]
    if not missing:
        return
    print(f"Installing {', '.join(missing)} …", flush=True)
    if is_colab():  # its packages are not those of the tests
        _install_beside(missing)
        return
    try:
        _install_beside(list(map(as_tested, missing)))
    except DQNKitError as error:
        if any(words in str(error) for words in CONFLICT):
            _install_beside(missing)
            return
        raise DQNKitError(f"{error}\nOr install it on a command line: {install_command(extra)}") from None


def _install_beside(wanted: list[str]) -> None:
    """Install packages; those that would bring a second pygame over the one that is there, without what they need."""
    alone = [line for line in wanted if line.startswith(ASK_FOR_PYGAME_CE)] if "pygame" in versions() else []
    rest = [line for line in wanted if line not in alone]
    if rest:
        install(rest)
    if alone:
        install(alone, dependencies=False)


def as_tested(requirement: str) -> str:
    """A requirement like ``moto>=5.1.20`` with the version that dqnkit was tested with, where it is known."""
    name, _, _ = requirement.partition(">=")
    version = tested_versions().get(name.partition("[")[0])
    return f"{name}=={version}" if version else requirement


def versions() -> dict[str, str]:
    """Every installed package: name -> version. If there are two of one name, the one that is imported."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        if package.name and package.version:  # the remains of a removed package have neither
            found.setdefault(package.name, package.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def constraints() -> str:
    """The text of a file for ``pip --constraint`` that holds every installed package at its version."""
    lines = []
    for name, version in versions().items():
        try:
            lines.append(f"{name}=={Version(version)}\n")
        except InvalidVersion:  # too old for today's pip, which leaves such a package alone
            continue
    return "".join(lines)


def install(requirements: Iterable[str], *, dependencies: bool = True) -> None:
    """Install packages into the Python that runs this, with every installed package held at its version.

    Args:
        requirements: as for pip.
        dependencies: whether what they need is installed as well.

    Raises:
        DQNKitError: pip failed or took too long; with its message and what to do.
    """
    wanted = list(requirements)
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "constraints.txt"
        held.write_text(constraints(), encoding="utf-8")
        try:
            ended = subprocess.run(
                [
                    *_installer(),
                    "--quiet",
                    "--constraint",
                    str(held),
                    *([] if dependencies else ["--no-deps"]),
                    *wanted,
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise DQNKitError(_failed(wanted, f"it did not end within {INSTALL_SECONDS} s")) from None
    if ended.returncode != 0:
        errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        raise DQNKitError(_failed(wanted, "\n".join(errors) or ended.stderr.strip() or f"status {ended.returncode}"))
    importlib.invalidate_caches()  # so that new packages can be imported without a restart


def _installer() -> list[str]:
    """The command of pip or, in an environment of uv, which has no pip, of uv."""
    uv = shutil.which("uv")
    if find_spec("pip") is None and uv is not None:
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def _failed(wanted: Iterable[str], reason: str) -> str:
    again = " If it fails again, choose Runtime, Disconnect and delete runtime, and start anew." if is_colab() else ""
    return f"{', '.join(wanted)} could not be installed: {reason}\nIs there a network? Run this cell again.{again}"
