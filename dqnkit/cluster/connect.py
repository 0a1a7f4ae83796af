"""Connect to a scheduler that is already running, and explain a failure to connect."""

from __future__ import annotations

import re
import socket
import ssl

from distributed import Client, Security
from distributed.comm.addressing import parse_host_port

from dqnkit.checked_numbers import number
from dqnkit.cluster.security import check_transport, refuse_plain, why_not_valid
from dqnkit.errors import ClusterError

# What OpenSSL says where the scheduler's certificate, or to the scheduler ours, is not valid at this time.
TIMES = {
    9: "its certificate is not valid yet, by the clock of this computer",
    10: "its certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "by its clock, our certificate has expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses our certificate, which by its clock is perhaps not valid yet",
}
RENEW = (
    "Compare the clocks of both computers; if they are right, make new certificates (dqnkit certificates), copy the "
    "file to each machine, and start the cluster again with it"
)


def connect(address: str, *, security: Security | None = None, insecure: bool = False, timeout: float = 10.0) -> Client:
    """A client of a scheduler that is already running. Use it in a ``with`` statement.

    Args:
        address: like ``tls://192.168.1.5:8786``; ``tcp://`` only within this computer.
        security: certificates, see `dqnkit.cluster.security.read_certificates`; by default those of Dask's
            configuration.
        insecure: allow connections without TLS to other computers, on a private network that you trust.
        timeout: seconds.

    Raises:
        ConfigError: the timeout is no number above 0.
        ClusterError: the address is malformed; it leads to another computer without TLS; nothing listens there; no
            answer came in time; or the TLS settings of the two sides do not match. The message says what to do.
    """
    timeout = number("timeout, in seconds,", timeout, above=0)
    scheme, separator, host_and_port = address.rpartition("://")
    scheme = scheme if separator else "tcp"  # Dask's default
    address = f"{scheme}://{host_and_port}"
    try:
        host, port = parse_host_port(host_and_port)
    except ValueError as error:
        raise ClusterError(
            f"{address} is no scheduler's address: {error}. Expected one like tls://HOST:8786"
        ) from error
    if scheme not in ("tls", "tcp"):
        raise ClusterError(f"{address} is no scheduler's address: expected one like tls://HOST:8786")
    refuse_plain([address], insecure)
    security = security or Security()  # reads Dask's configuration
    try:
        _try_connection(host, port, scheme == "tls", security, timeout)
        client = Client(address, security=security, timeout=timeout)
    except (OSError, ClusterError) as error:
        raise ClusterError(f"no connection to the scheduler at {address}: {error}") from error
    try:
        check_transport(client, insecure)
    except BaseException:
        client.close()
        raise
    return client


def _try_connection(host: str, port: int, tls: bool, security: Security, timeout: float) -> None:
    """Open a connection, wait for the scheduler's first byte, and close it again.

    A failure of this plain connection has a clear cause, which Dask's own error would hide.

    Raises:
        ClusterError: it failed, or our certificate is not valid now; the message says why, and what to do.
        OSError: a rarer failure, like a network that cannot be reached.
    """
    context = security.get_connection_args("client").get("ssl_context")
    certificates = "set DASK_CONFIG to the cluster's file of certificates, or give security=read_certificates(file)"
    if tls and not context:
        raise ClusterError(f"it needs certificates, and there are none here: {certificates}")
    if not tls and security.require_encryption:
        raise ClusterError("TLS is required here, and the address is tcp://. Write tls:// if the scheduler has it")
    certificate = security.get_tls_config_for_role("client")["cert"]
    if tls and certificate and (trouble := why_not_valid(certificate)):
        raise ClusterError(f"our certificate {trouble}")
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
        if theirs := TIMES.get(getattr(error, "verify_code", 0)) or TIMES.get(str(getattr(error, "reason", ""))):
            raise ClusterError(f"{theirs}. {RENEW}") from error
        advice = f"To have the cluster's, {certificates}"
        raise ClusterError(f"its certificates and ours are not of the same cluster. {advice}") from error
