"""Refuses to start workers from a script that each of them would run again.

A worker process of this computer begins by importing the script that was started, to know what is defined there. What
must not happen in the worker, like starting a cluster, stands below ``if __name__ == "__main__":``. Without this line
each worker fails while it starts, its nanny starts another, and the script waits.
"""

from __future__ import annotations

import ast
import sys
import traceback
from pathlib import Path
from types import ModuleType

import dask

from dqnkit.errors import ClusterError

METHOD = "distributed.worker.multiprocessing-method"  # Dask's setting: spawn, forkserver or fork


def check_main_guard() -> None:
    """Check that a worker would not come here when it imports the script that was started.

    Raises:
        ClusterError: the script came here from a line that is not below ``if __name__ == "__main__":``.
    """
    script = _imported_by_workers(sys.modules["__main__"])
    line = script and _line_that_runs(script)
    if script and line and dask.config.get(METHOD) != "fork" and not is_guarded(script, line):
        raise ClusterError(
            f"{script.name} starts a cluster in line {line}, and each worker imports {script.name} when it starts: it "
            'would start a cluster, too. Put this line, and all that follows, below if __name__ == "__main__":'
        )


def _line_that_runs(script: Path) -> int:
    """The line, outside of all functions, at which a script is now; 0 if another thread runs it."""
    for frame, line in traceback.walk_stack(None):
        code = frame.f_code
        if code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__":
            return line if Path(code.co_filename).name == script.name else 0
    return 0


def is_guarded(script: Path, line: int) -> bool:
    """Whether a line of a script stands below an ``if`` that asks for ``__name__``. True if it cannot be read."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    return any(
        isinstance(node, ast.If)
        and node.lineno <= line <= (node.end_lineno or line)
        and any(isinstance(name, ast.Name) and name.id == "__name__" for name in ast.walk(node.test))
        for node in ast.walk(tree)
    )


def _imported_by_workers(main: ModuleType) -> Path | None:
    """The script that a new process of multiprocessing imports; None for a notebook, a prompt or a package."""
    spec = getattr(main, "__spec__", None)
    if spec is not None and (spec.name == "__main__" or spec.name.endswith(".__main__")):  # python -m PACKAGE
        return None
    file = getattr(main, "__file__", None)
    return Path(file) if file else None
