"""A run learns that its cell was run again, from what the kernel reads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dqnkit.widgets import run_again
from dqnkit.widgets.run_again import ThisRun


def request(number: str, cell: str | None, kind: str = "execute_request") -> dict[str, Any]:
    metadata = {} if cell is None else {"cellId": cell}
    return {"msg_type": kind, "header": {"msg_id": number}, "metadata": metadata}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A kernel whose parent is ``kernel.parent``; its session returns what it reads."""
    kernel = SimpleNamespace(parent={}, get_parent=lambda channel: kernel.parent)
    kernel.session = SimpleNamespace(deserialize=lambda message, content=True: message)
    monkeypatch.setattr(run_again, "running_kernel", lambda: kernel)
    monkeypatch.setattr(run_again, "_newest", {})
    return kernel


def read(kernel: Any, message: dict[str, Any]) -> dict[str, Any]:
    assert kernel.session.deserialize(message, content=False) is message
    return message


def test_a_run_is_over_when_its_own_cell_is_run_again(kernel: Any) -> None:
    kernel.parent = request("1", "training")
    first = ThisRun()
    read(kernel, kernel.parent)  # the kernel reads a request more than once
    read(kernel, request("2", "another"))
    read(kernel, request("3", "training", kind="comm_msg"))
    assert not first.is_over
    kernel.parent = read(kernel, request("4", "training"))
    assert first.is_over
    second = ThisRun()
    assert not second.is_over
    read(kernel, request("5", "training"))
    assert second.is_over


def test_a_front_end_that_does_not_name_the_cell_ends_no_run(kernel: Any) -> None:
    kernel.parent = read(kernel, request("1", None))
    run = ThisRun()
    read(kernel, request("2", None))
    assert not run.is_over


def test_outside_a_notebook_no_run_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_again, "running_kernel", lambda: None)
    assert not ThisRun().is_over
