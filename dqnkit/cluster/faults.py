"""Faults made on purpose: a worker is killed in class, to see that training goes on."""

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
    """End a worker's process as a power cut would: SIGKILL, no farewell. Returns at once.

    The scheduler notices the broken connection and hands the worker's tasks to others. A nanny, where the worker has
    one (in a `LocalCluster` and with ``dask worker`` it has), starts another worker in its place after a second or so.
    Nothing happens where the address is no worker's, or where the worker is frozen.

    Args:
        client: of the cluster.
        address: of the worker, as ``tcp://127.0.0.1:34567``.

    Raises:
        ClusterError: the worker is a thread of this very process.
    """
    if address.startswith("inproc://"):
        raise ClusterError(
            f"worker {address} runs inside this process, which would end too. Make a cluster of processes: "
            "make_cluster()"
        )

    def send() -> None:
        with contextlib.suppress(Exception):  # nobody waits for the answer of a dead worker; the client may close
            client.run(_end_this_process, _identity(), workers=[address], on_error="ignore")

    Thread(target=send, name="dqnkit-kill", daemon=True).start()


def _identity() -> tuple[str, int]:
    return socket.gethostname(), os.getpid()


def _end_this_process(spare: tuple[str, int]) -> None:
    """What runs on the worker; the process that asked for it is spared. The answer is on its way when the end comes."""
    if _identity() != spare:
        at_once = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has only SIGTERM, which is as final there
        Timer(0.1, os.kill, (os.getpid(), at_once)).start()
