"""A cluster on computers that are reached by ssh: a scheduler on the first, workers on the others.

Each computer needs Python, Dask, NumPy and Gymnasium in the versions that are installed here, but not dqnkit, which is
sent. All connections use TLS with certificates made for this cluster, which are never written to a disk. The remote
processes end with the ssh connection: after ``close``, and some minutes after this process was killed or has lost its
network.

Scheduler and workers listen on the address at which the ssh connection arrived. If the hosts cannot reach each other
by that address, the workers do not find the scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import dask
from distributed import Security
from distributed.core import Status
from distributed.deploy.spec import SpecCluster

from dqnkit.cluster.security import as_configuration, check_certificates, temporary_security
from dqnkit.cluster.ssh_host import SchedulerHost, WorkersHost
from dqnkit.cluster.time_spans import time_span
from dqnkit.errors import ClusterError, ConfigError

LOOPBACK = "127.0.0.1:0"  # address of dashboards: this computer only, any free port
# Settings in Dask's configuration: change them in a file in ~/.config/dask, or by DASK_DQNKIT__SSH__BOOT_TIMEOUT etc.
DEFAULTS = {"dqnkit": {"ssh": {"connect-timeout": "20 seconds", "boot-timeout": "2 minutes"}}}


class SSHCluster(SpecCluster):
    """A cluster over ssh. Distributed's class of this name puts private keys on command lines, which ps shows."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        try:
            super().__init__(*arguments, **settings)
        except BaseException:  # including Ctrl-C
            if self.status != Status.closed:
                self.sync(self._close_hosts)
                self.close()
            self._loop_runner.stop()
            raise

    async def _close_hosts(self) -> None:
        await asyncio.gather(*(host.close() for host in (self.scheduler, *self._created) if host))

    def scale(self, n: int = 0, *arguments: Any, **settings: Any) -> Any:
        """Reduce the number of workers; it cannot grow.

        Raises:
            ClusterError: ``n`` is larger than the present number.
        """
        if n > len(self.worker_spec):
            raise ClusterError("a cluster over ssh has the workers that it began with: start another with more")
        return super().scale(n, *arguments, **settings)


def start(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    hosts: Sequence[str],
    connect_options: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    remote_python: str | None = None,
    scheduler_port: int = 0,
    security: Security | None = None,
    progress: Callable[[str], None] = print,
) -> SSHCluster:
    """Start a scheduler and workers over ssh. Use the cluster in a ``with`` statement.

    Args:
        n_workers: worker processes in all, distributed evenly over the hosts.
        threads_per_worker: tasks that a process runs at the same time.
        hosts: names or addresses. The scheduler runs on the first, workers on the others; a single host runs both.
        connect_options: of `asyncssh.connect`, like ``{"username": ..., "client_keys": [...], "known_hosts": ...}``:
            one for all hosts, or a list with one for each. By default the settings in ``~/.ssh``.
        remote_python: path of Python on the hosts. By default the path of this process's Python if the host has such a
            file, else ``python3``.
        scheduler_port: by default any free port.
        security: certificates; by default new ones, made for this cluster.
        progress: called with a line of text at each stage.

    Raises:
        ConfigError: a number is out of range, there are no hosts, or ``security`` does not require encryption.
        ClusterError: a host could not be reached, or something did not start there; what had started is ended.
        MissingExtraError: the package cryptography is not installed.
    """
    if isinstance(hosts, str) or not hosts:
        raise ConfigError('hosts must be a list of names or addresses, like ["192.168.1.5", "192.168.1.6"]')
    if n_workers < 0 or threads_per_worker < 1:
        raise ConfigError("n_workers must be at least 0 and threads_per_worker at least 1")
    options = [connect_options or {}] * len(hosts) if isinstance(connect_options, dict | None) else connect_options
    if len(options) != len(hosts):
        raise ConfigError(f"{len(options)} connect_options for {len(hosts)} hosts: give one for all, or one for each")
    security = security or temporary_security()
    check_certificates(security)
    dask.config.update_defaults(DEFAULTS)
    timeouts = {"connect_timeout": _seconds("connect-timeout"), "start_timeout": _seconds("boot-timeout")}
    config = as_configuration(security) | {
        "logging": {"distributed": "info"}
    }  # `Host` reads in the log what has started
    shared = {"config": config, "remote_python": remote_python, **timeouts}
    common = {"protocol": "tls", "dashboard_address": LOOPBACK}
    scheduler = {
        **shared,
        "address": hosts[0],
        "connect_options": options[0],
        "spec": {"0": {"cls": "distributed.Scheduler", "opts": {**common, "port": scheduler_port}}},
    }
    workers = {}
    for i, (host, many) in enumerate(share_out(n_workers, hosts[1:] or hosts)):
        names = [f"{host}-{i}-{j}" for j in range(many)]
        settings = {**common, "nthreads": threads_per_worker, "death_timeout": timeouts["start_timeout"]}
        spec = {name: {"cls": "distributed.Nanny", "opts": {**settings, "name": name}} for name in names}
        option = options[1:][i] if len(hosts) > 1 else options[0]
        workers[f"{host}-{i}"] = {
            "cls": WorkersHost,
            "options": {**shared, "address": host, "connect_options": option, "spec": spec},
            "group": [f"-{j}" for j in range(many)],
        }
    progress(f"starting a scheduler on {hosts[0]} and {n_workers} workers on {len(workers)} hosts")
    try:
        cluster = SSHCluster(
            workers, {"cls": SchedulerHost, "options": scheduler}, security=security, name="SSHCluster"
        )
    except (ClusterError, RuntimeError) as error:
        cause = error if isinstance(error, ClusterError) else error.__cause__ or error
        raise ClusterError(f"no cluster over ssh: {cause}") from error
    progress(f"the scheduler and {n_workers} workers are up")
    return cluster


def share_out(n_workers: int, hosts: Sequence[str]) -> list[tuple[str, int]]:
    """Number of workers for each host: as even as possible, larger numbers first. Hosts that get none are left out."""
    each, rest = divmod(n_workers, len(hosts))
    return [(host, each + (i < rest)) for i, host in enumerate(hosts) if each + (i < rest)]


def _seconds(name: str) -> float:
    return time_span(f"dqnkit.ssh.{name} in Dask's configuration", dask.config.get(f"dqnkit.ssh.{name}"))
