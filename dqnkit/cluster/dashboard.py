"""The link to Dask's dashboard, in a form that works from a notebook: the browser may be on another computer.

A browser that shows a notebook reaches the notebook server, perhaps through a tunnel or a hub, and often nothing else.
jupyter-server-proxy lets that server pass the dashboard on, below its own address.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dask

from dqnkit.files import read_object
from dqnkit.hosted import is_colab

if TYPE_CHECKING:
    from distributed import Client

TEMPLATE = "distributed.dashboard.link"  # Dask's setting with which a site defines its links
DEFAULT_TEMPLATE = "{scheme}://{host}:{port}/status"  # Dask's default for it
PREFIX = "JUPYTERHUB_SERVICE_PREFIX"  # set by JupyterHub and Binder: the path of this notebook server, as /user/ada/
PROXY = "jupyter_server_proxy"  # the module
ANCESTORS = 3  # a kernel's server is its parent process; `conda run` and a virtual environment on Windows lie between
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def dashboard_link(client: Client) -> str:
    """The link to the scheduler's dashboard; empty if it has none.

    On a hub, and in a notebook of a JupyterLab with jupyter-server-proxy, the link goes through the notebook server:
    ``{prefix}proxy/PORT/status``, without host or token, as the browser that shows the notebook has both. Elsewhere it
    is the scheduler's own address. If a site has set Dask's ``distributed.dashboard.link``, that is used.
    """
    if hasattr(client.cluster, "meter"):  # in a cloud, only the scheduler's own machine can reach it
        return ""
    try:
        link = str(client.dashboard_link or "")
    except KeyError:  # the site's template uses an environment variable that is not set here
        return ""
    url = urlsplit(link)
    if url.port is None or dask.config.get(TEMPLATE, DEFAULT_TEMPLATE) != DEFAULT_TEMPLATE:
        return link
    if hub := os.environ.get(PREFIX, ""):
        host = "" if url.hostname in LOOPBACK else f"{url.hostname}:"
        return f"{hub.rstrip('/')}/proxy/{host}{url.port}/status"
    prefix = _server_prefix()
    # by default the proxy passes on only what listens on its own computer
    if not prefix or url.hostname not in LOOPBACK or find_spec(PROXY) is None:
        return link
    return f"{prefix.rstrip('/')}/proxy/{url.port}/status"


def _server_prefix() -> str:
    """The path of the notebook server that started this kernel, usually "/"; empty if this is no kernel of one.

    A server writes its address into a file named after its process, and it is an ancestor of its kernels.
    """
    ipython = sys.modules.get("IPython")
    if getattr(ipython and ipython.get_ipython(), "kernel", None) is None:
        return ""
    import psutil  # these two come with a kernel
    from jupyter_core.paths import jupyter_runtime_dir

    for process in psutil.Process().parents()[:ANCESTORS]:
        try:
            server = read_object(Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json")
        except (OSError, ValueError):
            continue
        return str(server.get("base_url", ""))
    return ""


def how_to_reach(link: str) -> str:
    """A sentence for readers whose browser cannot open the link."""
    if not link:
        return "The scheduler has no dashboard: it was started without one."
    if find_spec("bokeh") is None:
        return (
            "Its plots need the package bokeh where the scheduler runs: pip install bokeh, then make the cluster again."
        )
    if link.startswith("/"):
        if find_spec(PROXY) is None:
            return (
                "If it does not open, the notebook server lacks jupyter-server-proxy: pip install jupyter-server-proxy."
            )
        return "It goes through the notebook server, as this page does; that server needs jupyter-server-proxy, too."
    url = urlsplit(link)
    if is_colab():
        return (
            "On Colab this link leads nowhere. While no other cell runs, run this in a new one, and follow the link "
            f"that it shows: from google.colab import output; output.serve_kernel_port_as_window({url.port}, "
            'path="/status"). If its plots stay empty, take path="/info/main/workers.html": a page without live plots.'
        )
    tunnel = (
        f"If it does not open, your browser is on another computer than {url.hostname}: make a tunnel "
        f"(ssh -L {url.port}:{url.hostname}:{url.port} COMPUTER)"
    )
    if find_spec(PROXY):
        return f"{tunnel}."
    return f"{tunnel}, or install jupyter-server-proxy beside JupyterLab and make the cluster again."
