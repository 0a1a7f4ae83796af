"""What the doctor finds, one line at a time, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

COMPUTER, WORKS = "this computer", "does it work"  # sections of the report; the others are those of the packages


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    value: str
    status: Literal["ok", "advice", "problem", "open"] = "ok"
    remedy: str = ""  # what to do about it, a command where there is one
    section: str = COMPUTER


def to_do(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """What asks for something: (status, remedy) -> its findings, so that each remedy is said once. Problems first."""
    asking = [finding for finding in findings if finding.status in ("problem", "advice")]
    remedies: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(asking, key=lambda finding: finding.status != "problem"):
        remedies.setdefault((finding.status, finding.remedy), []).append(finding)
    return remedies
