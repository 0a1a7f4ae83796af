"""The classroom's messages as HTML. They are legible on light and dark pages, and say in words what colours say.

Text from a reader or from a run is escaped. Each message also has a plain text, for terminals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

# Icon and colour of each kind of message; all but the grey are colours of `dqnkit.plots.style.PALETTE`.
KINDS = {
    "passed": ("✓", "#009E73"),
    "wrong": ("✗", "#D55E00"),
    "open": ("○", "#8A8A8A"),
    "note": ("→", "#56B4E9"),
}
# The page's own text colour on transparent grey: readable on light and dark pages.
BOX = (
    "border-left: 4px solid {color}; padding: 0.6em 1em; margin: 0.3em 0; max-width: 46em; box-sizing: border-box; "
    "background: rgba(128, 128, 128, 0.1); color: var(--jp-content-font-color1, inherit); line-height: 1.45; "
    "overflow-wrap: anywhere"
)
PRE = (
    "margin: 0 0 0.4em 0; padding: 0.3em 0.6em; overflow-x: auto; white-space: {space}; overflow-wrap: anywhere; "
    "word-break: normal; background: rgba(128, 128, 128, 0.12); color: inherit; font-size: 0.93em"
)
CONTINUED = 6  # columns by which the rest of a long line of code is further to the right than its beginning
# The page's own grey behind code is that of the box, on which its padding would look like stray spaces.
INLINE = "background: rgba(128, 128, 128, 0.17); color: inherit; padding: 0 0.25em; border-radius: 3px"
CELL = (
    "text-align: left; vertical-align: top; padding: 0.15em 1em 0.15em 0; border: none; "
    "overflow-wrap: break-word; background: none"
)
HEAD = f"{CELL}; white-space: nowrap"


def prose(text: str) -> str:
    """Return text as HTML: escaped, with `backticks` as code and paragraphs at empty lines."""
    parts = [re.sub(r"`([^`]+)`", lambda found: inline_code(found[1]), escape(part)) for part in text.split("\n\n")]
    return "".join(f'<p style="margin: 0.35em 0">{part}</p>' for part in parts if part)


def inline_code(inside: str) -> str:
    """Return HTML as code within a line of text."""
    return f'<code style="{INLINE}">{inside}</code>'


def block(text: str) -> str:
    """Return preformatted text as HTML; long lines are wrapped."""
    return f'<pre style="{PRE.format(space="pre-wrap")}">{escape(text)}</pre>'


def code(text: str) -> str:
    """Return code as HTML. A line that is too long for the page goes on below, further to the right."""
    lines = "".join(_code_line(line) for line in text.splitlines())
    return f'<pre style="{PRE.format(space="pre-wrap")}">{lines}</pre>'


def _code_line(line: str) -> str:
    indent = len(line) - len(line.lstrip()) + CONTINUED
    return f'<div style="padding-left: {indent}ch; text-indent: -{indent}ch">{escape(line) or "<br>"}</div>'


def scrolled(inside: str) -> str:
    """Return HTML in a window of its own, which is no higher than a screen."""
    return f'<div style="max-height: 32em; overflow-y: auto" tabindex="0">{inside}</div>'


def fold(title: str, inside: str, is_open: bool = False) -> str:
    """Return HTML that unfolds when its title is clicked."""
    style = "margin: 0.35em 0"
    opened = " open" if is_open else ""
    return (
        f'<details style="{style}"{opened}><summary style="cursor: pointer">{escape(title)}</summary>{inside}</details>'
    )


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Return a table; its cells are HTML, and the first of each row is its heading."""
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
    """Return a message as HTML: icon and title, and ``inside``, which is HTML, below."""
    icon, color = KINDS[kind]
    sign = f'<span aria-hidden="true" style="color: {color}; font-weight: bold">{icon}</span>'
    head = f"{sign} <strong>{escape(title)}</strong>"
    return f'<div style="{BOX.format(color=color)}"><div>{head}</div>{inside}</div>'


@dataclass(frozen=True)
class RichText:
    """The value of a cell that shows itself: as HTML, and as plain text with the same content."""

    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def message(kind: str, title: str, text: str = "") -> RichText:
    """Return a message with a title and a few sentences."""
    icon, _ = KINDS[kind]
    plain = f"{icon} {title}" + (f"\n{text}" if text else "")
    return RichText(box(kind, title, prose(text)), plain)
