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
from functools import cache


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

    tf.config.list_physical_devices()  # the wheel with GPU support complains here where there is none

tf.get_logger().setLevel("WARNING")  # in a notebook it would tell of each all-reduce that it compiles

__all__ = ["keras", "prepare_xla", "tf"]


@cache
def prepare_xla() -> None:
    """Have XLA make its first program unseen: TensorFlow 2.20, which Colab has, tells of it in two lines."""
    if tf.__version__.startswith("2.20."):
        with without_greeting():
            tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(0.0))
