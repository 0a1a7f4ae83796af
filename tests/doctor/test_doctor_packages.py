"""What the doctor says about packages: what dqnkit needs, what is installed, and the command that fixes it."""

from __future__ import annotations

import re
import sys
import tomllib
import types
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from dqnkit.doctor import computer, packages, requirements

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def install(monkeypatch):
    """Pretends that these packages are installed; without arguments, all that dqnkit needs."""
    monkeypatch.setattr(metadata, "requires", missing)

    def change(**changes):
        versions = {name: "9999" for requirement in requirements.requirements() for name in requirement.names[:1]}
        versions |= {"gymnasium": "1.4.0", "tensorflow": "2.21.0", "box2d": "2.3.10"}
        versions |= {name.replace("_", "-"): version for name, version in changes.items()}

        def version(name):
            if versions.get(name) is None:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, "version", version)

    return change


def by_name(findings):
    return {finding.name: finding for finding in findings}


def missing(name):
    raise metadata.PackageNotFoundError(name)


def test_requirements_are_those_of_the_project_file(monkeypatch):
    monkeypatch.setattr(metadata, "requires", missing)
    wanted = requirements.requirements()
    assert wanted[0] == requirements.Requirement(("click",), ">=8.1", "")
    extras = {requirement.names[0]: requirement.extra for requirement in wanted}
    assert (extras["numpy"], extras["tensorflow"], extras["distributed"]) == ("", "learner", "cluster")
    assert (extras["pillow"], extras["ale-py"], extras["pytest"]) == ("course", "games", "test")
    assert len(extras) == len(wanted)
    assert "dqnkit" not in extras


def test_requirements_of_the_metadata_and_of_a_checkout_are_the_same(monkeypatch, tmp_path):
    hatchling = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    folder = tmp_path / hatchling.prepare_metadata_for_build_wheel(str(tmp_path))
    lines = metadata.PathDistribution(folder).requires
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    built = requirements.requirements()
    monkeypatch.setattr(metadata, "requires", missing)
    assert {*built} == {*requirements.requirements()}


def test_only_packages_with_alternatives_have_conditions():
    """Conditions are ignored: they choose between packages of which each one suffices, or ask for Linux."""
    for wanted in PROJECT["optional-dependencies"].values():
        for line in wanted:
            if ";" in line:
                name = re.match(r"[\w.-]+", line)[0]
                assert len(requirements._alternatives(name)) > 1 or name in requirements.LINUX_ONLY


def test_every_extra_is_explained():
    assert set(PROJECT["optional-dependencies"]) == {*requirements.EXTRAS, "notebooks", "learner-gpu"}


@pytest.mark.parametrize(
    "version", ["1.3", "1.3.0", "1.4.1", "1.5", "1.5.0", "1.2.9", "2.0", "1.10", "2.3.10", "2.3.9"]
)
@pytest.mark.parametrize("versions", ["", ">=1.3", ">=1.3,<1.5", "==2.3.10", "!=1.3", "<=1.4", ">1.3"])
def test_ranges_mean_what_pip_means(version, versions):
    specifiers = pytest.importorskip("packaging.specifiers")
    assert requirements.is_within(version, versions) == specifiers.SpecifierSet(versions).contains(version)


def test_a_build_or_a_pre_release_in_the_range_will_do():
    assert requirements.is_within("2.21.0rc1", ">=2.20,<2.22")
    assert requirements.is_within("2.13.0+cpu", "==2.13.0")


@pytest.mark.parametrize("version", ["2.20.0rc1", "2.22.0rc1", "not a version"])
def test_a_pre_release_at_the_edge_of_the_range_is_outside(version):
    assert not requirements.is_within(version, ">=2.20,<2.22")


@pytest.mark.parametrize(
    ("version", "within"), [("2.20.0", True), ("2.20.9", True), ("2.21.0", False), ("2.20.0rc1", False)]
)
def test_compatible_releases_are_understood(version, within):
    assert requirements.is_within(version, "~=2.20.0") == within


