"""What is installed on Colab: what is missing, fitting what is there, and nothing else."""

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

from dqnkit import colab
from dqnkit.errors import DQNKitError, MissingExtraError

ROOT = Path(__file__).resolve().parents[1]
# Colab has these, and they are never installed or replaced; or no notebook there uses them.
NOT_OURS_THERE = {
    *("numpy", "ipykernel", "ipywidgets", "tensorflow", "tensorflow-cpu"),
    *("dqnkit", "jupyterlab", "jupyter-server-proxy", "dask-labextension"),
}


def name_of(requirement: str) -> str:
    match = re.match(r"[\w-]+", requirement)
    assert match is not None
    return match[0]


@pytest.fixture
def on_colab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())  # type: ignore[arg-type]


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Packages that are missing: those that a test puts into it. What the kit needs is read from the checkout."""
    names: set[str] = set()
    real = metadata.version

    def requires(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    def version(name: str) -> str:
        if name in names or "everything" in names:
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "requires", requires)
    monkeypatch.setattr(metadata, "version", version)
    return names


def test_what_is_needed_is_what_the_project_says(on_colab: None, missing: set[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["cluster"], *extras["course"], *extras["learner"]]
    wanted = {line.partition(";")[0].strip().lower() for line in lines if name_of(line) not in NOT_OURS_THERE}
    missing.add("everything")
    assert set(colab.lacking()) == wanted


def test_what_clouds_need_is_what_the_project_says(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    theirs = {name_of(line): line for line in project["optional-dependencies"]["cloud"]}
    for line in colab.FOR_CLOUDS.values():  # of Google's cloud and of ssh the notebook needs nothing
        assert line.replace("[aws]", "") == theirs[name_of(line)].replace("[aws,gcp]", "")
    installed: list[str] = []
    monkeypatch.setattr(colab, "install", installed.extend)
    monkeypatch.setattr(colab, "find_spec", lambda module: None if module == "moto" else object())
    with pytest.raises(MissingExtraError, match=r"moto.* is not installed.*dqnkit\[cloud\]"):
        colab.add_clouds()
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())  # type: ignore[arg-type]
    colab.add_clouds()
    assert installed == ["moto>=5.1.20"]


def test_what_is_there_is_not_asked_for(on_colab: None, missing: set[str]) -> None:
    assert colab.lacking() == []
    missing |= {"distributed", "bokeh"}
    assert colab.lacking() == ["bokeh>=3.1", f"distributed=={metadata.version('dask')}"]
    missing.add("dask")
    assert colab.lacking() == ["bokeh>=3.1", "dask[distributed]>=2026.7"]


def test_an_old_dask_gets_a_bokeh_with_which_it_can_close_a_cluster(
    on_colab: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {"dask": "2026.7.1"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    assert {"bokeh>=3.1,<3.10", "distributed==2026.7.1"} <= set(colab.lacking())


def test_every_installed_package_is_held_at_its_version() -> None:
    lines = colab.constraints().splitlines()
    assert f"numpy=={metadata.version('numpy')}" in lines
    assert len(lines) > 50
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines)


def test_where_pip_fails_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DQNKitError, match=r"(?s)no-such-package could not be installed: .*Run this cell again"):
        colab.install(["no-such-package"])


def finding(status: str, name: str, value: str, remedy: str = "") -> SimpleNamespace:
    """One of the doctor's."""
    return SimpleNamespace(status=status, name=name, value=value, remedy=remedy)


def test_the_summary_says_what_is_new_and_what_the_doctor_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [finding("ok", "Python", "3.13"), finding("advice", "memory", "little   free", "close other notebooks")]
    monkeypatch.setattr(colab, "examine", lambda: findings)
    first, *rest = colab.summary({"dask": "1"}, {"dask": "1", "distributed": "1"}).splitlines()
    assert first.endswith("is ready.")
    assert rest == [
        "New beside it: distributed 1.",
        "Nothing that was here has changed, so no restart is needed.",
        "advice: memory: little free (close other notebooks)",
    ]
    findings.append(finding("problem", "TensorFlow", "missing", "mend it"))
    text = colab.summary({"numpy": "1"}, {"numpy": "2"})
    assert "will not run yet" in text
    assert "No longer as they were: numpy 1. Choose Runtime, Restart session" in text


def write_wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """A wheel of one empty module, which needs others."""
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
    """In an environment of its own, from a folder of wheels among which there are newer ones of all that is there."""
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
        f"import sys; sys.path.append({real_packaging!r})\n"
        "import packaging.requirements, packaging.version; sys.path.pop()\n"
        "from dqnkit import colab; before = colab.versions()\n"
        "colab.install([line for line in colab.lacking() if line.startswith('distributed')])\n"
        "import distributed, zict; now = colab.versions()\n"
        "print(sorted(set(now.items()) - set(before.items())), set(before.items()) <= set(now.items()))"
    )
    assert run("-c", program).strip() == "[('distributed', '2026.7.1'), ('zict', '3.0')] True"
