"""The dashboard's link in a real JupyterLab: a click opens the dashboard, through the address of JupyterLab alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import jupyter_lab, screenshots

pytestmark = pytest.mark.slow

CELLS = [
    "from dqnkit.cluster.dashboard import dashboard_link, how_to_reach\nfrom dqnkit.deploy import make_cluster\n"
    "from IPython.display import HTML\n"
    "cluster = make_cluster(n_workers=1)\nclient = cluster.get_client()\nlink = dashboard_link(client)\n"
    'HTML(f\'<a href="{link}" target="_blank">dashboard</a> {how_to_reach(link)}\')',
    "client.close()\ncluster.close()\nprint('closed', 2 + 2)",
]


def test_a_click_opens_the_dashboard_through_jupyterlab(tmp_path: Path) -> None:
    pytest.importorskip("jupyter_server_proxy")
    pytest.importorskip("bokeh")
    with jupyter_lab(tmp_path) as lab:
        notebook = lab.open(CELLS)
        notebook.run(0)
        notebook.wait_for(0, "through the notebook server", timeout=90)
        with notebook.page.context.expect_page(timeout=30_000) as opened:
            notebook.output(0).get_by_role("link", name="dashboard").click(timeout=10_000)
        dashboard = opened.value
        dashboard.locator("canvas").first.wait_for(timeout=60_000)  # its plots, which come through a web socket
        dashboard.screenshot(path=str(screenshots() / "dashboard-through-jupyterlab.png"))
        assert dashboard.url.startswith(f"{lab.url}/proxy/")
        dashboard.close()
        notebook.run(1)
        notebook.wait_for(1, "closed 4", timeout=60)
        notebook.shut_down()
