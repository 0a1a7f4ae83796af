"""TLS for clusters. Anybody who can connect to a scheduler or worker without TLS can run any code there.

So all clusters that the kit starts use TLS, on the loopback too, where other users of the computer could connect. A
cluster that somebody else has started may do without TLS inside one computer, if nobody else uses that. One file of
certificates serves the scheduler, the workers and the client. `write_certificates` (``dqnkit certificates``) makes it,
and Dask reads the file that ``DASK_CONFIG`` names. Copy the file to each machine, then run:

    DASK_CONFIG=tls.yaml dask scheduler --host 192.168.1.5 --port 8786 --dashboard-address 127.0.0.1:8787
    DASK_CONFIG=tls.yaml dask worker tls://192.168.1.5:8786 --dashboard-address 127.0.0.1:0
    DASK_CONFIG=tls.yaml dqnkit train CartPole-v1 --scheduler tls://192.168.1.5:8786

By default, dashboards listen on every network interface; a worker's HTTP server does so even with ``--no-dashboard``.
A worker without TLS also listens on every interface unless it is started with ``--host 127.0.0.1``. On a cluster that
others run, they set up TLS: https://distributed.dask.org/en/stable/tls.html.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distributed import Client, Security
from distributed.comm.addressing import parse_host_port

from dqnkit.cluster.remote_eval import evaluate_on_workers
from dqnkit.errors import ClusterError, ConfigError, needs
from dqnkit.files import read_object

ENCRYPTED = ("tls", "wss", "gateway")  # gateway: dask-gateway's connections through its proxy, which speak TLS
WITHIN_THE_PROCESS = "inproc"  # scheme of workers that are threads of the same process
DANGER = (
    "reached without TLS from beyond this computer, where whoever connects could run code. Give the cluster "
    "certificates and tls:// addresses (dqnkit certificates makes them), or start it and its workers with --host "
    "127.0.0.1. On a private network that you trust, ask for it by name: --insecure, or insecure=True"
)
# Evaluated on a worker: all addresses on which it listens.
LISTENERS = """[
    listener.listen_address
    for worker in __import__("distributed").Worker._instances
    for listener in worker.listeners
]"""
# Names in Dask's configuration: each role has a private key and a certificate.
ROLES, KEY_AND_CERTIFICATE = ("scheduler", "worker", "client"), ("key", "cert")


def check_transport(client: Client, insecure: bool = False) -> None:
    """Check that no other computer can reach the scheduler or a worker without TLS.

    Args:
        client: of any cluster.
        insecure: skip the check, because the network is private and trusted.

    Raises:
        ClusterError: the scheduler or a worker listens beyond the loopback without TLS.
    """
    if insecure:
        return
    connected_to = str(client.scheduler.address if client.scheduler else "")
    listens_at = client.scheduler_info(n_workers=0)["address"]  # may be open to more computers than the address we used
    workers = list(client.nthreads())
    refuse_plain([connected_to, listens_at, *workers])
    plain = [address for address in workers if address.partition("://")[0] not in (*ENCRYPTED, WITHIN_THE_PROCESS)]
    for address, listeners in evaluate_on_workers(client, LISTENERS, plain).items():
        # without --host, a worker listens on every interface, although its address is the loopback's
        if wider := [listener for listener in listeners if not is_private(listener)]:
            raise ClusterError(f"worker {address} listens on {wider[0]}, {DANGER}")


def refuse_plain(addresses: Iterable[str], insecure: bool = False) -> None:
    """Check that each address, like ``tcp://127.0.0.1:8786``, uses TLS or is on the loopback.

    Raises:
        ClusterError: an address does neither, and ``insecure`` is false.
    """
    for address in addresses:
        if not (insecure or is_private(address)):
            raise ClusterError(f"{address} is {DANGER}")


def is_private(address: str) -> bool:
    """Whether a Dask address is protected from other computers: it uses TLS or is on the loopback."""
    scheme, _, host_and_port = address.partition("://")
    return scheme in (*ENCRYPTED, WITHIN_THE_PROCESS) or is_loopback(parse_host_port(host_and_port, 0)[0])


def is_loopback(host: str) -> bool:
    """Whether a name or an IP address means only this computer: all addresses that it resolves to are loopback."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)} if host else set()
    except OSError:  # unknown host
        return False
    return bool(found) and all(ipaddress.ip_address(str(ip).partition("%")[0]).is_loopback for ip in found)


