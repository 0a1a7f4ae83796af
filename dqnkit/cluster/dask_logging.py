"""Silences Dask's log where workers are killed, added and removed on purpose."""

from __future__ import annotations

import logging

import dask.config
import distributed  # noqa: F401  (its first import sets the levels of its loggers, so it must come before ours)

SPAWNED = "distributed.nanny.pre-spawn-environ"  # environment variables that a nanny sets for the worker it starts

# Loggers that have a level of their own; all others inherit from them. Bokeh draws the dashboards of the scheduler and
# of each worker. It logs an error when one of Dask's plots fails, which happens when workers come and go.
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "bokeh")


def silence_dask() -> None:
    """Let Dask log only critical messages: in this process, and in workers that this computer starts from now on.

    Dask reports each lost worker, in the driver and in the workers that were connected to it. That is right when nobody
    expected the loss. Call this before `make_cluster` in lessons where losing workers is the topic.
    """
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # a worker reads its settings from files and from environment variables; Dask defines these names
    levels = {"DASK_LOGGING__DISTRIBUTED": "critical", "DASK_LOGGING__BOKEH": "critical"}
    dask.config.set({SPAWNED: {**dask.config.get(SPAWNED), **levels}})
