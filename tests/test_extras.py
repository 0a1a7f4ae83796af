"""Packages installed from a notebook: only what is missing, fitting what is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from dqnkit import extras
from dqnkit.doctor import requirements
from dqnkit.errors import DQNKitError

ROOT = Path(__file__).resolve().parents[1]


def name_of(requirement: str) -> str:
    match = re.match(r"[\w-]+", requirement)
    assert match is not None
    return match[0]


def lacking(monkeypatch: pytest.MonkeyPatch, *modules: str) -> list[str]:
    """Pretend that these modules are missing; returns the requests made from then on."""
    installed: list[str] = []
    monkeypatch.setattr(extras, "install", lambda wanted, **options: installed.extend(wanted))
    monkeypatch.setattr(extras, "find_spec", lambda module: None if module in modules else object())
    return installed


def test_what_clouds_need_is_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    theirs = {name_of(line): line for line in project["optional-dependencies"]["cloud"]}
    for line in extras.FOR_CLOUDS.values():  # of Google's cloud and of ssh the notebook needs nothing
        assert line.replace("[aws]", "") == theirs[name_of(line)].replace("[aws,gcp]", "")


def test_what_applications_need_is_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(extras.FOR_APPLICATIONS.values()) == sorted(project["optional-dependencies"]["applications"])


@pytest.mark.parametrize(
    ("is_there", "alone"), [({"pygame": "2.6.1"}, ["highway-env", "minigrid"]), ({"pygame-ce": "2.5.8"}, []), ({}, [])]
)
def test_no_second_pygame_comes_over_the_one_that_is_there(
    is_there: dict[str, str], alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, *(module for module in extras.FOR_APPLICATIONS if module != "pygame"))
    calls: list[tuple[list[str], bool]] = []
    monkeypatch.setattr(
        extras, "install", lambda wanted, dependencies=True: calls.append((list(map(name_of, wanted)), dependencies))
    )
    monkeypatch.setattr(extras, "versions", lambda: is_there)
    extras.add_applications()
    together = [name for name in ("highway-env", "imageio", "minatar", "minigrid", "mujoco") if name not in alone]
    assert calls == [(together, True), *([(alone, False)] if alone else [])]


def test_what_is_missing_is_installed_as_it_was_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = lacking(monkeypatch, "moto", "dask_cloudprovider")
    extras.add_clouds()
    pins = requirements.tested_versions()
    assert installed == [f"dask-cloudprovider[aws]=={pins['dask-cloudprovider']}", f"moto=={pins['moto']}"]


def test_on_colab_it_is_what_fits_there(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = lacking(monkeypatch, "moto")
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())  # type: ignore[arg-type]
    extras.add_clouds()
    assert installed == ["moto>=5.1.20"]


def test_where_all_is_installed_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed = lacking(monkeypatch)
    extras.add_clouds()
    assert not installed
    assert not capsys.readouterr().out


def test_where_the_tested_versions_do_not_fit_others_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "moto")
    asked: list[list[str]] = []

    def install(wanted: list[str], **options: bool) -> None:
        asked.append(list(wanted))
        if len(asked) == 1:
            raise DQNKitError("moto==1 could not be installed: ERROR: ResolutionImpossible: for help visit ...")

    monkeypatch.setattr(extras, "install", install)
    extras.add_clouds()
    assert asked == [[f"moto=={requirements.tested_versions()['moto']}"], ["moto>=5.1.20"]]


def test_without_a_network_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setitem(extras.FOR_CLOUDS, "no_such_module", "no-such-package>=1")
    for module in [module for module in extras.FOR_CLOUDS if module != "no_such_module"]:
        monkeypatch.delitem(extras.FOR_CLOUDS, module)
    with pytest.raises(
        DQNKitError,
        match=r"(?s)no-such-package>=1 could not be .*Is there a network\? Run this cell again.*pip install .*cloud\]",
    ):
        extras.add_clouds()


def test_every_installed_package_is_held_at_its_version() -> None:
    lines = extras.constraints().splitlines()
    assert f"numpy=={metadata.version('numpy')}" in lines
    assert len(lines) > 50
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines)


def test_where_pip_fails_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DQNKitError, match=r"(?s)no-such-package could not be installed: .*Run this cell again"):
        extras.install(["no-such-package"])


def test_where_there_is_no_pip_it_is_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    monkeypatch.setattr(extras.shutil, "which", lambda program: f"/bin/{program}")
    assert extras._installer() == ["/bin/uv", "pip", "install", "--python", sys.executable]


def write_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """A wheel with one empty module and some requirements."""
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", head + needs)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.slow
def test_a_real_pip_installs_what_fits_and_changes_nothing(tmp_path: Path) -> None:
    """In a separate environment, from a folder of wheels that has newer versions of all installed packages too."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for version in ("2026.7.1", "2026.8.0"):
        write_wheel(wheels, "dask", version)
        write_wheel(wheels, "distributed", version, "tornado>=6", "zict")
    for name, version in (("tornado", "6.5"), ("tornado", "6.6"), ("zict", "3.0"), ("packaging", "26.0")):
        write_wheel(wheels, name, version)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PYTHONPATH": str(ROOT)}

    def run(*arguments: str) -> str:
        command = [str(python), *arguments]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    real_packaging = str(Path(metadata.distribution("packaging").locate_file("")))
    run("-m", "pip", "install", "dask==2026.7.1", "tornado==6.5")
    program = (
        f"import sys; sys.path.append({real_packaging!r}); import packaging.version; sys.path.pop()\n"
        "from dqnkit import colab, extras; before = extras.versions()\n"
        "extras.install([line for line in colab.lacking() if line.startswith('distributed')])\n"
        "import distributed, zict; now = extras.versions()\n"
        "print(sorted(set(now.items()) - set(before.items())), set(before.items()) <= set(now.items()))"
    )
    assert run("-c", program).strip() == "[('distributed', '2026.7.1'), ('zict', '3.0')] True"
