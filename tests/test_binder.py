"""What Binder reads: pinned versions, the same as everywhere, and its scripts. tests/rehearsal runs all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dqnkit import opengl

BINDER = Path(__file__).resolve().parent.parent / "binder"
PROJECT = tomllib.loads((BINDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# platforms with different requirements; the first is Binder's
LINUX = {"sys_platform": "linux", "platform_machine": "x86_64", "os_name": "posix"}
ARM = {**LINUX, "platform_machine": "aarch64"}
MAC = {"sys_platform": "darwin", "platform_machine": "arm64", "os_name": "posix"}
WINDOWS = {"sys_platform": "win32", "platform_machine": "AMD64", "os_name": "nt"}


def lines(name: str) -> list[str]:
    return (BINDER / name).read_text(encoding="utf-8").splitlines()


def pinned(name: str, platform: dict[str, str]) -> dict[str, Requirement]:
    """Package -> its pin, for the packages that a platform installs."""
    pins = [Requirement(line) for line in lines(name)]
    return {pin.name: pin for pin in pins if pin.marker is None or pin.marker.evaluate(platform)}


def asked_for(extra: str, platform: dict[str, str]) -> dict[str, Requirement]:
    """Package -> the project's direct requirement: in the base install, in an extra, in the extras that it includes."""
    found: dict[str, Requirement] = {}
    for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra]]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            for other in requirement.extras:
                found |= asked_for(other, platform)
        elif requirement.marker is None or requirement.marker.evaluate(platform):
            found[canonicalize_name(requirement.name)] = requirement
    return found


def needed_here(extra: str) -> set[str]:
    """All packages that an extra installs on this computer, as far as they are installed themselves."""
    seen: set[str] = set()
    todo = list(asked_for(extra, {}).values())
    while todo:
        requirement = todo.pop()
        seen.add(canonicalize_name(requirement.name))
        try:
            below = [Requirement(line) for line in requires(requirement.name) or []]
        except PackageNotFoundError:
            continue
        for other in below:
            if canonicalize_name(other.name) not in seen and is_wanted(other.marker, requirement.extras):
                todo.append(other)
    return seen


def is_wanted(marker: Marker | None, extras: set[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras])


def test_binder_installs_a_part_of_what_is_pinned_for_everyone() -> None:
    assert set(lines("requirements.txt")) < set(lines("constraints.txt"))


def test_every_pin_is_exact() -> None:
    for pin in map(Requirement, lines("constraints.txt")):
        assert [version.operator for version in pin.specifier] == ["=="], pin
        assert not pin.extras  # pip refuses extras in constraints


@pytest.mark.parametrize("platform", [LINUX, ARM, MAC, WINDOWS], ids=["Linux", "ARM", "Mac", "Windows"])
@pytest.mark.parametrize("extra", ["notebooks", "applications", "games", "test"])
def test_what_the_project_asks_for_is_pinned_within_its_bounds(extra: str, platform: dict[str, str]) -> None:
    pins = pinned("constraints.txt", platform)
    for name, requirement in asked_for(extra, platform).items():
        (version,) = pins[name].specifier
        assert version.version in requirement.specifier, f"{pins[name]} for {requirement}"


def test_every_package_that_comes_with_it_is_pinned() -> None:
    for extra in ("notebooks", "applications", "games", "test"):
        assert needed_here(extra) <= set(pinned("constraints.txt", {})), extra
    for extra in ("notebooks", "applications"):
        assert needed_here(extra) <= set(pinned("requirements.txt", {})), extra


def test_binder_gets_the_small_tensorflow_and_no_tools_of_ours() -> None:
    on_binder = pinned("requirements.txt", LINUX)
    assert "tensorflow-cpu" in on_binder
    assert "tensorflow" not in on_binder
    assert "pytest" not in on_binder
    for extra in ("notebooks", "applications"):
        assert set(asked_for(extra, LINUX)) <= set(on_binder)


def test_binder_installs_what_mujoco_draws_with() -> None:
    assert opengl.PACKAGES["osmesa"] in lines("apt.txt")


def test_binder_has_a_python_that_the_kit_supports() -> None:
    (runtime,) = lines("runtime.txt")
    assert f"Programming Language :: Python :: {runtime.removeprefix('python-')}" in PROJECT["classifiers"]


posix = pytest.mark.skipif(os.name != "posix", reason="Binder's scripts are for bash")


@posix
@pytest.mark.parametrize("script", ["postBuild", "start"])
def test_binders_scripts_can_be_run(script: str) -> None:
    assert os.access(BINDER / script, os.X_OK)


@posix
@pytest.mark.parametrize(
    ("hub", "link"),
    [({"JUPYTERHUB_SERVICE_PREFIX": "/user/x/"}, "/user/x/proxy/{port}/status"), ({}, "/proxy/{port}/status")],
)
def test_a_session_is_told_how_to_reach_the_dashboard(hub: dict[str, str], link: str) -> None:
    assert started(hub)["DASK_DISTRIBUTED__DASHBOARD__LINK"] == link


@posix
def test_numpy_starts_no_more_threads_than_the_container_has_cores() -> None:
    system = pytest.importorskip("dask.system")
    assert int(started({})["OPENBLAS_NUM_THREADS"]) == system.CPU_COUNT


@posix
def test_a_session_starts_even_where_the_kit_cannot_be_asked(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    variables = started({"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "JUPYTER_CONFIG_PATH": "/mine"})
    assert variables["JUPYTER_CONFIG_PATH"] == "/mine"
    assert "OPENBLAS_NUM_THREADS" not in variables


def started(variables: dict[str, str]) -> dict[str, str]:
    """The environment variables of the program that is started as the notebook server."""
    program = "import json, os; print(json.dumps(dict(os.environ)))"
    command = [str(BINDER / "start"), sys.executable, "-c", program]
    set_here = ("JUPYTER", "DASK", "OPENBLAS")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(set_here)}
    clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # as in an activated environment
    ended = subprocess.run(
        command,
        env={**clean, **variables},
        cwd=BINDER.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, str] = json.loads(ended.stdout)
    return found
