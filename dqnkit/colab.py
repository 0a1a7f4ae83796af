"""The course on Google Colab: what Colab lacks is installed, and nothing that it has is changed.

The first cell of each notebook installs dqnkit there, without its dependencies, and calls `set_up`. Colab has
TensorFlow, NumPy, ipywidgets and much more, in versions that fit each other; `dqnkit.extras.install` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec

import dqnkit
from dqnkit.doctor import examine
from dqnkit.doctor.requirements import is_within
from dqnkit.extras import install, versions

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
