"""Dask's log can be kept out of a page: in the driver, in the workers, and in workers that replace them."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("distributed")

import dask.config

from dqnkit.cluster.dask_logging import LOGGERS, SPAWNED, silence_dask
from dqnkit.deploy import make_cluster

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    levels, spawned = {name: logging.getLogger(name).level for name in LOGGERS}, dask.config.get(SPAWNED)
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    dask.config.set({SPAWNED: spawned})


def test_no_part_of_dask_has_a_level_of_its_own_that_lets_more_through() -> None:
    silence_dask()
    logging.getLogger("bokeh.util.tornado")
    names = [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "bokeh"))]
    assert len(names) > 5
    assert {logging.getLogger(name).getEffectiveLevel() for name in names} == {logging.CRITICAL}


def levels_of_dask() -> set[int]:
    return {logging.getLogger(name).getEffectiveLevel() for name in ("distributed.worker", "bokeh.util.tornado")}


@pytest.mark.slow
def test_the_death_of_a_worker_leaves_nothing_on_the_page(capfd: pytest.CaptureFixture[str]) -> None:
    silence_dask()
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
        [pid] = client.run(os.getpid).values()
        assert client.submit(levels_of_dask, pure=False).result(timeout=60) == {logging.CRITICAL}
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while client.submit(os.getpid, pure=False).result(timeout=60) == pid:
            assert time.monotonic() < until
        # its replacement, too
        assert client.submit(levels_of_dask, pure=False).result(timeout=60) == {logging.CRITICAL}
    out, err = capfd.readouterr()
    assert out + err == ""
