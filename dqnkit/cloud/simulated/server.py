"""The simulated cloud's process: moto answers as EC2's API does, and a hypervisor runs the machines.

`dqnkit.cloud.simulated.aws` starts it (``python -m dqnkit.cloud.simulated.server``) and reads its port. It ends, and
all machines with it, when its standard input closes: at the end of the ``with`` block, or if its parent was killed.
"""

from __future__ import annotations

import copy
import io
import itertools
import json
import os
import random
import socket
import sys
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from dqnkit.cloud.simulated.permissions import allows, questions

CONTROL = "/_simulated/"
USER_DATA_BYTES = 16_384  # the most that EC2 accepts
LINUX = sys.platform == "linux"  # all of 127.0.0.0/8 can be used there; elsewhere perhaps only 127.0.0.1
UBUNTU = (  # machine images, with the names that Canonical gives them
    ("ami-0f0c0a1d200000001", "hvm-ssd/ubuntu-focal-20.04-amd64-server-20250603", "x86_64"),
    ("ami-0f0c0a1d200000002", "hvm-ssd/ubuntu-jammy-22.04-amd64-server-20250610", "x86_64"),
    ("ami-0f0c0a1d200000003", "hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20250610", "x86_64"),
    ("ami-0f0c0a1d200000004", "hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20250610", "arm64"),
)

IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>{user}</UserId><Account>123456789012</Account>"
    "<Arn>arn:aws:iam::123456789012:user/{user}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
)

Start = Callable[..., Any]


