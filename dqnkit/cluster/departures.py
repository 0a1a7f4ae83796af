"""Reports each worker that leaves the cluster, and the tasks that it had, to one training run.

Dask publishes this under its topic "all", but a client has only one handler for a topic: two runs on one client, or a
run and the reader, would take it from each other. So each run has a plugin in the scheduler and a topic of its own.
"""

from __future__ import annotations

from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin


class ReportDepartures(SchedulerPlugin):
    """Runs in the scheduler. It goes with its client, also when the driver was killed.

    Args:
        topic: under which the departures are published; also the plugin's name.
        client: id of the client that listens.
    """

    def __init__(self, topic: str, client: str) -> None:
        self.name = self.topic = topic
        self.client = client

    def remove_worker(self, scheduler: Any, worker: str, **_: Any) -> None:
        """Publish the departure: the worker's address, and the keys of the tasks that it had."""
        for _time, message in reversed(scheduler.get_events("all")):
            if message.get("action") == "remove-worker" and message["worker"] == worker:
                keys = [*message["processing-tasks"], *message["lost-computed-tasks"]]
                scheduler.log_event(self.topic, {"worker": worker, "keys": keys})
                return

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Remove this plugin with its client."""
        if client == self.client and self.name in scheduler.plugins:
            scheduler.remove_plugin(name=self.name)
