"""Run a notebook from top to bottom in a fresh kernel; measure its memory; find what looks like an error to a reader.

Used by the tests of the notebooks and by the rehearsals. Needs nbclient, nbformat and psutil.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbclient
import psutil

CELL_LIMIT, NOTEBOOK_LIMIT = 120, 600  # seconds, on two cores
MEMORY_LIMIT = 1.5e9  # bytes
LINE_LIMIT = 105  # characters of a printed line; on a page of 1,000 pixels JupyterLab breaks a longer one within a word

# the value of a cell that nobody meant to show: an exit status, a flag, an object without words of its own
BARE = re.compile(r"-?[\d.]+|True|False|None|<.* at 0x[0-9a-f]+>", re.DOTALL)


def run(notebook: Any, folder: Path, environment: Mapping[str, str] | None = None, kernel: str | None = None) -> int:
    """Run all cells, also those after an error, and write the outputs into the notebook.

    Args:
        notebook: as nbformat reads it.
        folder: where the kernel starts.
        environment: the kernel's environment variables; those of this process unless given.
        kernel: the name of a kernel specification; that of the notebook unless given.

    Returns:
        the peak memory of the kernel and its children, in bytes.
    """
    chosen = {} if kernel is None else {"kernel_name": kernel}
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_LIMIT,
        resources={"metadata": {"path": str(folder)}},
        record_timing=True,
        allow_errors=True,
        **chosen,
    )
    # with this variable ipykernel believes that it is under test, and hides what C code writes to standard error
    given = os.environ if environment is None else environment
    variables = {name: value for name, value in given.items() if name != "PYTEST_CURRENT_TEST"}
    memory = PeakMemory(client)
    memory.start()
    try:
        client.execute(env=variables)
    finally:
        memory.running = False
    return memory.largest


class PeakMemory(threading.Thread):
    """Measures the resident memory of a client's kernel and its children."""

    def __init__(self, client: Any) -> None:
        super().__init__(daemon=True)
        self.client, self.largest, self.running = client, 0, True

    def run(self) -> None:
        """Measure five times a second, until `running` is no longer set."""
        while self.running:
            try:
                kernel = psutil.Process(pid_of(self.client))
                processes = [kernel, *kernel.children(recursive=True)]
                self.largest = max(self.largest, sum(process.memory_info().rss for process in processes))
            except (psutil.Error, AttributeError, TypeError):
                pass  # the kernel has not started yet, or has ended
            time.sleep(0.2)


def pid_of(client: Any) -> int:
    """The process id of a client's kernel."""
    return int(client.km.provisioner.pid)


def complaints(notebook: Any) -> list[str]:
    """Everything that looks like an error to a reader: tracebacks, warnings, anything on stderr, a value left over."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}: {output.evalue}\n" + "\n".join(output.traceback))
            elif output.output_type == "stream" and (output.name == "stderr" or "Warning" in output.text):
                found.append(f"cell {number}: {output.name}: {output.text}")
            elif output.output_type == "execute_result" and BARE.fullmatch(output.data.get("text/plain", "")):
                found.append(f"cell {number}: its value, {output.data['text/plain']}, says nothing to a reader")
    return found


def long_lines(notebook: Any) -> list[str]:
    """Printed lines that a narrow page would break."""
    streams = [o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    return [line for text in streams for line in text.split("\n") if len(line) > LINE_LIMIT]


def names_checked(notebook: Any) -> set[str]:
    """The exercises that the cells check: the first arguments of `check`."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return {piece.split('"')[0] for piece in code.split('check("')[1:]}


def passed_checks(folder: Path) -> set[str]:
    """The exercises that a run passed, from the progress file in its folder."""
    progress = json.loads((folder / "dqnkit-progress.json").read_text(encoding="utf-8"))
    return {name for name, entry in progress["checks"].items() if entry["passed"]}
