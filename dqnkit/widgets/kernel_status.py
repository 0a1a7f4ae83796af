"""Controls that act more than once while a cell runs.

A page sends the next change of a widget when the kernel has said that it is done with the last one (a status message
"idle"). ipykernel 7 handles such a change while an awaited cell runs, but then sends no status (seen in 7.4). So only
the first move of a slider arrives, and the slider stays dumb even after the cell. Below the missing status is sent.
"""

from __future__ import annotations

import inspect
from typing import Any


def answer_while_cells_run() -> None:
    """Have this kernel say that it is done, also with messages that it handles while a cell runs.

    Nothing happens where there is no such kernel: outside of a notebook, and with ipykernel 6, which keeps messages
    until the cell has ended. Calling it again changes nothing.
    """
    from IPython.core.getipython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    dispatch = getattr(kernel, "dispatch_shell", None)
    if kernel is None or dispatch is None or hasattr(dispatch, "answers"):
        return
    if "concurrent" not in inspect.signature(dispatch).parameters:
        return

    async def dispatch_and_answer(message: Any, /, *arguments: Any, concurrent: bool = False, **named: Any) -> None:
        await dispatch(message, *arguments, concurrent=concurrent, **named)
        if concurrent:
            kernel.send_response(kernel.iopub_socket, "status", {"execution_state": "idle"})

    dispatch_and_answer.answers = True  # type: ignore[attr-defined]
    kernel.dispatch_shell = dispatch_and_answer
