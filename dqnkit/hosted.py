"""Which hosted notebook service this runs on. Its rules differ from those of a computer of the reader's own."""

from __future__ import annotations

import os
import sys


def is_colab() -> bool:
    """Whether this runs on Google Colab: in one of its notebooks, or in a program that such a notebook started.

    Colab's kernel imports the package google.colab before the first cell runs; programs inherit the variable.
    """
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ
