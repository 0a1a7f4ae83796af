"""The report as text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import dqnkit
from dqnkit.doctor.findings import Finding, to_do


def as_text(findings: Sequence[Finding]) -> str:
    """The findings, section by section, a line for each; what to do comes last."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = [f"dqnkit doctor, version {dqnkit.__version__}"]
    for section in dict.fromkeys(finding.section for finding in findings):
        lines += ["", section]
        for finding in findings:
            if finding.section == section:
                lines.append(f"  {finding.status:<7}  {finding.name:<{width}}  {finding.value}")
    remedies = to_do(findings)
    lines += ["", "what to do" if remedies else "nothing to do: all is well"]
    for (status, remedy), found in remedies.items():
        lines += [f"  {status:<7}  {', '.join(finding.name for finding in found)}", f"             {remedy}"]
    return "\n".join(lines)
