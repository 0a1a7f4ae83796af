"""What is still there of clusters in a cloud, by the tags that every machine carries from its first moment.

The tags say which cluster it is of, whose, and when it ends, so that it is found from any computer, whatever became of
the program that asked for it.
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
TIME = "%Y-%m-%dt%H-%M-%Sz"  # of ENDS, in UTC; GCP's labels have no capitals and no colons


@dataclass(frozen=True)
class Leftover:
    """A machine or a group of rules for its ports."""

    cloud: str
    place: str  # region or zone
    cluster: str
    kind: str  # machine, security group, firewall rule
    id: str
    owner: str = ""
    ends: datetime | None = None
    state: str = ""
    machine: str = ""  # its type
    spot: bool = False
    started: datetime | None = None


def tags(cluster: str, ends: float) -> dict[str, str]:
    """The tags of a cluster's machines, which end at a time (seconds of Unix)."""
    return {CLUSTER: cluster, OWNER: owner(), ENDS: datetime.fromtimestamp(ends, UTC).strftime(TIME)}


def checked(cluster: str) -> str:
    """The name of a cluster, if it is one: a cloud would take ``*`` for all of them.

    Raises:
        ClusterError: it is none.
    """
    if not re.fullmatch("[0-9a-f]{8}", cluster):
        raise ClusterError(f"{cluster!r} is no cluster's name: dqnkit cloud list shows them, like 1f0c5a2e")
    return cluster


def owner() -> str:
    """Whose machines they are: user and computer, in the letters that tags and labels of every cloud allow."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = "somebody"
    return re.sub("[^a-z0-9_-]", "-", f"{user}_{socket.gethostname()}".lower())[:63]


def from_tags(found: dict[str, str], **fields: Any) -> Leftover:
    """A leftover with what its tags say."""
    try:
        ends = datetime.strptime(found.get(ENDS, ""), TIME).replace(tzinfo=UTC)
    except ValueError:  # somebody has changed it
        ends = None
    return Leftover(cluster=found.get(CLUSTER, ""), owner=found.get(OWNER, ""), ends=ends, **fields)


def table(leftovers: Iterable[Leftover]) -> str:
    """One line for each, in columns."""
    rows = [("cluster", "what", "id", "state", "type", "owner", "ends (UTC)")]
    for each in sorted(leftovers, key=lambda each: (each.cluster, each.kind, each.id)):
        kind = f"{each.machine} (spot)" if each.spot else each.machine
        ends = f"{each.ends:%Y-%m-%d %H:%M}" if each.ends else ""
        rows.append((each.cluster, each.kind, each.id, each.state, kind, each.owner, ends))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
