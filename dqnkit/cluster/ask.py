"""Questions to workers of which nothing is known yet: neither that they have the package, nor that they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from distributed import Client

from dqnkit.errors import ClusterError

ANSWER_SECONDS = 30.0  # that a worker may take to answer


def ask(client: Client, expression: str, workers: Iterable[str]) -> dict[str, Any]:
    """The value of a Python expression on each worker that answers in time, by address.

    It goes there as text: a function would travel as bytecode, which another version of Python cannot run.

    Args:
        client: of any cluster.
        expression: for `eval`, without names of its own.
        workers: addresses.

    Raises:
        ClusterError: the expression raised an exception on a worker.
    """

    async def ask_one(address: str) -> dict[str, Any]:
        answer = client.run(eval, expression, workers=[address])
        try:
            return dict(await asyncio.wait_for(answer, ANSWER_SECONDS))
        except OSError:  # it is gone, or silent: TimeoutError is one, too
            return {}
        except Exception as error:
            raise ClusterError(f"worker {address} cannot look at itself: {type(error).__name__}: {error}") from error

    async def ask_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(ask_one, workers))

    return {address: value for answer in client.sync(ask_all) for address, value in answer.items()}
