"""TensorFlow and Keras, imported without the lines that they print while they load.

TensorFlow prints lines about oneDNN and absl, not through Python but to the file descriptor of standard error. No
setting turns them off, and a notebook shows them in red.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from dqnkit import compiled_programs
from dqnkit.errors import ConfigError


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


@contextmanager
def keras_on_tensorflow() -> Iterator[None]:
    """Make Keras, when it is imported first, take TensorFlow, whatever ``KERAS_BACKEND`` or keras.json say."""
    chosen = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # it decides over keras.json
    try:
        yield
    finally:
        del os.environ["KERAS_BACKEND"]
        if chosen is not None:
            os.environ["KERAS_BACKEND"] = chosen


compiled_programs.keep()
with without_greeting(), keras_on_tensorflow():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # without a GPU, the TensorFlow built for GPUs complains here


def check_backend() -> None:
    """Raise `ConfigError` where Keras was imported on another backend before: then it cannot be changed."""
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"Keras runs on {backend} in this process, because it was imported before dqnkit and the environment "
            f"variable KERAS_BACKEND or ~/.keras/keras.json says {backend}; dqnkit needs it on TensorFlow. Start "
            "Python (or the kernel) again, and import dqnkit.backend before keras"
        )


check_backend()
tf.get_logger().setLevel("WARNING")  # else a notebook shows a line for each all-reduce that is compiled

__all__ = ["first_call", "keras", "keras_defaults", "prepare_xla", "tf"]


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Make layers and optimizers with Keras' own defaults: float32 throughout, channels last.

    A policy of mixed precision, or another keras.json, holds for the rest of the process.
    """
    policy, floats, channels = keras.config.dtype_policy(), keras.config.floatx(), keras.config.image_data_format()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_floatx(floats)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(channels)


def first_call(trace: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Make a program and call it for the first time, which compiles it, or loads what was compiled before.

    Args:
        trace: makes the program, a concrete function, from the arguments.
        arguments: of the call.

    Returns:
        the program, and what it returned.
    """
    program = trace(*arguments)
    try:
        return program, program(*arguments)
    except tf.errors.OpError:  # also where what was kept of it is damaged
        if not compiled_programs.forget():
            raise
    program = trace(*arguments)  # anew: TensorFlow does not compile a program a second time
    return program, program(*arguments)


@cache
def prepare_xla() -> None:
    """Compile a first program with XLA: TensorFlow 2.20, which Colab has, prints two lines when it does so."""
    if tf.__version__.startswith("2.20."):
        with without_greeting():
            tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(0.0))
