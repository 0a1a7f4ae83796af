"""Pictures of MuJoCo without a display: which of its two ways works here, and what to install where neither does.

MuJoCo draws with OpenGL: in a window (GLFW), or without a display by EGL or OSMesa. The variable MUJOCO_GL says which;
Gymnasium reads it at the first picture. What the reader has set stays as it is.
"""

from __future__ import annotations

import os
import sys
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from dqnkit.errors import EnvironmentNotSupportedError
from dqnkit.own_process import Failed, run_python

VARIABLE = "MUJOCO_GL"
# way to draw -> the packages of Debian and Ubuntu that bring it; the one that may use a GPU first
PACKAGES = {"egl": "libegl1 libgl1-mesa-dri", "osmesa": "libosmesa6"}
SECONDS = 60  # time limit of the process in which one is tried; on a quiet computer it takes one
LIBRARIES = ("mujoco", "OpenGL", "glfw")  # folders of what stands between an environment and OpenGL
# A missing or broken driver can end the process, so this runs in one of its own.
DRAW = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
renderer = mujoco.Renderer(model, 8, 8)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer.update_scene(data)
assert renderer.render().any()
"""


def is_drawn_by_mujoco(env: Any) -> bool:
    """Whether an environment is one of Gymnasium's MuJoCo environments, or was made from one."""
    return any(kind.__module__.startswith("gymnasium.envs.mujoco") for kind in type(env.unwrapped).__mro__)


def choose_way_to_draw(env_id: str) -> None:
    """Set MUJOCO_GL where the reader has not, there is no display, and one of the ways works.

    Raises:
        EnvironmentNotSupportedError: none does; with the command that installs one.
    """
    if os.environ.get(VARIABLE) or has_display():
        return
    way = way_that_works()
    if way is None:
        raise cannot_be_drawn(env_id)
    os.environ[VARIABLE] = way


def has_display() -> bool:
    """Whether there are windows: always on Windows and macOS."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@cache
def way_that_works() -> str | None:
    """The first of `PACKAGES` with which MuJoCo draws a picture here; None where none does. It takes some seconds."""
    return next((way for way in PACKAGES if works(way)), None)


def works(way: str) -> bool:
    """Whether MuJoCo draws a picture with this value of MUJOCO_GL, tried in a process of its own."""
    try:
        run_python(DRAW, SECONDS, {VARIABLE: way})
    except Failed:
        return False
    return True


def remedy() -> str:
    """What to do so that MuJoCo can draw here."""
    chosen = os.environ.get(VARIABLE)
    if chosen in PACKAGES:
        return f"install its library (Debian, Ubuntu: apt-get install -y {PACKAGES[chosen]})"
    if chosen and not has_display():
        return f"unset {VARIABLE}: without a display only {' and '.join(PACKAGES)} can work"
    return (
        f"install one (Debian, Ubuntu: apt-get install -y {PACKAGES['osmesa']}) and start again with {VARIABLE}=osmesa"
    )


def cannot_be_drawn(env_id: str) -> EnvironmentNotSupportedError:
    """The error for an environment of which MuJoCo cannot make pictures here."""
    chosen = os.environ.get(VARIABLE)
    what = (
        f"{VARIABLE}={chosen} is set and does not work" if chosen else "there is no display, EGL or OSMesa that works"
    )
    return EnvironmentNotSupportedError(f"{env_id} cannot be drawn: MuJoCo needs OpenGL, and {what} here; {remedy()}")


def is_failure_of_opengl(error: BaseException) -> bool:
    """Whether an error was raised in MuJoCo's drawing or below, not in an environment's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not set(LIBRARIES).isdisjoint(Path(frames[-1].filename).parts)
