"""A cage on another computer: a program that takes jobs on standard input and gives replies on standard output.

    python -c HOST FOLDER ISOLATION        FOLDER holds the kit

Each is a line of JSON. A Dask worker starts one for each of its threads (`dqnkit.instructor.grade_on_dask`).
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dqnkit.instructor.cage.cage import Cage, Job, Reply
from dqnkit.instructor.cage.isolation import IsolationError, by_name
from dqnkit.instructor.cage.limits import Limits


def main(folder: str, isolation: str) -> None:
    """Serve jobs until standard input ends. The first line says why no cage can be had here; empty if one can."""
    kind = by_name(isolation)
    problem = kind.problem()
    _say({"problem": problem, "description": kind.description})
    if problem:
        return
    with Cage(kind, Path(folder)) as cage:
        for line in sys.stdin:
            try:
                _say(pack_reply(cage.ask(unpack_job(json.loads(line)))))
            except IsolationError as error:
                _say({"problem": str(error)})
                return


def _say(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def pack_job(job: Job) -> dict[str, Any]:
    """A job as plain data."""
    return asdict(job)


def unpack_job(values: dict[str, Any]) -> Job:
    """The job that `pack_job` has packed."""
    return Job(**{**values, "limits": Limits(**values["limits"])})


def pack_reply(reply: Reply) -> dict[str, Any]:
    """A reply as plain data."""
    return {**asdict(reply), "content": base64.b64encode(reply.content).decode()}


def unpack_reply(values: dict[str, Any]) -> Reply:
    """The reply that `pack_reply` has packed."""
    return Reply(**{**values, "content": base64.b64decode(values["content"])})
