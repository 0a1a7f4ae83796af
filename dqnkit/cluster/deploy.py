"""Clusters: one on this computer, or one that runs already.

with make_cluster() as cluster, cluster.get_client() as client: ...
with connect("tls://192.168.1.5:8786") as client: ...
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import dask.config
from dask.system import CPU_COUNT
from dask.utils import parse_timedelta
from distributed import Client, LocalCluster, Security
from distributed.comm.addressing import get_address_host, get_address_host_port
from distributed.comm.core import connect as open_connection
from distributed.system import MEMORY_LIMIT

from dqnkit.cluster import package
from dqnkit.cluster.package import check_workers, send_package
from dqnkit.cluster.security import check_transport, is_loopback, refuse_plain, temporary_security
from dqnkit.errors import ClusterError, ConfigError

__all__ = ["check_workers", "connect", "make_cluster", "send_package"]

LOOPBACK = "127.0.0.1"
WORKER_BYTES = 128 * 2**20  # that a worker takes with a small environment, and some to spare
WORKERS_SHARE = 1 / 4  # of memory; the rest is for the learner, replay and a notebook


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
    if n_workers is None:
        n_workers = max(1, min(CPU_COUNT, int(MEMORY_LIMIT * WORKERS_SHARE / WORKER_BYTES)))
    if n_workers < 0 or threads_per_worker < 1:
        raise ConfigError("n_workers must be at least 0 and threads_per_worker at least 1")
    if not is_loopback(host):
        security = security or temporary_security()
        if not security.require_encryption:
            raise ConfigError(f"a cluster that listens on {host} needs security with require_encryption=True")
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
                raise ClusterError(f"no cluster can be started on {host}: {_root(error)}") from error
            on_failure.callback(cluster.close)
        if send_package:
            with cluster.get_client() as client:
                package.send_package(client)
        on_failure.pop_all()
    return cluster


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back until this is over. Threads that start meanwhile, and their processes, never see it.

    A terminal sends it to every process that came from the command, and so does a notebook's Interrupt; workers would
    die of it while the driver, which decides, ends in order. Not on Windows.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def connect(
    address: str, *, security: Security | None = None, insecure: bool = False, timeout: float | None = None
) -> Client:
    """A client of a scheduler that runs already. Use it in ``with``.

    Args:
        address: like ``tls://192.168.1.5:8786``; ``tcp://`` only within this computer.
        security: certificates, see `dqnkit.cluster.security.read_certificates`; those of Dask's configuration unless
            given.
        insecure: allow connections without TLS beyond this computer, on a private network that is trusted.
        timeout: seconds; as Dask is configured (``distributed.comm.timeouts.connect``) unless given.

    Raises:
        ClusterError: the address is no address, or of a plain connection beyond this computer; nothing listens there;
            no answer came in time; the two sides' TLS does not match. Each with what to do.
    """
    address = address if "://" in address else f"tcp://{address}"
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise ClusterError(
            f"{address} is no scheduler's address ({error}): expected one like tls://HOST:8786"
        ) from error
    refuse_plain([address], insecure)
    security = security or Security()  # of Dask's configuration
    timeout = timeout or parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
    _try(address, security, timeout)
    client = Client(address, security=security, timeout=timeout)
    try:
        check_transport(client, insecure)
    except BaseException:
        client.close()
        raise
    return client


def _try(address: str, security: Security, timeout: float) -> None:
    """Open a connection and close it again: here it is known what a failure means, and that waiting has an end.

    Raises:
        ClusterError: as `connect`.
    """

    async def handshake() -> None:
        opened = open_connection(address, timeout=timeout, **security.get_connection_args("client"))
        connection = await asyncio.wait_for(opened, timeout)
        await connection.close()

    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook's own thread runs an event loop already
            thread.submit(asyncio.run, handshake()).result()
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise ClusterError(
            f"no connection to the scheduler at {address}: {_reason(address, error, timeout)}"
        ) from error


def _reason(address: str, error: BaseException, timeout: float) -> str:
    """Why a connection could not be made, and what to do."""
    root = _root(error)
    tls = address.startswith("tls://")
    certificates = "set DASK_CONFIG to the cluster's file of certificates, or give security=read_certificates(file)"
    if isinstance(root, ConnectionRefusedError):
        return (
            f"nothing listens there. Start it (dask scheduler --host {get_address_host(address)}), or correct the port"
        )
    if isinstance(error, TypeError) and tls:  # there is no ssl context
        return f"it wants certificates, and there are none here: {certificates}"
    if isinstance(error, RuntimeError):  # encryption is required by the configuration
        return "the configuration here asks for TLS, and the address is tcp://. Write tls:// if the scheduler has it"
    if isinstance(error, TimeoutError):
        return (
            f"it did not answer within {timeout:g} s. Is this a scheduler's port, and does a firewall let us through?"
        )
    if "WRONG_VERSION_NUMBER" in str(root):
        return "it does not speak TLS. Start it with certificates, or write tcp:// if it is on this computer"
    if tls and "timed out" not in str(error).lower():
        return f"its certificates and ours are not of the same cluster. For those, {certificates}"
    if isinstance(root, ConnectionResetError):
        return "it closed the connection. If it has certificates, write tls:// for tcp://"
    return f"{root}. Is the address right?"


def _root(error: BaseException) -> BaseException:
    """The first of the errors that led to this one."""
    while (cause := error.__cause__) is not None:
        error = cause
    return error
