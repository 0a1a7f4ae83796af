"""What a live view needs of a cluster: what goes to and from the workers, a way to kill one, the dashboard's link."""

from __future__ import annotations

import contextlib
from functools import cached_property
from threading import Thread

from dqnkit.cluster.dashboard import dashboard_link, how_to_reach
from dqnkit.cluster.faults import kill_worker
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.traffic import Traffic


class ClusterConsole:
    """A cluster to look at and to break, for `dqnkit.widgets.live`.

    ::

        rollouts = ClusterRollouts(client)
        await live(train(config, rollouts=rollouts), cluster=ClusterConsole(rollouts))

    Args:
        rollouts: the source of rollouts that is watched.
    """

    def __init__(self, rollouts: ClusterRollouts) -> None:
        self._rollouts = rollouts
        self._naming: Thread | None = None

    @property
    def traffic(self) -> Traffic:
        """The counts of the run that is on. Workers that joined since it began have their names a moment later."""
        traffic = self._rollouts.traffic
        nameless = any(not row.name and not row.lost for row in list(traffic.workers.values()))
        if nameless and (self._naming is None or not self._naming.is_alive()):
            self._naming = Thread(target=self._name, args=(traffic,), name="dqnkit-names", daemon=True)
            self._naming.start()
        return traffic

    @property
    def max_policy_lag(self) -> int:
        """The bound on the policy lag: rollouts beyond it are dropped."""
        return self._rollouts.max_policy_lag

    @cached_property
    def dashboard_link(self) -> str:
        """Of Dask's dashboard; empty where there is none."""
        return dashboard_link(self._rollouts.client)

    @property
    def how_to_reach_dashboard(self) -> str:
        """A sentence for readers for whom the link does not open."""
        return how_to_reach(self.dashboard_link)

    def kill(self, address: str) -> None:
        """End the process of a worker, see `dqnkit.cluster.faults.kill_worker`."""
        kill_worker(self._rollouts.client, address)

    def _name(self, traffic: Traffic) -> None:
        """Ask the scheduler what the workers are called; in a thread, for training must not wait for the answer."""
        with contextlib.suppress(Exception):  # the client closes: the rows stay without names
            for address, info in self._rollouts.client.scheduler_info(n_workers=-1)["workers"].items():
                row = traffic.worker(address)
                row.name, row.threads = str(info["name"]), info["nthreads"]
