"""What the live panel needs of a cluster: counts, a way to kill a worker, the link to the dashboard."""

from __future__ import annotations

from functools import cached_property

from dqnkit.cluster.dashboard import dashboard_link, how_to_reach
from dqnkit.cluster.faults import kill_worker
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.traffic import Traffic


class WatchedCluster:
    """A cluster for `dqnkit.widgets.live` to show.

    ::

        rollouts = ClusterRollouts(client)
        await live(train(config, rollouts=rollouts), cluster=WatchedCluster(rollouts))

    Args:
        rollouts: the source of rollouts to show.
    """

    def __init__(self, rollouts: ClusterRollouts) -> None:
        self._rollouts = rollouts

    @property
    def traffic(self) -> Traffic:
        """The counts of the current run; each run starts with new ones."""
        return self._rollouts.traffic

    @property
    def max_policy_lag(self) -> int:
        """Rollouts with a larger policy lag are dropped."""
        return self._rollouts.max_policy_lag

    @cached_property
    def dashboard_link(self) -> str:
        """Link to Dask's dashboard; empty if there is none."""
        return dashboard_link(self._rollouts.client)

    @property
    def how_to_reach_dashboard(self) -> str:
        """A sentence for readers for whom the link does not open."""
        return how_to_reach(self.dashboard_link)

    @property
    def simulated(self) -> bool:
        """Whether the machines are those of a simulated cloud."""
        return bool(getattr(self._rollouts.client.cluster, "simulated", False))

    def kill(self, address: str) -> None:
        """Kill a worker's process and return at once, see `dqnkit.cluster.faults.kill_worker`."""
        kill_worker(self._rollouts.client, address)
