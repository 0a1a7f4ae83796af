"""dqnkit on the cluster: is it there, in the version that is here? If it is not, it can be sent.

A worker needs dqnkit, NumPy and Gymnasium, not TensorFlow. So does the scheduler, which unpacks each task to see it.
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

import dqnkit
from dqnkit.cluster.ask import ANSWER_SECONDS, ask
from dqnkit.cluster.security import is_loopback
from dqnkit.errors import ClusterError

SEND_SECONDS = 60.0  # that the scheduler and all workers may take to receive the package
PLUGIN = "dqnkit-package"

Versions = dict[str, str]  # of Python and of packages; empty for a package that is not there

VERSIONS = """{
    "Python": __import__("platform").python_version(),
    **{
        name: __import__(name).__version__ if __import__("importlib.util").util.find_spec(name) else ""
        for name in ("dqnkit", "numpy", "gymnasium", "distributed")
    },
}"""
PROCESS = "__import__('socket').gethostname(), __import__('os').getpid()"
# Modules of an older copy must not mix with those of the one that is sent.
FORGET = """[
    __import__("sys").modules.pop(name)
    for name in list(__import__("sys").modules)
    if name.partition(".")[0] == "dqnkit"
].clear()"""


def check_workers(client: Client, patience: float = 60.0) -> None:
    """Wait for at least one worker and see that the scheduler and all workers can do this process's work.

    Workers that do not answer are passed over, as long as one does.

    Raises:
        ClusterError: none came within ``patience`` seconds, or one, or the scheduler, lacks a package or has a version
            that does not go with the one here.
    """
    try:
        if not client.nthreads():  # a LocalCluster that is asked while a worker leaves loses count of its workers
            client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        address = client.scheduler_info(n_workers=0)["address"]
        raise ClusterError(
            f"no worker came to the scheduler within {patience:.0f} s. Start some: dask worker {address}"
            f"{' --host 127.0.0.1' * is_loopback(get_address_host(address))}"
        ) from error
    answers: dict[str, Versions] = ask(client, VERSIONS, client.nthreads())
    if not answers:
        raise ClusterError(
            f"no worker answered within {ANSWER_SECONDS:.0f} s. Look at the workers' logs, or restart them"
        )
    _refuse_mismatch(client, answers)


def _refuse_mismatch(client: Client, answers: dict[str, Versions], **instead: str) -> None:
    """See that the versions of the scheduler and of the workers that answered go with those here.

    Args:
        client: of the cluster.
        answers: what each worker has.
        instead: versions to take for granted there.

    Raises:
        ClusterError: one does not.
    """
    ours = versions_here()
    there = {f"worker {address}": theirs for address, theirs in answers.items()}
    there["the scheduler"] = client.run_on_scheduler(eval, VERSIONS)
    for who, theirs in there.items():
        if trouble := mismatch(ours, {**theirs, **instead}):
            raise ClusterError(f"{who} {trouble}")


def versions_here() -> Versions:
    """Those of this process."""
    packages = {name: metadata.version(name) for name in ("numpy", "gymnasium", "distributed")}
    return {"Python": platform.python_version(), "dqnkit": dqnkit.__version__, **packages}


def stock_image() -> str:
    """The image for containers that Dask's makers publish, with the Dask and the Python that run here."""
    return f"daskdev/dask:{metadata.version('distributed')}-py{_parts(platform.python_version(), 2)}"


def mismatch(ours: Versions, theirs: Versions) -> str:
    """What keeps the scheduler or a worker from doing our work, and what to do; nothing where nothing does."""
    if _parts(theirs["Python"], 2) != _parts(ours["Python"], 2):
        return (
            f"has Python {theirs['Python']}, this process {ours['Python']} ({sys.executable}). Both must have the same "
            f"minor version: start one of them with the other's; in a container, take the image {stock_image()}"
        )
    if _parts(theirs["distributed"], 2) != _parts(ours["distributed"], 2):
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
    if _parts(theirs["numpy"], 1) != _parts(ours["numpy"], 1):  # arrays of NumPy 2 cannot be unpickled by NumPy 1
        return (
            f"has NumPy {theirs['numpy']}, this process {ours['numpy']}. Both must have the same major version: "
            f'pip install "numpy=={_parts(ours["numpy"], 1)}.*"'
        )
    return ""


def _parts(version: str, count: int) -> str:
    return ".".join(version.split(".")[:count])


def send_package(client: Client) -> None:
    """Send this process's dqnkit to the scheduler and all workers, those that join or restart later included.

    It goes before what is installed there. Python, NumPy and Gymnasium must be there.

    Raises:
        ClusterError: the workers are threads of this process, which has the package; one, or the scheduler, has Python,
            Dask, NumPy or Gymnasium in a version that does not go with ours; or one did not take the package in time.
    """
    if any(address.startswith("inproc://") for address in client.nthreads()):
        raise ClusterError("these workers are threads of this process and have its packages: there is nothing to send")
    _refuse_mismatch(client, ask(client, VERSIONS, client.nthreads()), dqnkit=dqnkit.__version__)
    with tempfile.TemporaryDirectory() as folder:
        path = str(zip_package(Path(folder)))
        plugin, scheduler_plugin = UploadFile(path), SchedulerUploadFile(path)  # they read the file

    async def send() -> None:
        if tuple(await client.run_on_scheduler(eval, PROCESS)) != (socket.gethostname(), os.getpid()):
            await client.run_on_scheduler(eval, FORGET)
            await client.register_plugin(scheduler_plugin, name=PLUGIN)
        await client.run(eval, FORGET)
        await client.register_plugin(plugin, name=PLUGIN)  # the scheduler keeps it for workers that come later

    try:
        client.sync(asyncio.wait_for, send(), SEND_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"the package did not reach the scheduler and all workers within {SEND_SECONDS:.0f} s. Look at their logs"
        ) from error


def zip_package(folder: Path) -> Path:
    """Put the package's source, without data and notebooks, into a zip file from which Python can import it."""
    package = Path(dqnkit.__file__).parent
    paths = [path.relative_to(package) for path in sorted(package.rglob("*.py"))]
    sources = {path.as_posix(): (package / path).read_bytes() for path in paths if path.parts[0] != "course"}
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()[:12]  # Python remembers what a zip of a name held
    path = folder / f"dqnkit-{dqnkit.__version__}-{digest}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in sources.items():
            file.writestr(f"dqnkit/{name}", content)
    return path
