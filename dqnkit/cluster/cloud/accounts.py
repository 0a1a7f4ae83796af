"""An account on a cloud, whatever the cloud: what dqnkit has there, how to remove it, what it allows."""

from __future__ import annotations

import json
from typing import Protocol

from dqnkit.cluster.cloud import ec2
from dqnkit.cluster.cloud.leftovers import Leftover


class Account(Protocol):
    """What can be asked of every cloud."""

    place: str  # region or project
    unasked: tuple[str, ...]  # permissions that are needed and cannot be asked about

    def find(self) -> list[Leftover]:
        """The machines and firewalls of all clusters."""
        ...

    def remove(self, cluster: str) -> list[Leftover]:
        """Remove those of one, and wait until they are gone."""
        ...

    def lacking(self) -> list[str]:
        """Permissions that are needed and missing."""
        ...

    def policy(self) -> str:
        """What allows all that is needed, as the cloud takes it."""
        ...


class AWSAccount:
    """Amazon's, in one region."""

    unasked: tuple[str, ...] = ec2.UNASKED

    def __init__(self, region: str | None = None) -> None:
        self.place = ec2.region(region)
        self._client = ec2.connect(self.place)

    def find(self) -> list[Leftover]:
        """Machines and security groups."""
        return ec2.find(self._client)

    def remove(self, cluster: str) -> list[Leftover]:
        """End and delete them."""
        return ec2.remove(self._client, cluster)

    def lacking(self) -> list[str]:
        """Actions that are not allowed."""
        return ec2.lacking(self._client)

    def policy(self) -> str:
        """A policy of IAM."""
        return json.dumps(ec2.policy(), indent=2)


def account(cloud: str, place: str | None = None) -> Account:
    """The account of this computer's user on a cloud.

    Raises:
        ClusterError: where is not known, or there are no credentials.
    """
    if cloud == "gcp":
        from dqnkit.cluster.cloud.gce import GCPAccount  # its libraries take half a second to import

        return GCPAccount(place)
    return AWSAccount(place)
