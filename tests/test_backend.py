"""What TensorFlow prints while it is imported is hidden; where the import fails, it is shown."""

from __future__ import annotations

import os

import pytest

from dqnkit.backend import without_greeting


def test_lines_are_hidden_and_standard_error_is_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    with without_greeting():
        os.write(2, b"hello from a library\n")
    os.write(2, b"a line of ours\n")
    assert capfd.readouterr().err == "a line of ours\n"


def test_lines_before_an_exception_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), without_greeting():
        print(os.write(2, b"cannot load libcuda\n") / 0)
    assert capfd.readouterr().err == "cannot load libcuda\n"
