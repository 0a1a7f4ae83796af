"""The kinds of faults that once passed in silence or lost work, and the table of what was tried of each.

A test calls `tried(kind, given, now)`, the fixture of conftest.py, after its assertions. `given` is the input in a few
words and `now` what really happened: the message itself, or what was measured. The table stands at the end of a run.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

KINDS = {
    1: "observations are scaled by the bounds of their space",
    2: "an environment returns one array again and again",
    3: "the axis of the channels",
    4: "actions out of range",
    5: "data other than the space declares",
    6: "settings that can never learn",
    7: "numbers that are not finite, clocks that are set",
    8: "the last, optional steps of a run",
    9: "two runs in one folder",
    10: "errors of the environment",
    11: "signals",
    12: "what a kill costs",
    13: "file systems",
    14: "files that were changed by somebody else",
    15: "another user of the computer",
    16: "the reader's progress and start page",
    17: "a cloud that refuses to take machines down",
    18: "interrupts while machines are taken down",
    19: "whose cluster it is",
    20: "proxies",
    21: "which package is missing",
    22: "the length of an evaluation",
    23: "clusters of every kind",
    24: "the time limit of a check",
    25: "what a command says and when",
}


def lines(rows: list[tuple[int, str, str]]) -> Iterator[str]:
    """The table of `(kind, given, now)`, sorted by kind, as lines of at most 150 characters."""
    for kind, name in KINDS.items():
        of_kind = sorted({(given, now) for number, given, now in rows if number == kind})
        if not of_kind:
            continue
        yield f"{kind:2}  {name}"
        for given, now in of_kind:
            cells = textwrap.wrap(given, 56), textwrap.wrap(now, 84)
            for index in range(max(map(len, cells))):
                left, right = (cell[index] if index < len(cell) else "" for cell in cells)
                yield f"    {left:56}  {right}".rstrip()
