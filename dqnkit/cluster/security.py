"""Who may reach a cluster: whoever can connect to a scheduler or a worker without TLS can run any code on it.

So plain connections stay on the loopback, within this computer, and everything else speaks TLS. One file of
certificates serves the scheduler, the workers and the client. `write_certificates` makes it (``dqnkit certificates``);
Dask reads it where ``DASK_CONFIG`` names it, so that on each machine, with a copy of the file there:

    DASK_CONFIG=tls.yaml dask scheduler --host 192.168.1.5 --port 8786 --dashboard-address 127.0.0.1:8787
    DASK_CONFIG=tls.yaml dask worker tls://192.168.1.5:8786 --dashboard-address 127.0.0.1:0
    DASK_CONFIG=tls.yaml dqnkit train CartPole-v1 --scheduler tls://192.168.1.5:8786

Dashboards listen on every interface unless they are told otherwise; a worker's HTTP server does so even with
``--no-dashboard``. And a worker without TLS needs ``--host 127.0.0.1``, or it listens on every interface, too. For a
cluster that others run, TLS is theirs to set up: https://distributed.dask.org/en/stable/tls.html.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from distributed import Client, Security
from distributed.comm.addressing import parse_host_port

from dqnkit.cluster.ask import ask
from dqnkit.errors import ClusterError, MissingExtraError

ENCRYPTED = ("tls", "wss", "gateway")  # gateway: dask-gateway's connections through its proxy, which speak TLS
WITHIN_THE_PROCESS = "inproc"
DANGER = (
    "reached without TLS from beyond this computer, where whoever connects could run code. Give the cluster "
    "certificates and tls:// addresses (dqnkit certificates makes them), or start it and its workers with --host "
    "127.0.0.1. On a private network that you trust, ask for it by name: --insecure, or insecure=True"
)
LISTENERS = """[
    listener.listen_address
    for worker in __import__("distributed").Worker._instances
    for listener in worker.listeners
]"""
ROLES, PARTS = ("scheduler", "worker", "client"), ("key", "cert")  # as Dask's configuration names them


def check_transport(client: Client, insecure: bool = False) -> None:
    """See that nobody but this computer can reach the scheduler or a worker without TLS.

    Args:
        client: of any cluster.
        insecure: let it be, because the network is private and trusted.

    Raises:
        ClusterError: the scheduler or a worker listens beyond the loopback on a plain connection.
    """
    if insecure:
        return
    way_in = str(client.scheduler.address if client.scheduler else "")
    listens_at = client.scheduler_info(n_workers=0)["address"]  # may be wider than the way by which we came
    workers = list(client.nthreads())
    refuse_plain([way_in, listens_at, *workers])
    plain = [address for address in workers if address.partition("://")[0] not in (*ENCRYPTED, WITHIN_THE_PROCESS)]
    for address, listeners in ask(client, LISTENERS, plain).items():  # wider, too, unless started with --host
        if wider := [listener for listener in listeners if not is_private(listener)]:
            raise ClusterError(f"worker {address} listens on {wider[0]}, {DANGER}")


def refuse_plain(addresses: Iterable[str], insecure: bool = False) -> None:
    """See that each address, like ``tcp://127.0.0.1:8786``, is of the loopback or has TLS.

    Raises:
        ClusterError: one is neither, and ``insecure`` is false.
    """
    for address in addresses:
        if not (insecure or is_private(address)):
            raise ClusterError(f"{address} is {DANGER}")


def is_private(address: str) -> bool:
    """Whether nobody can listen in on a Dask address or join there uninvited: it has TLS or is of the loopback."""
    scheme, _, place = address.partition("://")
    return scheme in (*ENCRYPTED, WITHIN_THE_PROCESS) or is_loopback(parse_host_port(place, 0)[0])


def is_loopback(host: str) -> bool:
    """Whether a name or an IP address means this computer only, in all ways in which it resolves."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)} if host else set()
    except OSError:  # there is no such host
        return False
    return bool(found) and all(ipaddress.ip_address(str(ip).partition("%")[0]).is_loopback for ip in found)


def temporary_security() -> Security:
    """Certificates of a cluster's own, in memory.

    Raises:
        MissingExtraError: the package cryptography is not installed.
    """
    try:
        return Security.temporary()
    except ImportError as error:
        raise MissingExtraError("cryptography, which TLS certificates need,", "cluster") from error


def as_configuration(security: Security) -> dict[str, Any]:
    """Certificates as Dask's configuration has them, themselves where ``security`` names files: they may travel."""
    roles = {role: {part: _content(getattr(security, f"tls_{role}_{part}")) for part in PARTS} for role in ROLES}
    authority = _content(security.get_tls_config_for_role("scheduler")["ca_file"])
    comm = {"require-encryption": True, "tls": {"ca-file": authority, **roles}}
    return {"distributed": {"comm": comm}}


def _content(certificate: str | None) -> str | None:
    if certificate is None or "\n" in certificate:
        return certificate
    return Path(certificate).read_text(encoding="utf-8")


def write_certificates(path: Path) -> Security:
    """Make certificates for one cluster and write them where Dask finds them: ``DASK_CONFIG=path`` before its commands.

    Only its owner may read the file. Who has a copy can join the cluster, and so run code on it. They are valid for a
    year.

    Returns:
        what `dqnkit.deploy.connect` and `make_cluster` take.

    Raises:
        ClusterError: the file exists, or cannot be written.
        MissingExtraError: the package cryptography is not installed.
    """
    security = temporary_security()
    content = json.dumps(as_configuration(security), indent=2)  # YAML, too
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content + "\n")
    except FileExistsError as error:
        raise ClusterError(f"{path} exists: a cluster may be using it. Choose another name, or delete it") from error
    except OSError as error:
        raise ClusterError(f"the certificates cannot be written to {path}: {error.strerror}") from error
    return security


def read_certificates(path: Path) -> Security:
    """What `write_certificates` wrote.

    Raises:
        ClusterError: there is no such file, or it holds something else.
    """
    try:
        tls = json.loads(Path(path).read_text(encoding="utf-8"))["distributed"]["comm"]["tls"]
        fields = {f"tls_{role}_{part}": tls[role][part] for role in ROLES for part in PARTS}
        return Security(require_encryption=True, tls_ca_file=tls["ca-file"], **fields)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ClusterError(f"{path} holds no certificates: {error!r}. dqnkit certificates makes such a file") from error
