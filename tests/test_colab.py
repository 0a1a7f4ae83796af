"""What is installed on Colab: what is missing, fitting what is there, and nothing else."""

from __future__ import annotations

import re
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


def test_what_is_needed_is_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["cluster"], *extras["course"], *extras["learner"]]
    wanted = {line.partition(";")[0].strip() for line in lines if name_of(line) not in NOT_OURS_THERE}
    assert set(colab.NEEDED.values()) == wanted


def test_what_is_there_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"distributed", "bokeh"}
    monkeypatch.setattr(colab, "find_spec", lambda module: None if module in missing else object())
    assert colab.lacking() == ["bokeh>=3.1", f"distributed=={metadata.version('dask')}"]
    missing.add("dask")
    assert colab.lacking() == ["bokeh>=3.1", "dask[distributed]>=2026.7"]
    missing.clear()
    assert colab.lacking() == []


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
