"""A notebook run from top to bottom in a fresh kernel, its peak memory, and what a reader would complain of.

For the tests of the notebooks and for rehearsals. Needs nbclient, nbformat and psutil.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbclient
import psutil

CELL_LIMIT, NOTEBOOK_LIMIT = 120, 600  # seconds, on two cores
MEMORY_LIMIT = 1.5e9  # bytes


def run(
    notebook: Any, folder: Path, fast: bool, environment: Mapping[str, str] | None = None, kernel: str | None = None
) -> int:
    """Run all cells, also those after an error, and leave the outputs in the notebook.

    Args:
        notebook: as nbformat reads it.
        folder: where the kernel starts.
        fast: whether each training run is short.
        environment: of the kernel; this process's own unless given.
        kernel: the name of its specification; the notebook's own unless given.

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
    # ipykernel shows what goes past Python to standard error, unless it believes that it is itself under test
    given = os.environ if environment is None else environment
    variables = {name: value for name, value in given.items() if name != "PYTEST_CURRENT_TEST"}
    variables["DQNKIT_FAST"] = "1" if fast else "0"
    memory = PeakMemory(client)
    memory.start()
    try:
        client.execute(env=variables)
    finally:
        memory.running = False
    return memory.largest


class PeakMemory(threading.Thread):
    """Watches the resident memory of a client's kernel and its children."""

    def __init__(self, client: Any) -> None:
        super().__init__(daemon=True)
        self.client, self.largest, self.running = client, 0, True

    def run(self) -> None:
        """Look five times a second, until `running` is no longer set."""
        while self.running:
            try:
                kernel = psutil.Process(pid_of(self.client))
                processes = [kernel, *kernel.children(recursive=True)]
                self.largest = max(self.largest, sum(process.memory_info().rss for process in processes))
            except (psutil.Error, AttributeError, TypeError):
                pass  # it has not started yet, or has ended
            time.sleep(0.2)


def pid_of(client: Any) -> int:
    """The process of a client's kernel."""
    return int(client.km.provisioner.pid)


def complaints(notebook: Any) -> list[str]:
    """Everything that a reader would take for an error: tracebacks, warnings, anything on stderr."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}: {output.evalue}\n" + "\n".join(output.traceback))
            elif output.output_type == "stream" and (output.name == "stderr" or "Warning" in output.text):
                found.append(f"cell {number}: {output.name}: {output.text}")
    return found


def names_checked(notebook: Any) -> set[str]:
    """Exercises that the cells check, by the first argument of `check`."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return {piece.split('"')[0] for piece in code.split('check("')[1:]}


def passed_checks(folder: Path) -> set[str]:
    """Exercises that were passed, by the progress file that a run left in its folder."""
    progress = json.loads((folder / "dqnkit-progress.json").read_text(encoding="utf-8"))
    return {name for name, entry in progress["checks"].items() if entry["passed"]}
