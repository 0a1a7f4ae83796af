"""A function that runs on workers which need not have dqnkit: its code travels with it.

It may use only what it imports itself, and what the workers have installed.
"""

from __future__ import annotations

import operator
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import cloudpickle
from distributed import Client
from distributed.client import FutureCancelledError

from dqnkit.errors import ClusterError

WORKERS_SECONDS = 60.0  # to wait for a worker, at the beginning and where all have left
SECONDS_BETWEEN_LOOKS = 5.0  # whether workers are there


class FarFunction:
    """Calls ``function(content, *arguments)`` on some worker; several threads may call it at once.

    Args:
        client: of the cluster.
        function: at the top of a module.
        content: bytes that all calls share; they travel once to each worker.

    Raises:
        ClusterError: no worker comes.
    """

    def __init__(self, client: Client, function: Callable[..., Any], content: bytes) -> None:
        try:
            client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError:
            raise ClusterError(f"no worker came to the scheduler within {WORKERS_SECONDS:.0f} s: start some") from None
        self.client = client
        self.threads = sum(client.nthreads().values())
        module = sys.modules[function.__module__]
        cloudpickle.register_pickle_by_value(module)
        try:
            pickled = cloudpickle.dumps(function)
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        self._function = client.submit(cloudpickle.loads, pickled, pure=False)
        self._content = client.submit(bytes, content, pure=False)
        self._sent: set[Any] = set()
        self._is_closed = False

    def __call__(self, *arguments: Any, seconds: float) -> Any:
        """Return what the function returns, within so many seconds.

        Raises:
            ClusterError: nothing came in time, or all workers have left.
        """
        if self._is_closed:
            raise ClusterError("this function was closed")
        sent = self.client.submit(operator.call, self._function, self._content, *arguments, pure=False)
        self._sent.add(sent)
        try:
            return self._result(sent, seconds)
        finally:
            self._sent.discard(sent)

    def _result(self, sent: Any, seconds: float) -> Any:
        end, last_worker = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end:
            try:
                return sent.result(timeout=SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                if self.client.nthreads():
                    last_worker = time.monotonic()
                elif time.monotonic() - last_worker > WORKERS_SECONDS:
                    raise ClusterError("all workers have left the cluster: start some, and try again") from None
            except FutureCancelledError:
                break
        raise ClusterError("the cluster gave no result: look at its workers' logs, and try again")

    def close(self) -> None:
        """Cancel what is on its way."""
        self._is_closed = True
        with suppress(Exception):  # the cluster may be gone
            self.client.cancel(list(self._sent))
