"""What this computer has and what is missing, each with the command that mends it: ``dqnkit doctor``.

It works where everything else fails, so it needs no more than Python: NumPy, Gymnasium and TensorFlow are looked at
from outside or tried in a guarded place. Cores and memory are those that a container allows, not the host's.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import dqnkit
from dqnkit.notebooks import PACKAGE, is_checkout

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
JUPYTER_PORT = 8888
ABSENT, WORKS = "extras that are not installed", "does it work"  # sections of the report
TENSORFLOW_SECONDS = 60  # time limit of its import
GIB = 2**30

# What each extra is for. `notebooks` is made of others, and `learner-gpu` is advised where TensorFlow misses a GPU.
EXTRAS = {
    "learner": "training",
    "cluster": "rollouts over a Dask cluster",
    "course": "the notebooks, plots and videos",
    "games": "Atari, MinAtar and LunarLander",
    "test": "the kit's own tests",
}
# Packages that bring the same modules: one of each line is enough.
TENSORFLOW = ("tensorflow", "tensorflow-cpu")
PYGAME = ("pygame-ce", "pygame")
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    value: str
    status: Literal["ok", "advice", "problem"] = "ok"
    remedy: str = ""  # what to do about it, a command where there is one
    section: str = "this computer"


class Report(list[Finding]):
    """Findings; as text by `report`, and as a table where a notebook shows them."""

    def __str__(self) -> str:
        return report(self)

    def __repr__(self) -> str:
        return report(self)

    def _repr_html_(self) -> str:
        """What to do on top; under a fold a line for each finding, in words and with an icon."""
        problems = [finding for finding in self if finding.status == "problem"]
        advice = [finding for finding in self if finding.status == "advice"]
        if problems:
            head = "This computer is not ready yet. Do these first, then restart the kernel:"
        elif advice:
            head = "This computer is ready. There is advice:"
        else:
            head = "This computer is ready for the course."
        to_do = "".join(f"<li>{_in_html(finding)}</li>" for finding in [*problems, *advice])
        lines = "".join(_row_in_html(finding) for finding in self)
        return (
            f'<div style="line-height: 1.5; max-width: 60em; overflow-wrap: anywhere"><strong>{head}</strong>'
            f"{f'<ul>{to_do}</ul>' if to_do else ''}"
            f'<details><summary style="cursor: pointer">All {len(self)} findings</summary>'
            f'<table style="text-align: left">{lines}</table></details></div>'
        )


# icon, colour and word of each status; the word says what the colour does
_SHOWN = {"ok": ("✓", "#009E73", "ok"), "advice": ("→", "#E69F00", "advice"), "problem": ("✗", "#D55E00", "problem")}


def _in_html(finding: Finding) -> str:
    icon, color, word = _SHOWN[finding.status]
    remedy = f"<br><code>{escape(finding.remedy)}</code>" if finding.remedy else ""
    name = f"<strong>{escape(finding.name)}</strong>: {escape(finding.value)}"
    return f'<span style="color: {color}" aria-hidden="true">{icon}</span> {word}: {name}{remedy}'


def _row_in_html(finding: Finding) -> str:
    icon, color, word = _SHOWN[finding.status]
    cell = 'style="text-align: left; vertical-align: top"'
    remedy = f"<br><code>{escape(finding.remedy)}</code>" if finding.remedy else ""
    return (
        f'<tr><td {cell}><span style="color: {color}" aria-hidden="true">{icon}</span> {word}</td>'
        f"<td {cell}>{escape(finding.name)}</td><td {cell}>{escape(finding.value)}{remedy}</td></tr>"
    )


def examine() -> Report:
    """Look at everything. Takes a few seconds where TensorFlow is installed, a second otherwise; changes nothing."""
    findings = [
        _python(),
        Finding("platform", platform.platform()),
        Finding("dqnkit", f"{dqnkit.__version__} in {PACKAGE}"),
        _cores(),
        _memory(),
        _disk(Path.cwd()),
        _port(JUPYTER_PORT),
        *_packages(),
        *_clashes(),
        *_dask(),
        _environment(),
        _rendering(),
        *_tensorflow(),
    ]
    return Report(findings)


def report(findings: Iterable[Finding]) -> str:
    """The findings as text: a line for each, section by section, and at the end what to do."""
    findings = list(findings)
    width = max((len(finding.name) for finding in findings), default=0)
    lines = [f"dqnkit doctor, version {dqnkit.__version__}"]
    for section in dict.fromkeys(finding.section for finding in findings):
        lines += ["", section]
        for finding in findings:
            if finding.section == section:
                lines.append(f"  {finding.status:<7}  {finding.name:<{width}}  {finding.value}")
    remedies: dict[tuple[str, str], list[str]] = {}
    for finding in sorted(findings, key=lambda finding: finding.status != "problem"):
        if finding.remedy:
            remedies.setdefault((finding.status, finding.remedy), []).append(finding.name)
    lines += ["", "what to do" if remedies else "nothing to do: all is well"]
    for (status, remedy), names in remedies.items():
        lines += [f"  {status:<7}  {', '.join(names)}", f"             {remedy}"]
    return "\n".join(lines)


# -- this computer ----------------------------------------------------------------------------------------------------


def available_cores(root: Path = Path("/")) -> float:
    """Processor cores that this process may use: its affinity and the time that its control groups allow."""
    if hasattr(os, "sched_getaffinity"):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    for group in _control_groups("cpu", root):
        quota, _, period = _read(group / "cpu.max").partition(" ")  # version 2: "150000 100000" or "max 100000"
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period) > 0:  # no limit is "max" or -1
            cores = min(cores, int(quota) / int(period))
    return cores


class Memory(NamedTuple):
    """Bytes of memory that this process may use in all, and how many are still free; 0 where that is not known."""

    limit: int
    available: int


def memory(root: Path = Path("/")) -> Memory:
    """Memory of the container: the smallest of the computer's and of what each control group above us allows."""
    limit, available = _physical_memory(root)
    for group in _control_groups("memory", root):
        allowed, used = _read(group / "memory.max"), _read(group / "memory.current")
        if not allowed:  # version 1
            allowed, used = _read(group / "memory.limit_in_bytes"), _read(group / "memory.usage_in_bytes")
        if allowed.isdigit() and (limit == 0 or int(allowed) < limit):  # no limit is "max" or a huge number
            limit = int(allowed)
        if allowed.isdigit() and used.isdigit():
            # files that were read long ago are counted as used, but make room when it is needed
            cached = re.findall(r"^(?:total_)?inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE)
            free = int(allowed) - int(used) + max(map(int, cached), default=0)
            available = min(available, free) if available else free
    return Memory(limit, min(available, limit))


def _control_groups(controller: str, root: Path) -> Iterator[Path]:
    """Folders of the control groups that limit this process, the innermost first.

    In a container the path may be one of the host, which cannot be seen from here; then only the last ones exist.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            mount = root / "sys/fs/cgroup" / controller
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield mount.joinpath(*parts[:depth])


def _physical_memory(root: Path) -> Memory:
    kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE))
    if "MemTotal" in kilobytes:
        return Memory(int(kilobytes["MemTotal"]) * 1024, int(kilobytes.get("MemAvailable", 0)) * 1024)
    if find_spec("psutil") is not None:  # not Linux; comes with ipykernel and distributed
        import psutil

        return Memory(psutil.virtual_memory().total, psutil.virtual_memory().available)
    return Memory(0, 0)


def _read(path: Path) -> str:
    """A small file's text; nothing where it is missing or not ours to read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _python() -> Finding:
    value = f"{platform.python_version()} ({sys.executable})"
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Finding("Python", value)
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
    return Finding("Python", value, "problem", f"make a virtual environment with Python {oldest} to {newest}")


def _cores() -> Finding:
    cores, all_cores = available_cores(), os.cpu_count() or 1
    return Finding("cores", f"{cores:g}" + (f" of the computer's {all_cores}" if cores < all_cores else ""))


def _memory() -> Finding:
    limit, available = memory()
    if limit == 0:
        return Finding("memory", "not known (pip install psutil)")
    value = f"{available / GIB:.1f} GiB free of {limit / GIB:.1f} GiB"
    if available < GIB:
        return Finding("memory", value, "advice", "close other programs or notebooks: training takes about 1 GiB")
    return Finding("memory", value)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    value = f"{free / GIB:.1f} GiB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", f"{folder} is not ours to write", "advice", "go to a folder of your own, for the runs")
    if free < GIB:
        return Finding("disk", value, "advice", "make room, or work elsewhere: a run takes up to 1 GiB")
    return Finding("disk", value)


