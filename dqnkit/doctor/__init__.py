"""What this computer has and what is missing, each with the command that repairs it: ``dqnkit doctor``.

    findings             one line of the report, and what to do about all of them
    resources            cores and memory that a container allows, as Dask finds them
    computer             Python, cores, memory, disk, the port of JupyterLab
    requirements         the packages that the kit needs, and the versions it was tested with
    packages             which of them are installed
    smoke_tests          an environment steps, TensorFlow is imported, a Dask cluster starts
    browser_round_trip   widgets work if a value comes back from the browser
    as_text, as_html     the report for a terminal and for a notebook
    report               the report itself: a list of findings that shows itself

A module imports only modules above it. The doctor must work where everything else fails. So it imports nothing but the
standard library and `packaging`; NumPy, Gymnasium, TensorFlow and Dask are tried where their failure does no harm.
"""

from __future__ import annotations

from dqnkit.doctor import browser_round_trip, computer, packages, smoke_tests
from dqnkit.doctor.findings import Finding
from dqnkit.doctor.report import Report

__all__ = ["Finding", "Report", "examine"]


def examine() -> Report:
    """Look at everything. Takes some seconds where TensorFlow and Dask are installed, a second otherwise.

    It changes nothing. As the value of a notebook's cell it is a table. The table's line about widgets is written again
    when the browser has answered.
    """
    return Report(
        [*computer.examine(), *smoke_tests.examine(), *browser_round_trip.examine(), *packages.examine()],
    )
