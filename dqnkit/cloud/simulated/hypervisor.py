"""Simulated machines: processes of this computer that do what a boot script says, each machine on its own address."""

from __future__ import annotations

import base64
import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from dqnkit.cloud.simulated import sandbox
from dqnkit.cloud.simulated.cloud_init import Container, End, Step, read_user_data

STOP_SECONDS = 1.5  # from SIGTERM to SIGKILL
TURN_SECONDS = 0.03  # pause of each waiting loop
# Packages that are installed here but not in Dask's image, unless EXTRA_PIP_PACKAGES names them.
LACKING = ("dqnkit", "gymnasium", "keras", "tensorflow")


class Settings:
    """How machines start, and which container images exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # of all machines
        self.boot = "normal"  # or "never": a machine runs but never executes its boot script
        self.boot_seconds = 0.0
        self.seconds_a_minute = 60.0  # of `shutdown +MINUTES`
        self.images: dict[str, str] = {"daskdev/dask:*": ""}  # name -> a folder of packages that come first on the path
        site = folder / "site"
        site.mkdir()
        shutil.copy(sandbox.__file__, site / "sitecustomize.py")

    def packages(self, image: str) -> list[str] | None:
        """The entries of PYTHONPATH in a container of this image; None if there is no such image."""
        for name, folder in reversed(self.images.items()):
            if fnmatch.fnmatch(image, name):
                return [str(self.folder / "site"), *filter(None, [folder])]
        return None

    @property
    def violations(self) -> Path:
        return self.folder / "violations"


class Machine:
    """One machine, from its creation until `end` is called."""

    def __init__(self, name: str, address: str, user_data: bytes, settings: Settings) -> None:
        self.address = address
        self.folder = settings.folder / name
        self.ends_at = float("inf")  # set by `shutdown`; in the time of time.monotonic
        self.ended = threading.Event()
        self.processes: list[subprocess.Popen[bytes]] = []
        self._user_data, self._settings = user_data, settings
        self._boots, self._boot_seconds = settings.boot == "normal", settings.boot_seconds
        self._ending = threading.Event()
        self._grace = STOP_SECONDS
        self.folder.mkdir()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def log(self) -> Path:
        return self.folder / "console.log"

    def end(self, grace: float = STOP_SECONDS) -> None:
        """End all its processes; the event `ended` is set when they are gone."""
        if not self._ending.is_set():
            self._grace = grace
            self._ending.set()

    def note(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")

    def _run(self) -> None:
        try:
            self.note(f"starts with the address {self.address}")
            if self._ending.wait(self._boot_seconds if self._boots else None):
                return
            for step in read_user_data(self._user_data, self.folder / "disk"):
                if self._ending.is_set():
                    return
                self._do(step)
        except Exception as error:  # as on a real machine, the error is in the log only
            self.note(f"its user data could not be followed: {error!r}")
        finally:
            self._ending.wait()
            self._stop_processes()
            self.note("ended")
            self.ended.set()

    def _do(self, step: Step) -> None:
        if isinstance(step, End):
            self.note(f"shuts down in {step.minutes:g} minutes")
            self.ends_at = min(self.ends_at, time.monotonic() + step.minutes * self._settings.seconds_a_minute)
        elif isinstance(step, Container):
            self._run_container(step)
        else:
            self.note(f"passed over: {step.text}")

    def _run_container(self, step: Container) -> None:
        packages = self._settings.packages(step.image)
        if packages is None:
            self.note(f"docker: there is no image {step.image} (exit code 125)")
            return
        command, variables = _without_env(step.command)
        variables = step.variables | variables
        extra = variables.get("EXTRA_PIP_PACKAGES", "")
        if extra:
            self.note(f"pip install {extra}: of the packages that are here")
        brought = {re.split(r"[^A-Za-z0-9_.-]", word)[0].lower().replace("-", "_") for word in extra.split()}
        scratch = self.folder / "container"
        scratch.mkdir(exist_ok=True)
        environment = {
            **{name: os.environ[name] for name in ("LANG", "LC_ALL", "SYSTEMROOT", "TZ") if name in os.environ},
            "HOME": str(scratch),  # so that this user's configuration does not apply
            "TMPDIR": str(scratch),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "PYTHONUNBUFFERED": "1",
            **variables,
            "PYTHONPATH": os.pathsep.join([*packages, *filter(None, [variables.get("PYTHONPATH")])]),
            sandbox.ADDRESS: self.address,
            sandbox.HIDDEN: " ".join(name for name in LACKING if name not in brought),
            sandbox.VIOLATIONS: str(self._settings.violations),
            sandbox.TETHER: "1",
        }
        self.note(f"runs {step.image}: {' '.join(command)[:2000]}")
        with self.log.open("ab") as log:
            try:
                process = subprocess.Popen(
                    _here(command),
                    cwd=scratch,
                    env=environment,
                    stdin=subprocess.PIPE,  # open as long as this process lives
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, IndexError) as error:
                self.note(f"docker: the command cannot be run: {error} (exit code 127)")
                return
        self.processes.append(process)
        while not step.detached and process.poll() is None and not self._ending.wait(TURN_SECONDS):
            pass
        if process.poll() is not None:
            self.note(f"the container has ended with exit code {process.returncode}")

    def _stop_processes(self) -> None:
        deadline = time.monotonic() + self._grace
        for process in self.processes:
            _signal_group(process.pid, signal.SIGTERM if self._grace else signal.SIGKILL)
        while any(process.poll() is None for process in self.processes) and time.monotonic() < deadline:
            time.sleep(TURN_SECONDS)
        for process in self.processes:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin:
                process.stdin.close()


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(pid, number)


def _without_env(command: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """A command without a leading ``env NAME=VALUE``, and those variables."""
    words, variables = list(command), {}
    if words[:1] == ["env"]:
        words.pop(0)
        while words and re.match(r"\w+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
    return words, variables


def _here(command: list[str]) -> list[str]:
    """The command, with the Python of this process in place of the container's."""
    if re.fullmatch(r"python[\d.]*", command[0]):
        return [sys.executable, *command[1:]]
    if command[0] in ("dask-scheduler", "dask-worker"):
        return [sys.executable, "-m", f"distributed.cli.{command[0].replace('-', '_')}", *command[1:]]
    return command