def _port(port: int) -> Finding:
    name = f"port {port}"
    if _is_free(port):
        return Finding(name, "free, for JupyterLab")
    return Finding(name, "taken, by another JupyterLab perhaps: `dqnkit lab` uses the next free one")


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        if os.name == "posix":  # as JupyterLab does; elsewhere it would take a port that is in use
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# -- packages ---------------------------------------------------------------------------------------------------------


class Requirement(NamedTuple):
    """A package that the kit asks for."""

    names: tuple[str, ...]  # any one of these will do
    versions: str  # like ">=1.3,<1.5"
    extra: str  # empty for the base install


def requirements() -> list[Requirement]:
    """What the kit asks for, each package under the first of EXTRAS that needs it.

    It comes from the installed metadata or, in a checkout that was not installed, from its project file. Conditions
    other than the extra are left aside: they only choose between packages of which any one will do.
    """
    try:
        lines = metadata.requires("dqnkit") or []
    except metadata.PackageNotFoundError:
        lines = _requires_of_checkout(PACKAGE.parent / "pyproject.toml") if is_checkout() else []
    parsed = [requirement for line in lines for requirement in _parse(line)]
    wanted: dict[tuple[str, ...], Requirement] = {}
    for extra in ("", *EXTRAS):
        for requirement in parsed:
            if requirement.extra == extra:
                wanted.setdefault(requirement.names, requirement)
    return list(wanted.values())


