"""The kernel reports once that it has handled a message during a cell, stays busy, and changes nothing else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("IPython")

from dqnkit.widgets.kernel_status import NOT_TRACKED, answer_while_cells_run


class Kernel:
    """Records what is dispatched and sent."""

    def __init__(self, runs_a_cell=False):
        self.seen = []
        self.parent = {}
        self.runs_a_cell = runs_a_cell
        self._main_asyncio_lock = SimpleNamespace(locked=lambda: self.runs_a_cell)

    def get_parent(self, channel):
        return self.parent

    async def dispatch_shell(self, message, /, subshell_id=None, *, concurrent=False):
        self.parent = {"header": {"msg_id": message, "msg_type": "comm_msg"}, "content": 1}
        self.seen.append((message, subshell_id, concurrent))
        if subshell_id:
            self._publish_status("idle", "shell")

    def _publish_status(self, status, channel, parent=None):
        header = (parent or self.get_parent(channel)).get("header", {})
        self.seen.append((status, channel, header.get("msg_id"), header.get("msg_type")))


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


BUSY = ("busy", "shell", "a", "comm_msg")


@pytest.mark.parametrize(
    ("runs", "then"),
    [(True, [("idle", "shell", "a", NOT_TRACKED), BUSY]), (False, [("idle", "shell", "a", "comm_msg")])],
)
def test_the_status_follows_each_message_that_came_while_a_cell_ran(in_kernel, runs, then):
    kernel = in_kernel(Kernel(runs))
    answer_while_cells_run()
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", subshell_id=None, concurrent=True))
    asyncio.run(kernel.dispatch_shell("b", subshell_id=None))
    assert kernel.seen == [("a", None, True), *then, ("b", None, False)]


def test_a_cell_that_ends_meanwhile_leaves_the_kernel_idle(in_kernel):
    class Ending(Kernel):
        def _publish_status(self, status, channel, parent=None):
            super()._publish_status(status, channel, parent)
            self.runs_a_cell = self.runs_a_cell and status != "busy"

    kernel = in_kernel(Ending(True))
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", subshell_id=None, concurrent=True))
    assert kernel.seen[2:] == [BUSY, ("idle", "shell", "a", "comm_msg")]


def test_messages_by_a_subshell_leave_the_kernel_busy_and_the_cell_itself_ends_it(in_kernel):
    kernel = in_kernel(Kernel(True))
    answer_while_cells_run()
    asyncio.run(kernel.dispatch_shell("a", subshell_id="s"))
    kernel._publish_status("idle", "shell", {"header": {"msg_id": "cell", "msg_type": "execute_request"}})
    kernel.parent = {}
    kernel._publish_status("starting", "shell")
    assert kernel.seen == [
        ("a", "s", False),
        ("idle", "shell", "a", NOT_TRACKED),
        BUSY,
        ("idle", "shell", "cell", "execute_request"),
        ("starting", "shell", None, None),
    ]


def test_other_kernels_are_left_alone(in_kernel):
    kernel = in_kernel(OldKernel())
    answer_while_cells_run()
    assert "dispatch_shell" not in vars(kernel)
    in_kernel(None)
    answer_while_cells_run()