def test_a_requirement_with_a_compatible_release_is_understood(install, monkeypatch):
    lines = ["numpy~=2.1", "gymnasium[other]<1.5,>=1.3 ; extra == 'games' and sys_platform == 'linux'"]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert requirements.requirements() == [
        requirements.Requirement(("numpy",), "~=2.1", ""),
        requirements.Requirement(("gymnasium",), ">=1.3,<1.5", "games"),
    ]
    install(numpy="3.0")
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert by_name(packages.examine())["numpy"].status == "problem"


def test_all_installed_needs_nothing(install):
    install()
    assert {finding.status for finding in packages.examine()} == {"ok"}


@pytest.mark.parametrize(
    ("name", "version", "status", "command"),
    [
        ("numpy", None, "problem", "pip install"),
        ("gymnasium", "1.2.0", "problem", "pip install"),
        ("tensorflow", None, "advice", '[learner]"'),
        ("tensorflow", "2.19.1", "problem", '[learner]"'),
        ("distributed", None, "advice", '[cluster]"'),
        ("ipywidgets", "7.6.0", "problem", '[course]"'),
        ("ruff", "0.1", "advice", '[test]"'),
    ],
)
def test_a_package_that_is_missing_or_of_another_version(install, name, version, status, command):
    install(**{name: version})
    (finding,) = (finding for finding in packages.examine() if finding.status != "ok")
    assert (finding.name, finding.status) == (name, status)
    assert command in finding.remedy


def test_any_one_of_the_alternatives_will_do(install):
    install(tensorflow=None, tensorflow_cpu="2.20.0", pygame_ce=None, pygame="2.6.1", opencv_python="4.12.0")
    findings = by_name(packages.examine())
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert {"tensorflow-cpu", "pygame"} <= set(findings)


def test_an_extra_that_is_not_there_is_one_line(install):
    install(ale_py=None, box2d=None, minatar=None)
    (finding,) = (finding for finding in packages.examine() if finding.status != "ok")
    assert finding.name == "games"
    assert "ale-py, box2d, minatar" in finding.value
    assert finding.remedy == requirements.install_command("games")


def test_the_command_is_right_for_a_checkout_and_for_an_installed_wheel(monkeypatch):
    assert requirements.install_command("learner") == f'{sys.executable} -m pip install -e "{ROOT}[learner]"'
    monkeypatch.setattr(requirements, "is_checkout", lambda: False)
    assert requirements.install_command("learner") == f'{sys.executable} -m pip install "dqnkit[learner]"'
    assert requirements.install_command() == f'{sys.executable} -m pip install "dqnkit"'


def test_both_tensorflow_wheels_at_once_are_a_problem(install):
    install(tensorflow_cpu="2.21.0")
    (finding,) = (finding for finding in packages.examine() if finding.name == "clash")
    assert finding.status == "problem"
    assert "tensorflow and tensorflow-cpu are both installed" in finding.value
    pip = f"{sys.executable} -m pip"
    assert finding.remedy.startswith(f"{pip} uninstall -y tensorflow tensorflow-cpu && {pip} install")
    install(pygame="2.6.1")
    (finding,) = (finding for finding in packages.examine() if finding.name == "clash")
    assert finding.status == "advice"


@pytest.mark.parametrize(
    ("dask", "distributed", "findings"),
    [("2026.8.0", "2026.8.0", 0), ("2026.7.1", "2026.8.0", 1), ("2026.7.1", None, 0)],
)
def test_dasks_two_packages_must_be_of_one_release(install, dask, distributed, findings):
    install(dask=dask, distributed=distributed)
    found = [finding for finding in packages.examine() if finding.name == "Dask's versions"]
    assert len(found) == findings
    for finding in found:
        assert finding.status == "problem"
        assert "dask 2026.7.1 and distributed 2026.8.0 do not go together" in finding.value
        assert finding.remedy.endswith('[cluster]"')


