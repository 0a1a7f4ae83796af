"""What GitHub reads: workflows and issue forms are well formed, and a release is of one version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import dqnkit

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
FORMS = sorted(path for path in GITHUB.glob("ISSUE_TEMPLATE/*.yml") if path.name != "config.yml")
ANSWERS = {"input", "textarea", "dropdown", "checkboxes"}


def read(path: Path) -> dict[Any, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def named(path: Path) -> str:
    return path.stem


def test_what_github_reads_is_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "release"]
    assert [path.stem for path in FORMS] == ["cell", "sentence"]
    assert read(GITHUB / "ISSUE_TEMPLATE" / "config.yml")["blank_issues_enabled"] in (True, False)


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_workflow_is_well_formed(path: Path) -> None:
    workflow = read(path)
    assert workflow["name"]
    assert workflow[True], "when it runs: YAML takes the word `on` for true"
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert job["timeout-minutes"] <= 60
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@(release/)?v\d+", step.get("uses", "actions/checkout@v1")), (
            "a major version"
        )
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_ci_runs_what_everybody_runs_with_the_oldest_and_the_newest_python() -> None:
    workflow = read(GITHUB / "workflows" / "ci.yml")
    assert [step["run"] for step in steps(workflow) if "run" in step][-1] == "bash .ci/run"
    (job,) = workflow["jobs"].values()
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    oldest, newest = job["strategy"]["matrix"]["python"]
    assert requires == f">={oldest},<3.{int(newest.partition('.')[2]) + 1}"


def test_a_release_is_published_only_after_it_was_built_and_without_a_password() -> None:
    workflow = read(GITHUB / "workflows" / "release.yml")
    assert workflow[True] == {"push": {"tags": ["v*"]}}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    commands = "\n".join(step.get("run", "") for step in build["steps"])
    assert commands.index("GITHUB_REF_NAME") < commands.index("-m build") < commands.index("try-wheel dist/*.whl")
    assert (GITHUB / "try-wheel").exists()
    assert publish["needs"] == "build"
    assert publish["environment"] == "release"
    assert publish["permissions"] == {"id-token": "write"}
    assert "with" not in publish["steps"][-1]


def test_the_version_is_the_same_in_both_places() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == dqnkit.__version__


@pytest.mark.parametrize("path", FORMS, ids=named)
def test_a_form_is_well_formed(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= form.keys()
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names)
    assert any(field["validations"]["required"] for field in form["body"])
    for field in form["body"]:
        assert field["type"] in ANSWERS
        assert re.fullmatch(r"[\w-]+", field["id"])
        assert field["attributes"]["label"]
        options = field["attributes"].get("options", [])
        assert (field["type"] == "dropdown") == (len(set(options)) > 1)


def test_the_forms_ask_what_is_needed_to_see_it_again() -> None:
    cell, sentence = ([field["id"] for field in read(path)["body"]] for path in FORMS)
    assert cell == ["notebook", "cell", "expected", "output", "where", "doctor"]
    assert sentence == ["notebook", "sentence", "wrong", "source"]
