"""Let widgets act more than once while a cell runs, and the kernel be shown as busy meanwhile.

A browser sends the next change of a widget only after the kernel has reported the last one as done, with the status
message "idle". ipykernel 7 handles a change while an awaited cell runs but does not send that status (seen in 7.4), so
only the first move of a slider arrives, and no later one, even after the cell. This module sends the missing status.

JupyterLab takes each status for that of the kernel, so it would show "idle" while a cell trains, also after the changes
that it sends by a subshell of their own. It makes an exception for statuses that answer questions about the kernel. So
while a cell runs, those that answer anything else but a cell are named as such; the browser finds the change that was
answered by its id. A page that is opened meanwhile has yet to hear that the kernel is busy, so "busy" follows.
"""

from __future__ import annotations

import inspect
from typing import Any

NOT_TRACKED = "comm_info_request"  # statuses that answer a message of this type leave that of the kernel alone


def answer_while_cells_run() -> None:
    """Make this kernel send the status "idle" after messages that it handles while a cell runs, and stay busy.

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
    publish = kernel._publish_status

    def publish_status(status: str, channel: str, parent: Any = None) -> None:
        parent = parent or kernel.get_parent(channel)
        if not _is_beside_a_cell(kernel, parent):
            publish(status, channel, parent)
            return
        publish(status, channel, {**parent, "header": {**parent["header"], "msg_type": NOT_TRACKED}})
        if status == "idle":
            publish("busy", channel, parent)
            if not _runs_a_cell(kernel):  # it has ended in this moment
                publish("idle", channel, parent)

    async def dispatch_and_send_idle(message: Any, /, *arguments: Any, concurrent: bool = False, **named: Any) -> None:
        await dispatch(message, *arguments, concurrent=concurrent, **named)
        if concurrent:
            publish_status("idle", "shell")

    dispatch_and_send_idle.sends_idle = True  # type: ignore[attr-defined]
    kernel.dispatch_shell, kernel._publish_status = dispatch_and_send_idle, publish_status


def _is_beside_a_cell(kernel: Any, parent: Any) -> bool:
    """Whether a status answers another message than the cell that runs."""
    header = parent.get("header") if isinstance(parent, dict) else None
    return header is not None and header.get("msg_type") != "execute_request" and _runs_a_cell(kernel)


def _runs_a_cell(kernel: Any) -> bool:
    lock = getattr(kernel, "_main_asyncio_lock", None)  # held meanwhile
    return lock is not None and lock.locked()
