"""Start a Dask cluster on this computer."""

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
from dqnkit.cluster.main_guard import check_main_guard
from dqnkit.cluster.security import check_certificates, temporary_security
from dqnkit.errors import ClusterError, ConfigError

LOOPBACK = "127.0.0.1"
WORKER_BYTES = 128 * 2**20  # memory of a worker with a small environment, with a margin
WORKERS_SHARE = 1 / 4  # of memory, for all workers; the rest is for learner, replay and notebook
# Defaults of Dask's configuration for our clusters; settings that the user has made take precedence.
DEFAULTS = {
    "distributed": {
        # Dask's default gives up a worker whose nanny has not restarted it within 15 s
        "deploy": {"lost-worker-timeout": "1 hour"},
        # Dask keeps an hour of profiles, and a worker grew by 4 MB a minute
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
    """Start a scheduler and worker processes that only this process can use. Use it in a ``with`` statement.

    All connections use TLS, on the loopback too: without it, every user of this computer could run code as the user
    who started the cluster. The certificates are made for this cluster and stay in the memory of its processes.

    Args:
        n_workers: number of processes; each uses one core. By default one for each core, if there is enough memory.
        threads_per_worker: tasks that a process runs at the same time. More than one helps if environments wait (for a
            simulator, a network), not if they compute.
        host: address on which scheduler and workers listen. To let workers on other machines join, give an address of
            this machine, and ``security``. Dashboards always listen on the loopback only.
        security: certificates, see `dqnkit.cluster.security.write_certificates`, for workers or clients that other
            programs start. By default new ones, which only the cluster's own processes have.
        send_package: send this process's dqnkit to all workers, including those that join later.

    Raises:
        ConfigError: a number is out of range, or ``security`` does not require encryption.
        ClusterError: the cluster cannot listen on ``host``, or each worker would run the script that starts it.
        MissingExtraError: the package cryptography is not installed.
    """
    n_workers = workers_that_fit() if n_workers is None else n_workers
    if n_workers < 0 or threads_per_worker < 1:
        raise ConfigError("n_workers must be at least 0 and threads_per_worker at least 1")
    security = security or temporary_security()
    check_certificates(security)
    check_main_guard()
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
                cause = str(error.__cause__)
                advice = '. Is it started below if __name__ == "__main__":?' if "Nanny" in cause else ""
                raise ClusterError(f"no cluster can be started on {host}: {cause}{advice}") from error
            on_failure.callback(cluster.close)
        if send_package:
            with cluster.get_client() as client:
                package.send_package(client)
        on_failure.pop_all()
    return cluster


def workers_that_fit(cores: int = CPU_COUNT, memory: int = MEMORY_LIMIT) -> int:
    """Number of workers for this computer: one for each core, fewer if memory is short; at least one.

    Args:
        cores: that this process, or its container, may use.
        memory: bytes that this process, or its container, may use.
    """
    return max(1, min(cores, int(memory * WORKERS_SHARE / WORKER_BYTES)))


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C (SIGINT) and SIGHUP inside the ``with`` block. What starts in it, threads too, keeps them blocked.

    A terminal sends them to every process of the command, and a notebook's Interrupt does so too. They would kill the
    workers while the driver still needs them to end in order. On Windows this does nothing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    resource_tracker.ensure_running()  # of multiprocessing; its start unblocks SIGINT, so that comes after it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
