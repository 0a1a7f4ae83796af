"""How the classroom's messages look on the page: HTML that is legible on light and dark, in words and not by colour.

Everything that comes from a reader or from a run is escaped. Each message has the same in plain text, for terminals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

# icon and colour of each kind of message; the colours are the palette's, and say no more than the word beside them
KINDS = {
    "passed": ("✓", "#009E73"),
    "wrong": ("✗", "#D55E00"),
    "open": ("○", "#8A8A8A"),
    "note": ("→", "#56B4E9"),
}
# the page's own text colour on a veil of grey: readable on white paper and on black
BOX = (
    "border-left: 4px solid {color}; padding: 0.6em 1em; margin: 0.3em 0; max-width: 46em; box-sizing: border-box; "
    "background: rgba(128, 128, 128, 0.1); color: var(--jp-content-font-color1, inherit); line-height: 1.45; "
    "overflow-wrap: anywhere"
)
PRE = (
    "margin: 0 0 0.4em 0; padding: 0.3em 0.6em; overflow-x: auto; white-space: {space}; overflow-wrap: anywhere; "
    "word-break: normal; background: rgba(128, 128, 128, 0.12); color: inherit; font-size: 0.93em"
)
CELL = (
    "text-align: left; vertical-align: top; padding: 0.15em 1em 0.15em 0; border: none; "
    "overflow-wrap: break-word; background: none"
)
HEAD = f"{CELL}; white-space: nowrap"


def prose(text: str) -> str:
    """Text as HTML: escaped, with what stands between `backticks` as code, and paragraphs at empty lines."""
    paragraphs = [re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(part)) for part in text.split("\n\n")]
    return "".join(f'<p style="margin: 0.35em 0">{part}</p>' for part in paragraphs if part)


def block(text: str) -> str:
    """Numbers and messages, line by line; a long line goes on in the next."""
    return f'<pre style="{PRE.format(space="pre-wrap")}">{escape(text)}</pre>'


def code(text: str) -> str:
    """Lines of code, as they are."""
    return f'<pre style="{PRE.format(space="pre")}">{escape(text)}</pre>'


def fold(title: str, inside: str, is_open: bool = False) -> str:
    """HTML that unfolds when its title is clicked."""
    style = "margin: 0.35em 0"
    opened = " open" if is_open else ""
    return (
        f'<details style="{style}"{opened}><summary style="cursor: pointer">{escape(title)}</summary>{inside}</details>'
    )


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Rows of HTML; the first of a row says what it is about."""
    lines = []
    if head:
        lines.append("".join(f'<th scope="col" style="{HEAD}">{escape(name)}</th>' for name in head))
    for first, *others in rows:
        cells = "".join(f'<td style="{CELL}">{cell}</td>' for cell in others)
        lines.append(f'<th scope="row" style="{HEAD}">{first}</th>{cells}')
    inside = "".join(f'<tr style="background: none">{line}</tr>' for line in lines)
    style = "border-collapse: collapse; margin: 0.35em 0"
    return f'<div style="overflow-x: auto"><table style="{style}">{inside}</table></div>'


def box(kind: str, title: str, inside: str = "") -> str:
    """A message: its icon, what it says in a word or two, and HTML below."""
    icon, color = KINDS[kind]
    sign = f'<span aria-hidden="true" style="color: {color}; font-weight: bold">{icon}</span>'
    head = f"{sign} <strong>{escape(title)}</strong>"
    return f'<div style="{BOX.format(color=color)}"><div>{head}</div>{inside}</div>'


@dataclass(frozen=True)
class RichText:
    """Something to show as the value of a cell: as HTML, and the same in plain text."""

    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def message(kind: str, title: str, text: str = "") -> RichText:
    """A message in a few sentences."""
    icon, _ = KINDS[kind]
    plain = f"{icon} {title}" + (f"\n{text}" if text else "")
    return RichText(box(kind, title, prose(text)), plain)
