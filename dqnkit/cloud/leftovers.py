"""Machines and firewalls of clusters that are still in a cloud, found by their tags.

Every machine has tags from its start: the cluster, its owner and the end of its lifetime. So it can be found from any
computer, even if the program that started it was killed.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dqnkit.errors import ClusterError

CLUSTER, OWNER, ENDS = "dqnkit-cluster", "dqnkit-owner", "dqnkit-ends"  # names of the tags
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
    ends: datetime | None = None
    state: str = ""
    machine: str = ""  # machine type
    spot: bool = False
    started: datetime | None = None


def tags(cluster: str, ends: float) -> dict[str, str]:
    """The tags of a cluster whose lifetime ends at this Unix time (seconds)."""
    return {CLUSTER: cluster, OWNER: owner(), ENDS: datetime.fromtimestamp(ends, UTC).strftime(TIME)}


def checked(cluster: str) -> str:
    """Return the name of a cluster if it is valid: clouds would take ``*`` for all clusters.

    Raises:
        ClusterError: it is not a cluster's name.
    """
    if not re.fullmatch("[0-9a-f]{8}", cluster):
        raise ClusterError(f"{cluster!r} is no cluster's name: dqnkit cloud list shows them, like 1f0c5a2e")
    return cluster


def owner() -> str:
    """The owner of machines started here: user and computer, in the letters that both clouds allow in tags."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        user = "somebody"
    return re.sub("[^a-z0-9_-]", "-", f"{user}_{socket.gethostname()}".lower())[:63]


def from_tags(found: dict[str, str], **fields: Any) -> Leftover:
    """A leftover, with cluster, owner and end from its tags."""
    try:
        ends = datetime.strptime(found.get(ENDS, ""), TIME).replace(tzinfo=UTC)
    except ValueError:  # somebody has changed the tag
        ends = None
    return Leftover(cluster=found.get(CLUSTER, ""), owner=found.get(OWNER, ""), ends=ends, **fields)


def table(leftovers: Iterable[Leftover]) -> str:
    """A table with one line for each."""
    rows = [("cluster", "what", "id", "state", "type", "owner", "ends (UTC)")]
    for each in sorted(leftovers, key=lambda each: (each.cluster, each.kind, each.id)):
        kind = f"{each.machine} (spot)" if each.spot else each.machine
        ends = f"{each.ends:%Y-%m-%d %H:%M}" if each.ends else ""
        rows.append((each.cluster, each.kind, each.id, each.state, kind, each.owner, ends))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
