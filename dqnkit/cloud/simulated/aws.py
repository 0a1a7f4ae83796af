"""Start a simulated cloud on this computer, for readers without an account and for tests.

with simulated_aws() as cloud:
    with make_cluster("aws", n_workers=2) as cluster: ...
    print(cloud.instances())

Inside the block, AWS's libraries, in this process and in those that it starts, call the simulated API on the loopback,
with made-up credentials. The instances are processes of this computer (see `hypervisor.py`), the network is its
loopback, and nothing costs anything. At the end of the block, or when this process is killed, everything is gone.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from dqnkit.errors import ClusterError, MissingExtraError

REGION = "us-east-1"
START_SECONDS = 60  # time limit, for a busy computer
THROTTLING = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable")


@dataclass(frozen=True)
class Instance:
    """A machine of the simulated cloud, at the moment of the question."""

    id: str
    name: str
    type: str
    state: str  # pending, running, shutting-down, terminated, stopping or stopped
    reason: str  # why it is in its state, like Server.SpotInstanceTermination
    address: str  # public and private are the same: an address of the loopback
    spot: bool
    tags: dict[str, str]
    log: str  # the console, with the output of its containers
    pid: int | None  # of the running container


class SimulatedCloud:
    """Controls the simulated cloud, past its API: what the owner of a cloud could see and do."""

    def __init__(self, port: int, key: str, settings: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port, self._key, self._settings = port, key, settings

    @property
    def boot(self) -> str:
        """``normal``, or ``never`` if machines that start from now on never run their boot script. Can be set."""
        return str(self._settings["boot"])

    @boot.setter
    def boot(self, value: Literal["normal", "never"]) -> None:
        self._set("boot", value)

    @property
    def boot_seconds(self) -> float:
        """Seconds from the start of a machine to its first command. Can be set."""
        return float(self._settings["boot_seconds"])

    @boot_seconds.setter
    def boot_seconds(self, value: float) -> None:
        self._set("boot_seconds", value)

    def instances(self) -> list[Instance]:
        """All machines, also those that have ended."""
        return [Instance(**fields) for fields in self._ask("instances")]

    def groups(self) -> list[str]:
        """The names of all security groups except the default groups."""
        return list(self._ask("groups"))

    def processes(self) -> int:
        """The number of living processes in containers."""
        return int(self._ask("processes"))

    def calls(self) -> list[str]:
        """The actions that the API was asked for, in order."""
        return list(self._ask("calls"))

    def violations(self) -> list[str]:
        """Attempts of the machines' processes to connect beyond the loopback; each got an error."""
        return list(self._ask("violations"))

    def reclaim(self, which: Sequence[str] | int) -> list[str]:
        """Take spot machines back, by id or by number; their processes are killed. Returns the ids."""
        return list(self._ask("reclaim", which=which if isinstance(which, int) else list(which)))

    def fail(self, action: str, code: str, times: int = 1, status: int | None = None) -> None:
        """Make the next calls of an action, like ``RunInstances``, fail with a code, like ``RequestLimitExceeded``."""
        status = status or (503 if code in THROTTLING else 400)
        self._ask("fail", action=action, code=code, times=times, status=status)

    def recover(self) -> None:
        """End what `fail` began."""
        self._ask("recover")

    def image(self, name: str, path: Path | None = None) -> None:
        """Add a container image; packages in this folder come before those installed on this computer."""
        self._ask("image", name=name, path=str(path or ""))

    def requires_permissions(self, permissions: dict[str, Any] | None) -> None:
        """From now on the account may do only what this IAM policy allows (see `permissions.py`); None: everything."""
        self._ask("permissions", permissions=permissions)

    @contextmanager
    def another_user(self) -> Iterator[None]:
        """Until the end of the block, be another user of the same account."""
        key = _new_key()
        self._ask("user", key=key)
        with _environment({"AWS_ACCESS_KEY_ID": key}):
            yield

    def _set(self, name: str, value: Any) -> None:
        self._settings[name] = value
        self._ask("settings", **{name: value})

    def _ask(self, what: str, **arguments: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=START_SECONDS)
        try:
            connection.request("POST", f"/_simulated/{what}", json.dumps(arguments), {"X-Key": self._key})
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            raise ClusterError(f"the simulated cloud does not answer: {error}. Start it again") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ClusterError(f"the simulated cloud could not do this ({what}): {content.decode(errors='replace')}")
        return json.loads(content)


@contextmanager
def simulated_aws(
    boot: Literal["normal", "never"] = "normal", boot_seconds: float = 0.0, seconds_a_minute: float = 60.0
) -> Iterator[SimulatedCloud]:
    """A new simulated cloud until the end of the block. Environment variables direct AWS's libraries to it.

    Args:
        boot: ``never`` for machines that run but never execute their boot script.
        boot_seconds: from a machine's start to its first command.
        seconds_a_minute: real seconds for each minute of a machine's ``shutdown +MINUTES``.

    Raises:
        MissingExtraError: the packages of the extra ``cloud`` are not installed.
        ClusterError: it did not start, or this is Windows.
    """
    for name in ("moto", "flask", "flask_cors"):
        if find_spec(name) is None:
            raise MissingExtraError(f"{name}, which the simulated cloud needs,", "cloud")
    if os.name != "posix":
        raise ClusterError("the simulated cloud needs Linux or macOS. On Windows, use the Windows Subsystem for Linux")
    key = _new_key()  # a secret: without it nobody can start anything
    variables: dict[str, str | None] = dict.fromkeys(name for name in os.environ if name.startswith(("AWS_", "MOTO_")))
    variables |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
    variables |= {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    variables |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for name in ("no_proxy", "NO_PROXY"):
        variables[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))
    settings = {"boot": boot, "boot_seconds": boot_seconds, "seconds_a_minute": seconds_a_minute}
    with _environment(variables):
        server = subprocess.Popen(
            [sys.executable, "-m", "dqnkit.cloud.simulated.server", json.dumps(settings)],
            stdin=subprocess.PIPE,  # the server ends when this closes, for whatever reason
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process
        )
    assert server.stdin
    assert server.stdout
    try:
        port = server.stdout.readline().strip()
        if not port:
            raise ClusterError("the simulated cloud did not start. Its error is above")
        cloud = SimulatedCloud(int(port), key, settings)
        with _environment({**variables, "AWS_ENDPOINT_URL": cloud.url}):
            yield cloud
    finally:
        server.stdin.close()
        server.stdout.close()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _new_key() -> str:
    return "AKIA" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(16))


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables until the end of the block; None removes one."""
    before = {name: os.environ.get(name) for name in variables}
    try:
        _set_variables(variables)
        yield
    finally:
        _set_variables(before)


def _set_variables(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
