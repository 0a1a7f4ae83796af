"""The report as a table in a notebook. It can be read on light and dark pages, in a narrow window, without colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dqnkit.doctor.findings import COMPUTER, WORKS, Finding, to_do

# icon, colour and word of each status; the word says what the colour does
SHOWN = {
    "ok": ("✓", "#009E73", "ok"),
    "advice": ("→", "#E69F00", "advice"),
    "problem": ("✗", "#D55E00", "problem"),
    "open": ("○", "#8A8A8A", "open"),
}
# the notebook's own text colour on a transparent grey: readable on white and on black
BOX = (
    "line-height: 1.45; max-width: 60em; box-sizing: border-box; padding: 0.6em 1em; overflow-wrap: anywhere; "
    "color: var(--jp-content-font-color1, inherit); background: rgba(128, 128, 128, 0.1); border-left: 4px solid {}"
)
# status, name and value side by side; in a narrow window the value goes below the name
ROW, REST = "display: flex; margin: 0.1em 0", "display: flex; flex-wrap: wrap; flex: 1 1 0; min-width: 0"
STATUS, NAME, VALUE = "flex: 0 0 6.5em", "flex: 0 0 13em; max-width: 100%", "flex: 1 1 20em; min-width: 0"
LIST = "margin: 0.1em 0; padding: 0; list-style: none"
TITLE = "font-weight: bold; margin-top: 0.7em"


def as_html(findings: Sequence[Finding]) -> str:
    """First what to do, then a line for each finding. Packages are folded where all of them are as they should be."""
    parts = [_head(findings)]
    for section in dict.fromkeys([COMPUTER, WORKS, *(finding.section for finding in findings)]):
        of_section = [finding for finding in findings if finding.section == section]
        if of_section and section in (COMPUTER, WORKS):
            parts.append(f'<div style="{TITLE}">{escape(section.capitalize())}</div>{_lines(of_section)}')
        elif of_section:
            parts.append(_fold(section, of_section))
    return f'<div style="{BOX.format(SHOWN[_worst(findings)][1])}">{"".join(parts)}</div>'


def _head(findings: Sequence[Finding]) -> str:
    """The result in one sentence, and what to do."""
    sentence = {
        "problem": "This computer is not ready yet. Do these first, then restart the kernel:",
        "advice": "This computer is ready. There is advice:",
        "ok": "This computer is ready for the course.",
    }
    worst = _worst(findings)
    items = "".join(_item(status, remedy, found) for (status, remedy), found in to_do(findings).items())
    steps = f'<ul style="{LIST}">{items}</ul>' if items else ""
    return f"<div>{_sign(worst)} <strong>{sentence[worst]}</strong></div>{steps}"


def _item(status: str, remedy: str, findings: Sequence[Finding]) -> str:
    lines = "<br>".join(f"<strong>{escape(found.name)}</strong>: {escape(found.value)}" for found in findings)
    return f'<li style="margin: 0.4em 0">{_status(status)}: {lines}{_remedy(remedy)}</li>'


def _fold(section: str, findings: Sequence[Finding]) -> str:
    worst = _worst(findings)
    opened = "" if worst == "ok" else " open"
    summary = f'<summary style="cursor: pointer">{_status(worst)}: {escape(section)} ({len(findings)})</summary>'
    return f'<details style="margin-top: 0.4em"{opened}>{summary}{_lines(findings)}</details>'


def _lines(findings: Sequence[Finding]) -> str:
    rows = "".join(
        f'<li style="{ROW}"><span style="{STATUS}">{_status(finding.status)}</span> <span style="{REST}">'
        f'<span style="{NAME}">{escape(finding.name)}</span> '
        f'<span style="{VALUE}">{escape(finding.value)}{_remedy(finding.remedy)}</span></span></li>'
        for finding in findings
    )
    return f'<ul style="{LIST}">{rows}</ul>'


def _worst(findings: Sequence[Finding]) -> str:
    """The worst status of all; one that is open does not count."""
    statuses = {finding.status for finding in findings}
    return next((status for status in ("problem", "advice") if status in statuses), "ok")


def _status(status: str) -> str:
    return f"{_sign(status)} {SHOWN[status][2]}"


def _sign(status: str) -> str:
    icon, color, _ = SHOWN[status]
    return f'<span style="color: {color}; font-weight: bold" aria-hidden="true">{icon}</span>'


def _remedy(remedy: str) -> str:
    return f"<br><code>{escape(remedy)}</code>" if remedy else ""
