"""What this computer has and what is missing, each with the command that mends it: ``dqnkit doctor``.

    findings        a line of the report, and the report as text
    computer        Python, cores, memory, disk, the port
    limits          cores and memory that a container allows, not the host's
    requirements    what the kit asks for, and the versions it was tested with
    packages        what of it is there
    trials          does it work: an environment, TensorFlow and its GPUs, a Dask cluster
    onlooker        do widgets work: a value must come back from the browser
    page            the report as a table in a notebook

It works where everything else fails, so it needs no more than Python: NumPy, Gymnasium and TensorFlow are looked at
from outside or tried in a guarded place.
"""

from __future__ import annotations

from dqnkit.doctor import computer, onlooker, packages, trials
from dqnkit.doctor.findings import Finding, Report, report
from dqnkit.doctor.limits import Memory, available_cores, memory

__all__ = ["Finding", "Memory", "Report", "available_cores", "examine", "memory", "report"]


def examine() -> Report:
    """Look at everything. Takes some seconds where TensorFlow and Dask are installed, a second otherwise.

    It changes nothing. As the value of a notebook's cell it is a table, whose line about widgets is written anew when
    the browser has answered.
    """
    return Report([*computer.examine(), *trials.examine(), *onlooker.examine(), *packages.examine()])