def _parse(line: str) -> list[Requirement]:
    """One line of the metadata, like ``dask[distributed]>=2026.7; extra == 'cluster'``, of which two are wanted."""
    requirement, _, condition = line.partition(";")
    name, versions = re.match(r"([\w.-]+)(?:\[.*\])?(.*)", requirement.replace(" ", "")).groups()  # type: ignore[union-attr]
    versions = ",".join(sorted(versions.split(","), reverse=True))  # the lower bound first
    extra = re.search(r"extra == ['\"]([\w-]+)", condition)
    # dqnkit: this extra is made of others
    names = {"dqnkit": (), "dask": ("dask", "distributed")}.get(name, (name.lower(),))
    return [Requirement(_alternatives(name), versions, extra[1] if extra else "") for name in names]


def _requires_of_checkout(project_file: Path) -> list[str]:
    """The requirements in a project file, written as the metadata of a wheel has them."""
    project = tomllib.loads(project_file.read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, wanted in project["optional-dependencies"].items():
        lines += [f"{requirement.partition(';')[0]}; extra == '{extra}'" for requirement in wanted]
    return lines


def _alternatives(name: str) -> tuple[str, ...]:
    for names in (TENSORFLOW, PYGAME, OPENCV):
        if name in names:
            return names
    return (name,)


def is_within(version: str, versions: str) -> bool:
    """Whether a version like 2.21.0 is in a range like ``>=2.20,<2.22``. What follows the numbers does not count."""
    for bound in filter(None, versions.split(",")):
        operator, wanted = re.match(r"([<>=!]+)(.*)", bound).groups()  # type: ignore[union-attr]
        left, right = _numbers(version), _numbers(wanted)
        size = max(len(left), len(right))
        left, right = (numbers + [0] * (size - len(numbers)) for numbers in (left, right))
        holds = {
            ">=": left >= right,
            "<=": left <= right,
            ">": left > right,
            "<": left < right,
            "==": left == right,
            "!=": left != right,
        }
        if not holds[operator]:
            return False
    return True


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]


