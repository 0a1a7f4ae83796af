"""Machines and firewalls of clusters that are still in a cloud, found by their tags.

Every machine has tags from its start: the cluster, its owner and the end of its lifetime. So it can be found from any
computer, even if the program that started it was killed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dqnkit.cloud.owners import this_computer
from dqnkit.errors import ClusterError

# Names of the tags. OWNER is who the cloud says that we are: policies can be tied to it. COMPUTER is for people.
CLUSTER, OWNER, COMPUTER, ENDS = "dqnkit-cluster", "dqnkit-owner", "dqnkit-computer", "dqnkit-ends"
TIME = "%Y-%m-%dt%H-%M-%Sz"  # format of ENDS, in UTC; GCP allows no capitals and no colons in labels


@dataclass(frozen=True)
class Leftover:
    """A machine, or a firewall of a cluster."""

    cloud: str
    place: str  # Amazon's region; Google's zone or project
    cluster: str
    kind: str  # machine, security group, firewall rule
    id: str
    owner: str = ""
    computer: str = ""  # from which it was started
    ends: datetime | None = None
    state: str = ""
    machine: str = ""  # machine type
    spot: bool = False
    started: datetime | None = None
    simulated: bool = False  # it is no machine of a real cloud


def tags(cluster: str, ends: float, owner: str = "") -> dict[str, str]:
    """The tags of a cluster whose lifetime ends at this Unix time (seconds).

    Args:
        cluster: its id.
        ends: Unix time in seconds.
        owner: who the cloud says that we are; this computer where it does not say.
    """
    moment = datetime.fromtimestamp(ends, UTC).strftime(TIME)
    return {CLUSTER: cluster, OWNER: owner or this_computer(), COMPUTER: this_computer(), ENDS: moment}


def checked(cluster: str) -> str:
    """Return the name of a cluster if it is valid: clouds would take ``*`` for all clusters.

    Raises:
        ClusterError: it is not a cluster's name.
    """
    if not re.fullmatch("[0-9a-f]{8}", cluster):
        raise ClusterError(f"{cluster!r} is no cluster's name: dqnkit cloud list shows them, like 1f0c5a2e")
    return cluster


def from_tags(found: dict[str, str], **fields: Any) -> Leftover:
    """A leftover, with cluster, owner and end from its tags."""
    try:
        ends = datetime.strptime(found.get(ENDS, ""), TIME).replace(tzinfo=UTC)
    except ValueError:  # somebody has changed the tag
        ends = None
    owner, computer = found.get(OWNER, ""), found.get(COMPUTER, "")
    return Leftover(cluster=found.get(CLUSTER, ""), owner=owner, computer=computer, ends=ends, **fields)


def table(leftovers: Iterable[Leftover]) -> str:
    """A table with one line for each, and who started them; the lines of what is simulated begin with SIMULATED."""
    found = sorted(leftovers, key=lambda each: (each.cluster, each.kind, each.id))
    marked = any(each.simulated for each in found)
    starters = [each.computer or each.owner for each in found]
    several = len({*starters}) > 1  # of one starter, the column would make each line too wide for a page
    rows = [(*[""] * marked, "cluster", "what", "id", "state", "type", "ends (UTC)", *["started by"] * several)]
    for each, starter in zip(found, starters, strict=True):
        kind = f"{each.machine} (spot)" if each.spot else each.machine
        ends = f"{each.ends:%Y-%m-%d %H:%M}" if each.ends else ""
        sign = ["SIMULATED" if each.simulated else ""] * marked
        rows.append((*sign, each.cluster, each.kind, each.id, each.state, kind, ends, *[starter] * several))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if not several and any(starters):
        simulated = "SIMULATED: " if all(each.simulated for each in found) else ""
        lines.append(f"{simulated}started by {starters[0]}")
    return "\n".join(lines)
