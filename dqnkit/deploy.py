"""Clusters of every kind: on this computer, on others that ssh reaches, on machines of a cloud, or running already.

with make_cluster() as cluster, cluster.get_client() as client: ...
with connect("tls://192.168.1.5:8786") as client: ...
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dqnkit.checked_numbers import whole_number
from dqnkit.cluster import local
from dqnkit.cluster.borrowed_cluster import BorrowedCluster
from dqnkit.cluster.connect import connect
from dqnkit.cluster.local import workers_that_fit
from dqnkit.cluster.package import check_workers, send_package
from dqnkit.errors import ConfigError, needs

if TYPE_CHECKING:
    from distributed.deploy.cluster import Cluster

__all__ = ["check_workers", "connect", "make_cluster", "send_package", "workers_that_fit"]

# Kinds that need the extra `cloud`: the module with the function `start`, imported only when it is asked for.
STARTED_BY = {"ssh": "dqnkit.cluster.ssh", "aws": "dqnkit.cloud.aws", "gcp": "dqnkit.cloud.gcp"}
# Packages of that extra and what they bring, as they are imported
CLOUD_PACKAGES = (
    *("aiobotocore", "asyncssh", "botocore", "cryptography", "dask_cloudprovider", "google", "google_auth_httplib2"),
    *("googleapiclient", "httplib2"),
)


def make_cluster(
    where: str | Cluster = "local", n_workers: int | None = None, threads_per_worker: int | None = None, **options: Any
) -> Cluster:
    """A Dask cluster of any kind. Use it in a ``with`` block; what it started ends there, and nothing else.

    ======================  ============================================  ======================================
    where                   what it is                                    options
    ======================  ============================================  ======================================
    ``"local"``             processes on this computer                    those of `dqnkit.cluster.local.start`
    ``"tls://HOST:8786"``   a scheduler that runs already; it stays       of `dqnkit.cluster.running_cluster`
    ``"ssh"``               processes on computers that ssh reaches       of `dqnkit.cluster.ssh.start`
    ``"aws"``               machines of Amazon EC2, which cost money      of `dqnkit.cloud.aws.start`
    ``"gcp"``               machines of Google Compute Engine, likewise   of `dqnkit.cloud.gcp.start`
    a Dask cluster          of dask-gateway, dask-jobqueue, ...; it stays none
    ======================  ============================================  ======================================

    Args:
        where: see the table.
        n_workers: worker processes; on a cloud each has its own machine. On this computer the default is one for each
            core, as far as memory allows; on a cluster that runs already there are those that it has.
        threads_per_worker: tasks that a worker runs at a time, by default 1. More than one helps where environments
            wait (for a simulator, a network), not where they compute.
        options: see the table. Settings in Dask's configuration count, too.

    Raises:
        ConfigError: there is no such kind, or an option is wrong.
        ClusterError: it could not be started; whatever had started has ended.
        MissingExtraError: this kind needs a package that is not installed.
    """
    if not isinstance(where, str) and hasattr(where, "get_client"):  # dask-gateway's is no `Cluster` of distributed
        _refuse_numbers("a cluster that you made", n_workers, threads_per_worker, options)
        borrowed: Any = BorrowedCluster(where)
        return borrowed
    if not isinstance(where, str) or not (where in ("local", *STARTED_BY) or "://" in where):
        kinds = ", ".join(["local", *STARTED_BY])
        raise ConfigError(
            f"where must be one of {kinds}, an address like tls://HOST:8786 or a Dask cluster, not {where!r}; the "
            "number of workers is make_cluster(n_workers=2)"
        )
    threads = 1 if threads_per_worker is None else whole_number("threads_per_worker", threads_per_worker, low=0)
    if n_workers is not None:
        whole_number("n_workers", n_workers, low=0)
    try:
        if where == "local":
            return local.start(n_workers, threads, **options)
        if "://" in where:
            from dqnkit.cluster.running_cluster import RunningCluster

            _refuse_numbers(f"the cluster at {where}", n_workers, threads_per_worker)
            return RunningCluster(where, **options)
        if n_workers is None:
            raise ConfigError(f"say how many workers: make_cluster({where!r}, n_workers=2)")
        return _starter(where)(n_workers, threads, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ConfigError(f"make_cluster({where!r}): {str(error).rpartition('()')[2].strip()}") from error


def _refuse_numbers(
    what: str, n_workers: int | None, threads_per_worker: int | None, options: dict[str, Any] | None = None
) -> None:
    """Refuse arguments that would say how a cluster is started, for one that runs already.

    Raises:
        ConfigError: one was given.
    """
    given = {"n_workers": n_workers, "threads_per_worker": threads_per_worker, **(options or {})}
    if names := [name for name, value in given.items() if value is not None]:
        raise ConfigError(
            f"{what} runs already and is used as it is: leave out {', '.join(names)} (cluster.scale(4) changes the "
            "number of workers, where they are yours)"
        )


def _starter(where: str) -> Callable[..., Cluster]:
    """The function that starts a cluster of a kind that needs the extra `cloud`."""
    with needs(f"what a cluster on {where} needs", "cloud", *CLOUD_PACKAGES):
        module = importlib.import_module(STARTED_BY[where])
    starter: Callable[..., Cluster] = module.start
    return starter