class Hypervisor:
    """Starts a machine for each running instance of moto, and ends it with the instance."""

    def __init__(self, accounts: Any, terminate: Any, lock: threading.RLock, folder: Path) -> None:
        self.settings = Settings(folder)
        self.machines: dict[str, Machine] = {}
        self._accounts, self._terminate, self._lock = accounts, terminate, lock
        threading.Thread(target=self._watch, name="hypervisor", daemon=True).start()

    def instances(self) -> list[Any]:
        """All of moto's instances, in all accounts and regions, also those that have ended."""
        return [instance for backend in self.backends() for instance in backend.all_instances()]

    def backends(self) -> list[Any]:
        """moto's backends, one for each account and region in use."""
        return [backend for account in list(self._accounts.values()) for backend in list(account.values())]

    def close(self) -> None:
        """End all machines at once."""
        with self._lock:
            for machine in self.machines.values():
                machine.end(grace=0.2)
            for machine in self.machines.values():
                machine.ended.wait(5)

    def count_processes(self) -> int:
        """The number of living processes in all containers."""
        groups = {process.pid for machine in self.machines.values() for process in machine.processes}
        return sum(_group(process) in groups for process in psutil.process_iter(["status"]))

    def reclaim(self, instance: Any) -> None:
        """Take a spot machine back; its processes are killed at once."""
        instance.terminate()
        instance.state_reason.code = "Server.SpotInstanceTermination"
        instance.state_reason.message = "Server.SpotInstanceTermination: Instance termination due to no spot capacity"
        if machine := self.machines.get(instance.id):
            machine.end(grace=0)

    def _watch(self) -> None:
        while True:
            self.look()
            time.sleep(TURN_SECONDS)

    def look(self) -> None:
        """Bring all machines in line with moto's instances now."""
        with self._lock:
            for instance in self.instances():
                self._see_to(instance)

    def _see_to(self, instance: Any) -> None:
        machine = self.machines.get(instance.id)
        if instance.state == "running" and machine is None:
            user_data = base64.b64decode(str(instance.user_data or ""))
            self.machines[instance.id] = Machine(instance.id, instance.private_ip, user_data, self.settings)
        elif instance.state == "running" and machine and time.monotonic() >= machine.ends_at:
            behaviour = instance.instance_initiated_shutdown_behavior
            instance.terminate() if behaviour == "terminate" else instance.stop()
            instance.state_reason.code = "Client.InstanceInitiatedShutdown"
            instance.state_reason.message = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
        elif instance.state != "running" and machine:
            machine.end()
        if instance.state == "shutting-down" and (machine is None or machine.ended.is_set()):
            reason = instance.state_reason
            self._terminate(instance)
            instance.state_reason = reason


def _group(process: psutil.Process) -> int:
    try:
        return 0 if process.info["status"] == psutil.STATUS_ZOMBIE else os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
