"""Evaluate expressions on workers that may lack dqnkit, and may not answer at all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from distributed import Client

from dqnkit.errors import ClusterError

ANSWER_SECONDS = 30.0  # for a worker to answer


def evaluate_on_workers(client: Client, expression: str, workers: Iterable[str]) -> dict[str, Any]:
    """Evaluate a Python expression on each worker. Workers that do not answer in time are left out of the result.

    The expression is sent as text. A function would be sent as bytecode, which another version of Python cannot run.

    Args:
        client: of any cluster.
        expression: for `eval`; it can use only built-in names.
        workers: addresses.

    Returns:
        the value on each worker that answered, by address.

    Raises:
        ClusterError: the expression raised an exception on a worker.
    """

    async def evaluate_on(address: str) -> dict[str, Any]:
        answer = client.run(eval, expression, workers=[address])
        try:
            return dict(await asyncio.wait_for(answer, ANSWER_SECONDS))
        except OSError:  # the worker is gone, or does not answer: TimeoutError is an OSError
            return {}
        except Exception as error:
            raise ClusterError(f"worker {address} cannot look at itself: {type(error).__name__}: {error}") from error

    async def evaluate_on_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(evaluate_on, workers))

    return {address: value for answer in client.sync(evaluate_on_all) for address, value in answer.items()}
