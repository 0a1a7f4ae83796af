"""Faults on purpose: kill a worker, to show that training continues."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from threading import Thread, Timer
from typing import TYPE_CHECKING

from dqnkit.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client


def kill_worker(client: Client, address: str) -> None:
    """Kill a worker's process without warning (SIGKILL), as a power failure would. Returns at once.

    The scheduler notices the broken connection and gives the worker's tasks to others. If the worker has a nanny (in a
    `LocalCluster` and with ``dask worker`` it has), the nanny starts another worker after about a second. Nothing
    happens if there is no worker at the address, or if the worker is frozen.

    Args:
        client: of the cluster.
        address: of the worker, as ``tcp://127.0.0.1:34567``.

    Raises:
        ClusterError: the worker is a thread of this process.
    """
    if address.startswith("inproc://"):
        raise ClusterError(
            f"worker {address} runs inside this process, which would end too. Make a cluster of processes: "
            "make_cluster()"
        )

    def send() -> None:
        with contextlib.suppress(Exception):  # a killed worker cannot answer, and the client may be closed by then
            client.run(_end_this_process, _identity(), workers=[address], on_error="ignore")

    Thread(target=send, name="dqnkit-kill", daemon=True).start()


def _identity() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _end_this_process(caller: tuple[str, int]) -> None:
    """Runs on the worker: kill this process in 0.1 s, after the answer was sent, but not the process that asked."""
    if _identity() != caller:
        at_once = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows SIGTERM also kills at once
        Timer(0.1, os.kill, (os.getpid(), at_once)).start()
