"""Calls of Google Compute Engine's API: machines, firewall, leftovers, permissions.

Through google-api-python-client, which dask-cloudprovider brings. It finds credentials as Google's libraries do
(``gcloud auth application-default login``, or GOOGLE_APPLICATION_CREDENTIALS); nothing here shows or stores them.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from typing import Any

import dask
import google.auth
import google.auth.credentials
import google.auth.exceptions
import google.oauth2.service_account
import google_auth_httplib2
import googleapiclient.discovery
import googleapiclient.errors
import googleapiclient.http
import httplib2
import yaml

from dqnkit.cloud.boot import PORT
from dqnkit.cloud.leftovers import CLUSTER, Leftover, checked, from_tags
from dqnkit.cluster.security import is_loopback
from dqnkit.errors import ClusterError, ConfigError

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
OVERRIDE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"  # and the API's name: gcloud's environment variables for an endpoint
ANSWER_SECONDS = 30.0  # time limit for one request
RETRIES = 5  # when Google asks to slow down; each pause is about twice as long as the one before
LOOK_SECONDS = 1.0  # between two looks at an operation
REMOVE_SECONDS = 300.0  # time limit until all machines are gone
ALIVE = ("PENDING", "PROVISIONING", "STAGING", "RUNNING", "REPAIRING")  # states of an instance
PREFIX = "dqnkit-"  # of the names of network tags and firewall rules, before the cluster's id
# Priorities of firewall rules: the lowest number wins. A new project has rules of priority 1000 that open ports to the
# whole internet.
ALLOWED, DENIED = 800, 900
QUOTA = "fewer or smaller workers, another zone=, or ask for more under IAM & Admin, Quotas"
# Error code of the API -> its likely cause and what to do.
CAUSES = {
    "accessNotConfigured": "the API is not switched on in this project: gcloud services enable compute.googleapis.com "
    "(or cloudresourcemanager.googleapis.com)",
    "SERVICE_DISABLED": "the API is not switched on in this project: gcloud services enable compute.googleapis.com",
    "BILLING_DISABLED": "the project has no billing account: link one under Billing",
    "billingNotEnabled": "the project has no billing account: link one under Billing",
    "forbidden": "the account may not do this: dqnkit cloud check lists what it lacks, notebooks/CLOUD.md has the role",
    "authError": "the credentials were refused: gcloud auth application-default login",
    "notFound": "the project, zone, machine type or network does not exist, or not there",
    "quotaExceeded": f"the project's quota is reached: {QUOTA}",
    "QUOTA_EXCEEDED": f"the project's quota is reached: {QUOTA}",
    "ZONE_RESOURCE_POOL_EXHAUSTED": "Google has none of these machines left in this zone just now: another zone= or "
    "machine=, or later",
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": "Google has none of these machines left in this zone just now: "
    "another zone= or machine=, or later",
    "rateLimitExceeded": "Google was asked too often in a short time: try again in a minute",
    "RATE_LIMIT_EXCEEDED": "Google was asked too often in a short time: try again in a minute",
    "conditionNotMet": "a rule of your organization forbids it (public addresses, regions?): ask who runs it",
    "backendError": "Google itself was out of order: try again in a minute",
    "invalid": "Google knows no such value: are machine type, image and disk type offered in this zone?",
}


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an error of the API into a sentence with its likely cause.

    Raises:
        ClusterError: Google refused, could not be reached, or there are no credentials.
    """
    try:
        yield
    except googleapiclient.errors.HttpError as error:
        name, answer = details(error)
        raise ClusterError(f"{doing}: {cause(name, answer)}") from error
    except google.auth.exceptions.RefreshError as error:
        raise ClusterError(f"{doing}: the credentials have expired: gcloud auth application-default login") from error
    except (httplib2.HttpLib2Error, google.auth.exceptions.GoogleAuthError, OSError) as error:
        raise ClusterError(f"{doing}: Google could not be reached ({error}). Is there a network?") from error


def details(error: googleapiclient.errors.HttpError) -> tuple[str, str]:
    """The code of an error and its message."""
    try:
        content = json.loads(error.content)["error"]
        reasons = [
            each["reason"] for each in (*content.get("details", []), *content.get("errors", [])) if "reason" in each
        ]
        name = next((reason for reason in reasons if reason in CAUSES), (reasons or [str(_status(error))])[0])
        answer = str(content.get("message", ""))
    except (ValueError, LookupError, TypeError):  # the answer is not the API's, but perhaps a proxy's
        name, answer = str(_status(error)), ""
    if _status(error) >= 500:
        name = "backendError"
    return ("BILLING_DISABLED" if "billing" in answer.lower() else name), answer


