"""A Dask cluster object for a scheduler that somebody else has started."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

from distributed import Security, rpc
from distributed.core import Status
from distributed.deploy.cluster import Cluster
from distributed.objects import SchedulerInfo
from tornado.ioloop import PeriodicCallback

from dqnkit.cluster.connect import connect
from dqnkit.errors import ClusterError

REFRESH_SECONDS = 1.0  # between two reads of the scheduler's state


class RunningCluster(Cluster):
    """A scheduler that is already running, and its workers. Closing this object leaves them running.

    Args:
        address: like ``tls://192.168.1.5:8786``; ``tcp://`` only within this computer.
        security: certificates, see `dqnkit.cluster.security.read_certificates`; by default those of Dask's
            configuration.
        insecure: allow connections without TLS to other computers, on a private network that you trust.
        timeout: seconds.

    Raises:
        ClusterError: see `dqnkit.cluster.connect.connect`.
    """

    scheduler_comm: Any
    _supports_scaling = False

    def __init__(
        self, address: str, security: Security | None = None, insecure: bool = False, timeout: float = 10.0
    ) -> None:
        self.security = security or Security()  # Dask's configuration; clients of this cluster use it
        with connect(address, security=self.security, insecure=insecure, timeout=timeout) as client:
            address = client.scheduler.address  # complete, even if the scheme was left out
        super().__init__(name=address)
        self._loop_runner.start()
        self.scheduler_comm = rpc(address, connection_args=self.security.get_connection_args("client"))
        self.sync(self._start)

    async def _start(self) -> None:
        """Read the scheduler's state, now and then regularly.

        A scheduler can also report changes of its workers, but only to one cluster object: the one of whoever started
        it. We must not take that object's place.
        """
        self.scheduler_info = SchedulerInfo(await self.scheduler_comm.identity())
        self.periodic_callbacks["refresh"] = PeriodicCallback(self._refresh, REFRESH_SECONDS * 1000)
        self.periodic_callbacks["refresh"].start()
        self.status = Status.running

    async def _refresh(self) -> None:
        with suppress(OSError):  # the scheduler is gone or busy: keep what was read last
            self.scheduler_info = SchedulerInfo(await self.scheduler_comm.identity())

    def close(self, timeout: float | None = None) -> None:
        """Disconnect; the scheduler and its workers run on."""
        super().close(timeout)
        self._loop_runner.stop()

    def scale(self, n: int) -> NoReturn:
        """Not supported.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(
            f"the workers of {self.scheduler_address} are not ours to start or stop: whoever runs it does that, "
            f"with dask worker {self.scheduler_address}"
        )

    def adapt(self, *args: Any, **settings: Any) -> NoReturn:
        """Not supported.

        Raises:
            ClusterError: always.
        """
        self.scale(0)
