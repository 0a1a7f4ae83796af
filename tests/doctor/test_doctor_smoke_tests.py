"""The doctor tries what is installed, in other processes, and survives their failures."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path

import pytest

from dqnkit import opengl
from dqnkit.doctor import smoke_tests

ROOT = Path(__file__).resolve().parents[2]


def test_an_environment_that_does_not_step_is_a_problem(monkeypatch):
    assert smoke_tests.environment().status == "ok"
    monkeypatch.setattr("dqnkit.environments.make_env", lambda env_id: 1 / 0)
    assert "division by zero" in smoke_tests.environment().value
    assert smoke_tests.environment().status == "problem"


def test_without_pygame_videos_are_advice(monkeypatch):
    monkeypatch.setattr(smoke_tests, "find_spec", lambda name: None)
    assert smoke_tests.videos().status == "advice"
    assert smoke_tests.tensorflow() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
@pytest.mark.parametrize(
    ("chosen", "works", "status", "said"),
    [
        (None, ("egl", "osmesa"), "ok", "MUJOCO_GL=egl"),
        (None, ("osmesa",), "ok", "MUJOCO_GL=osmesa"),
        (None, (), "advice", "apt-get install -y libosmesa6) and start again with MUJOCO_GL=osmesa"),
        ("egl", ("egl",), "ok", "MUJOCO_GL=egl"),
        ("egl", ("osmesa",), "advice", "install its library (Debian, Ubuntu: apt-get install -y libegl1"),
        ("glfw", ("egl",), "advice", "unset MUJOCO_GL"),
    ],
)
def test_what_mujoco_draws_with(chosen, works, status, said, monkeypatch):
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv("MUJOCO_GL", chosen)
    monkeypatch.setattr(smoke_tests, "find_spec", lambda name: object())
    monkeypatch.setattr(opengl, "works", lambda way: way in works)
    opengl.way_that_works.cache_clear()
    (finding,) = smoke_tests.pictures_of_mujoco()
    opengl.way_that_works.cache_clear()
    assert finding.status == status
    assert said in f"{finding.value} {finding.remedy}"


def test_where_there_is_a_display_mujoco_is_not_tried(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(smoke_tests, "find_spec", lambda name: object())
    monkeypatch.setattr(opengl, "works", lambda way: pytest.fail("it was tried"))
    assert [finding.status for finding in smoke_tests.pictures_of_mujoco()] == ["ok"]


@pytest.fixture
def tensorflow(tmp_path, monkeypatch):
    """Installs a package called tensorflow, with code from the test, where the doctor's process finds it."""

    def write(code):
        (tmp_path / "tensorflow.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(smoke_tests, "find_spec", lambda name: object())

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
    monkeypatch.setattr(smoke_tests.shutil, "which", lambda name: nvidia)
    imports, gpu = smoke_tests.tensorflow()
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
    (finding,) = smoke_tests.tensorflow()
    assert finding.status == "problem"
    assert value in finding.value
    assert '[learner]"' in finding.remedy


def test_a_tensorflow_that_is_too_slow_is_not_called_broken(tensorflow, monkeypatch, tried):
    tensorflow("import time; time.sleep(100)")
    monkeypatch.setattr(smoke_tests, "SECONDS", 0.5)
    (finding,) = smoke_tests.tensorflow()
    assert_only_slow(finding)
    assert finding.value.startswith("not known whether it can be imported: no end within 0.5 s")
    tried(25, "doctor: TensorFlow takes longer than the time limit", f"{finding.value}; {finding.remedy}")


def assert_only_slow(finding):
    """It was too slow, which on a busy computer says nothing: nothing is called broken, nothing is to be installed."""
    assert finding.status == "advice"
    assert "cannot" not in finding.value
    assert finding.remedy == "close other programs and notebooks, and try again"


# -- Dask


def test_a_cluster_starts_works_and_closes():
    pytest.importorskip("distributed")
    (finding,) = smoke_tests.dask_starts()
    assert finding.status == "ok"
    assert 0 < float(re.search(r"closed in ([\d.]+) s", finding.value)[1]) < smoke_tests.SECONDS


@pytest.fixture
def broken_dask(tmp_path, monkeypatch):
    """Installs packages dask and distributed, with code from the test, where the doctor's process finds them."""

    def write(code):
        for name in ("dask", "distributed"):
            (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
        monkeypatch.setattr(smoke_tests, "find_spec", lambda name: object())

    return write


def test_a_dask_that_does_not_start_is_a_problem_with_its_reason(broken_dask):
    broken_dask("raise OSError('no socket for you')")
    (finding,) = smoke_tests.dask_starts()
    assert (finding.status, finding.value) == ("problem", "a cluster cannot be started: OSError: no socket for you")
    assert '[cluster]"' in finding.remedy


def test_a_dask_that_is_too_slow_is_not_called_broken(broken_dask, monkeypatch, tried):
    broken_dask("import time; time.sleep(100)")
    monkeypatch.setattr(smoke_tests, "SECONDS", 0.5)
    (finding,) = smoke_tests.dask_starts()
    assert_only_slow(finding)
    assert finding.value.startswith("not known whether a cluster starts: no end within 0.5 s")
    tried(25, "doctor: Dask takes longer than the time limit", f"{finding.value}; {finding.remedy}")


@pytest.mark.parametrize("error", ["TimeoutError()", "OSError('Timed out trying to connect to tcp://127.0.0.1:1')"])
def test_a_dask_that_waits_in_vain_for_its_own_processes_is_not_called_broken(broken_dask, error, tried):
    broken_dask(f"raise {error}")
    (finding,) = smoke_tests.dask_starts()
    assert_only_slow(finding)
    tried(25, f"doctor: Dask ends with {error}", f"{finding.value}; {finding.remedy}")


def test_the_doctor_says_how_busy_the_computer_was(tensorflow, monkeypatch):
    tensorflow("import time; time.sleep(100)")
    monkeypatch.setattr(smoke_tests, "SECONDS", 0.2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for load, words in ((18.3, ", while 18 programs shared 2 cores"), (0.3, "")):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, load, load), raising=False)
        (finding,) = smoke_tests.tensorflow()
        assert finding.value == f"not known whether it can be imported: no end within 0.2 s{words}"


def test_without_dask_nothing_is_started(monkeypatch):
    monkeypatch.setattr(smoke_tests, "find_spec", lambda name: None)
    assert smoke_tests.dask_starts() == []


def test_the_programs_run_at_the_same_time(monkeypatch):
    all_of_them = threading.Barrier(3, timeout=10)
    for module in (smoke_tests, opengl):
        monkeypatch.setattr(module, "run_python", lambda code, *rest: all_of_them.wait() * 0 or "1.0 0")
    monkeypatch.setattr(smoke_tests, "find_spec", lambda name: object())
    monkeypatch.setenv("MUJOCO_GL", "egl")
    findings = [finding.name for finding in smoke_tests.examine()]
    assert findings == ["CartPole-v1", "videos", "MuJoCo", "Dask", "TensorFlow", "GPU"]
