"""A cluster that somebody else has started, as an ordinary Dask cluster object."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

from distributed import Security, rpc
from distributed.core import Status
from distributed.deploy.cluster import Cluster
from distributed.objects import SchedulerInfo
from tornado.ioloop import PeriodicCallback

from dqnkit.cluster.connecting import connect
from dqnkit.errors import ClusterError

LOOK_SECONDS = 1.0  # between two looks at the scheduler


class ExistingCluster(Cluster):
    """A scheduler that runs already, and its workers. Use it in ``with``; they run on afterwards.

    Args:
        address: like ``tls://192.168.1.5:8786``; ``tcp://`` only within this computer.
        security: certificates, see `dqnkit.cluster.security.read_certificates`; those of Dask's configuration unless
            given.
        insecure: allow connections without TLS beyond this computer, on a private network that is trusted.
        timeout: seconds.

    Raises:
        ClusterError: what `dqnkit.cluster.connecting.connect` raises.
    """

    scheduler_comm: Any
    _supports_scaling = False

    def __init__(
        self, address: str, security: Security | None = None, insecure: bool = False, timeout: float = 10.0
    ) -> None:
        self.security = security or Security()  # of Dask's configuration; a client of this cluster takes it from here
        with connect(address, security=self.security, insecure=insecure, timeout=timeout) as client:
            address = client.scheduler.address  # in full, also where the scheme was left out
        super().__init__(name=address)
        self._loop_runner.start()
        self.scheduler_comm = rpc(address, connection_args=self.security.get_connection_args("client"))
        self.sync(self._start)

    async def _start(self) -> None:
        """Look at the scheduler again and again. A scheduler tells of its workers too, but to one cluster object only.

        Whoever started it may have that one, and would lose it.
        """
        self.scheduler_info = SchedulerInfo(await self.scheduler_comm.identity())
        self.periodic_callbacks["look"] = PeriodicCallback(self._look, LOOK_SECONDS * 1000)
        self.periodic_callbacks["look"].start()
        self.status = Status.running

    async def _look(self) -> None:
        with suppress(OSError):  # gone or busy: the last that was seen stands
            self.scheduler_info = SchedulerInfo(await self.scheduler_comm.identity())

    def close(self, timeout: float | None = None) -> None:
        """Leave the scheduler and its workers as they are."""
        super().close(timeout)
        self._loop_runner.stop()

    def scale(self, n: int) -> NoReturn:
        """Not here.

        Raises:
            ClusterError: always.
        """
        raise ClusterError(
            f"the workers of {self.scheduler_address} are not ours to start or stop: whoever runs it does that, "
            f"with dask worker {self.scheduler_address}"
        )

    def adapt(self, *args: Any, **settings: Any) -> NoReturn:
        """Not here either.

        Raises:
            ClusterError: always.
        """
        self.scale(0)
