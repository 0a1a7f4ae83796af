"""A cluster on computers that ssh reaches: a scheduler on the first, workers on the others.

Each has Python, Dask, NumPy and Gymnasium in the versions that are here; not dqnkit, which is sent. All speak TLS with
certificates made for this cluster, which are never written to a disk. What was started ends with the connection: after
``close``, and some minutes after this process was killed or its network lost.

Where hosts are reached by another way than they reach each other by, workers may not find the scheduler: they take the
address by which the ssh connection came in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import dask
from dask.utils import parse_timedelta
from distributed import Security
from distributed.core import Status
from distributed.deploy.spec import SpecCluster

from dqnkit.cluster.security import as_configuration, temporary_security
from dqnkit.cluster.ssh_host import SchedulerHost, WorkersHost
from dqnkit.errors import ClusterError, ConfigError

LOOPBACK = "127.0.0.1:0"  # for dashboards
# Settings of Dask's configuration: in a file of ~/.config/dask, or as DASK_DQNKIT__SSH__BOOT_TIMEOUT and the like.
DEFAULTS = {"dqnkit": {"ssh": {"connect-timeout": "20 seconds", "boot-timeout": "2 minutes"}}}


class SSHCluster(SpecCluster):
    """Like the one of distributed, which puts the private keys on the hosts' command lines, where ps shows them."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        try:
            super().__init__(*arguments, **settings)
        except BaseException:  # Ctrl-C, too
            if self.status != Status.closed:
                self.sync(self._close_hosts)
                self.close()
            self._loop_runner.stop()
            raise

    async def _close_hosts(self) -> None:
        await asyncio.gather(*(host.close() for host in (self.scheduler, *self._created) if host))

    def scale(self, n: int = 0, *arguments: Any, **settings: Any) -> Any:
        """Fewer hosts with workers; not more.

        Raises:
            ClusterError: more were asked for.
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
    """A scheduler and workers, each reached by ssh. Use it in ``with``.

    Args:
        n_workers: worker processes in all, shared out evenly.
        threads_per_worker: tasks that a process runs at a time.
        hosts: names or addresses. The scheduler runs on the first, workers on the others; on a single one, both.
        connect_options: of `asyncssh.connect`, like ``{"username": ..., "client_keys": [...], "known_hosts": ...}``;
            for all hosts, or for each. Unless given, what ``~/.ssh`` says.
        remote_python: the hosts' Python. This one's path, where they have such a file, else ``python3``, unless given.
        scheduler_port: of the scheduler; any that is free unless given.
        security: certificates; made for this cluster unless given.
        progress: is told what happens.

    Raises:
        ConfigError: a number is out of range, there are no hosts, or ``security`` is without encryption.
        ClusterError: a host could not be reached, or something did not start there; nothing of it is left running.
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
    if not security.require_encryption:
        raise ConfigError("a cluster over ssh needs security with require_encryption=True")
    dask.config.update_defaults(DEFAULTS)
    limits = (_seconds("connect-timeout"), _seconds("boot-timeout"))
    config = as_configuration(security) | {"logging": {"distributed": "info"}}  # from which it is seen what has started
    shared = {"config": config, "remote_python": remote_python, "limits": limits}
    kept_at_home = {"protocol": "tls", "dashboard_address": LOOPBACK}
    scheduler = {
        **shared,
        "address": hosts[0],
        "connect_options": options[0],
        "spec": {"0": {"cls": "distributed.Scheduler", "opts": {**kept_at_home, "port": scheduler_port}}},
    }
    workers = {}
    for i, (host, many) in enumerate(share_out(n_workers, hosts[1:] or hosts)):
        names = [f"{host}-{i}-{j}" for j in range(many)]
        settings = {**kept_at_home, "nthreads": threads_per_worker, "death_timeout": limits[1]}
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
    except RuntimeError as error:
        cause = error if isinstance(error, ClusterError) else error.__cause__ or error
        raise ClusterError(f"no cluster over ssh: {cause}") from error
    progress(f"the scheduler and {n_workers} workers are up")
    return cluster


def share_out(n_workers: int, hosts: Sequence[str]) -> list[tuple[str, int]]:
    """How many workers each host gets: as evenly as it goes, the first ones more, without those that get none."""
    each, rest = divmod(n_workers, len(hosts))
    return [(host, each + (i < rest)) for i, host in enumerate(hosts) if each + (i < rest)]


def _seconds(name: str) -> float:
    return float(parse_timedelta(dask.config.get(f"dqnkit.ssh.{name}")))
