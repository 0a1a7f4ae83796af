"""Let widgets act more than once while a cell runs.

A browser sends the next change of a widget only after the kernel has reported the last one as done, with the status
message "idle". ipykernel 7 handles a change while an awaited cell runs but does not send that status (seen in 7.4), so
only the first move of a slider arrives, and no later one, even after the cell. This module sends the missing status.

It names the message that it answers, and the front end goes on with it. But front ends also take the last status for
that of the kernel, and would show "idle" while a cell trains. JupyterLab makes an exception for answers to questions
about the kernel, so the message is named as one of them; for other front ends "busy" follows while the cell runs.
"""

from __future__ import annotations

import inspect
from typing import Any

NOT_TRACKED = "comm_info_request"  # statuses that answer a message of this type leave that of the kernel alone


def answer_while_cells_run() -> None:
    """Make this kernel send the status "idle" after messages that it handles while a cell runs.

    Does nothing outside a notebook, with ipykernel 6 (which keeps messages until the cell has ended), or if it was
    called before.
    """
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    dispatch = getattr(kernel, "dispatch_shell", None)
    if kernel is None or dispatch is None or hasattr(dispatch, "sends_idle"):
        return
    if "concurrent" not in inspect.signature(dispatch).parameters:
        return

    async def dispatch_and_send_idle(message: Any, /, *arguments: Any, concurrent: bool = False, **named: Any) -> None:
        cell = kernel.get_parent("shell") if concurrent else {}
        await dispatch(message, *arguments, concurrent=concurrent, **named)
        if concurrent:
            answered = kernel.get_parent("shell").get("header", {})
            _send_status(kernel, "idle", {"header": {**answered, "msg_type": NOT_TRACKED}})
            if _runs_a_cell(kernel):
                _send_status(kernel, "busy", cell)

    dispatch_and_send_idle.sends_idle = True  # type: ignore[attr-defined]
    kernel.dispatch_shell = dispatch_and_send_idle


def _send_status(kernel: Any, status: str, parent: Any) -> None:
    topic = f"kernel.{kernel.ident}.status".encode()
    kernel.session.send(kernel.iopub_socket, "status", {"execution_state": status}, parent=parent, ident=topic)


def _runs_a_cell(kernel: Any) -> bool:
    """Whether a cell runs. ipykernel holds a lock meanwhile; where there is none of this name, it is not known."""
    lock = getattr(kernel, "_main_asyncio_lock", None)
    return lock is not None and lock.locked()
