"""The doctor: what a container allows, what is installed and what is not, and that it survives all that it meets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from dqnkit import doctor
from dqnkit.doctor import Finding

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GIB = 2**30
MEMINFO = f"MemTotal:       {16 * GIB // 1024} kB\nMemFree:   1 kB\nMemAvailable:   {8 * GIB // 1024} kB\n"


@pytest.fixture
def computer(tmp_path):
    """Writes the files by which Linux tells a process what it may use."""

    def write(files):
        for name, text in {"proc/meminfo": MEMINFO, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        return tmp_path

    return write


@pytest.fixture
def packages(monkeypatch):
    """Replaces what is installed by what a test says; everything that the kit asks for unless told otherwise."""
    monkeypatch.setattr(doctor.metadata, "requires", missing)

    def install(**changes):
        versions = {name: "9999" for requirement in doctor.requirements() for name in requirement.names[:1]}
        versions |= {"gymnasium": "1.4.0", "tensorflow": "2.21.0", "box2d": "2.3.10"}
        versions |= {name.replace("_", "-"): version for name, version in changes.items()}

        def version(name):
            if versions.get(name) is None:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(doctor.metadata, "version", version)

    return install


def by_name(findings):
    return {finding.name: finding for finding in findings}


# -- cores and memory


def test_without_control_groups_memory_is_the_computers(computer):
    assert doctor.memory(computer({})) == (16 * GIB, 8 * GIB)
    assert doctor.memory(computer({"proc/self/cgroup": "0::/"})) == (16 * GIB, 8 * GIB)


def test_version_2_limits_memory(computer):
    root = computer(
        {
            "proc/self/cgroup": "0::/user.slice/notebook",
            "sys/fs/cgroup/user.slice/notebook/memory.max": "max",
            "sys/fs/cgroup/user.slice/notebook/memory.current": str(GIB),
            "sys/fs/cgroup/user.slice/memory.max": str(2 * GIB),
            "sys/fs/cgroup/user.slice/memory.current": str(GIB + 300),
            "sys/fs/cgroup/user.slice/memory.stat": "anon 5\ninactive_file 300\nactive_file 70",
        }
    )
    assert doctor.memory(root) == (2 * GIB, GIB)


def test_version_1_limits_memory(computer):
    root = computer(
        {
            "proc/self/cgroup": "9:name=systemd:/\n4:memory:/jupyter/user-1\n1:cpu,cpuacct:/\n0::/",
            "sys/fs/cgroup/memory/jupyter/user-1/memory.limit_in_bytes": str(3 * GIB),
            "sys/fs/cgroup/memory/jupyter/user-1/memory.usage_in_bytes": str(GIB + 300),
            "sys/fs/cgroup/memory/jupyter/user-1/memory.stat": "inactive_file 5\ntotal_inactive_file 300",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(12 * GIB),
        }
    )
    assert doctor.memory(root) == (3 * GIB, 2 * GIB)


def test_a_path_of_the_host_that_the_container_does_not_see_is_walked_up(computer):
    root = computer(
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n3:cpu:/../docker/0123",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(GIB),
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        }
    )
    assert doctor.memory(root) == (GIB, GIB)
    assert doctor.available_cores(root) == 0.5


def test_memory_that_is_not_known_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert doctor.memory(tmp_path) == (0, 0)
    monkeypatch.setattr(doctor, "memory", lambda: doctor.Memory(0, 0))
    assert "not known" in doctor._memory().value


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "150000 100000"}, 1.5),
        ({"sys/fs/cgroup/a/cpu.max": "max 100000"}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "max 100000", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"sys/fs/cgroup/a/cpu.max": "800000 100000"}, 4),
        ({"sys/fs/cgroup/a/cpu.max": "nonsense"}, 4),
    ],
)
def test_cores_are_the_affinitys_or_the_quotas_of_version_2(computer, monkeypatch, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert doctor.available_cores(computer({"proc/self/cgroup": "0::/a", **files})) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 4), ("100000", 1), ("250000", 2.5)])
def test_cores_are_the_affinitys_or_the_quotas_of_version_1(computer, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    group = "sys/fs/cgroup/cpu/a"
    files = {f"{group}/cpu.cfs_quota_us": quota, f"{group}/cpu.cfs_period_us": "100000"}
    assert doctor.available_cores(computer({"proc/self/cgroup": "2:cpu,cpuacct:/a", **files})) == cores


def test_little_memory_or_disk_is_advice(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "memory", lambda: doctor.Memory(2 * GIB, GIB // 2))
    assert doctor._memory() == Finding("memory", "0.5 GiB free of 2.0 GiB", "advice", doctor._memory().remedy)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": GIB // 4}))
    assert doctor._disk(tmp_path).status == "advice"


def test_a_taken_port_is_noticed():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert "taken" in doctor._port(port).value
    assert "free" in doctor._port(port).value


def test_the_supported_pythons_are_those_of_the_project(monkeypatch):
    oldest, newest = doctor.OLDEST_PYTHON, doctor.NEWEST_PYTHON
    assert PROJECT["requires-python"] == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
    assert doctor._python().status == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert doctor._python().status == "problem"


# -- packages


def missing(name):
    raise metadata.PackageNotFoundError(name)


def test_requirements_are_those_of_the_project_file(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "requires", missing)
    wanted = doctor.requirements()
    assert wanted[0] == doctor.Requirement(("click",), ">=8.1", "")
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
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: lines)
    built = doctor.requirements()
    monkeypatch.setattr(doctor.metadata, "requires", missing)
    assert {*built} == {*doctor.requirements()}


def test_only_packages_with_alternatives_have_conditions():
    """Conditions are left aside, which is right as long as they choose between packages of which any one will do."""
    for wanted in PROJECT["optional-dependencies"].values():
        for line in wanted:
            if ";" in line:
                assert len(doctor._alternatives(re.match(r"[\w.-]+", line)[0])) > 1


def test_every_extra_is_explained():
    assert set(PROJECT["optional-dependencies"]) == {*doctor.EXTRAS, "notebooks", "learner-gpu"}


@pytest.mark.parametrize(
    "version", ["1.3", "1.3.0", "1.4.1", "1.5", "1.5.0", "1.2.9", "2.0", "1.10", "2.3.10", "2.3.9"]
)
@pytest.mark.parametrize("versions", ["", ">=1.3", ">=1.3,<1.5", "==2.3.10", "!=1.3", "<=1.4", ">1.3"])
def test_ranges_mean_what_pip_means(version, versions):
    specifiers = pytest.importorskip("packaging.specifiers")
    assert doctor.is_within(version, versions) == specifiers.SpecifierSet(versions).contains(version)


def test_what_follows_the_numbers_of_a_version_does_not_count():
    assert doctor.is_within("2.21.0rc1", ">=2.20,<2.22")
    assert doctor.is_within("2.13.0+cpu", "==2.13.0")


def test_all_installed_needs_nothing(packages):
    packages()
    assert {finding.status for finding in (*doctor._packages(), *doctor._clashes())} == {"ok"}


@pytest.mark.parametrize(
    ("name", "version", "status", "command"),
    [
        ("numpy", None, "problem", "pip install"),
        ("gymnasium", "1.2.0", "problem", "pip install"),
        ("tensorflow", None, "advice", "[learner]'"),
        ("tensorflow", "2.19.1", "problem", "[learner]'"),
        ("distributed", None, "advice", "[cluster]'"),
        ("ipywidgets", "7.6.0", "problem", "[course]'"),
        ("ruff", "0.1", "advice", "[test]'"),
    ],
)
def test_a_package_that_is_missing_or_of_another_version(packages, name, version, status, command):
    packages(**{name: version})
    (finding,) = (finding for finding in doctor._packages() if finding.status != "ok")
    assert (finding.name, finding.status) == (name, status)
    assert command in finding.remedy


def test_any_one_of_the_alternatives_will_do(packages):
    packages(tensorflow=None, tensorflow_cpu="2.20.0", pygame_ce=None, pygame="2.6.1", opencv_python="4.12.0")
    findings = by_name(doctor._packages())
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert {"tensorflow-cpu", "pygame"} <= set(findings)


def test_an_extra_that_is_not_there_is_one_line(packages):
    packages(ale_py=None, box2d=None, minatar=None)
    (finding,) = (finding for finding in doctor._packages() if finding.status != "ok")
    assert finding.name == "games"
    assert "ale-py, box2d, minatar" in finding.value
    assert finding.remedy == doctor.install_command("games")


def test_the_command_is_right_for_a_checkout_and_for_an_installed_wheel(monkeypatch):
    assert doctor.install_command("learner") == f"pip install -e '{ROOT}[learner]'"
    monkeypatch.setattr(doctor, "is_checkout", lambda: False)
    assert doctor.install_command("learner") == "pip install 'dqnkit[learner]'"
    assert doctor.install_command() == "pip install 'dqnkit'"


def test_both_tensorflow_wheels_at_once_are_a_problem(packages):
    packages(tensorflow_cpu="2.21.0")
    (finding,) = doctor._clashes()
    assert finding.status == "problem"
    assert "tensorflow and tensorflow-cpu are both installed" in finding.value
    assert finding.remedy.startswith("pip uninstall -y tensorflow tensorflow-cpu && pip install")
    packages(pygame="2.6.1")
    (finding,) = doctor._clashes()
    assert finding.status == "advice"


@pytest.mark.parametrize(
    ("dask", "distributed", "findings"),
    [("2026.8.0", "2026.8.0", 0), ("2026.7.1", "2026.8.0", 1), ("2026.7.1", None, 0)],
)
def test_dasks_two_packages_must_be_of_one_release(packages, dask, distributed, findings):
    packages(dask=dask, distributed=distributed)
    found = list(doctor._dask())
    assert len(found) == findings
    for finding in found:
        assert finding.status == "problem"
        assert "dask 2026.7.1 and distributed 2026.8.0 do not go together" in finding.value
        assert finding.remedy.endswith("[cluster]'")


# -- does it work


def test_an_environment_that_does_not_step_is_a_problem(monkeypatch):
    assert doctor._environment().status == "ok"
    monkeypatch.setattr("dqnkit.environments.make_env", lambda env_id: 1 / 0)
    assert "division by zero" in doctor._environment().value
    assert doctor._environment().status == "problem"


def test_without_pygame_videos_are_advice(monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert doctor._rendering().status == "advice"
    assert doctor._tensorflow() == []


@pytest.fixture
def tensorflow(tmp_path, monkeypatch):
    """Puts a package called tensorflow, with the code that a test gives it, where the doctor's process finds it."""

    def write(code):
        (tmp_path / "tensorflow.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(doctor, "find_spec", lambda name: object())

    return write


def fake(gpus):
    return (
        "import sys; print('a greeting'); print('a warning', file=sys.stderr); __version__ = '2.21.0'\n"
        f"class config: list_physical_devices = staticmethod(lambda kind: {gpus})"
    )


@pytest.mark.parametrize(
    ("gpus", "nvidia", "status", "value"),
    [
        ([], None, "ok", "none"),
        ([1], "/usr/bin/nvidia-smi", "ok", "TensorFlow sees 1"),
        ([], "/usr/bin/nvidia-smi", "advice", "does not see"),
    ],
)
def test_the_gpu_is_seen_or_not(tensorflow, monkeypatch, gpus, nvidia, status, value):
    tensorflow(fake(gpus))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: nvidia)
    imports, gpu = doctor._tensorflow()
    assert (imports.status, imports.value) == ("ok", "2.21.0 can be imported")
    assert gpu.status == status
    assert value in gpu.value
    assert ("learner-gpu" in gpu.remedy) == (status == "advice")


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("raise ImportError('libfoo.so is broken')", "libfoo.so is broken"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("import sys; sys.exit(3)", "no message"),
    ],
)
def test_a_tensorflow_that_cannot_be_imported_is_a_problem(tensorflow, code, value):
    tensorflow(code)
    (finding,) = doctor._tensorflow()
    assert finding.status == "problem"
    assert value in finding.value
    assert "[learner]'" in finding.remedy


