"""Settings of clusters in a cloud, under ``dqnkit.cloud`` in Dask's configuration.

Set them in a file of ``~/.config/dask``, or in the environment, like ``DASK_DQNKIT__CLOUD__LIFETIME="1 hour"``.
"""

from __future__ import annotations

from typing import Any

import dask

from dqnkit.cluster.time_spans import time_span

DEFAULTS = {
    "dqnkit": {
        "cloud": {
            "lifetime": "2 hours",  # after which each machine ends, whatever happens on this computer
            "idle-timeout": "10 minutes",  # a scheduler without work for so long ends, and all machines with it
            "request-timeout": "2 minutes",  # for a request to the cloud's API
            "boot-timeout": "10 minutes",  # from the request for a machine until Dask runs on it
            "prices": None,  # a file to use instead of data/prices.json
        }
    }
}


def setting(name: str) -> Any:
    """The value of ``dqnkit.cloud.NAME`` in Dask's configuration, or its default."""
    dask.config.update_defaults(DEFAULTS)
    return dask.config.get(f"dqnkit.cloud.{name}")


def seconds(name: str) -> float:
    """A setting that is a time, like ``10 minutes``, in seconds.

    Raises:
        ConfigError: it is no time.
    """
    return time_span(f"dqnkit.cloud.{name} in Dask's configuration", setting(name))
