"""The course on Google Colab: what Colab lacks is installed, and nothing that it has is changed.

The first cell of each notebook installs the kit without the packages that it needs, and calls `set_up`. Colab has
TensorFlow, NumPy, ipywidgets and much more, in versions that fit each other. To replace one of them would need a
restart of the kernel, and could break the reader's own work. So pip must keep every package that is there at its
version while it installs the missing ones.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.version import InvalidVersion, Version

import dqnkit
from dqnkit.doctor import examine
from dqnkit.doctor.requirements import installed, requirements, to_install
from dqnkit.errors import DQNKitError, MissingExtraError
from dqnkit.hosted import is_colab

INSTALL_SECONDS = 300  # time limit of pip
EXTRAS = ("", "cluster", "course", "learner")  # what the notebooks need; the empty one is the base install
# Colab always has these. Where one is missing it is not Colab, and the doctor reports it.
ALWAYS_ON_COLAB = {"ipykernel", "ipywidgets", "numpy", "tensorflow"}

# What only notebook 09 needs: module -> the package that contains it.
FOR_CLOUDS = {
    "aiobotocore": "aiobotocore>=2.26",
    "dask_cloudprovider": "dask-cloudprovider[aws]>=2025.9",
    "flask_cors": "flask-cors>=5",
    "moto": "moto>=5.1.20",
}


def add_clouds() -> None:
    """Make sure that what clusters in a cloud need is installed: on Colab, install it, in about half a minute.

    Raises:
        MissingExtraError: it is missing, and this is not Colab.
        DQNKitError: pip failed; with what it said and what to do.
    """
    missing = [requirement for module, requirement in FOR_CLOUDS.items() if find_spec(module) is None]
    if missing and not is_colab():
        raise MissingExtraError(f"{missing[0]}, which this notebook needs,", "cloud")
    if missing:
        print(f"Installing {', '.join(missing)} …", flush=True)
        install(missing)


def set_up() -> None:
    """Install what the course lacks, change nothing that is there, and print the result in a few lines.

    Raises:
        DQNKitError: pip failed; with what it said and what to do.
    """
    before = versions()
    missing = lacking()
    if missing:
        print(f"Installing {', '.join(missing)} …", flush=True)
        install(missing)
    print(summary(before, versions()))


def lacking() -> list[str]:
    """What has to be installed, as pip takes it, in versions that fit what is there."""
    missing = [
        requirement
        for requirement in requirements()
        if requirement.extra in EXTRAS
        and requirement.names[0] not in ALWAYS_ON_COLAB
        and not installed(requirement.names)
    ]
    return sorted({to_install(requirement) for requirement in missing})


def versions() -> dict[str, str]:
    """Every installed package: name -> version. If one is there twice, the version that is imported."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        if package.name and package.version:  # what is left of a removed package has neither
            found.setdefault(package.name, package.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def constraints() -> str:
    """A file for ``pip --constraint`` that keeps every installed package at its version."""

    lines = []
    for name, version in versions().items():
        try:
            lines.append(f"{name}=={Version(version)}\n")
        except InvalidVersion:  # pip takes no constraint on such an old form, and leaves the package alone
            continue
    return "".join(lines)


def install(wanted: list[str]) -> None:
    """Install packages for this Python; every package that is there stays at its version.

    Raises:
        DQNKitError: pip failed, or took too long; with what it said and what to do.
    """
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "constraints.txt"
        held.write_text(constraints(), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        try:
            ended = subprocess.run(
                [*command, "--constraint", str(held), *wanted],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise DQNKitError(_failed(wanted, f"it did not end within {INSTALL_SECONDS} s")) from None
    if ended.returncode != 0:
        errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        raise DQNKitError(_failed(wanted, "\n".join(errors) or f"pip ended with status {ended.returncode}"))
    importlib.invalidate_caches()  # so that new packages can be imported without a restart


def _failed(wanted: list[str], reason: str) -> str:
    return (
        f"{', '.join(wanted)} could not be installed: {reason}\n"
        "Is there a network? Run this cell again. If it fails once more, choose Runtime, Disconnect and delete runtime "
        "and begin anew."
    )


def summary(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What was installed, what was changed, and the doctor's advice and problems."""
    new = [f"{name} {version}" for name, version in now.items() if name not in before]
    changed = [f"{name} {version}" for name, version in before.items() if now.get(name) != version]
    findings = [finding for finding in examine() if finding.status in ("advice", "problem")]
    ready = not any(finding.status == "problem" for finding in findings)
    lines = [f"dqnkit {dqnkit.__version__} is " + ("ready." if ready else "here, but the notebooks will not run yet:")]
    if new:
        lines.append(f"New beside it: {', '.join(new)}.")
    if changed:
        lines.append(f"No longer as they were: {', '.join(changed)}. Choose Runtime, Restart session, and go on below.")
    else:
        lines.append("Nothing that was here has changed, so no restart is needed.")
    for finding in findings:
        remedy = f" ({finding.remedy})" if finding.remedy else ""
        lines.append(f"{finding.status}: {finding.name}: {' '.join(finding.value.split())}{remedy}")
    return "\n".join(lines)
