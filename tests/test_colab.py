"""What is installed on Colab: what is missing, fitting what is there, and nothing else."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from dqnkit import colab

ROOT = Path(__file__).resolve().parents[1]
# Colab has these, and they are never installed or replaced, or no notebook there uses them.
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


def finding(status: str, name: str, value: str, remedy: str = "") -> SimpleNamespace:
    """A finding of the doctor."""
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
