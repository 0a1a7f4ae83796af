"""The course on Google Colab: what Colab lacks is installed, and nothing that it has is changed.

The first cell of each notebook installs the kit there, without what the kit needs, and calls `set_up`. Colab brings
TensorFlow, NumPy, ipywidgets and much more, in versions that fit each other: a package that another one replaces would
need a restart of the kernel, and may break what the reader does next. So every package that is there is held at its
version while the missing ones are installed.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import dqnkit
from dqnkit.doctor import examine
from dqnkit.doctor.requirements import is_within
from dqnkit.errors import DQNKitError, MissingExtraError

INSTALL_SECONDS = 300  # time limit of pip
# What the notebooks need: module -> what brings it, as in pyproject.toml. TensorFlow, NumPy and ipywidgets are not in
# it: where they are missing it is not Colab, and the doctor says so.
NEEDED = {
    "PIL": "Pillow>=10.3",
    "bokeh": "bokeh>=3.1",
    "click": "click>=8.1",
    "cryptography": "cryptography>=42",
    "dask": "dask[distributed]>=2026.7",
    "gymnasium": "gymnasium>=1.3,<1.5",
    "matplotlib": "matplotlib>=3.8",
    "pygame": "pygame-ce>=2.5",
    "tensorboard": "tensorboard>=2.20",
    "tqdm": "tqdm>=4.66",
}

# What notebook 09 needs beside it, and the others do without.
FOR_CLOUDS = {
    "aiobotocore": "aiobotocore>=2.26",
    "dask_cloudprovider": "dask-cloudprovider[aws]>=2025.9",
    "flask_cors": "flask-cors>=5",
    "moto": "moto>=5.1.20",
}


def add_clouds() -> None:
    """Have what clusters in a cloud need: on Colab it is installed, in about half a minute.

    Raises:
        MissingExtraError: it is missing, and this is not Colab.
        DQNKitError: pip failed; with what it said and what to do.
    """
    missing = [requirement for module, requirement in FOR_CLOUDS.items() if find_spec(module) is None]
    if missing and "google.colab" not in sys.modules:
        raise MissingExtraError(f"{missing[0]}, which this notebook needs,", "cloud")
    if missing:
        print(f"Installing {', '.join(missing)} …", flush=True)
        install(missing)


def set_up() -> None:
    """Install what is missing for the course, change nothing that is there, and say in a few lines how it stands.

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
    """What has to be installed, as pip takes it: Dask's distributed in the very version of the dask that is there."""
    missing = [requirement for module, requirement in NEEDED.items() if find_spec(module) is None]
    if "bokeh>=3.1" in missing and find_spec("dask") and is_within(metadata.version("dask"), "<2026.8"):
        missing[missing.index("bokeh>=3.1")] = "bokeh>=3.1,<3.10"  # with a later one such a Dask cannot close a cluster
    if find_spec("dask") is not None and find_spec("distributed") is None:
        missing.append(f"distributed=={metadata.version('dask')}")
    return missing


def versions() -> dict[str, str]:
    """Every installed package: name -> version. Of one that is there twice, the one that is imported."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        if package.name and package.version:  # a folder that is left of a package has neither
            found.setdefault(package.name, package.version)
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def constraints() -> str:
    """A file for ``pip --constraint`` that holds every installed package at its version."""
    from packaging.version import InvalidVersion, Version  # ipykernel needs it, so there is no notebook without

    lines = []
    for name, version in versions().items():
        try:
            lines.append(f"{name}=={Version(version)}\n")
        except InvalidVersion:  # too old for today's pip, which leaves it alone
            continue
    return "".join(lines)


def install(requirements: Iterable[str]) -> None:
    """Install packages into the Python that runs this, with every package that is there held at its version.

    Raises:
        DQNKitError: pip failed, or took too long; with what it said and what to do.
    """
    wanted = list(requirements)
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
    importlib.invalidate_caches()  # so that what is new can be imported without a restart


def _failed(wanted: Iterable[str], reason: str) -> str:
    return (
        f"{', '.join(wanted)} could not be installed: {reason}\n"
        "Is there a network? Run this cell again. If it fails once more, choose Runtime, Disconnect and delete runtime "
        "and begin anew."
    )


def summary(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What was installed and what was changed, and of the doctor's findings those that ask for something."""
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
