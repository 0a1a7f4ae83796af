"""What a live view needs of a cluster: what goes to and from the workers, a way to kill one, the dashboard's link."""

from __future__ import annotations

from functools import cached_property

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

    @property
    def traffic(self) -> Traffic:
        """The counts of the run that is on; each run begins new ones."""
        return self._rollouts.traffic

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
