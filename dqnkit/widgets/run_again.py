"""Notice that the reader runs a cell again while it still runs: the new run waits for the first, and is wanted instead.

JupyterLab and VS Code send the id of the cell with each request to run it. ipykernel 7 reads a request as soon as it
comes, and lets it wait while another cell runs; ipykernel 6 reads it afterwards, so nothing is noticed there.
"""

from __future__ import annotations

from typing import Any

from dqnkit.hosted import running_kernel

_newest: dict[str, str] = {}  # id of a cell -> id of the newest request to run it


class ThisRun:
    """The run of a cell in which this is made."""

    def __init__(self) -> None:
        kernel = running_kernel()
        self._request, self._cell = "", None
        if kernel is not None:
            _listen(kernel.session)
            self._request, self._cell = _about(kernel.get_parent("shell"))

    @property
    def is_over(self) -> bool:
        """Whether the cell was run again: that run begins when this one ends."""
        return self._cell is not None and _newest.get(self._cell, self._request) != self._request


def _listen(session: Any) -> None:
    """Note each request that the kernel reads; does nothing if it was called before."""
    deserialize = session.deserialize
    if hasattr(deserialize, "notes_requests"):
        return

    def deserialize_and_note(*arguments: Any, **named: Any) -> Any:
        message = deserialize(*arguments, **named)
        request, cell = _about(message)
        if message.get("msg_type") == "execute_request" and cell is not None:
            _newest[cell] = request
        return message

    deserialize_and_note.notes_requests = True  # type: ignore[attr-defined]
    session.deserialize = deserialize_and_note


def _about(message: Any) -> tuple[str, str | None]:
    """The id of a request, and of the cell that it runs if the front end says so."""
    return message.get("header", {}).get("msg_id", ""), message.get("metadata", {}).get("cellId")
