"""Do widgets work? A value goes to the browser and must come back; if it does not, the report says what to do.

ipykernel 6 and Colab handle what the browser sends only between cells. So no cell waits for the answer: the table is
shown at once, and its line about widgets is written again when the answer arrives, also long after the cell has ended.
The table itself needs no widgets.
"""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec
from typing import Any

from dqnkit.doctor.as_html import as_html
from dqnkit.doctor.as_text import as_text
from dqnkit.doctor.findings import WORKS, Finding
from dqnkit.doctor.requirements import install_command, installed
from dqnkit.hosted import is_attended, is_colab, running_kernel

ANSWER_SECONDS = 15.0  # a browser should have answered by then; time in which a cell blocks the kernel does not count
LISTEN_SECONDS = 600.0  # an answer that comes by then still corrects the line
LOOK_EVERY = 0.1
WAITING = Finding("widgets", "waiting for the browser to answer", "open", section=WORKS)
_running: set[asyncio.Task[None]] = set()  # asyncio keeps only weak references to its tasks


def examine() -> list[Finding]:
    """The line before the browser was asked; `show` asks it."""
    if find_spec("ipywidgets") is None:
        return []  # reported among the packages
    if running_kernel() is None:
        return [Finding("widgets", "tried by doctor.examine() in a notebook", "open", section=WORKS)]
    if not is_attended():
        return [Finding("widgets", "not tried: nobody looks on, this notebook runs by itself", "open", section=WORKS)]
    return [WAITING]


def show(findings: list[Finding]) -> None:
    """Show the table, and replace its line about widgets, here and in the notebook, once it is known."""
    from IPython.display import display

    table = display(_bundle(findings), raw=True, display_id=True)
    try:
        from dqnkit.widgets.browser import RoundTrip, as_widget

        trip = RoundTrip()
    except Exception as error:  # for example a package that is only half installed
        _settle(findings, table, Finding("widgets", f"cannot be made: {error}", "advice", _remedy(), WORKS))
        return
    # nothing of the hidden widget is seen, nor is it in a saved notebook
    hidden = display(as_widget(trip.widget, ""), raw=True, display_id=True)
    task = asyncio.get_running_loop().create_task(_listen(findings, table, trip, hidden))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _listen(findings: list[Finding], table: Any, trip: Any, hidden: Any) -> None:
    from dqnkit.widgets.browser import close

    began, waited, told = time.monotonic(), 0.0, False
    try:
        while not trip.works and waited < LISTEN_SECONDS:
            trip.ask()
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY
            if waited > ANSWER_SECONDS and not trip.works and not told:
                told = True
                value = f"no answer from a browser within {ANSWER_SECONDS:.0f} s"
                _settle(findings, table, Finding("widgets", value, "advice", _remedy(), WORKS))
        if trip.works:
            version = installed(["ipywidgets"])["ipywidgets"]
            value = f"a value went to the browser and came back in {time.monotonic() - began:.1f} s"
            _settle(findings, table, Finding("widgets", f"{value} (ipywidgets {version})", section=WORKS))
    finally:
        hidden.update({"text/plain": ""}, raw=True)
        close(trip.widget)


def _settle(findings: list[Finding], table: Any, finding: Finding) -> None:
    """Put a finding in the place of the one about widgets, in the list and in the table on the page."""
    findings[[found.name for found in findings].index("widgets")] = finding
    table.update(_bundle(findings), raw=True)


def _bundle(findings: list[Finding]) -> dict[str, str]:
    return {"text/html": as_html(findings), "text/plain": as_text(findings)}


def _remedy() -> str:
    if is_colab():
        return "reload the page, then run the cell again"
    return f"{install_command('course')}, restart JupyterLab (or VS Code), reload the page"
