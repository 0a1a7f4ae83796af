"""The question before cloud machines are bought: only the word buys, and without a keyboard nothing is bought."""

from __future__ import annotations

import builtins
from typing import NoReturn

import pytest

from dqnkit.lessons.cloud.cost_confirmation import CONFIRMATION_WORD, confirmed


@pytest.mark.parametrize(
    ("answer", "buys"), [(CONFIRMATION_WORD, True), (" Buy ", True), ("", False), ("y", False), ("yes", False)]
)
def test_only_the_word_buys(
    answer: str, buys: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builtins, "input", lambda prompt: answer)
    assert confirmed("At most $0.11.") is buys
    said = capsys.readouterr().out
    assert "At most $0.11." in said
    assert ("Nothing was bought" in said) is not buys


@pytest.mark.parametrize("error", [EOFError, NotImplementedError])  # of a terminal's end, of a kernel without a browser
def test_where_nobody_can_type_nothing_is_bought(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(prompt: str) -> NoReturn:
        raise error("nobody")

    monkeypatch.setattr(builtins, "input", nobody)
    assert not confirmed("At most $0.11.")