def test_a_dask_that_cannot_close_a_cluster_with_the_bokeh_that_is_there_is_named(install):
    install(dask="2026.7.1", distributed="2026.7.1", bokeh="3.10.0")
    (finding,) = (finding for finding in packages.examine() if finding.name == "Dask's dashboard")
    assert finding.remedy.endswith('-m pip install "bokeh<3.10"')
    install(dask="2026.8.0", distributed="2026.8.0", bokeh="3.10.0")
    assert "Dask's dashboard" not in by_name(packages.examine())


# -- the versions tested


def pinned(name):
    lines = (ROOT / "binder" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2].partition(" ")[0] for line in lines if line.startswith(f"{name}=="))


def test_each_version_stands_beside_the_one_tested(install):
    tested = pinned("gymnasium")
    install(gymnasium=tested)
    finding = by_name(packages.examine())["gymnasium"]
    assert (finding.status, finding.value) == ("ok", f"{tested} (as tested; needs >=1.3,<1.5)")
    install(gymnasium="1.3.0")
    finding = by_name(packages.examine())["gymnasium"]
    assert (finding.status, finding.value) == ("ok", f"1.3.0 (tested: {tested}; needs >=1.3,<1.5)")
    install(gymnasium=None)
    assert by_name(packages.examine())["gymnasium"].value == f"missing (tested: {tested}; needs >=1.3,<1.5)"


def test_every_package_that_the_kit_asks_for_has_a_version_tested(install):
    install()
    tested = requirements.tested_versions()
    assert not [wanted.names for wanted in requirements.requirements() if not set(wanted.names) & set(tested)]


def test_without_the_list_of_versions_the_table_does_without(install, monkeypatch, tmp_path):
    monkeypatch.setattr(requirements, "PACKAGE", tmp_path / "dqnkit")
    assert requirements.tested_versions() == {}
    monkeypatch.undo()
    monkeypatch.setattr(packages, "tested_versions", dict)
    install(numpy="2.4.6")
    assert by_name(packages.examine())["numpy"].value == "2.4.6 (needs >=1.26)"


def test_the_wheel_carries_the_list_of_versions(monkeypatch, tmp_path):
    hatchling = pytest.importorskip("hatchling.build")
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / hatchling.build_wheel(str(tmp_path))) as wheel:
        assert wheel.read("dqnkit/data/constraints.txt") == (ROOT / "binder" / "constraints.txt").read_bytes()
        wheel.extractall(tmp_path / "installed")
    monkeypatch.setattr(requirements, "PACKAGE", tmp_path / "installed" / "dqnkit")
    assert requirements.tested_versions()["gymnasium"] == pinned("gymnasium")


# -- on Colab


@pytest.fixture(params=["in a notebook", "in a program"])
def colab(request, monkeypatch):
    if request.param == "in a notebook":
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    else:
        monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")


def test_on_colab_what_its_page_stands_in_for_is_no_advice(install, colab):
    install(jupyterlab=None, jupyter_server_proxy=None, dask_labextension=None)
    findings = by_name(packages.examine())
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert not {"jupyterlab", "jupyter-server-proxy"} & set(findings)
    assert "stands in for JupyterLab and its port" in findings["Colab"].value
    assert "jupyterlab" in findings["Colab"].value
    assert not [finding for finding in computer.examine() if finding.name.startswith("port")]


def test_on_colab_the_command_installs_no_more_than_what_is_missing(install, colab):
    install(dask="2026.7.1", distributed=None)
    (finding,) = (finding for finding in packages.examine() if finding.status != "ok")
    assert (finding.name, finding.remedy) == ("distributed", 'pip install "distributed==2026.7.1"')
    install(ale_py=None, box2d=None, minatar=None)
    (finding,) = (finding for finding in packages.examine() if finding.status != "ok")
    assert finding.remedy == 'pip install "ale-py>=0.12.1" "box2d==2.3.10" "minatar>=1.0.15"'
