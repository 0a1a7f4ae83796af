"""What a check saw, as plain data, and back: for outcomes that travel between processes or are kept in a file.

Reading makes arrays, texts and lists of bounded size and nothing else: what comes from somebody else's process is never
run and never unpickled.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np

from dqnkit.classroom.answer_sheet import Raised, Seen
from dqnkit.classroom.comparison import MAX_DEPTH, Items, Other
from dqnkit.types import Array

KINDS = "biufc"  # of arrays: booleans, whole numbers, floats and complex numbers
MOST_AXES = 32


def pack(seen: Seen) -> dict[str, Any]:
    """Return an outcome as values that JSON can hold."""
    return {"outcome": _packed(seen.outcome), "changed": list(seen.changed)}


def unpack(values: Any) -> Seen:
    """Return the outcome that `pack` has packed.

    Raises:
        ValueError: it is something else, or damaged.
    """
    changed = _field(values, "changed", list)
    if not all(isinstance(name, str) for name in changed):
        raise ValueError("names of changed arguments are texts")
    return Seen(_unpacked(_field(values, "outcome", object), 0), tuple(changed))


def _packed(value: Any) -> Any:
    match value:
        case None | str():
            return value
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case np.ndarray():
            data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
            return {"array": data, "dtype": value.dtype.str, "shape": list(value.shape)}
        case Items():
            return {
                "names": list(value.names),
                "values": [_packed(item) for item in value.values],
                "list": value.is_list,
            }
        case Other():
            return {"other": value.kind, "text": value.text}
        case Raised():
            return {"raised": value.kind, "message": value.message, "line": value.line}
    raise TypeError(f"{type(value).__name__} is nothing that a check compares")


def _unpacked(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, str):
        return value
    if depth > MAX_DEPTH + 1:
        raise ValueError("lists within lists")
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} is no outcome")
    if "array" in value:
        return _array(value)
    if "bytes" in value:
        return _decoded(_field(value, "bytes", str))
    if "names" in value:
        names, items = _field(value, "names", list), _field(value, "values", list)
        if len(names) != len(items) or not all(isinstance(name, str) for name in names):
            raise ValueError("each value has a name")
        return Items(tuple(names), tuple(_unpacked(item, depth + 1) for item in items), _field(value, "list", bool))
    if "other" in value:
        return Other(_field(value, "other", str), _field(value, "text", str))
    return Raised(*(_field(value, name, str) for name in ("raised", "message", "line")))


def _array(value: dict[str, Any]) -> Array:
    shape = _field(value, "shape", list)
    if len(shape) > MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("a shape is a list of sizes")
    try:
        dtype = np.dtype(_field(value, "dtype", str))
    except TypeError as error:
        raise ValueError("there is no such type of numbers") from error
    data = _decoded(_field(value, "array", str))
    if dtype.kind not in KINDS or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array's type, shape and size do not fit")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base 64") from error


def _field(values: Any, name: str, kind: type) -> Any:
    if not isinstance(values, dict) or name not in values or not isinstance(values[name], kind):
        raise ValueError(f"{name} is missing or has another type")
    return values[name]
