"""Clients of a scheduler that runs already, and what it means when none comes about."""

from __future__ import annotations

import re
import socket
import ssl

from distributed import Client, Security
from distributed.comm.addressing import parse_host_port

from dqnkit.cluster.security import check_transport, refuse_plain
from dqnkit.errors import ClusterError


def connect(address: str, *, security: Security | None = None, insecure: bool = False, timeout: float = 10.0) -> Client:
    """A client of a scheduler that runs already. Use it in ``with``.

    Args:
        address: like ``tls://192.168.1.5:8786``; ``tcp://`` only within this computer.
        security: certificates, see `dqnkit.cluster.security.read_certificates`; those of Dask's configuration unless
            given.
        insecure: allow connections without TLS beyond this computer, on a private network that is trusted.
        timeout: seconds.

    Raises:
        ClusterError: the address is no address, or of a plain connection beyond this computer; nothing listens there;
            no answer came in time; the two sides' TLS does not match. Each with what to do.
    """
    scheme, separator, place = address.rpartition("://")
    scheme = scheme if separator else "tcp"  # as Dask reads it
    address = f"{scheme}://{place}"
    try:
        host, port = parse_host_port(place)
    except ValueError as error:
        raise ClusterError(
            f"{address} is no scheduler's address: {error}. Expected one like tls://HOST:8786"
        ) from error
    if scheme not in ("tls", "tcp"):
        raise ClusterError(f"{address} is no scheduler's address: expected one like tls://HOST:8786")
    refuse_plain([address], insecure)
    security = security or Security()  # of Dask's configuration
    try:
        _knock(host, port, scheme == "tls", security, timeout)
        client = Client(address, security=security, timeout=timeout)
    except (OSError, ClusterError) as error:
        raise ClusterError(f"no connection to the scheduler at {address}: {error}") from error
    try:
        check_transport(client, insecure)
    except BaseException:
        client.close()
        raise
    return client


def _knock(host: str, port: int, tls: bool, security: Security, timeout: float) -> None:
    """Open a connection, wait until the other side speaks, and close it: here it is plain what a failure means.

    Raises:
        ClusterError: it did not come to that; the message says why, and what to do.
        OSError: something rarer, like a network that cannot be reached.
    """
    context = security.get_connection_args("client").get("ssl_context")
    certificates = "set DASK_CONFIG to the cluster's file of certificates, or give security=read_certificates(file)"
    if tls and not context:
        raise ClusterError(f"it needs certificates, and there are none here: {certificates}")
    if not tls and security.require_encryption:
        raise ClusterError("TLS is required here, and the address is tcp://. Write tls:// if the scheduler has it")
    try:
        with (
            socket.create_connection((host, port), timeout) as plain,
            context.wrap_socket(plain) if tls else plain as connection,
        ):
            if not connection.recv(1):
                raise ConnectionResetError("it closed the connection")
    except ConnectionRefusedError as error:
        advice = f"Start one (dask scheduler --host {host} --port {port}), or correct the address"
        raise ClusterError(f"nothing listens there. {advice}") from error
    except socket.gaierror as error:
        raise ClusterError(f"there is no computer of the name {host}") from error
    except TimeoutError as error:
        advice = "Is it a scheduler's port, and does a firewall let us through?" + " Has it TLS? Then write tls://" * (
            not tls
        )
        raise ClusterError(f"it did not answer within {timeout:g} s. {advice}") from error
    except (ssl.SSLError, ConnectionResetError) as error:
        if not tls:
            raise
        if isinstance(error, ssl.SSLError) and not re.search("CERTIFICATE|ALERT", str(error.reason)):
            advice = "Start it with certificates, or write tcp:// if it is on this computer"
            raise ClusterError(f"it does not speak TLS. {advice}") from error
        advice = f"To have the cluster's, {certificates}"
        raise ClusterError(f"its certificates and ours are not of the same cluster. {advice}") from error
