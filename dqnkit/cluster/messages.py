"""Messages between the driver and a learner process: a header in JSON and arrays as they lie in memory; no pickle."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np

from dqnkit.types import Array

LENGTH = 8  # bytes of the number that says how long what follows is, least byte first
KEEP_ALIVE = bytes(LENGTH)  # a message of no length: the sender lives


def pack(header: dict[str, Any], arrays: dict[str, Array] | None = None) -> bytes:
    """One message.

    Args:
        header: what JSON can hold.
        arrays: of numbers, by name.
    """
    arrays = arrays or {}
    described = [(name, values.dtype.str, values.shape) for name, values in arrays.items()]
    text = json.dumps({"header": header, "arrays": described}).encode()
    return b"".join([len(text).to_bytes(LENGTH, "little"), text, *(values.tobytes() for values in arrays.values())])


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `pack` was given; the arrays are views of the message and cannot be written to."""
    start = LENGTH + int.from_bytes(message[:LENGTH], "little")
    content = json.loads(message[LENGTH:start])
    arrays = {}
    for name, dtype, shape in content["arrays"]:
        values = np.frombuffer(message, dtype, prod(shape), start)
        arrays[name] = values.reshape(shape)
        start += values.nbytes
    return content["header"], arrays
