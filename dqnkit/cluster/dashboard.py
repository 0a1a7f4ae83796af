"""The link to Dask's dashboard, in a form that works from a notebook, including on JupyterHub and Binder."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dask

from dqnkit.hosted import is_colab

if TYPE_CHECKING:
    from distributed import Client

TEMPLATE = "distributed.dashboard.link"  # Dask's setting with which a site defines its links
DEFAULT_TEMPLATE = "{scheme}://{host}:{port}/status"  # Dask's default for it
PREFIX = "JUPYTERHUB_SERVICE_PREFIX"  # set by JupyterHub and Binder: the path of this notebook server, as /user/ada/


def dashboard_link(client: Client) -> str:
    """The link to the scheduler's dashboard; empty if it has none.

    On a hub the link goes through jupyter-server-proxy of the notebook server, under ``{prefix}proxy/PORT/``. Elsewhere
    it is the scheduler's own address. If a site has set Dask's ``distributed.dashboard.link``, that is used.
    """
    if hasattr(client.cluster, "meter"):  # in a cloud, only the scheduler's own machine can reach it
        return ""
    try:
        link = str(client.dashboard_link or "")
    except KeyError:  # the site's template uses an environment variable that is not set here
        return ""
    prefix = os.environ.get(PREFIX, "")
    url = urlsplit(link)
    if not prefix or url.port is None or dask.config.get(TEMPLATE, DEFAULT_TEMPLATE) != DEFAULT_TEMPLATE:
        return link
    host = "" if url.hostname in ("127.0.0.1", "localhost", "::1") else f"{url.hostname}:"
    return f"{prefix.rstrip('/')}/proxy/{host}{url.port}/status"


def how_to_reach(link: str) -> str:
    """A sentence for readers whose browser cannot open the link."""
    if not link:
        return "The scheduler has no dashboard: it was started without one."
    if find_spec("bokeh") is None:
        return (
            "Its plots need the package bokeh where the scheduler runs: pip install bokeh, then make the cluster again."
        )
    if link.startswith("/"):
        return "If it does not open, the notebook server lacks jupyter-server-proxy: pip install jupyter-server-proxy."
    url = urlsplit(link)
    if is_colab():
        return (
            "On Colab this link leads nowhere. While no other cell runs, run this in a new one, and follow the link "
            f"that it shows: from google.colab import output; output.serve_kernel_port_as_window({url.port}, "
            'path="/status"). If its plots stay empty, take path="/info/main/workers.html": a page without live plots.'
        )
    return (
        f"If it does not open, your browser is on another computer than {url.hostname}: make a tunnel "
        f"(ssh -L {url.port}:{url.hostname}:{url.port} COMPUTER), or install jupyter-server-proxy beside "
        f"JupyterLab and open /proxy/{url.port}/status there."
    )