class Refusal(Exception):
    """An error that the API answers instead of doing what it was asked for."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Api:
    """The API: moto's server, after checks of key, permissions and limits, and the errors that a test asks for."""

    def __init__(self, application: Callable[..., Any], hypervisor: Any, lock: threading.RLock) -> None:
        self.hypervisor = hypervisor
        self._application, self._lock = application, lock
        self._key = os.environ["AWS_ACCESS_KEY_ID"]
        self._users = {self._key: "AIDA" + "A" * 17}  # key -> id of the user
        self._faults: dict[str, deque[tuple[str, int]]] = defaultdict(deque)
        self._permissions: dict[str, Any] | None = None
        self._calls: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Start) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:  # moto's data structures are not thread-safe
            if environ["PATH_INFO"].startswith(CONTROL):
                return self._control(environ, body, start_response)
            fields = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
            authorization = environ.get("HTTP_AUTHORIZATION", "")
            service = (authorization.split("/") + [""] * 4)[3]
            action = fields.get("Action") or environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
            self._calls.append(action)
            try:
                self._check(authorization, service, action, fields)
            except Refusal as refusal:
                return _answer(_error(service, refusal), refusal.status, "text/xml", start_response)
            if action == "GetCallerIdentity":
                text = IDENTITY.format(user=self._user(authorization))
                return _answer(text, 200, "text/xml", start_response)
            answer = [b"".join(self._application(environ, start_response))]
            self.hypervisor.look()
            return answer

    def _check(self, authorization: str, service: str, action: str, fields: dict[str, str]) -> None:
        if not self._user(authorization):  # another user of this computer must not start machines
            raise Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
        if self._faults[action]:
            code, status = self._faults[action].popleft()
            raise Refusal(code, "an error of the simulated cloud", status)
        if self._permissions is not None and service != "sts":
            for asked in questions(service, action, fields, self._tags, self._user(authorization)):
                if not allows(self._permissions, asked):
                    code = "UnauthorizedOperation" if service == "ec2" else "AccessDenied"
                    raise Refusal(code, f"You are not authorized to perform: {asked.action}", 403)
        if len(fields.get("UserData", "").rstrip("=")) * 3 // 4 > USER_DATA_BYTES:
            raise Refusal("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")
        if fields.get("DryRun") == "true":
            raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)

    def _user(self, authorization: str) -> str:
        """The id of the user whose key a request is signed with; empty if there is none."""
        key = authorization.partition("Credential=")[2].partition("/")[0]
        return self._users.get(key, "")

    def _tags(self, resource: str) -> dict[str, str]:
        """The tags of an instance or a security group."""
        return next((dict(one.tags[resource]) for one in self.hypervisor.backends() if resource in one.tags), {})

    def _control(self, environ: dict[str, Any], body: bytes, start_response: Start) -> list[bytes]:
        if environ.get("HTTP_X_KEY") != self._key:
            return _answer("", 401, "text/plain", start_response)
        answer = getattr(self, "do_" + environ["PATH_INFO"].removeprefix(CONTROL))(**json.loads(body))
        return _answer(json.dumps(answer), 200, "application/json", start_response)

    # The questions and commands of `dqnkit.cloud.simulated.aws.SimulatedCloud`, one method for each.

    def do_instances(self) -> list[dict[str, Any]]:
        return [self._describe(instance) for instance in self.hypervisor.instances()]

    def _describe(self, instance: Any) -> dict[str, Any]:
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        machine = self.hypervisor.machines.get(instance.id)
        return {
            "id": instance.id,
            "name": tags.get("Name", ""),
            "type": instance.instance_type,
            "state": instance.state,
            "reason": instance.state_reason.code,
            "address": instance.private_ip,
            "spot": instance.lifecycle == "spot",
            "tags": tags,
            "log": machine.log.read_text("utf-8", "replace") if machine and machine.log.exists() else "",
            "pid": next((process.pid for process in machine.processes if process.poll() is None), None)
            if machine
            else None,
        }

    def do_groups(self) -> list[str]:
        networks = [network for backend in self.hypervisor.backends() for network in backend.groups.values()]
        return [group.name for network in networks for group in network.values() if group.name != "default"]

    def do_reclaim(self, which: list[str] | int) -> list[str]:
        spot = [one for one in self.hypervisor.instances() if one.lifecycle == "spot" and one.state == "running"]
        chosen = spot[:which] if isinstance(which, int) else [one for one in spot if one.id in which]
        for instance in chosen:
            self.hypervisor.reclaim(instance)
        return [instance.id for instance in chosen]

    def do_fail(self, action: str, code: str, times: int, status: int) -> None:
        self._faults[action].extend([(code, status)] * times)

    def do_recover(self) -> None:
        self._faults.clear()

    def do_settings(self, **settings: Any) -> None:
        vars(self.hypervisor.settings).update(settings)

    def do_image(self, name: str, path: str) -> None:
        self.hypervisor.settings.images[name] = path

    def do_permissions(self, permissions: dict[str, Any] | None) -> None:
        self._permissions = permissions

    def do_user(self, key: str) -> None:
        self._users[key] = f"AIDA{len(self._users):017}"

    def do_calls(self) -> list[str]:
        return self._calls

    def do_processes(self) -> int:
        return int(self.hypervisor.count_processes())

    def do_violations(self) -> list[str]:
        path = self.hypervisor.settings.violations
        return path.read_text().splitlines() if path.exists() else []


def _error(service: str, refusal: Refusal) -> str:
    error = f"<Code>{refusal.code}</Code><Message>{escape(str(refusal))}</Message>"
    if service == "ec2":
        return f"<Response><Errors><Error>{error}</Error></Errors><RequestID>simulated</RequestID></Response>"
    return f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>simulated</RequestId></ErrorResponse>"


def _answer(text: str, status: int, kind: str, start_response: Start) -> list[bytes]:
    start_response(f"{status} Simulated", [("Content-Type", kind), ("Content-Length", str(len(text.encode())))])
    return [text.encode()]


def loopback_addresses() -> Iterator[str]:
    """An address for each machine; each simulated cloud on this computer begins at a random one."""
    if not LINUX:
        yield from itertools.repeat("127.0.0.1")
    for number in itertools.count(random.randrange(2**16)):
        if number % 256 not in (0, 255):
            yield f"127.77.{number // 256 % 256}.{number % 256}"


