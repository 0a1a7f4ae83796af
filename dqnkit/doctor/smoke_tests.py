"""Does it work? What is installed is tried: an environment steps, TensorFlow is imported, a Dask cluster starts.

TensorFlow and Dask are heavy, and OpenGL may crash: each is tried in a process of its own, with a time limit.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from dqnkit import opengl
from dqnkit.doctor.findings import WORKS, Finding
from dqnkit.doctor.requirements import TENSORFLOW, install_command, reinstall_command
from dqnkit.own_process import Failed, TooSlow, run_python

SECONDS = 90  # time limit of each process: a busy computer takes long for what else takes five
WAIT = "close other programs and notebooks, and try again"
IMPORT_TENSORFLOW = "import tensorflow as tf; print(tf.__version__, len(tf.config.list_physical_devices('GPU')))"
START_DASK = """
import time
began = time.monotonic()
from dqnkit.deploy import make_cluster
with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
    assert client.submit(sum, [1, 2]).result() == 3
print(time.monotonic() - began)
"""


def examine() -> list[Finding]:
    """Try everything; the processes run at the same time."""
    with ThreadPoolExecutor() as threads:
        dask, learner, robots = (threads.submit(trial) for trial in (dask_starts, tensorflow, pictures_of_mujoco))
        return [environment(), videos(), *robots.result(), *dask.result(), *learner.result()]


def environment() -> Finding:
    """Whether CartPole steps."""
    try:
        from dqnkit.environments import make_env

        env = make_env("CartPole-v1")
        env.reset(seed=0)
        env.step(0)
        env.close()
    except Exception as error:  # whatever is wrong, the report goes on
        return Finding("CartPole-v1", f"does not step: {error}", "problem", install_command(), WORKS)
    return Finding("CartPole-v1", "steps", section=WORKS)


def videos() -> Finding:
    """Whether pygame is there, which draws the frames of most environments."""
    if find_spec("pygame") is None:
        return Finding("videos", "no pygame to draw with", "advice", install_command("course"), WORKS)
    return Finding("videos", "pygame is there to draw with", section=WORKS)


def pictures_of_mujoco() -> list[Finding]:
    """Whether MuJoCo can draw: with a display it is taken for granted, without one it is tried."""
    if find_spec("mujoco") is None:
        return []
    chosen = os.environ.get(opengl.VARIABLE)
    if not chosen and opengl.has_display():
        return [Finding("MuJoCo", "draws where there is a display", section=WORKS)]
    way = chosen if chosen and opengl.works(chosen) else None if chosen else opengl.way_that_works()
    if way is None:
        value = f"draws no pictures{f' with {opengl.VARIABLE}={chosen}' if chosen else ''}: it finds no OpenGL"
        return [Finding("MuJoCo", f"{value}; all else works", "advice", opengl.remedy(), WORKS)]
    return [Finding("MuJoCo", f"draws without a display, with {opengl.VARIABLE}={way}", section=WORKS)]


def dask_starts() -> list[Finding]:
    """Start a cluster of one worker, let it add two numbers, and close it."""
    if find_spec("dask") is None or find_spec("distributed") is None:
        return []
    try:
        seconds = float(run_python(START_DASK, SECONDS).split()[-1])
    except TooSlow as slow:
        return [Finding("Dask", f"not known whether a cluster starts: {slow}", "advice", WAIT, WORKS)]
    except Failed as failed:
        remedy = f"close other notebooks and try again; if it stays, {install_command('cluster')}"
        return [Finding("Dask", f"a cluster cannot be started: {failed}", "problem", remedy, WORKS)]
    return [Finding("Dask", f"a cluster started, worked and closed in {seconds:.1f} s", section=WORKS)]


def tensorflow() -> list[Finding]:
    """Import TensorFlow, and ask it which GPUs it sees."""
    if find_spec("tensorflow") is None:
        return []
    try:
        version, gpus = run_python(IMPORT_TENSORFLOW, SECONDS).split()[-2:]
    except TooSlow as slow:
        return [Finding("TensorFlow", f"not known whether it can be imported: {slow}", "advice", WAIT, WORKS)]
    except Failed as failed:
        remedy = f"free memory and try again; if it stays, {reinstall_command(TENSORFLOW, 'learner')}"
        return [Finding("TensorFlow", f"cannot be imported: {failed}", "problem", remedy, WORKS)]
    return [Finding("TensorFlow", f"{version} can be imported", section=WORKS), _gpu(int(gpus))]


def _gpu(seen: int) -> Finding:
    if seen:
        return Finding("GPU", f"TensorFlow sees {seen}", section=WORKS)
    if shutil.which("nvidia-smi") is None:
        return Finding("GPU", "none; the course needs none", section=WORKS)
    value = "there is one that TensorFlow does not see; the course's small networks need none"
    return Finding("GPU", value, "advice", reinstall_command(TENSORFLOW, "learner-gpu"), WORKS)
