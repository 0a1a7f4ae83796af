"""An account on either cloud, for the command line: what dqnkit has there, how to remove it, what it may do."""

from __future__ import annotations

from typing import Protocol

from dqnkit.cloud.ec2 import AWSAccount
from dqnkit.cloud.leftovers import Leftover


class Account(Protocol):
    """What both clouds answer."""

    place: str  # Amazon's region or Google's project
    unasked: tuple[str, ...]  # permissions that are needed but cannot be asked about

    def identity(self) -> str:
        """Who the cloud says that we are: the owner in the tags of what we start. Empty where it does not say."""
        ...

    def find(self) -> list[Leftover]:
        """The machines and firewalls of all clusters of dqnkit."""
        ...

    def remove(self, cluster: str) -> list[Leftover]:
        """Remove those of one cluster, and wait until they are gone; what was removed."""
        ...

    def lacking(self) -> list[str]:
        """Permissions that are needed and missing."""
        ...

    def permissions(self) -> str:
        """All permissions that are needed, as text for the cloud: an IAM policy (Amazon) or role (Google)."""
        ...


def account(cloud: str, place: str | None = None) -> Account:
    """The account of this computer's user on a cloud.

    Args:
        cloud: one of `dqnkit.cloud.CLOUDS`.
        place: a region of Amazon or a project of Google; the configured one unless given.

    Raises:
        ClusterError: no region or project is configured, or there are no credentials.
    """
    if cloud == "gcp":
        from dqnkit.cloud.gce import GCPAccount  # its libraries take half a second to import

        return GCPAccount(place)
    return AWSAccount(place)
