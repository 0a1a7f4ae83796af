"""Checks that scheduler and workers have dqnkit in this process's version, and can send it to them.

A worker needs dqnkit, NumPy and Gymnasium, not TensorFlow. The scheduler needs the same, because it
unpickles each task.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import socket
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from distributed import Client
from distributed.comm.addressing import get_address_host
from distributed.diagnostics.plugin import SchedulerUploadFile, UploadFile
from packaging.version import Version

import dqnkit
from dqnkit.cluster.demand import Demand
from dqnkit.cluster.remote_eval import ANSWER_SECONDS, evaluate_on_workers
from dqnkit.cluster.security import is_loopback
from dqnkit.errors import ClusterError

SEND_SECONDS = 60.0  # for the scheduler and all workers to receive the package
PLUGIN = "dqnkit-package"

Versions = dict[str, str]  # by name, of Python and of packages; empty for a package that is missing

# Python expressions that workers and scheduler evaluate.
VERSIONS = """{
    "Python": __import__("platform").python_version(),
    **{
        name: __import__(name).__version__ if __import__("importlib.util").util.find_spec(name) else ""
        for name in ("dqnkit", "numpy", "gymnasium", "distributed")
    },
}"""
PROCESS = "__import__('socket').gethostname(), __import__('os').getpid()"
# Removes the modules of an older copy, which must not mix with those of the copy that is sent.
FORGET = """[
    __import__("sys").modules.pop(name)
    for name in list(__import__("sys").modules)
    if name.partition(".")[0] == "dqnkit"
].clear()"""


def check_workers(client: Client, patience: float = 60.0) -> None:
    """Wait for a worker, then check that the scheduler and all workers can run this process's tasks.

    Workers that do not answer are ignored, if at least one answers.

    Raises:
        ClusterError: no worker came within ``patience`` seconds, none answered, or the scheduler or a worker lacks a
            package or has an incompatible version.
    """
    try:
        if not client.nthreads():  # LocalCluster's own count goes wrong if it is asked while a worker leaves
            with Demand(client) as demand:
                demand.ask(1)
                client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise ClusterError(
            f"no worker came to the scheduler within {patience:.0f} s. {_how_to_start_workers(client)}"
        ) from error
    answers: dict[str, Versions] = evaluate_on_workers(client, VERSIONS, client.nthreads())
    if not answers:
        raise ClusterError(
            f"no worker answered within {ANSWER_SECONDS:.0f} s. Look at the workers' logs, or restart them"
        )
    _refuse_mismatch(client, answers)


def _how_to_start_workers(client: Client) -> str:
    """Advice for a cluster without workers: how to start some depends on who made it."""
    if getattr(client.cluster, "_adaptive", None) is not None:
        return (
            "The cluster adapts to the work: is its maximum above 0, and do machines start within this time (patience)?"
        )
    if getattr(client.cluster, "_supports_scaling", False):
        return "Start some: cluster.scale(2)"
    address = client.scheduler_info(n_workers=0)["address"]
    certificates = "DASK_CONFIG=FILE " * address.startswith("tls://")
    local = " --host 127.0.0.1" * is_loopback(get_address_host(address))
    return f"Start some: {certificates}dask worker {address}{local}"


def _refuse_mismatch(client: Client, answers: dict[str, Versions], **instead: str) -> None:
    """Check that the versions on the scheduler and on the workers are compatible with this process's.

    Args:
        client: of the cluster.
        answers: the versions on each worker, by address.
        instead: versions to assume on all of them, by name of the package.

    Raises:
        ClusterError: one version is incompatible.
    """
    ours = versions_here()
    there = {f"worker {address}": theirs for address, theirs in answers.items()}
    there["the scheduler"] = client.run_on_scheduler(eval, VERSIONS)
    for who, theirs in there.items():
        if trouble := mismatch(ours, {**theirs, **instead}):
            raise ClusterError(f"{who} {trouble}")


def versions_here() -> Versions:
    """The versions in this process."""
    packages = {name: metadata.version(name) for name in ("numpy", "gymnasium", "distributed")}
    return {"Python": platform.python_version(), "dqnkit": dqnkit.__version__, **packages}


def stock_image() -> str:
    """The container image, published by the Dask project, with the versions of Dask and Python that run here."""
    return f"daskdev/dask:{metadata.version('distributed')}-py{_release(platform.python_version(), 2)}"


def mismatch(ours: Versions, theirs: Versions) -> str:
    """Why a process with these versions cannot run our tasks, and what to do about it; empty if it can."""
    if _release(theirs["Python"], 2) != _release(ours["Python"], 2):
        return (
            f"has Python {theirs['Python']}, this process {ours['Python']} ({sys.executable}). Both must have the same "
            f"minor version: start one of them with the other's; in a container, take the image {stock_image()}"
        )
    if _release(theirs["distributed"], 2) != _release(ours["distributed"], 2):
        return (
            f"has Dask {theirs['distributed']}, this process {ours['distributed']}. Both must be of the same month: "
            f"pip install distributed=={ours['distributed']} there; in a container, take the image {stock_image()}"
        )
    if not theirs["dqnkit"]:
        return (
            f"does not have dqnkit. Install it there (pip install dqnkit=={ours['dqnkit']}; the base install is "
            "enough) and start it again, or have it sent: --send-package, or send_package(client)"
        )
    if theirs["dqnkit"] != ours["dqnkit"]:
        return (
            f"has dqnkit {theirs['dqnkit']}, this process {ours['dqnkit']}. Install that there and start it again, "
            "or have it sent: --send-package, or send_package(client)"
        )
    if missing := [name for name in ("numpy", "gymnasium") if not theirs[name]]:
        return f"lacks what dqnkit needs. Install it there (pip install {' '.join(missing)}) and start it again"
    if _release(theirs["numpy"], 1) != _release(ours["numpy"], 1):  # arrays of NumPy 2 cannot be unpickled by NumPy 1
        return (
            f"has NumPy {theirs['numpy']}, this process {ours['numpy']}. Both must have the same major version: "
            f'pip install "numpy=={_release(ours["numpy"], 1)}.*"'
        )
    return ""


def _release(version: str, count: int) -> str:
    """The first numbers of a version: of ``2.4.0rc1`` the first two are ``2.4``."""
    return ".".join(map(str, Version(version.rstrip("+")).release[:count]))  # Python built from a checkout is 3.13.0+


def send_package(client: Client) -> None:
    """Send this process's dqnkit to the scheduler and all workers, including workers that join or restart later.

    It takes precedence over a dqnkit that is installed there. Python, NumPy and Gymnasium must be installed there.

    Raises:
        ClusterError: the workers are threads of this process, so there is nothing to send; the scheduler or a worker
            has an incompatible version of Python, Dask, NumPy or Gymnasium; or the package did not arrive in time.
    """
    if any(address.startswith("inproc://") for address in client.nthreads()):
        raise ClusterError("these workers are threads of this process and have its packages: there is nothing to send")
    versions = evaluate_on_workers(client, VERSIONS, client.nthreads())
    _refuse_mismatch(client, versions, dqnkit=dqnkit.__version__)
    with tempfile.TemporaryDirectory() as folder:
        path = str(zip_package(Path(folder)))
        plugin, scheduler_plugin = UploadFile(path), SchedulerUploadFile(path)  # these read the file now

    async def send() -> None:
        if tuple(await client.run_on_scheduler(eval, PROCESS)) != (socket.gethostname(), os.getpid()):
            await client.run_on_scheduler(eval, FORGET)
            await client.register_plugin(scheduler_plugin, name=PLUGIN)
        await client.run(eval, FORGET)
        await client.register_plugin(plugin, name=PLUGIN)  # the scheduler also sends it to workers that join later

    try:
        client.sync(asyncio.wait_for, send(), SEND_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"the package did not reach the scheduler and all workers within {SEND_SECONDS:.0f} s. Look at their logs"
        ) from error


def zip_package(folder: Path) -> Path:
    """Write the package's source, without data and notebooks, to a zip file that Python can import from."""
    package = Path(dqnkit.__file__).parent
    paths = [path.relative_to(package) for path in sorted(package.rglob("*.py"))]
    sources = {path.as_posix(): (package / path).read_bytes() for path in paths if path.parts[0] != "course"}
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()[
        :12
    ]  # a new name: Python caches a zip file's content by name
    path = folder / f"dqnkit-{dqnkit.__version__}-{digest}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sources.items():
            file.writestr(f"dqnkit/{name}", content)
    return path
