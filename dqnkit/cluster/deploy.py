"""Clusters: one on this computer, or one that runs already.

with make_cluster() as cluster, cluster.get_client() as client: ...
with connect("tls://192.168.1.5:8786") as client: ...
"""

from __future__ import annotations

import re
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security
from distributed.comm.addressing import parse_host_port
from distributed.system import MEMORY_LIMIT

from dqnkit.cluster import package
from dqnkit.cluster.package import check_workers, send_package
from dqnkit.cluster.security import check_transport, is_loopback, refuse_plain, temporary_security
from dqnkit.errors import ClusterError, ConfigError

__all__ = ["check_workers", "connect", "make_cluster", "send_package"]

LOOPBACK = "127.0.0.1"
WORKER_BYTES = 128 * 2**20  # that a worker takes with a small environment, and some to spare
WORKERS_SHARE = 1 / 4  # of memory; the rest is for the learner, replay and a notebook
# Of Dask, for clusters of ours; whoever has set them keeps their own.
DEFAULTS = {
    "distributed": {
        # a worker whose new process is not there 15 s after the death of its last would be dropped for good
        "deploy": {"lost-worker-timeout": "1 hour"},
        # an hour of profiles is kept: a worker grew by 4 MB a minute
        "worker": {"profile": {"enabled": False}},
    }
}


def make_cluster(
    n_workers: int | None = None,
    threads_per_worker: int = 1,
    *,
    host: str = LOOPBACK,
    security: Security | None = None,
    send_package: bool = False,
) -> LocalCluster:
    """A scheduler and worker processes on this computer, reachable from nowhere else. Use it in ``with``.

    Args:
        n_workers: processes; each steps environments on one core at a time. As many as cores, as far as memory goes
            (of both, what a container allows) unless given.
        threads_per_worker: tasks that a process runs at a time; more than one helps where environments wait (for a
            simulator, a network), not where they compute.
        host: where scheduler and workers listen. For workers on other machines, an address of this one; then they
            speak TLS. Dashboards and the workers' HTTP servers stay on the loopback in any case.
        security: certificates, see `dqnkit.cluster.security.write_certificates`; beyond the loopback they are made
            for this cluster unless given.
        send_package: give all workers, those that join later included, the package that this process has.

    Raises:
        ConfigError: a number is out of range, or ``security`` without encryption for a host beyond the loopback.
        ClusterError: it cannot listen on the host.
        MissingExtraError: certificates are needed and the package cryptography is not installed.
    """
    n_workers = workers_that_fit() if n_workers is None else n_workers
    if n_workers < 0 or threads_per_worker < 1:
        raise ConfigError("n_workers must be at least 0 and threads_per_worker at least 1")
    if not is_loopback(host):
        security = security or temporary_security()
        if not security.require_encryption:
            raise ConfigError(f"a cluster that listens on {host} needs security with require_encryption=True")
    dask.config.update_defaults(DEFAULTS)
    with ExitStack() as on_failure:
        with _without_ctrl_c():
            try:
                cluster = LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=threads_per_worker,
                    host=host,
                    security=security,
                    dashboard_address=f"{LOOPBACK}:0",
                    worker_dashboard_address=f"{LOOPBACK}:0",
                )
            except RuntimeError as error:
                raise ClusterError(f"no cluster can be started on {host}: {error.__cause__}") from error
            on_failure.callback(cluster.close)
        if send_package:
            with cluster.get_client() as client:
                package.send_package(client)
        on_failure.pop_all()
    return cluster


def workers_that_fit(cores: int = CPU_COUNT, memory: int = MEMORY_LIMIT) -> int:
    """As many worker processes as cores, as far as memory (bytes) goes; of both, what a container allows."""
    return max(1, min(cores, int(memory * WORKERS_SHARE / WORKER_BYTES)))


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back until this is over. Threads that start meanwhile, and their processes, never see it.

    A terminal sends it to every process that came from the command, and so does a notebook's Interrupt; workers would
    die of it while the driver, which decides, ends in order. Not on Windows.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # of multiprocessing: else it starts now, and lets Ctrl-C in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
