"""The report: a list of findings that shows itself, as text in a terminal and as a table in a notebook."""

from __future__ import annotations

from dqnkit.doctor import browser_round_trip
from dqnkit.doctor.as_html import as_html
from dqnkit.doctor.as_text import as_text
from dqnkit.doctor.findings import Finding


class Report(list[Finding]):
    """Findings, in the order in which they are shown."""

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _ipython_display_(self) -> None:
        """Show the table, and bring it up to date when the browser answers."""
        if browser_round_trip.WAITING not in self:
            raise NotImplementedError  # IPython then takes the text and HTML above
        browser_round_trip.show(self)
