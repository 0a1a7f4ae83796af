"""Where Dask's own dashboard is, as a link that works from a notebook, also behind JupyterHub, Binder and the like."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import dask

from dqnkit.hosted import is_colab

if TYPE_CHECKING:
    from distributed import Client

TEMPLATE = "distributed.dashboard.link"  # the setting of Dask with which a site says what its links look like
PLAIN = "{scheme}://{host}:{port}/status"  # what it is unless somebody set it
PREFIX = "JUPYTERHUB_SERVICE_PREFIX"  # set by JupyterHub and Binder: the path of this notebook server, as /user/ada/


def dashboard_link(client: Client) -> str:
    """The link to the dashboard of the scheduler; empty where it has none.

    A notebook server behind a hub passes on what its jupyter-server-proxy is asked for, under ``{prefix}proxy/PORT/``;
    elsewhere the link is the scheduler's own address. A site that set Dask's ``distributed.dashboard.link`` is obeyed.
    """
    if hasattr(client.cluster, "meter"):  # it is in a cloud, and nobody but its own machine reaches it
        return ""
    try:
        link = str(client.dashboard_link or "")
    except KeyError:  # the site's template names a variable that this process does not have
        return ""
    prefix = os.environ.get(PREFIX, "")
    place = urlsplit(link)
    if not prefix or place.port is None or dask.config.get(TEMPLATE, PLAIN) != PLAIN:
        return link
    host = "" if place.hostname in ("127.0.0.1", "localhost", "::1") else f"{place.hostname}:"
    return f"{prefix.rstrip('/')}/proxy/{host}{place.port}/status"


def how_to_reach(link: str) -> str:
    """A sentence for readers whose browser does not find what the link names."""
    if not link:
        return "The scheduler has no dashboard: it was started without one."
    if find_spec("bokeh") is None:
        return (
            "Its plots need the package bokeh where the scheduler runs: pip install bokeh, then make the cluster again."
        )
    if link.startswith("/"):
        return "If it does not open, the notebook server lacks jupyter-server-proxy: pip install jupyter-server-proxy."
    place = urlsplit(link)
    if is_colab():
        return (
            "On Colab this link leads nowhere. While no other cell runs, run this in a new one, and follow the link "
            f"that it shows: from google.colab import output; output.serve_kernel_port_as_window({place.port}, "
            'path="/status"). If its plots stay empty, take path="/info/main/workers.html": a page without live plots.'
        )
    return (
        f"If it does not open, your browser is on another computer than {place.hostname}: make a tunnel "
        f"(ssh -L {place.port}:{place.hostname}:{place.port} COMPUTER), or install jupyter-server-proxy beside "
        f"JupyterLab and open /proxy/{place.port}/status there."
    )