def cause(name: str, answer: str) -> str:
    """An error as a sentence, with its likely cause where it is known."""
    return f"Google answered {name} ({answer[:200]})" + (f". Likely: {CAUSES[name]}" if name in CAUSES else "")


class GCPAccount:
    """An account in a project of Google's cloud, as `dqnkit.cloud.accounts.Account`.

    Args:
        project: the project's id; default: from Dask's configuration (``cloudprovider.gcp.projectid``), from
            GOOGLE_CLOUD_PROJECT, or from the credentials.
        network_project: the project that owns the network, if it is another one.
        key: of a service account, with the content of its JSON file; default: what Google's libraries find.

    Raises:
        ClusterError: there are no credentials, or no project is known.
    """

    unasked: tuple[str, ...] = ()

    def __init__(
        self, project: str | None = None, network_project: str | None = None, key: dict[str, Any] | None = None
    ) -> None:
        endpoint = os.environ.get(f"{OVERRIDE}COMPUTE", "")
        self.local = is_loopback(urllib.parse.urlsplit(endpoint).hostname or "")
        self._credentials, of_credentials = self._find_credentials(key)
        names = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
        project = project or dask.config.get("cloudprovider.gcp.projectid", None)
        found = project or next(filter(None, map(os.environ.get, names)), None) or of_credentials
        if not found:
            raise ClusterError("in which project? Give project='my-project', or set GOOGLE_CLOUD_PROJECT")
        self.place = str(found)
        network_project = network_project or dask.config.get("cloudprovider.gcp.network_projectid", None)
        self.network_project = str(network_project or self.place)
        self.compute = self._api("compute", "v1")

    def _find_credentials(self, key: dict[str, Any] | None) -> tuple[Any, str | None]:
        if self.local:  # the stand-in for the API asks for none
            return google.auth.credentials.AnonymousCredentials(), None
        if key:
            found = google.oauth2.service_account.Credentials.from_service_account_info(key, scopes=SCOPES)
            return found, key.get("project_id")
        try:
            found, project = google.auth.default(scopes=SCOPES)
        except google.auth.exceptions.DefaultCredentialsError as error:
            raise ClusterError(
                "there are no credentials for Google here: gcloud auth application-default login sets them"
            ) from error
        return found, project

    def _api(self, name: str, version: str) -> Any:
        """A client of one of Google's APIs, from the description that comes with the library."""

        def request(
            http: Any, *arguments: Any, **settings: Any
        ) -> Any:  # a connection for each request: threads cannot share one
            authorized = google_auth_httplib2.AuthorizedHttp(
                self._credentials, http=httplib2.Http(timeout=ANSWER_SECONDS)
            )
            return googleapiclient.http.HttpRequest(authorized, *arguments, **settings)

        endpoint = os.environ.get(f"{OVERRIDE}{name.upper()}")
        options = {"client_options": {"api_endpoint": endpoint}} if endpoint else {}
        return googleapiclient.discovery.build(
            name, version, credentials=self._credentials, requestBuilder=request, cache_discovery=False, **options
        )

    # -- machines and firewalls ------------------------------------------------------------------------------------

    def insert(self, zone: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for a machine; the operation, for `look`.

        Raises:
            ClusterError: Google refused.
        """
        with explained("asking for a machine"):
            # with a request id, a request that is repeated after a lost answer makes one machine only
            request = self.compute.instances().insert(
                project=self.place, zone=zone, body=body, requestId=str(uuid.uuid4())
            )
            return _ask(request)

    def look(self, operation: dict[str, Any], project: str | None = None) -> dict[str, Any]:
        """The present state of an operation.

        Raises:
            ClusterError: it has failed.
        """
        where = {"project": project or self.place, "operation": operation["name"]}
        with explained("looking at what is being done"):
            if zone := operation.get("zone", "").rpartition("/")[2]:
                operation = _ask(self.compute.zoneOperations().get(zone=zone, **where))
            else:
                operation = _ask(self.compute.globalOperations().get(**where))
        if errors := operation.get("error", {}).get("errors"):
            raise ClusterError(cause(errors[0].get("code", ""), errors[0].get("message", "")))
        return operation

    def instance(self, zone: str, name: str) -> dict[str, Any]:
        """The present state of a machine."""
        with explained("looking at a machine"):
            return _ask(self.compute.instances().get(project=self.place, zone=zone, instance=name))

    def delete(self, zone: str, name: str) -> None:
        """Ask Google to delete a machine and its disk. No error if it is gone."""
        with explained("ending a machine"):
            _ask_unless_gone(self.compute.instances().delete(project=self.place, zone=zone, instance=name))

    def alive(self, zone: str, cluster: str) -> set[str]:
        """The names of a cluster's machines that are starting or running."""
        with explained("looking at the machines"):
            listing = self.compute.instances()
            request = listing.list(project=self.place, zone=zone, filter=f"labels.{CLUSTER}={cluster}")
            found: set[str] = set()
            while request is not None:
                page = _ask(request)
                found |= {each["name"] for each in page.get("items", []) if each["status"] in ALIVE}
                request = listing.list_next(request, page)
            return found

    def subnetwork(self, region: str, name: str) -> dict[str, Any]:
        """The part of a network that lies in a region.

        Raises:
            ClusterError: there is no such network.
        """
        listing = self.compute.subnetworks()
        with explained("looking for a network"):
            try:
                return _ask(listing.get(project=self.network_project, region=region, subnetwork=name))
            except googleapiclient.errors.HttpError as error:
                if _status(error) != 404:
                    raise
                raise ClusterError(
                    f"project {self.network_project} has no network {name!r} in {region}. Make one (gcloud compute "
                    f"networks create {name}), or give network= or zone="
                ) from error

    def enclose(self, network: str, cluster: str, reach: str, tags: dict[str, str], limit: float) -> None:
        """Make a firewall for the machines that carry a cluster's network tag, and wait until it is active.

        The machines may reach each other, and ``reach`` the scheduler's port. Everything else is closed, ssh too,
        whatever other rules the network has.

        Raises:
            ClusterError: Google refused, or it took longer than ``limit`` seconds.
        """
        name, began = f"{PREFIX}{cluster}", time.monotonic()
        rules = {
            f"{name}-among": {"sourceTags": [name], "priority": ALLOWED, "allowed": [{"IPProtocol": "tcp"}]},
            f"{name}-driver": {
                "sourceRanges": [reach],
                "priority": ALLOWED,
                "allowed": [{"IPProtocol": "tcp", "ports": [str(PORT)]}],
            },
            f"{name}-world": {"sourceRanges": ["0.0.0.0/0"], "priority": DENIED, "denied": [{"IPProtocol": "all"}]},
        }
        # rules have no labels, so the tags are in the description
        shared = {"network": network, "direction": "INGRESS", "targetTags": [name], "description": json.dumps(tags)}
        waiting = []
        for rule, content in rules.items():
            with explained("making a firewall"):
                body = {"name": rule, **shared, **content}
                waiting.append(_ask(self.compute.firewalls().insert(project=self.network_project, body=body)))
        while waiting := [
            each for each in waiting if self.look(each, project=self.network_project)["status"] != "DONE"
        ]:
            if time.monotonic() - began > limit:
                raise ClusterError(f"Google did not make the firewall within {limit:.0f} s")
            time.sleep(LOOK_SECONDS)

    def identity(self) -> str:
        """Who we are for Google, in the letters that labels allow: the service account; empty for people.

        A person's credentials do not say whose they are.
        """
        email = getattr(self._credentials, "service_account_email", None) or ""
        return re.sub("[^a-z0-9_-]", "-", email.lower())[:63]

    # -- what is left ----------------------------------------------------------------------------------------------

    def find(self, cluster: str | None = None) -> list[Leftover]:
        """The machines in all zones, stopped ones too, and the firewall rules: those of one cluster, or of all.

        Raises:
            ClusterError: Google refused.
        """
        with explained("looking for what is left"):
            return [*self._machines(cluster), *self._rules(cluster)]

    def _machines(self, cluster: str | None) -> Iterator[Leftover]:
        listing = self.compute.instances()
        which = f"labels.{CLUSTER}={cluster}" if cluster else f"labels.{CLUSTER}:*"
        request = listing.aggregatedList(project=self.place, filter=which)
        while request is not None:
            page = _ask(request)
            for zone, found in page.get("items", {}).items():
                for each in found.get("instances", []):
                    labels = each.get("labels", {})
                    if CLUSTER in labels and cluster in (None, labels[CLUSTER]):  # never a machine of somebody else
                        yield _machine(zone.rpartition("/")[2], each, self.local)
            request = listing.aggregatedList_next(request, page)

    def _rules(self, cluster: str | None) -> Iterator[Leftover]:
        listing = self.compute.firewalls()
        request = listing.list(project=self.network_project, filter=f"name eq {PREFIX}{cluster or ''}.*")
        while request is not None:
            page = _ask(request)
            for each in page.get("items", []):
                tags = _described(each)
                if re.match(f"{PREFIX}[0-9a-f]+-", each["name"]) and cluster in (None, tags.get(CLUSTER)):
                    where = {"cloud": "gcp", "place": self.network_project, "kind": "firewall rule"}
                    yield from_tags(tags, id=each["name"], simulated=self.local, **where)
            request = listing.list_next(request, page)

    def remove(self, cluster: str, limit: float = REMOVE_SECONDS) -> list[Leftover]:
        """Remove all that is left of a cluster, and wait until it is gone.

        Returns:
            what was removed.

        Raises:
            ClusterError: Google refused, or something is still there after ``limit`` seconds.
        """
        began, removed, pause = time.monotonic(), dict[str, Leftover](), 0.2
        while found := self.find(checked(cluster)):
            machines = [each for each in found if each.kind == "machine"]
            to_remove = machines or found  # the firewall is removed last
            removed.update({each.id: each for each in to_remove})
            self._remove_each([each for each in to_remove if each.state != "stopping"])
            if time.monotonic() - began > limit:
                names = ", ".join(each.id for each in found)
                raise ClusterError(f"still there after {limit:.0f} s: {names}")
            time.sleep(pause)
            pause = min(5.0, pause * 1.5)
        return list(removed.values())

    def _remove_each(self, leftovers: list[Leftover]) -> None:
        """Remove all, also where Google refuses one of them; then raise an error that names those."""
        refused: dict[str, list[str]] = {}
        for each in leftovers:
            try:
                self._remove(each)
            except ClusterError as error:
                refused.setdefault(str(error), []).append(each.id)
        if refused:
            raise ClusterError("; ".join(f"{why} ({', '.join(some)})" for why, some in refused.items()))

    def _remove(self, leftover: Leftover) -> None:
        if leftover.kind == "machine":
            self.delete(leftover.place, leftover.id)
            return
        with explained("removing a firewall rule"):
            _ask_unless_gone(self.compute.firewalls().delete(project=self.network_project, firewall=leftover.id))

    # -- what is allowed -------------------------------------------------------------------------------------------

    def permissions(self) -> str:
        """The smallest IAM role with which clusters can be started, listed and removed (`gcloud iam roles create`)."""
        return resources.files("dqnkit.cloud").joinpath("data/gcp_role.yaml").read_text(encoding="utf-8")

    def lacking(self) -> list[str]:
        """The permissions in that role that the account does not have in the project.

        Raises:
            ClusterError: Google could not be asked.
        """
        needed: list[str] = yaml.safe_load(self.permissions())["includedPermissions"]
        projects = self._api("cloudresourcemanager", "v1").projects()
        with explained("asking what is allowed"):
            answer = _ask(projects.testIamPermissions(resource=self.place, body={"permissions": needed}))
        return sorted(set(needed) - set(answer.get("permissions", [])))


def _ask(request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = request.execute(num_retries=RETRIES)
    return answer


def _ask_unless_gone(request: Any) -> None:
    try:
        _ask(request)
    except googleapiclient.errors.HttpError as error:
        if _status(error) != 404:
            raise


def _status(error: googleapiclient.errors.HttpError) -> int:
    return int(error.resp.status)


def _machine(zone: str, instance: dict[str, Any], simulated: bool) -> Leftover:
    return from_tags(
        instance["labels"],
        cloud="gcp",
        place=zone,
        kind="machine",
        id=instance["name"],
        state=instance["status"].lower(),
        machine=instance["machineType"].rpartition("/")[2],
        spot=instance.get("scheduling", {}).get("provisioningModel") == "SPOT",
        started=datetime.fromisoformat(instance["creationTimestamp"]),
        simulated=simulated,
    )


def _described(rule: dict[str, Any]) -> dict[str, str]:
    """The tags in a rule's description."""
    try:
        found = json.loads(rule.get("description", ""))
    except ValueError:  # somebody has changed the description
        found = None
    return found if isinstance(found, dict) else {CLUSTER: rule["name"].split("-")[1]}


def check_reach(reach: str) -> str:
    """Return the network if the machines can be reached from it.

    Raises:
        ConfigError: it has IPv6 addresses.
    """
    if ":" in reach:
        raise ConfigError(f"the machines have addresses of IPv4 only: {reach} does not reach them")
    return reach