def test_a_tensorflow_that_hangs_is_left_alone(tensorflow, monkeypatch):
    tensorflow("import time; time.sleep(100)")
    monkeypatch.setattr(doctor, "TENSORFLOW_SECONDS", 0.5)
    (finding,) = doctor._tensorflow()
    assert (finding.status, finding.value) == ("problem", "its import did not end within 0.5 s")


# -- the report


def test_the_report_says_first_what_is_wrong_and_each_remedy_once():
    text = doctor.report(
        [
            Finding("a", "one"),
            Finding("b", "two", "advice", "pip install {x}"),
            Finding("c", "three", "problem", "do this", "another section"),
            Finding("dd", "four", "advice", "pip install {x}", "another section"),
        ]
    )
    assert "  ok       a   one\n  advice   b   two\n\nanother section\n  problem  c   three\n" in text
    what_to_do = text.partition("what to do\n")[2]
    assert " ".join(what_to_do.split()) == "problem c do this advice b, dd pip install {x}"
    assert doctor.report([Finding("a", "one")]).endswith("nothing to do: all is well")


def test_the_whole_examination_here(monkeypatch):
    monkeypatch.setattr(doctor, "_tensorflow", list)  # takes seconds; tried above
    findings = doctor.examine()
    assert {"Python", "platform", "dqnkit", "cores", "memory", "disk", "numpy", "CartPole-v1"} <= set(by_name(findings))
    assert all(finding.remedy for finding in findings if finding.status != "ok")
    assert not any(finding.remedy for finding in findings if finding.status == "ok")
    assert doctor.report(findings).isascii()


def test_importing_the_doctor_costs_little():
    program = "import sys, dqnkit.doctor; print({'numpy', 'gymnasium', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "set()"


def test_a_notebook_shows_what_to_do_first_and_all_of_it_under_a_fold():
    page = doctor.Report(
        [
            Finding("Python", "3.12.1 <here>"),
            Finding("memory", "0.2 GiB free", "advice", "close other programs"),
            Finding("tensorflow", "missing", "problem", "pip install 'dqnkit[learner]'"),
        ]
    )._repr_html_()
    assert "not ready yet" in page
    assert page.index("pip install &#x27;dqnkit[learner]&#x27;") < page.index("close other programs")
    assert page.index("All 3 findings") < page.index("3.12.1 &lt;here&gt;")
    assert "is ready for the course" in doctor.Report([Finding("Python", "3.12")])._repr_html_()
    assert "is ready. There is advice" in doctor.Report([Finding("memory", "low", "advice")])._repr_html_()
