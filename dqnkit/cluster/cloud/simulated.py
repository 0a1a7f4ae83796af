"""A cloud on this computer, for those without an account, and for tests.

with simulated_aws() as cloud:
    with make_cluster("aws", n_workers=2) as cluster: ...
    print(cloud.instances())

Inside the block, every program of AWS's libraries, this process or one that it starts, asks the simulated API on the
loopback, with made-up credentials. The instances are processes of this computer (see `hypervisor.py`), the network is
its loopback, and nothing costs anything. At the end of the block, or when this process is killed, all of it is gone.
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
START_SECONDS = 60  # on a loaded machine
THROTTLING = ("RequestLimitExceeded", "Throttling", "ThrottlingException", "Unavailable")


@dataclass(frozen=True)
class Instance:
    """A machine of the simulated cloud, as it was when it was asked for."""

    id: str
    name: str
    type: str
    state: str  # pending, running, shutting-down, terminated, stopping or stopped
    reason: str  # why it is in its state, like Server.SpotInstanceTermination
    address: str  # public and private: its own one of the loopback
    spot: bool
    tags: dict[str, str]
    log: str  # its console, with what its containers print
    pid: int | None  # of the container that runs


class SimulatedCloud:
    """What can be seen and done behind the API's back."""

    owner_address = "127.0.0.1/32"  # from where this computer's user comes

    def __init__(self, port: int, key: str, settings: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port, self._key, self._settings = port, key, settings

    @property
    def boot(self) -> str:
        """What machines do that start from now on: ``normal``, or ``never`` start anything. Can be set."""
        return str(self._settings["boot"])

    @boot.setter
    def boot(self, value: Literal["normal", "never"]) -> None:
        self._set("boot", value)

    @property
    def boot_seconds(self) -> float:
        """From the start of such a machine to its first command. Can be set."""
        return float(self._settings["boot_seconds"])

    @boot_seconds.setter
    def boot_seconds(self, value: float) -> None:
        self._set("boot_seconds", value)

    def instances(self) -> list[Instance]:
        """All machines, those that have ended included."""
        return [Instance(**fields) for fields in self._ask("instances")]

    def groups(self) -> list[str]:
        """The names of all security groups, without those that each network has by default."""
        return list(self._ask("groups"))

    def processes(self) -> int:
        """How many processes of containers live."""
        return int(self._ask("processes"))

    def calls(self) -> list[str]:
        """The actions for which the API was called, in order."""
        return list(self._ask("calls"))

    def violations(self) -> list[str]:
        """Where processes of machines wanted to connect to beyond the loopback; they got an error."""
        return list(self._ask("violations"))

    def reclaim(self, which: Sequence[str] | int) -> list[str]:
        """Take spot machines back, by their ids or just as many; their processes are killed. Returns the ids."""
        return list(self._ask("reclaim", which=which if isinstance(which, int) else list(which)))

    def fail(self, action: str, code: str, times: int = 1, status: int | None = None) -> None:
        """Let the next calls of an action, like ``RunInstances``, answer an error, like ``RequestLimitExceeded``."""
        status = status or (503 if code in THROTTLING else 400)
        self._ask("fail", action=action, code=code, times=times, status=status)

    def image(self, name: str, path: Path | None = None) -> None:
        """Let a container image exist, with the packages in a folder before those that are installed here."""
        self._ask("image", name=name, path=str(path or ""))

    def requires_permissions(self, policy: dict[str, Any] | None) -> None:
        """From now on, the account may do only what a policy of IAM allows (see `policy.py`); with None, everything."""
        self._ask("policy", policy=policy)

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
    """A cloud of its own until the end of the block, which the environment variables lead to.

    Args:
        boot: ``never`` for machines that run but on which nothing ever starts.
        boot_seconds: from a machine's start to its first command.
        seconds_a_minute: how long a minute is for machines that are told to shut down in some minutes.

    Raises:
        MissingExtraError: the packages of the extra ``cloud`` are not installed.
        ClusterError: it did not start, or this is Windows.
    """
    for name in ("moto", "flask", "flask_cors"):
        if find_spec(name) is None:
            raise MissingExtraError(f"{name}, which the simulated cloud needs,", "cloud")
    if os.name != "posix":
        raise ClusterError("the simulated cloud needs Linux or macOS. On Windows, use the Windows Subsystem for Linux")
    alphabet = string.ascii_uppercase + string.digits
    key = "AKIA" + "".join(secrets.choice(alphabet) for _ in range(16))  # who does not know it cannot start anything
    variables: dict[str, str | None] = dict.fromkeys(name for name in os.environ if name.startswith(("AWS_", "MOTO_")))
    variables |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
    variables |= {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    variables |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for name in ("no_proxy", "NO_PROXY"):
        variables[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))
    settings = {"boot": boot, "boot_seconds": boot_seconds, "seconds_a_minute": seconds_a_minute}
    with _environment(variables):
        server = subprocess.Popen(
            [sys.executable, "-m", "dqnkit.cluster.cloud.simulator", json.dumps(settings)],
            stdin=subprocess.PIPE,  # it ends when this closes, by whatever cause
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


@contextmanager
def _environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """These environment variables, and without those that are None, until the end of the block."""
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
