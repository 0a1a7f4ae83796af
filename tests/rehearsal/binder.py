"""A rehearsal of Binder: the solution notebooks in a server built and started as on Binder, in 2 GB on one core.

As on Binder, the home folder is a clean clone of the last commit, and a fresh virtual environment has only what
binder/requirements.txt names. postBuild, start and the server run as repo2docker and BinderHub run them. The server,
its kernel and all their processes share one core and a hard limit of memory. The notebooks are opened and run through
the server, one after another, with full training runs.

    python tests/rehearsal/binder.py                         # about a quarter of an hour
    python tests/rehearsal/binder.py --fast target_network   # short training runs; this notebook only

It needs Linux, root, memory control groups of version 1, the Python of binder/runtime.txt and a package index, and the
extra `notebooks` in the environment that runs it.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _container import Container, PeakMemory, obstacle
from _server import KernelDied, Server

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(FOLDER.parent / "benchmarks"))

import report  # noqa: E402

from dqnkit.authoring.build import build_fast  # noqa: E402

LIMIT = 2 * 2**30  # bytes, of Binder
TARGET = 1500.0  # MB (10**6 bytes)
PREFIX = "/user/x/"
NOTEBOOK_SECONDS, START_SECONDS, END_SECONDS = 1800, 60, 30
WITH_DASHBOARD = ("train_on_a_cluster",)  # lessons that show a link to Dask's dashboard
KINDS = ("server", "kernel", "workers", "other")
DASHBOARD = re.compile(rf"{PREFIX}proxy/[\w.:]+/status")


def main() -> None:
    """Build, start, run every notebook, and print what they used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="lessons, as target_network (default: all)")
    parser.add_argument("--fast", action="store_true", help="notebooks that are built with short training runs")
    parser.add_argument(
        "--python", help="an interpreter of the version in binder/runtime.txt (default: found by its name)"
    )
    parser.add_argument("--out", type=Path, help="JSON file (default: benchmark-results/binder.json)")
    arguments = parser.parse_args()
    if reason := obstacle():
        raise SystemExit(f"Binder cannot be rehearsed here: {reason}")
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit("ended from outside")
    )  # end by an exception, so that nothing is left running

    with tempfile.TemporaryDirectory(prefix="binder-") as folder:
        place = Place(Path(folder))
        built = build(place, arguments.python)
        paths = [
            f"notebooks/solutions/{file.name}"
            for file in sorted((place.home / "notebooks/solutions").glob("[0-9]*.ipynb"))
        ]
        wanted = [path for path in paths if not arguments.names or lesson_of(Path(path).stem) in arguments.names]
        if not wanted:
            raise SystemExit(f"there is no lesson {' or '.join(arguments.names)}")
        if arguments.fast:
            build_fast(ROOT / "notebooks", place.home / "notebooks")
        runs = list(rehearse(place, wanted))

    rows = [[run.name, run.seconds, run.total / 1e6, *(run.peak.get(kind, 0) / 1e6 for kind in KINDS)] for run in runs]
    report.table("Binder: 2 GiB, one core", ["notebook", "seconds", "peak MB", *KINDS], rows)
    report.table("The environment", ["", ""], list(built.items()))
    for run in runs:
        for complaint in run.complaints:
            print(f"\n{run.name}: {complaint}")
    print()
    with_dask = [run for run in runs if lesson_of(run.name) in WITH_DASHBOARD]
    verdicts = [
        report.verdict("notebooks that end without a complaint", sum(not run.complaints for run in runs), len(wanted)),
        report.verdict("MB at the peak", max((run.total for run in runs), default=0) / 1e6, TARGET, at_most=True),
    ]
    if with_dask:
        answering = sum(bool(run.dashboards) for run in with_dask)
        verdicts.append(report.verdict("dashboards that answer", answering, len(with_dask)))
    results = {"environment": built, "notebooks": [vars(run) for run in runs], "versions": report.versions()}
    print(f"\nWritten to {report.write_json('binder', arguments, results, verdicts)}")
    if not all(verdict["met"] for verdict in verdicts):
        raise SystemExit(1)


@dataclass
class Place:
    """The folders of the rehearsal."""

    folder: Path

    @property
    def home(self) -> Path:
        """The home folder: a clone of the repository."""
        return self.folder / "home"

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.folder / "environment"

    def variables(self) -> dict[str, str]:
        """The environment variables of Binder's image."""
        path = f"{self.environment}/bin:/usr/local/bin:/usr/bin:/bin"
        return {"HOME": str(self.home), "PATH": path, "USER": "jovyan", "SHELL": "/bin/bash", "LANG": "C.UTF-8"}


