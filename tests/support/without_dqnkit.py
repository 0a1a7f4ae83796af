"""Run a Python program as where dqnkit is not installed: importing it fails.

    python tests/support/without_dqnkit.py my_dqn.py --seed 0

`DQNKIT_REFUSED` is printed to standard error where something asks for it.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import Any


class Refuse:
    """A finder of modules that knows none of dqnkit."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        """Return that it is none of its business, or refuse."""
        if name.partition(".")[0] == "dqnkit":
            print("DQNKIT_REFUSED", name, file=sys.stderr)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    sys.meta_path.insert(0, Refuse())  # type: ignore[arg-type]
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