def change_moto(addresses: Iterator[str]) -> Callable[[Any], Any]:
    """Make moto's machines more like real ones.

    They have addresses of the loopback: those that moto invents belong to others. They are terminated only when their
    processes are gone. A security group that a machine uses cannot be deleted.

    Returns:
        a function that terminates an instance at once.
    """
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.elastic_network_interfaces import NetworkInterface
    from moto.ec2.models.instances import Instance, InstanceState
    from moto.ec2.models.security_groups import SecurityGroupBackend

    make, terminate, delete = NetworkInterface.__init__, Instance.terminate, SecurityGroupBackend._delete_security_group

    def make_near(
        self: Any, backend: Any, subnet: Any, private: Any = None, more: Any = None, *a: Any, **k: Any
    ) -> None:
        k.pop("private_ip_address", None), k.pop("private_ip_addresses", None)
        make(self, backend, subnet, next(addresses), None, *a, **k)

    def public_is_private(self: Any) -> None:
        if str(self.public_ip_auto_assign).lower() == "true":
            self.public_ip = self.private_ip_address

    def begin_to_terminate(self: Any) -> InstanceState:
        previous = copy.copy(self._state)
        if previous.name != "terminated":
            self._state.name, self._state.code = "shutting-down", 32
            self.state_reason.code = "Client.UserInitiatedShutdown"
            self.state_reason.message = "Client.UserInitiatedShutdown: User initiated shutdown"
        return previous

    def delete_unused(self: Any, vpc_id: str | None, group_id: str) -> None:
        for instance in self.all_instances():
            groups = {group.id for nic in instance.nics.values() for group in nic.group_set}
            if instance.state != "terminated" and group_id in groups:
                raise EC2ClientError("DependencyViolation", f"resource {group_id} has a dependent object")
        delete(self, vpc_id, group_id)

    NetworkInterface.__init__ = make_near  # type: ignore[assignment, method-assign]
    NetworkInterface.check_auto_public_ip = public_is_private  # type: ignore[method-assign]
    Instance.terminate = begin_to_terminate  # type: ignore[method-assign]
    SecurityGroupBackend._delete_security_group = delete_unused  # type: ignore[method-assign]
    return terminate


def _machine_images(folder: Path) -> Path:
    """Write the file from which moto reads its list of machine images."""
    shared = {"state": "available", "public": True, "owner_id": "099720109477", "image_type": "machine"}
    shared |= {"root_device_type": "ebs", "root_device_name": "/dev/sda1", "virtualization_type": "hvm"}
    shared |= {"hypervisor": "xen", "image_location": "canonical", "sriov": "simple", "platform": None}
    images = [
        {**shared, "ami_id": number, "name": f"ubuntu/images/{name}", "description": name, "architecture": architecture}
        for number, name, architecture in UBUNTU
    ]
    path = folder / "amis.json"
    path.write_text(json.dumps(images))
    return path


def serve(listener: socket.socket, folder: Path, settings: dict[str, Any]) -> Any:
    """Serve the API on a socket. ``settings`` are attributes of the hypervisor's settings.

    Returns:
        the hypervisor.
    """
    os.environ["MOTO_AMIS_PATH"] = str(_machine_images(folder))
    from moto.ec2.models import ec2_backends
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from dqnkit.cloud.simulated.hypervisor import Hypervisor

    class Quiet(MotoRequestHandler):
        def log(self, *_: Any) -> None:
            """Log nothing."""

    lock = threading.RLock()
    terminate = change_moto(loopback_addresses())
    hypervisor = Hypervisor(ec2_backends, terminate, lock, folder)
    vars(hypervisor.settings).update(settings)
    api = Api(DomainDispatcherApplication(create_backend_app), hypervisor, lock)
    host, port = listener.getsockname()
    server = make_server(host, port, api, threaded=True, request_handler=Quiet, fd=listener.fileno())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return hypervisor


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)  # a client that connects now waits for the slow imports
    with tempfile.TemporaryDirectory(prefix="simulated-cloud-", ignore_cleanup_errors=True) as folder:
        hypervisor = serve(listener, Path(folder), json.loads(sys.argv[1]))
        sys.stdin.read()
        hypervisor.close()


if __name__ == "__main__":
    main()
