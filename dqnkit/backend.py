"""TensorFlow and Keras, imported without the lines that they write while they load.

TensorFlow tells of oneDNN and absl past Python, to the file descriptor of standard error, which no setting turns off
and which a notebook shows in red.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_greeting() -> Iterator[None]:
    """Keep what is written to the file descriptor of standard error from being seen."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    try:
        with tempfile.TemporaryFile() as greeting:
            os.dup2(greeting.fileno(), 2)
            yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)


with without_greeting():
    import keras
    import tensorflow as tf

tf.get_logger().setLevel("WARNING")  # in a notebook it would tell of each all-reduce that it compiles

__all__ = ["keras", "tf"]
