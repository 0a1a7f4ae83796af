"""Messages between the driver and a learner process: a JSON header and the raw bytes of arrays. No pickle."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np

from dqnkit.types import Array

LENGTH_BYTES = 8  # size of the number before each message that gives its length in bytes, little-endian
KEEP_ALIVE = bytes(LENGTH_BYTES)  # a message of length 0: the driver still runs


def pack(header: dict[str, Any], arrays: dict[str, Array] | None = None) -> bytes:
    """Write one message.

    Args:
        header: any value that JSON can represent.
        arrays: numeric arrays, by name.
    """
    arrays = arrays or {}
    described = [(name, values.dtype.str, values.shape) for name, values in arrays.items()]
    text = json.dumps({"header": header, "arrays": described}).encode()
    length = len(text).to_bytes(LENGTH_BYTES, "little")
    return b"".join([length, text, *(values.tobytes() for values in arrays.values())])


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read what `pack` wrote. The arrays are read-only views of the message."""
    start = LENGTH_BYTES + int.from_bytes(message[:LENGTH_BYTES], "little")
    content = json.loads(message[LENGTH_BYTES:start])
    arrays = {}
    for name, dtype, shape in content["arrays"]:
        values = np.frombuffer(message, dtype, prod(shape), start)
        arrays[name] = values.reshape(shape)
        start += values.nbytes
    return content["header"], arrays
