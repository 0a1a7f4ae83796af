"""Dask's charts in JupyterLab's side panel: dask-labextension finds the cluster of the open notebook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import jupyter_lab

from dqnkit.course_folder import jupyter_config

pytestmark = pytest.mark.slow

CELLS = [
    "from dqnkit.deploy import make_cluster\n"
    "cluster = make_cluster(n_workers=2)\nclient = cluster.get_client()\nprint('up', 1 + 1)",
    "import time\nfutures = client.map(lambda i: time.sleep(0.2), range(40), pure=False)\n"
    "print('done', len(client.gather(futures)))",
    "client.close()\ncluster.close()\nprint('closed', 2 + 2)",
]


def test_the_panel_finds_the_cluster_and_shows_its_tasks(tmp_path: Path) -> None:
    pytest.importorskip("dask_labextension")
    with jupyter_lab(tmp_path, JUPYTER_CONFIG_PATH=str(jupyter_config())) as lab:
        notebook = lab.open(CELLS)
        notebook.run(0)
        notebook.wait_for(0, "up 2")
        notebook.run(1)
        page = notebook.page
        page.locator("[data-id='dask-dashboard-launcher'], li[title*='Dask']").first.click()
        assert page.get_by_text("Clusters", exact=True).count() == 0  # the notebooks create the clusters
        page.locator("button:near(input[placeholder*='DASK'])").first.click()
        charts = page.locator("button", has_text=re.compile("task stream", re.I))
        charts.first.click(timeout=30_000)
        page.frame_locator("iframe").locator("canvas").first.wait_for(timeout=30_000)
        notebook.screenshot("dask-panel")
        assert not notebook.errors
