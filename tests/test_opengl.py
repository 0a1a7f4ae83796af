"""MuJoCo's pictures without a display: a way that works is found by itself, and its absence is a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from dqnkit import opengl

needs_mujoco = pytest.mark.skipif(find_spec("mujoco") is None, reason="mujoco is not installed")
headless = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
NO_DRIVER = {"__EGL_VENDOR_LIBRARY_DIRS": "/nowhere", "__EGL_VENDOR_LIBRARY_FILENAMES": "/nowhere.json"}
VIDEO = """
import sys, warnings
import gymnasium as gym

class Pushed(gym.ActionWrapper):
    def __init__(self, **kwargs):
        super().__init__(gym.make("InvertedPendulum-v5", **kwargs))
        self.action_space = gym.spaces.Discrete(3)

    def action(self, action):
        return [(-3.0, 0.0, 3.0)[action]]

gym.register("test/Pushed-v0", Pushed)
from dqnkit.config import DQNConfig
from dqnkit.errors import DQNKitError
from dqnkit.videos import record_video

try:
    print(record_video(None, DQNConfig("test/Pushed-v0"), sys.argv[1], max_frames=3).description)
except DQNKitError as error:
    print(f"{type(error).__name__}: {error}")
"""


def video(folder: object, program: str = VIDEO, **variables: str) -> str:
    """What a program says that records a video, in a process without a display and with these variables."""
    ours = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL")
    }
    command = [sys.executable, "-W", "ignore", "-c", program, f"{folder}/video.gif"]
    ended = subprocess.run(command, env={**ours, **variables}, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@needs_mujoco
@headless
@pytest.mark.slow
class TestWithoutADisplay:
    def test_a_way_to_draw_is_found_by_itself(self, tmp_path: object) -> None:
        if opengl.way_that_works() is None:
            pytest.skip("neither EGL nor OSMesa works here")
        assert video(tmp_path) == "a random policy in test/Pushed-v0, one episode of 2 steps"

    def test_tensorflow_may_be_loaded_before_a_video_or_after_it(self, tmp_path: object) -> None:
        """In one process Mesa's LLVM and TensorFlow's end in a segmentation fault, in whichever order they come."""
        pytest.importorskip("tensorflow")
        if opengl.way_that_works() is None:
            pytest.skip("neither EGL nor OSMesa works here")
        *_, recording = VIDEO.partition("try:")
        said = video(tmp_path, f"{VIDEO}\nimport tensorflow\ntry:{recording}")
        assert said.splitlines() == ["a random policy in test/Pushed-v0, one episode of 2 steps"] * 2

    def test_without_a_driver_a_sentence_names_the_packages(
        self, tmp_path: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", "/nowhere")
        if opengl.works("osmesa"):
            pytest.skip("OSMesa draws here")
        said = video(tmp_path, **NO_DRIVER)
        assert said.startswith(
            "EnvironmentNotSupportedError: test/Pushed-v0 cannot be drawn: MuJoCo needs OpenGL, and there"
        )
        assert "apt-get install -y libosmesa6) and start again with MUJOCO_GL=osmesa" in said

    def test_what_the_reader_has_set_stays_and_its_failure_is_a_sentence(self, tmp_path: object) -> None:
        said = video(tmp_path, MUJOCO_GL="egl", **NO_DRIVER)
        assert (
            "MUJOCO_GL=egl is set and does not work here; install its library (Debian, Ubuntu: apt-get install -y lib"
            in said
        )
        said = video(tmp_path, MUJOCO_GL="glfw")
        assert "MUJOCO_GL=glfw is set and does not work here; unset MUJOCO_GL" in said


@headless
@pytest.mark.parametrize(
    ("variables", "there"), [({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True), ({}, False)]
)
def test_a_display(variables: dict[str, str], there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert opengl.has_display() is there


@headless
def test_nothing_is_set_where_the_reader_has_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opengl, "way_that_works", lambda: pytest.fail("it was tried"))
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    opengl.choose_way_to_draw("HalfCheetah-v5")
    assert os.environ["MUJOCO_GL"] == "osmesa"
    monkeypatch.delenv("MUJOCO_GL")
    monkeypatch.setenv("DISPLAY", ":0")
    opengl.choose_way_to_draw("HalfCheetah-v5")
    assert "MUJOCO_GL" not in os.environ
