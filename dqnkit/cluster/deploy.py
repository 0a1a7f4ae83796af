"""Clusters: one on this computer, and a look at the workers of any before training starts on them."""

from __future__ import annotations

import platform
import sys
from typing import Any

from distributed import Client, LocalCluster

import dqnkit
from dqnkit.errors import ClusterError


def make_cluster(n_workers: int = 2, threads_per_worker: int = 1) -> LocalCluster:
    """A scheduler and worker processes on this computer, reachable from nowhere else. Use it in ``with``.

    Args:
        n_workers: processes; each steps environments on one core at a time.
        threads_per_worker: tasks that a process runs at a time; more than one helps where environments wait (for a
            simulator, a network), not where they compute.
    """
    loopback = "127.0.0.1"
    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=threads_per_worker,
        host=loopback,
        dashboard_address=f"{loopback}:0",
        worker_dashboard_address=f"{loopback}:0",
    )


def check_workers(client: Client, patience: float = 60.0) -> None:
    """Wait for at least one worker and see that all have the package that this process has.

    Raises:
        ClusterError: none came within ``patience`` seconds, or one lacks the package or has another version of it or of
            Python.
    """
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise ClusterError(
            f"no worker came to the scheduler within {patience:.0f} s. Start some: dask worker {_address(client)}"
        ) from error

    def versions() -> dict[str, Any]:  # travels by value: a worker without the package must be able to run it
        import platform
        from importlib import metadata

        try:
            version = metadata.version("dqnkit")
        except metadata.PackageNotFoundError:
            try:
                version = __import__("dqnkit").__version__
            except ImportError:
                version = ""
        return {"dqnkit": version, "Python": platform.python_version()}

    ours = {"dqnkit": dqnkit.__version__, "Python": platform.python_version()}
    for address, theirs in client.run(versions, on_error="ignore").items():
        if not theirs["dqnkit"]:
            raise ClusterError(
                f"worker {address} does not have dqnkit. Install the same version there "
                f"(pip install dqnkit=={ours['dqnkit']}; the base install is enough) and start the worker again"
            )
        if theirs["dqnkit"] != ours["dqnkit"]:
            raise ClusterError(
                f"worker {address} has dqnkit {theirs['dqnkit']}, this process {ours['dqnkit']}. Install the same there"
            )
        if theirs["Python"].rsplit(".", 1)[0] != ours["Python"].rsplit(".", 1)[0]:
            raise ClusterError(
                f"worker {address} has Python {theirs['Python']}, this process {ours['Python']} "
                f"({sys.executable}). Both must have the same minor version"
            )


def _address(client: Client) -> str:
    return str(client.scheduler.address) if client.scheduler else "ADDRESS"
