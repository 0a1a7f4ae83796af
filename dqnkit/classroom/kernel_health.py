"""Whether a kernel still works after code was stopped in it."""

from __future__ import annotations

import sys
from typing import Any

from dqnkit.classroom.time_limit import TimeIsUpError, run_limited

SECONDS = 10.0  # for a test that takes a fraction of one, unless something waits for ever


def damage() -> str:
    """What no longer works in this kernel, in a few words; empty where all is well."""
    try:
        return str(run_limited(_find_damage, SECONDS, 2 * SECONDS))
    except TimeIsUpError:
        return "TensorFlow no longer answers"


def _find_damage() -> str:
    for name, module in list(sys.modules.items()):
        if getattr(getattr(module, "__spec__", None), "_initializing", False):  # as importlib notes it
            return f"the package {name} is only half loaded"
    tf: Any = sys.modules.get("tensorflow")
    if tf is None:
        return ""
    try:
        if not tf.executing_eagerly():
            return "TensorFlow is in graph mode"
        if int(tf.function(lambda x: x + 1)(tf.constant(1))) != 2:
            return "TensorFlow computes wrong values"
    except Exception as error:  # of any kind: TensorFlow is what is tested
        return f"TensorFlow fails ({type(error).__name__})"
    return ""
