"""Which kind of cage is used: the one that is asked for, or the first that works; never none in silence."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dqnkit.instructor.cage import kit
from dqnkit.instructor.cage.cage import Cage
from dqnkit.instructor.cage.isolation import BY_ITSELF, ISOLATIONS, Isolation, IsolationError, Plain


def choose(name: str | None, trust: bool = False) -> Isolation:
    """The kind of cage that is used: the one that is asked for, else the first that works here.

    Raises:
        IsolationError: none can be used, and students' code was not trusted.
    """
    if name is not None:
        if problem := ISOLATIONS[name].problem() or _trouble(ISOLATIONS[name]):
            raise IsolationError(f"{name} cannot be used here: {problem}")
        return ISOLATIONS[name]
    problems = []
    for each in map(ISOLATIONS.__getitem__, BY_ITSELF):
        problem = each.problem() or _trouble(each)
        if not problem:
            return each
        problems.append(f"{each.name}: {problem}")
    if trust and not Plain().problem():
        return Plain()
    raise IsolationError(
        "students' code cannot be kept apart from this computer here, so nothing was graded.\n  "
        + "\n  ".join(problems)
        + "\nUse --isolation docker or podman, another computer, or --trust-students to run it with your own rights"
    )


def _trouble(isolation: Isolation) -> str:
    """Why a cage of this kind does not start; empty if it does."""
    with tempfile.TemporaryDirectory() as folder, Cage(isolation, kit.build(Path(folder))) as cage:
        try:
            cage.start()
        except (IsolationError, OSError) as error:
            return str(error)
    return ""
