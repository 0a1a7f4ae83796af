"""A cluster on this computer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker

import dask
from dask.system import CPU_COUNT
from distributed import LocalCluster, Security
from distributed.system import MEMORY_LIMIT

from dqnkit.cluster import package
from dqnkit.cluster.security import is_loopback, temporary_security
from dqnkit.errors import ClusterError, ConfigError

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


def start(
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
