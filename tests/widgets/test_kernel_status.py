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

    def get_parent(self, channel):
        return f"the cell's {channel} message"

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


class RunningKernel(Kernel):
    """A kernel that runs a cell until `ends` of them were handled."""

    ident = "k"

    def __init__(self, ends=10):
        super().__init__()
        self.session = SimpleNamespace(send=self.send)
        self._main_asyncio_lock = SimpleNamespace(locked=lambda: len(self.seen) < ends)

    def send(self, stream, kind, content, parent, ident):
        self.seen.append((kind, content["execution_state"], parent, ident))


def test_the_kernel_stays_busy_while_the_cell_runs(in_kernel):
    kernel = in_kernel(RunningKernel())
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", concurrent=True))
    busy = ("status", "busy", "the cell's shell message", b"kernel.k.status")
    assert kernel.seen == [("a", None, True), ("iopub", "status", "idle"), busy]


def test_the_cell_has_ended_meanwhile(in_kernel):
    kernel = in_kernel(RunningKernel(ends=2))
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", concurrent=True))
    assert kernel.seen[-1] == ("iopub", "status", "idle")


def test_other_kernels_are_left_alone(in_kernel):
    kernel = in_kernel(OldKernel())
    answer_while_cells_run()
    assert "dispatch_shell" not in vars(kernel)
    in_kernel(None)
    answer_while_cells_run()
