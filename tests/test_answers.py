"""The kernel reports once that it has handled a message during a cell, and changes nothing else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("IPython")

from dqnkit.widgets.kernel_status import answer_while_cells_run


class Kernel:
    """Records what is dispatched and sent."""

    iopub_socket = "iopub"

    def __init__(self):
        self.seen = []

    async def dispatch_shell(self, message, /, subshell_id=None, *, concurrent=False):
        self.seen.append((message, subshell_id, concurrent))

    def send_response(self, stream, kind, content):
        self.seen.append((stream, kind, content["execution_state"]))


class OldKernel(Kernel):
    async def dispatch_shell(self, message):
        self.seen.append(message)


@pytest.fixture
def in_kernel(monkeypatch):
    def install(kernel):
        shell = SimpleNamespace(kernel=kernel) if kernel else None
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
        return kernel

    return install


def test_the_status_follows_each_message_that_came_while_a_cell_ran(in_kernel):
    kernel = in_kernel(Kernel())
    answer_while_cells_run()
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", subshell_id="s", concurrent=True))
    asyncio.run(kernel.dispatch_shell("b", subshell_id=None))
    assert kernel.seen == [("a", "s", True), ("iopub", "status", "idle"), ("b", None, False)]


def test_other_kernels_are_left_alone(in_kernel):
    kernel = in_kernel(OldKernel())
    answer_while_cells_run()
    assert "dispatch_shell" not in vars(kernel)
    in_kernel(None)
    answer_while_cells_run()
