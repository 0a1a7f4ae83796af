"""The question that a reader answers before cloud machines start and cost money."""

from __future__ import annotations

CONFIRMATION_WORD = "buy"


def confirmed(cost: str) -> bool:
    """Show the cost, and ask the reader to type a word. Without a keyboard the answer is no.

    Args:
        cost: what the machines may cost, in words.
    """
    print(cost)
    try:
        answer = input(f"These machines cost real money. Type {CONFIRMATION_WORD} to start them, or just Enter: ")
    except (EOFError, NotImplementedError):  # no keyboard: tests, nbconvert
        answer = ""
    if answer.strip().lower() == CONFIRMATION_WORD:
        return True
    print("Nothing was bought.")
    return False