def installed(names: Iterable[str]) -> dict[str, str]:
    """Those of the packages that are installed, with their versions."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def install_command(extra: str = "") -> str:
    """The command that installs the kit, or mends it, with an extra."""
    kit = f"{'-e ' if is_checkout() else ''}'{PACKAGE.parent if is_checkout() else 'dqnkit'}"
    return f"pip install {kit}[{extra}]'" if extra else f"pip install {kit}'"


def _packages() -> Iterator[Finding]:
    """A finding for each package; one for an extra of which most is missing."""
    wanted = requirements()
    for extra in ("", *EXTRAS):
        of_extra = [requirement for requirement in wanted if requirement.extra == extra]
        missing = [requirement.names[0] for requirement in of_extra if not installed(requirement.names)]
        if not extra:
            yield from (_package(requirement, "base install") for requirement in of_extra)
        elif 2 * len(missing) <= len(of_extra):
            yield from (_package(requirement, f"extra {extra!r}: {EXTRAS[extra]}") for requirement in of_extra)
        elif extra == "test":  # readers need it not
            yield Finding(extra, f"for {EXTRAS[extra]}", section=ABSENT)
        else:
            value = f"for {EXTRAS[extra]}; missing: {', '.join(missing)}"
            yield Finding(extra, value, "advice", install_command(extra), ABSENT)


def _package(requirement: Requirement, section: str) -> Finding:
    names, versions, extra = requirement
    remedy = install_command(extra)
    for name, version in installed(names).items():
        value = f"{version:<12}" + (f"  (needs {versions})" if versions else "")
        if is_within(version, versions):
            return Finding(name, value, section=section)
        return Finding(name, value, "advice" if extra == "test" else "problem", remedy, section)
    return Finding(names[0], f"missing  (needs {versions})", "advice" if extra else "problem", remedy, section)


def _clashes() -> Iterator[Finding]:
    """Two packages in one place, each with files that the other has overwritten."""
    for names, status, extra in ((TENSORFLOW, "problem", "learner"), (PYGAME, "advice", "course")):
        found = installed(names)
        if len(found) > 1:
            value = f"{' and '.join(found)} are both installed, and overwrite each other's files"
            yield Finding("clash", value, status, reinstall_command(names, extra), WORKS)  # type: ignore[arg-type]


def _dask() -> Iterator[Finding]:
    """Dask's two packages are released together, and each release works with itself only."""
    versions = installed(("dask", "distributed"))
    if len(set(versions.values())) > 1:
        value = f"dask {versions['dask']} and distributed {versions['distributed']} do not go together"
        yield Finding("Dask", value, "problem", install_command("cluster"), WORKS)


def reinstall_command(names: Iterable[str], extra: str) -> str:
    """The command that takes packages away and installs what an extra needs in their place."""
    return f"pip uninstall -y {' '.join(names)} && {install_command(extra)}"


# -- does it work -----------------------------------------------------------------------------------------------------


def _environment() -> Finding:
    try:
        from dqnkit.environments import make_env

        env = make_env("CartPole-v1")
        env.reset(seed=0)
        env.step(0)
        env.close()
    except Exception as error:  # whatever it is, the report goes on
        return Finding("CartPole-v1", f"does not step: {error}", "problem", install_command(), WORKS)
    return Finding("CartPole-v1", "steps", section=WORKS)


def _rendering() -> Finding:
    if find_spec("pygame") is None:
        return Finding("videos", "no pygame to draw with", "advice", install_command("course"), WORKS)
    return Finding("videos", "pygame is there to draw with", section=WORKS)


def _tensorflow() -> list[Finding]:
    """Import TensorFlow in a process of its own, so that it costs this one nothing and cannot hang or crash it."""
    if find_spec("tensorflow") is None:
        return []
    program = "import tensorflow as tf; print(tf.__version__, len(tf.config.list_physical_devices('GPU')))"
    remedy = reinstall_command(TENSORFLOW, "learner")
    try:
        ended = subprocess.run(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TENSORFLOW_SECONDS,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        value = f"its import did not end within {TENSORFLOW_SECONDS} s"
        return [Finding("TensorFlow", value, "problem", f"free memory and try again, or {remedy}", WORKS)]
    if ended.returncode != 0:
        reason = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        if ended.returncode < 0:
            reason = f"killed by signal {-ended.returncode} (4: the processor lacks what it needs; 9: out of memory)"
        return [Finding("TensorFlow", f"cannot be imported: {reason}", "problem", remedy, WORKS)]
    version, gpus = ended.stdout.split()[-2:]
    return [Finding("TensorFlow", f"{version} can be imported", section=WORKS), _gpu(int(gpus))]


def _gpu(seen: int) -> Finding:
    if seen:
        return Finding("GPU", f"TensorFlow sees {seen}", section=WORKS)
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", "none; the course needs none", section=WORKS)
    value = "there is one that TensorFlow does not see; the course's small networks need none"
    return Finding("GPU", value, "advice", reinstall_command(TENSORFLOW, "learner-gpu"), WORKS)
