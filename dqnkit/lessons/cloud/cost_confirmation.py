"""The one question that stands between a reader and a bill."""

from __future__ import annotations

WORD = "buy"


def confirmed(cost: str) -> bool:
    """Show what it may cost, and ask for a word that nobody types by accident. Where nobody can answer it is no.

    Args:
        cost: what it may cost, in words.
    """
    print(cost)
    try:
        answer = input(f"These machines cost real money. Type {WORD} to start them, or just Enter: ")
    except (EOFError, NotImplementedError):  # nobody is there: tests, nbconvert
        answer = ""
    if answer.strip().lower() == WORD:
        return True
    print("Nothing was bought.")
    return False
