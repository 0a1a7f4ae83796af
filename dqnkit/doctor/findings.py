"""What the doctor finds, line by line, and the report of all of it as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import dqnkit

COMPUTER, WORKS = "this computer", "does it work"  # sections of the report; the others are those of the packages


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str
    value: str
    status: Literal["ok", "advice", "problem", "open"] = "ok"
    remedy: str = ""  # what to do about it, a command where there is one
    section: str = COMPUTER


class Report(list[Finding]):
    """Findings; as text by `report`, and as a table where a notebook shows them."""

    def __str__(self) -> str:
        return report(self)

    def __repr__(self) -> str:
        return report(self)

    def _repr_html_(self) -> str:
        from dqnkit.doctor.page import page

        return page(self)

    def _ipython_display_(self) -> None:
        """Show the table, and bring it up to date when the browser answers; see `dqnkit.doctor.onlooker`."""
        from dqnkit.doctor import onlooker

        if onlooker.WAITING not in self:
            raise NotImplementedError  # IPython then takes the text and HTML above
        onlooker.show(self)


def report(findings: Iterable[Finding]) -> str:
    """The findings as text: a line for each, section by section, and at the end what to do."""
    findings = list(findings)
    width = max((len(finding.name) for finding in findings), default=0)
    lines = [f"dqnkit doctor, version {dqnkit.__version__}"]
    for section in dict.fromkeys(finding.section for finding in findings):
        lines += ["", section]
        for finding in findings:
            if finding.section == section:
                lines.append(f"  {finding.status:<7}  {finding.name:<{width}}  {finding.value}")
    remedies: dict[tuple[str, str], list[str]] = {}
    for finding in to_do(findings):
        remedies.setdefault((finding.status, finding.remedy), []).append(finding.name)
    lines += ["", "what to do" if remedies else "nothing to do: all is well"]
    for (status, remedy), names in remedies.items():
        lines += [f"  {status:<7}  {', '.join(names)}", f"             {remedy}"]
    return "\n".join(lines)


def to_do(findings: Iterable[Finding]) -> list[Finding]:
    """Those that ask for something, problems first."""
    asking = [finding for finding in findings if finding.status in ("problem", "advice")]
    return sorted(asking, key=lambda finding: finding.status != "problem")
