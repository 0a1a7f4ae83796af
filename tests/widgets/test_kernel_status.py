"""The kernel reports once that it has handled a message during a cell, and changes nothing else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("IPython")

from dqnkit.widgets.kernel_status import NOT_TRACKED, answer_while_cells_run


class Kernel:
    """Records what is dispatched and sent; runs a cell until `ends` of them were seen."""

    iopub_socket, ident = "iopub", "k"

    def __init__(self, ends=0):
        self.seen = []
        self.parent = "the cell's"
        self.session = SimpleNamespace(send=self.send)
        self._main_asyncio_lock = SimpleNamespace(locked=lambda: len(self.seen) < ends)

    def get_parent(self, channel):
        return {"header": {"msg_id": self.parent, "msg_type": "comm_msg"}}

    async def dispatch_shell(self, message, /, subshell_id=None, *, concurrent=False):
        self.parent = message
        self.seen.append((message, subshell_id, concurrent))

    def send(self, stream, kind, content, parent, ident):
        assert (stream, kind, ident) == ("iopub", "status", b"kernel.k.status")
        self.seen.append((content["execution_state"], parent["header"]["msg_id"], parent["header"]["msg_type"]))


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
    assert kernel.seen == [("a", "s", True), ("idle", "a", NOT_TRACKED), ("b", None, False)]


@pytest.mark.parametrize(("ends", "stays_busy"), [(10, True), (2, False)])
def test_the_kernel_stays_busy_as_long_as_the_cell_runs(in_kernel, ends, stays_busy):
    kernel = in_kernel(Kernel(ends))
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", concurrent=True))
    assert kernel.seen[1:2] == [("idle", "a", NOT_TRACKED)]
    assert kernel.seen[2:] == [("busy", "the cell's", "comm_msg")] * stays_busy


def test_other_kernels_are_left_alone(in_kernel):
    kernel = in_kernel(OldKernel())
    answer_while_cells_run()
    assert "dispatch_shell" not in vars(kernel)
    in_kernel(None)
    answer_while_cells_run()
