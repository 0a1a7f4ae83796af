"""TensorFlow and Keras, imported without the lines that they print while they load.

TensorFlow prints lines about oneDNN and absl, not through Python but to the file descriptor of standard error. No
setting turns them off, and a notebook shows them in red.
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
    """Hide what is written to the file descriptor of standard error, unless it ends in an exception: then show it."""
    if sys.stderr is not None:
        sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as greeting:
        os.dup2(greeting.fileno(), 2)
        try:
            yield
        except BaseException:
            greeting.seek(0)
            os.write(standard_error, greeting.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)


with without_greeting():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # without a GPU, the TensorFlow built for GPUs complains here

tf.get_logger().setLevel("WARNING")  # else a notebook shows a line for each all-reduce that is compiled

__all__ = ["keras", "prepare_xla", "tf"]


@cache
def prepare_xla() -> None:
    """Compile a first program with XLA: TensorFlow 2.20, which Colab has, prints two lines when it does so."""
    if tf.__version__.startswith("2.20."):
        with without_greeting():
            tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(0.0))