def temporary_security() -> Security:
    """Make certificates for one cluster, in memory only.

    Raises:
        MissingExtraError: the package cryptography is not installed.
    """
    with needs("cryptography, which TLS certificates need,", "cluster", "cryptography"):
        return Security.temporary()


def check_certificates(security: Security) -> None:
    """Check the certificates with which a cluster is to be started.

    Raises:
        ConfigError: connections would not be encrypted.
        ClusterError: the scheduler's certificate is not valid at this time.
    """
    if not security.require_encryption:
        raise ConfigError("a cluster needs security with require_encryption=True: others could run code on it")
    certificate = security.get_tls_config_for_role("scheduler")["cert"]
    if certificate and (trouble := why_not_valid(certificate)):
        raise ClusterError(f"no cluster can be started: its certificate {trouble}")


def why_not_valid(certificate: str, now: datetime | None = None) -> str:
    """Why a certificate cannot be used at this time, and what to do; empty if it can.

    Args:
        certificate: its PEM text, or the path of a file with it.
        now: the time; by default this computer's.
    """
    from cryptography import x509  # comes with the extra `cluster`, but a client of somebody's cluster may lack it

    now = now or datetime.now(UTC)
    found = x509.load_pem_x509_certificate(str(_content(certificate)).encode())
    if now > found.not_valid_after_utc:
        return (
            f"has expired on {found.not_valid_after_utc:%d %B %Y}. Make new ones with dqnkit certificates, and copy "
            "the file to each machine of the cluster"
        )
    if now < found.not_valid_before_utc:
        return (
            f"is not valid before {found.not_valid_before_utc:%d %B %Y, %H:%M} UTC, and the clock of this computer "
            f"says {now:%d %B %Y, %H:%M} UTC. Set the clock that is wrong, or make new certificates"
        )
    return ""


def as_configuration(security: Security) -> dict[str, Any]:
    """Certificates as a part of Dask's configuration. It has the files' content, so it can be sent elsewhere."""
    roles = {
        role: {name: _content(getattr(security, f"tls_{role}_{name}")) for name in KEY_AND_CERTIFICATE}
        for role in ROLES
    }
    authority = _content(security.get_tls_config_for_role("scheduler")["ca_file"])
    comm = {"require-encryption": True, "tls": {"ca-file": authority, **roles}}
    return {"distributed": {"comm": comm}}


def _content(certificate: str | None) -> str | None:
    """A certificate itself, given as text or as the path of a file."""
    if certificate is None or "\n" in certificate:
        return certificate
    return Path(certificate).read_text(encoding="utf-8")


def write_certificates(path: Path) -> Security:
    """Make certificates for one cluster and write them to a file. Dask reads it if ``DASK_CONFIG`` is its path.

    Only its owner can read the file. Anybody who has a copy can join the cluster and run code on it. The certificates
    are valid for a year.

    Returns:
        the certificates, as `connect` and `make_cluster` take them.

    Raises:
        ClusterError: the file exists, or cannot be written.
        MissingExtraError: the package cryptography is not installed.
    """
    security = temporary_security()
    content = json.dumps(as_configuration(security), indent=2)  # JSON is valid YAML
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content + "\n")
    except FileExistsError as error:
        raise ClusterError(f"{path} exists: a cluster may be using it. Choose another name, or delete it") from error
    except OSError as error:
        raise ClusterError(f"the certificates cannot be written to {path}: {error.strerror}") from error
    return security


def read_certificates(path: Path) -> Security:
    """Read the file that `write_certificates` wrote.

    Raises:
        ClusterError: there is no such file, or it contains no certificates.
    """
    try:
        tls = read_object(Path(path))["distributed"]["comm"]["tls"]
        fields = {f"tls_{role}_{name}": tls[role][name] for role in ROLES for name in KEY_AND_CERTIFICATE}
        security = Security(require_encryption=True, tls_ca_file=tls["ca-file"], **fields)
        for role in ROLES:
            security.get_connection_args(role)  # OpenSSL reads them: a damaged one ends here, not in a connection
        return security
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ClusterError(f"{path} holds no certificates: {error!r}. dqnkit certificates makes such a file") from error
