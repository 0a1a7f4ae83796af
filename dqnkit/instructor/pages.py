"""Pages that open without a server and without a network: text of students is escaped, and no script runs in them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from dqnkit.files import write_whole
from dqnkit.instructor.settings import ClassError

GREEN, VERMILION, GREY, SKY, ORANGE = "#009E73", "#D55E00", "#8A8A8A", "#56B4E9", "#E69F00"
STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } small, .small { font-size: .85rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; }
tr + tr { border-top: 1px solid var(--line); } pre { overflow-x: auto; white-space: pre-wrap; margin: .3rem 0; }
.wide { overflow-x: auto; } .number { text-align: right; font-variant-numeric: tabular-nums; }
.large { font-size: 1.75rem; font-weight: 600; } .cell { text-align: center; padding: .1rem; min-width: 1.5rem; }
.bar { display: inline-block; height: .8rem; background: #0072B2; vertical-align: middle; }
"""


def page(title: str, body: str) -> str:
    """Return a whole page."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are HTML."""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table></div>'


def write(path: Path, content: str) -> None:
    """Write a file that only its owner may read.

    Raises:
        ClassError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        write_whole(path, content)
        path.chmod(0o600)
    except OSError as error:
        raise ClassError(f"{path} cannot be written ({error})") from error
