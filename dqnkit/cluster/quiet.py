"""Dask's log, kept off a page on which workers are killed and clusters grow and shrink on purpose."""

from __future__ import annotations

import logging

import dask.config
import distributed  # noqa: F401  (when it is first imported, it sets the levels of its loggers)

SPAWNED = "distributed.nanny.pre-spawn-environ"  # environment variables that nannies give to the workers they start

# These have levels of their own, and others follow them. The last draws the dashboards, of the scheduler and of each
# worker, and tells when one of Dask's plots fails, as they do now and then where workers come and go.
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "bokeh")


def silence_dask() -> None:
    """From now on Dask logs only what is critical: in this process, and in workers that are started here later.

    Dask reports each worker that was lost, in the driver and in the workers that had to do with it. That is right
    where nobody expected it; call this before `make_cluster` where it is the lesson.
    """
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # a worker reads its settings from files and from the environment; the names are Dask's
    levels = {"DASK_LOGGING__DISTRIBUTED": "critical", "DASK_LOGGING__BOKEH": "critical"}
    dask.config.set({SPAWNED: {**dask.config.get(SPAWNED), **levels}})
