"""Where this runs: on which hosted notebook service, whose rules differ, and whether a reader looks on."""

from __future__ import annotations

import os
import sys
from typing import Any


def is_colab() -> bool:
    """Whether this runs on Google Colab: in one of its notebooks, or in a program that such a notebook started.

    Colab's kernel imports the package google.colab before the first cell runs; programs inherit the variable.
    """
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def running_kernel() -> Any:
    """The kernel of the notebook that runs this; None outside a notebook."""
    if "IPython" not in sys.modules:  # a kernel has imported it
        return None
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def is_attended() -> bool:
    """Whether a reader may look on. A program that runs a notebook (nbconvert, papermill) forbids questions to one."""
    kernel = running_kernel()
    content = {} if kernel is None else kernel.get_parent().get("content", {})
    return is_colab() or bool(content.get("allow_stdin", True))
