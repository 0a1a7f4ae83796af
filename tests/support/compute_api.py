"""A stand-in for Google's Compute API on the loopback: it records what it is asked, answers, and fails when told to.

Its instances are machines as the simulated cloud has them (`dqnkit.cloud.simulated.hypervisor`): processes of this
computer that do what the user data says, each on an address of its own of the loopback.
"""

from __future__ import annotations

import fnmatch
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from dqnkit.cloud.simulated.hypervisor import Machine, Settings

Json = dict[str, Any]


class Request(NamedTuple):
    method: str
    path: str  # below the version of the API
    query: dict[str, str]
    body: Json
    headers: dict[str, str]


class Failure(NamedTuple):
    """What to answer, instead, to requests of a method whose paths match."""

    method: str
    path: str
    status: int
    reason: str
    message: str


class ComputeAPI:
    """What a project has, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(folder)
        self.requests: list[Request] = []
        self.instances: dict[str, Json] = {}
        self.firewalls: dict[str, Json] = {}
        self.machines: dict[str, Machine] = {}
        self.networks = ["default"]
        self.permissions: list[str] | None = None  # None: all
        self.failures: list[Failure] = []
        self.boots = True  # instances become machines
        self.delay = 0.0  # seconds before a machine is asked for, as far as the API knows
        self.end_delay = 0.0  # the same, before a machine or a firewall rule is deleted
        self.operations: dict[str, Json] = {}
        self._lock = threading.RLock()

    def fail(self, method: str, path: str, status: int, reason: str, message: str = "no", times: int = 1) -> None:
        """Let the next requests of a method for a path (with * for anything) fail.

        With the method LATER a machine is granted, and the operation that makes it fails.
        """
        self.failures += [Failure(method, path, status, reason, message)] * times

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests of a method whose path matches."""
        return [each for each in self.requests if each.method == method and fnmatch.fnmatch(each.path, path)]

    def answer(self, request: Request) -> tuple[int, Json]:
        if request.method == "POST" and request.path.endswith("/instances"):
            time.sleep(self.delay)
        if request.method == "DELETE":
            time.sleep(self.end_delay)
        with self._lock:
            self.requests.append(request)
            failure = self._next_failure(request)
            if failure:
                errors = [{"reason": failure.reason, "message": failure.message, "domain": "global"}]
                return failure.status, {"error": {"code": failure.status, "message": failure.message, "errors": errors}}
            for pattern, method in ROUTES:
                if (found := re.fullmatch(pattern, f"{request.method} {request.path}")) is not None:
                    answer: tuple[int, Json] = method(self, request, **found.groupdict())
                    return answer
            return 404, {"error": {"code": 404, "message": request.path, "errors": [{"reason": "notFound"}]}}

    def _next_failure(self, request: Request) -> Failure | None:
        for failure in self.failures:
            if request.method == failure.method and fnmatch.fnmatch(request.path, failure.path):
                self.failures.remove(failure)
                return failure
        return None

    def _operation(self, where: str = "") -> tuple[int, Json]:
        """Running; done when it is next looked at."""
        name = f"operation-{len(self.operations)}"
        self.operations[name] = {"name": name, "status": "RUNNING"}
        if where:
            self.operations[name]["zone"] = f"https://compute.googleapis.com/zones/{where}"
        return 200, dict(self.operations[name])

    def get_operation(self, request: Request, name: str) -> tuple[int, Json]:
        self.operations[name]["status"] = "DONE"
        for failure in self.failures:
            if failure.method == "LATER" and "zone" in self.operations[name]:
                self.failures.remove(failure)
                self.operations[name]["error"] = {"errors": [{"code": failure.reason, "message": failure.message}]}
                for each in list(self.instances):
                    self._end(each)  # what could not be made is not there
                break
        return 200, dict(self.operations[name])

    def get_subnetwork(self, request: Request, name: str) -> tuple[int, Json]:
        if name not in self.networks:
            return 404, {"error": {"code": 404, "message": name, "errors": [{"reason": "notFound"}]}}
        return 200, {"name": name, "network": f"projects/p/global/networks/{name}"}

    def insert_firewall(self, request: Request) -> tuple[int, Json]:
        self.firewalls[request.body["name"]] = request.body
        return self._operation()

    def list_firewalls(self, request: Request) -> tuple[int, Json]:
        pattern = request.query["filter"].removeprefix("name eq ")
        return 200, {"items": [each for name, each in self.firewalls.items() if re.fullmatch(pattern, name)]}

    def delete_firewall(self, request: Request, name: str) -> tuple[int, Json]:
        if self.firewalls.pop(name, None) is None:
            return 404, {"error": {"code": 404, "message": name, "errors": [{"reason": "notFound"}]}}
        return self._operation()

    def insert_instance(self, request: Request, zone: str) -> tuple[int, Json]:
        body = request.body
        address = f"127.77.0.{len(self.machines) + len(self.instances) + 1}"
        self.instances[body["name"]] = {
            **body,
            "zone": zone,
            "status": "RUNNING",
            "creationTimestamp": "2026-11-26T01:02:03.456-08:00",
            "networkInterfaces": [{"networkIP": address, "accessConfigs": [{"natIP": address}]}],
        }
        if self.boots:
            data = next(item["value"] for item in body["metadata"]["items"] if item["key"] == "user-data")
            self.machines[body["name"]] = Machine(body["name"], address, data.encode(), self.settings)
        return self._operation(zone)

    def get_instance(self, request: Request, zone: str, name: str) -> tuple[int, Json]:
        if name not in self.instances:
            return 404, {"error": {"code": 404, "message": name, "errors": [{"reason": "notFound"}]}}
        return 200, self.instances[name]

    def list_instances(self, request: Request, zone: str) -> tuple[int, Json]:
        found = self._filtered(request)
        return 200, {"items": [each for each in found if each["zone"] == zone]} if found else {}

    def list_all_instances(self, request: Request) -> tuple[int, Json]:
        zones: dict[str, Json] = {"zones/europe-west1-b": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}
        for each in self._filtered(request):
            zones.setdefault(f"zones/{each['zone']}", {"instances": []})["instances"].append(each)
        return 200, {"items": zones}

    def _filtered(self, request: Request) -> list[Json]:
        label, equals, value = request.query["filter"].removeprefix("labels.").partition("=")
        label = label.removesuffix(":*")
        found = [each for each in self.instances.values() if label in each["labels"]]
        return [each for each in found if not equals or each["labels"][label] == value]

    def delete_instance(self, request: Request, zone: str, name: str) -> tuple[int, Json]:
        if name not in self.instances:
            return 404, {"error": {"code": 404, "message": name, "errors": [{"reason": "notFound"}]}}
        self._end(name)
        return self._operation(zone)

    def _end(self, name: str) -> None:
        del self.instances[name]
        if name in self.machines:
            self.machines[name].end()

    def test_permissions(self, request: Request) -> tuple[int, Json]:
        allowed = request.body["permissions"] if self.permissions is None else self.permissions
        return 200, {"permissions": [each for each in request.body["permissions"] if each in allowed]}

    def take_back(self, name: str) -> None:
        """What happens to a spot machine."""
        with self._lock:
            del self.instances[name]
            self.machines[name].end(grace=0)

    def close(self) -> None:
        for machine in self.machines.values():
            machine.end(grace=0.2)
        for machine in self.machines.values():
            assert machine.ended.wait(10)


