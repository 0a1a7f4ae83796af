"""Compile a reader's training step: many steps in one call, or an error that names the line that cannot be compiled.

An eager Keras step takes about 30 ms, a compiled one less than 1 ms. To compile, TensorFlow runs the function once on
placeholders that have a shape but no values, and records the operations. Python code that needs the values
(``.numpy()``, ``float(loss)``, ``if loss > 1``) cannot be recorded.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from typing import Any

from dqnkit.classroom.allowance import is_library
from dqnkit.errors import DQNKitError
from dqnkit.types import FloatArray, Transition

TrainStep = Callable[[Any, Any, Any, Transition], Any]
COULD_NOT = "cannot be compiled"


class CannotCompileError(DQNKitError, TypeError):
    """TensorFlow cannot compile a function; the message names the line."""


def compile_updates(
    train_step: TrainStep, online: Any, target: Any, optimizer: Any, xla: bool = True
) -> Callable[[Transition], FloatArray]:
    """A function that calls ``train_step`` on each of K batches ``[K, B, ...]``, in order, in one compiled call.

    Args:
        train_step: ``(online, target, optimizer, batch) -> loss``; a loss that is not a scalar is averaged.
        online, target: built Keras models, or twice the same model.
        optimizer: a Keras optimizer.
        xla: compile with XLA: takes about a second more once, then runs several times faster.

    Returns:
        a function ``batches -> losses [K]``. It compiles at the first call with each shape, and raises
        CannotCompileError if the step cannot be compiled.
    """
    from dqnkit.backend import prepare_xla, tf

    if xla:
        prepare_xla()
    if not optimizer.built:
        optimizer.build(online.trainable_variables)  # no variables can be created while TensorFlow records

    def many_steps(*batches: Any) -> Any:
        num_batches = batches[0].shape[0]

        def body(k: Any, losses: Any) -> tuple[Any, Any]:
            loss = train_step(online, target, optimizer, Transition._make(values[k] for values in batches))
            return k + 1, losses.write(k, tf.reduce_mean(loss))

        losses = tf.TensorArray(tf.float32, num_batches, element_shape=[])
        _, losses = tf.while_loop(lambda k, _: k < num_batches, body, (tf.constant(0), losses))
        return losses.stack()

    compiled = tf.function(many_steps, jit_compile=xla, autograph=False)

    programs: dict[tuple[int, ...], Any] = {}

    def update(batches: Transition) -> FloatArray:
        tensors = [tf.convert_to_tensor(values) for values in batches]
        shape = batches.reward.shape  # (K, B)
        if shape not in programs:
            try:
                programs[shape] = compiled.get_concrete_function(*tensors)
            except Exception as error:
                raise _explained(error) from error
        return programs[shape](*tensors).numpy()

    return update


def try_compiled(function: Callable[..., Any], *tensors: Any) -> Any:
    """What a function of tensors returns when TensorFlow compiles it; `COULD_NOT`, and why it is printed, if it cannot.

    Text among what it returns stays text.
    """
    from dqnkit.backend import tf

    kept: list[Any] = []  # what it returned while it was recorded, with placeholders where there are tensors

    def recorded(*placeholders: Any) -> list[Any]:
        kept.append(function(*placeholders))
        return [value for value in tf.nest.flatten(kept[-1]) if tf.is_tensor(value)]

    try:
        values = iter(tf.function(recorded, autograph=False)(*tensors))
    except Exception as error:
        print(_explained(error))
        return COULD_NOT
    return tf.nest.map_structure(lambda value: next(values) if tf.is_tensor(value) else value, kept[-1])


def _explained(error: Exception) -> Exception:
    """The error with the line of the reader's code that caused it; unchanged if the cause is elsewhere."""
    steps = traceback.extract_tb(error.__traceback__)
    called = max(number for number, step in enumerate(steps) if step.filename == __file__)  # calls the reader's code
    own = [step for step in steps[called + 1 :] if not is_library(step.filename)]
    if not own:
        return error
    source = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip()
    reason = str(error).strip().split("\n")[0]
    return CannotCompileError(
        f"{own[-1].name} cannot be compiled. Line {own[-1].lineno}, `{source}`: {reason} "
        "While TensorFlow compiles, tensors have a shape but no values: use TensorFlow's operations "
        "(tf.reduce_mean, tf.where, ...), not .numpy(), float(), NumPy, or an `if` on a value."
    )