@dataclass
class Run:
    """What a run of a notebook used and showed."""

    name: str
    seconds: float = 0.0
    peak: dict[str, int] = field(default_factory=dict)  # bytes of proportional set size, by kind of process
    charged: int = 0  # bytes at the peak of the control group, with the pages of files
    dashboards: list[str] = field(default_factory=list)  # links to Dask's dashboards that were shown and that answered
    complaints: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Bytes at the peak, of all processes."""
        return sum(self.peak.values())


def lesson_of(notebook: str) -> str:
    """The lesson of a notebook, from the name of its file without the ending."""
    return notebook.partition("_")[2]


def build(place: Place, python: str | None) -> dict[str, float]:
    """Do the steps of repo2docker; return the seconds of each step, and the size of the environment."""
    built: dict[str, float] = {}
    version = (ROOT / "binder/runtime.txt").read_text().strip().removeprefix("python-")
    # the image's variables, and those with which packages are reached from here (pip's settings, certificates, proxies)
    network = {
        name: value for name, value in os.environ.items() if re.match("PIP_|SSL_|REQUESTS_|https?_proxy", name, re.I)
    }
    variables = {**network, **place.variables()}
    steps = {
        "clone": (["git", "clone", "--quiet", str(ROOT), str(place.home)], ROOT, dict(os.environ)),
        "make the environment": (
            [python or f"python{version}", "-m", "venv", str(place.environment)],
            ROOT,
            {**os.environ, "PYENV_VERSION": version},  # pyenv chooses the Python by this variable
        ),
        "requirements": (
            ["pip", "install", "--quiet", "--no-cache-dir", "-r", "binder/requirements.txt"],
            place.home,
            variables,
        ),
        "pip check": (["pip", "check"], place.home, variables),
        "postBuild": (["binder/postBuild"], place.home, variables),
    }
    for name, (command, cwd, environment) in steps.items():
        began = time.monotonic()
        # through bash, which finds the program on the step's PATH; subprocess would take the PATH of this process
        subprocess.run(["bash", "-c", 'exec "$@"', "step", *command], cwd=cwd, env=environment, check=True)
        built[f"{name}, s"] = time.monotonic() - began
        report.progress(f"{name}: {built[f'{name}, s']:.0f} s")
    files = [file for file in place.environment.rglob("*") if file.is_file() and not file.is_symlink()]
    built["size, MB"] = sum(file.stat().st_size for file in files) / 1e6
    forget_pages(files)
    return built


def forget_pages(files: list[Path]) -> None:
    """Make the kernel read the files again: pages that are already in memory would not be charged to the session."""
    os.sync()
    for file in files:
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def rehearse(place: Place, paths: list[str]) -> Iterator[Run]:
    """Run the notebooks in one session."""
    container = Container(LIMIT)
    try:
        with session(place, container) as server:
            idle = container.processes()
            for path in paths:
                container.forget_peak()
                watch = PeakMemory(container)
                watch.start()
                run = run_notebook(server, path)
                run.peak, run.charged = watch.stop(), container.peak()
                if left := container.wait_for_end(idle, END_SECONDS):
                    run.complaints.append(f"{len(left)} processes are left behind")
                if killed := container.killed():
                    run.complaints.append(f"{killed} processes killed because memory ran out, so far")
                report.progress(
                    f"{run.name}: {run.seconds:.0f} s, {run.total / 1e6:.0f} MB, {len(run.complaints)} complaints"
                )
                yield run
    finally:
        container.remove()


@contextmanager
def session(place: Place, container: Container) -> Iterator[Server]:
    """The server, started through binder/start as by BinderHub."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(port, PREFIX, secrets.token_hex(16))
    settings = {"base_url": PREFIX, "token": server.token, "trust_xheaders": "True"}
    command = ["binder/start", "jupyter-lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser", "--allow-root"]
    command += [f"--{app}.{name}={value}" for app in ("NotebookApp", "ServerApp") for name, value in settings.items()]
    # set by JupyterHub
    hub = {"JUPYTERHUB_SERVICE_PREFIX": PREFIX, "CPU_LIMIT": "1.0", "MEM_LIMIT": str(LIMIT)}
    variables = {**place.variables(), **hub}
    core, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(0, others)  # the rehearsal itself takes no time from the session's core
    log = place.folder / "server.log"
    process = container.start(command, core, place.home, variables, log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_notebook(server: Server, path: str) -> Run:
    """Open a notebook and run all its cells, also those after an error."""
    run = Run(Path(path).stem)
    began = time.monotonic()
    with server.session(path) as kernel:
        try:
            for cell in server.cells(path):
                for output in kernel.execute(cell, began + NOTEBOOK_SECONDS - time.monotonic()):
                    run.complaints += complaints(output)
                    follow_links(server, output, run)
        except (KernelDied, TimeoutError) as error:
            run.complaints.append(str(error))
    run.seconds = time.monotonic() - began
    return run


def follow_links(server: Server, output: dict[str, Any], run: Run) -> None:
    """Open each link to Dask's dashboard through the server, as soon as the link is shown."""
    for link in sorted(set(DASHBOARD.findall(str(output))) - set(run.dashboards)):
        status, _ = server.request("GET", link)
        if status == 200:
            run.dashboards.append(link)
        else:
            run.complaints.append(f"the dashboard at {link} answers {status}")


def complaints(output: dict[str, Any]) -> list[str]:
    """What looks like an error to a reader."""
    if output["output_type"] == "error":
        return [f"{output['ename']}: {output['evalue']}"]
    if output["output_type"] == "stream" and output["name"] == "stderr":
        return [f"on standard error: {output['text']}"]
    return []


if __name__ == "__main__":
    main()
