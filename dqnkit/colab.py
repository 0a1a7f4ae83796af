"""The course on Google Colab: what Colab lacks is installed, and nothing that it has is changed.

The first cell of each notebook installs dqnkit there, without its dependencies, and calls `set_up`. Colab has
TensorFlow, NumPy, ipywidgets and much more, in versions that fit each other; `dqnkit.extras.install` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping

import dqnkit
from dqnkit.doctor import examine
from dqnkit.doctor.requirements import installed, requirements, to_install
from dqnkit.extras import install, versions

EXTRAS = ("", "cluster", "course", "learner")  # what the notebooks need; the empty one is the base install
# Colab always has these. Where one is missing it is not Colab, and the doctor reports it.
ALWAYS_ON_COLAB = {"ipykernel", "ipywidgets", "numpy", "tensorflow"}


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