ZONE = "projects/p/zones/(?P<zone>[^/]+)"
ROUTES: list[tuple[str, Any]] = [
    ("GET projects/p/(zones/[^/]+|global)/operations/(?P<name>[^/]+)", ComputeAPI.get_operation),
    ("GET projects/p/regions/us-central1/subnetworks/(?P<name>[^/]+)", ComputeAPI.get_subnetwork),
    ("POST projects/p/global/firewalls", ComputeAPI.insert_firewall),
    ("GET projects/p/global/firewalls", ComputeAPI.list_firewalls),
    ("DELETE projects/p/global/firewalls/(?P<name>[^/]+)", ComputeAPI.delete_firewall),
    (f"POST {ZONE}/instances", ComputeAPI.insert_instance),
    (f"GET {ZONE}/instances", ComputeAPI.list_instances),
    (f"GET {ZONE}/instances/(?P<name>[^/]+)", ComputeAPI.get_instance),
    (f"DELETE {ZONE}/instances/(?P<name>[^/]+)", ComputeAPI.delete_instance),
    ("GET projects/p/aggregated/instances", ComputeAPI.list_all_instances),
    ("POST v1/projects/p:testIamPermissions", ComputeAPI.test_permissions),
]


@contextmanager
def compute_api(folder: Path) -> Iterator[tuple[ComputeAPI, dict[str, str]]]:
    """It, and the environment variables with which gcloud, and dqnkit, use it."""
    api = ComputeAPI(folder)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "{}")
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            path = url.path.removeprefix("/compute/v1/").lstrip("/")
            status, content = api.answer(Request(self.command, path, query, body, dict(self.headers)))
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield (
            api,
            {
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{url}compute/v1/",
                "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": url,
                "GOOGLE_CLOUD_PROJECT": "p",
            },
        )
    finally:
        server.shutdown()
        server.server_close()
        api.close()
