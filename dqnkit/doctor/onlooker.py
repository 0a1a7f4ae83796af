"""The line about widgets: a value goes to the browser and comes back, or the line says what to do.

With ipykernel 6 and on Colab, what the browser sends is handled between cells only. So nothing waits here: the table is
shown at once, and its line is written anew when the value has arrived, also long after the cell has ended. The table
itself needs no widgets.
"""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from typing import Any

from dqnkit.doctor.findings import WORKS, Finding, Report
from dqnkit.doctor.requirements import install_command, installed, is_colab

PATIENCE = 15.0  # seconds in which a browser should have answered; they do not run while a cell holds up the kernel,
LISTEN = 600.0  # and for so long an answer still mends the line
LOOK_EVERY = 0.1
WAITING = Finding("widgets", "waiting for the browser to answer", "open", section=WORKS)
_running: set[asyncio.Task[None]] = set()  # asyncio itself would forget them


def examine() -> list[Finding]:
    """The line as it is before anything is tried; `show` tries."""
    if find_spec("ipywidgets") is None:
        return []  # said among the packages
    kernel = _kernel()
    if kernel is None:
        return [Finding("widgets", "tried by doctor.examine() in a notebook", "open", section=WORKS)]
    if not _is_attended(kernel):
        return [Finding("widgets", "not tried: nobody looks on, this notebook runs by itself", "open", section=WORKS)]
    return [WAITING]


def show(report: Report) -> None:
    """Put a report on the page, and write its line about the widgets anew when it is known whether they work."""
    from IPython.display import display

    page = display(_bundle(report), raw=True, display_id=True)
    try:
        from dqnkit.widgets.browser import RoundTrip, as_widget

        trip = RoundTrip()
    except Exception as error:  # a package that is half there, say
        _settle(report, page, Finding("widgets", f"cannot be made: {error}", "advice", _remedy(), WORKS))
        return
    # of the hidden widget nothing is seen, nor in a saved notebook
    hidden = display(as_widget(trip.widget, ""), raw=True, display_id=True)
    task = asyncio.get_running_loop().create_task(_listen(report, page, trip, hidden))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _listen(report: Report, page: Any, trip: Any, hidden: Any) -> None:
    from dqnkit.widgets.browser import close

    began, waited, told = time.monotonic(), 0.0, False
    try:
        while not trip.works and waited < LISTEN:
            trip.ask()
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY
            if waited > PATIENCE and not trip.works and not told:
                told = True
                value = f"no answer from a browser within {PATIENCE:.0f} s"
                _settle(report, page, Finding("widgets", value, "advice", _remedy(), WORKS))
        if trip.works:
            version = installed(["ipywidgets"])["ipywidgets"]
            value = f"a value went to the browser and came back in {time.monotonic() - began:.1f} s"
            _settle(report, page, Finding("widgets", f"{value} (ipywidgets {version})", section=WORKS))
    finally:
        hidden.update({"text/plain": ""}, raw=True)
        close(trip.widget)


def _settle(report: Report, page: Any, finding: Finding) -> None:
    """Put a finding in the place of the one about the widgets, here and on the page."""
    report[[found.name for found in report].index("widgets")] = finding
    page.update(_bundle(report), raw=True)


def _bundle(report: Report) -> dict[str, str]:
    return {"text/html": report._repr_html_(), "text/plain": str(report)}


def _remedy() -> str:
    if is_colab():
        return "reload the page, then run the cell again"
    return f"{install_command('course')}, restart JupyterLab (or VS Code), reload the page"


def _kernel() -> Any:
    """The kernel that runs this; None outside of a notebook."""
    if find_spec("IPython") is None:
        return None
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def _is_attended(kernel: Any) -> bool:
    """Whether somebody could be asked for input, which a program that runs notebooks (nbconvert) forbids."""
    content = kernel.get_parent().get("content", {})
    return bool(content.get("allow_stdin", True))
