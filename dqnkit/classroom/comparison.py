"""Comparison of the value that a reader's code returned with the expected one, and descriptions of values in words.

Values are normalised first. Numbers, arrays and tensors of any library become NumPy arrays; tuples, lists and dicts
become `Items`; None and text stay; anything else becomes `Other`. So a NumPy number, a Python float and a TensorFlow
scalar compare as equal.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqnkit.types import Array

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # tolerances, for float32 and sums in another order
MAX_CHARACTERS = 600  # of a value that is shown
MAX_DEPTH = 20  # of lists within lists


@dataclass(frozen=True)
class Items:
    """Several values: the fields of a named tuple, the entries of a dict, or the items of a list."""

    names: tuple[str, ...]
    values: tuple[Any, ...]
    is_list: bool = False  # a list, tuple or array; its names are then "0", "1", ...


@dataclass(frozen=True)
class Other:
    """A value that cannot be compared."""

    kind: str  # "a function"
    text: str


@dataclass(frozen=True)
class Difference:
    """The first place where two values differ."""

    where: str  # name of the part, as "reward" or "the first value"; empty for the whole value
    kind: str  # "type", "shape", "nan", "length" or "value"
    expected: str
    actual: str
    remark: str = ""  # what is wrong, in a sentence


def normalise(value: Any, depth: int = 0) -> Any:
    """Return a value in the form that is compared; a copy, so that later changes do not matter."""
    if value is None:
        return value
    if isinstance(value, (str, bytes)):
        return str(value) if isinstance(value, str) else bytes(value)  # NumPy's own kinds of text, too
    if depth > MAX_DEPTH:
        return Other("lists within lists", "…")
    if isinstance(value, Mapping):
        names = tuple(str(key) for key in value)
        return Items(names, tuple(normalise(item, depth + 1) for item in value.values()))
    if isinstance(value, (tuple, list)):
        return _items(value, depth)
    if isinstance(value, (bool, int, float, complex, np.generic, np.ndarray)) or _is_tensor(value):
        return _array(value, depth)
    return _other(value)


def _is_tensor(value: Any) -> bool:
    # Attributes that TensorFlow's, Keras's, PyTorch's and JAX's tensors have; so none of them must be imported.
    if inspect.isclass(value) or not (hasattr(value, "shape") and hasattr(value, "dtype")):
        return False
    return hasattr(value, "__array__") or hasattr(value, "numpy")


def _array(value: Any, depth: int) -> Any:
    try:
        array = np.array(value.numpy() if hasattr(value, "numpy") else value)
    except Exception:  # a symbolic tensor, or an integer too large for NumPy
        return _other(value)
    if array.dtype.kind in "biufc":
        return array
    if array.dtype.kind in "US" and array.ndim == 0:
        return str(array)
    if array.ndim and array.dtype.kind in "OUS":
        return _items(list(array), depth)
    return _other(value)


def _items(value: Any, depth: int) -> Any:
    """Return a list or tuple as one array if it holds numbers (or, a list, equal rows), else as `Items`."""
    items = tuple(normalise(item, depth + 1) for item in value)
    names = getattr(value, "_fields", None)
    if names is None and items and all(isinstance(item, np.ndarray) for item in items):
        shapes = {item.shape for item in items}
        if shapes == {()} or (isinstance(value, list) and len(shapes) == 1):
            return np.stack(items)
    numbers = tuple(str(number) for number in range(len(items)))
    return Items(tuple(names or numbers), items, is_list=names is None)


def _other(value: Any) -> Other:
    if inspect.iscoroutine(value):
        value.close()  # else Python warns later that it was never awaited
        return Other("a coroutine (of an `async def`)", "")
    if inspect.isclass(value):
        return Other("a class", value.__name__)
    if callable(value) and hasattr(value, "__name__"):
        return Other("a function", str(value.__name__))
    try:
        text = shorten(repr(value))
    except Exception:
        text = "…"
    return Other(f"a {type(value).__name__}", text)


def difference(expected: Any, actual: Any, where: str = "") -> Difference | None:
    """Return the first difference between two normalised values, or None."""
    if isinstance(expected, Items):
        return _items_differ(expected, actual, where)
    if isinstance(expected, np.ndarray):
        return _arrays_differ(expected, actual, where)
    if type(expected) is type(actual) and expected == actual:
        return None
    kind = "value" if type(expected) is type(actual) else "type"
    return _different(where, kind, expected, actual)


def _different(where: str, kind: str, expected: Any, actual: Any, remark: str = "") -> Difference:
    if kind == "type":
        remark = remark or _instead_of(where, expected, actual)
        if actual is None:
            remark += " Does every way through the code end in `return`?"
    remark = remark or f"{_subject(where)} is not what was expected."
    return Difference(where, kind, show(expected), show(actual), remark)


def _subject(where: str) -> str:
    return f"“{where}”" if where else "What it returns"


def _items_differ(expected: Items, actual: Any, where: str) -> Difference | None:
    if isinstance(actual, np.ndarray) and actual.ndim:  # several numbers in one array may stand for a tuple
        actual = Items(tuple(str(number) for number in range(len(actual))), tuple(actual), is_list=True)
        actual = Items(actual.names, tuple(np.asarray(value) for value in actual.values), is_list=True)
    if not isinstance(actual, Items):
        return _different(where, "type", expected, actual)
    if actual.is_list or expected.is_list:
        pairs: Mapping[str, Any] = dict(zip(expected.names, actual.values, strict=False))
    else:
        pairs = dict(zip(actual.names, actual.values, strict=True))
    fits = len(actual.values) == len(expected.values) and set(pairs) == set(expected.names)
    if not fits and expected.is_list:
        return _different(where, "length", expected, actual, _instead_of(where, expected, actual))
    for name, value in zip(expected.names, expected.values, strict=True):
        part = _ordinal(int(name)) if expected.is_list else name
        inner = f"{where}, {part}" if where else part
        found = difference(value, pairs[name], inner) if name in pairs else None
        if found is not None:
            return found
    return None if fits else _different(where, "length", expected, actual, _instead_of(where, expected, actual))


def _ordinal(index: int) -> str:
    """Return the place of an item in words: ``0`` is the first value."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    return f"the {words[index]} value" if index < len(words) else f"value {index + 1}"


def _instead_of(where: str, expected: Any, actual: Any) -> str:
    return f"{_subject(where)} is {describe(actual)}; expected {describe(expected)}."


def _arrays_differ(expected: Array, actual: Any, where: str) -> Difference | None:
    if isinstance(actual, Items) and expected.ndim == 1 and len(actual.values) == len(expected):
        odd = next((item for item in actual.values if not isinstance(item, np.ndarray) or item.ndim), None)
        remark = f"{_subject(where)} holds {describe(odd)}; expected {len(expected)} numbers."
        return _different(where, "type", expected, actual, remark)
    if isinstance(actual, Items) and expected.ndim > 1:
        actual = _stacked(actual)
    if not isinstance(actual, np.ndarray):
        return _different(where, "type", expected, actual)
    if actual.shape != expected.shape:
        remark = f"{_subject(where)} has the shape {_shape(actual)}; expected {_shape(expected)}."
        if not actual.ndim or not expected.ndim:
            remark = _instead_of(where, expected, actual)
        if actual.shape == (*expected.shape, 1) and expected.ndim == 1:
            size = len(expected)
            remark += f" Next to a [{size}] it would broadcast to [{size}, {size}], without a word."
        return _different(where, "shape", expected, actual, remark)
    if np.allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
        return None
    if not np.isfinite(actual).all() and np.isfinite(expected).all():
        what = "NaN (not a number)" if np.isnan(actual).any() else "infinity"
        return _different(where, "nan", expected, actual, f"{_subject(where)} contains {what}.")
    return _different(where, "value", expected, actual)


def _stacked(rows: Items) -> Any:
    """Return a tuple of equal rows as one array; else as it is."""
    arrays = [row for row in rows.values if isinstance(row, np.ndarray)]
    if len(arrays) < len(rows.values) or len({array.shape for array in arrays}) != 1:
        return rows
    return np.stack(arrays)


def _shape(array: Array) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def describe(value: Any) -> str:
    """Return what kind of value a normalised value is, in words: "an array of shape [3]"."""
    if value is None:
        return "None"
    if isinstance(value, (str, bytes)):
        return "text"
    if isinstance(value, Other):
        return value.kind
    if isinstance(value, Items):
        if not value.names:
            return "empty"
        listed = "one value" if len(value.names) == 1 else f"{len(value.names)} values"
        return listed if value.is_list else f"{listed} ({', '.join(value.names)})"
    if value.ndim == 1:
        return f"{len(value)} numbers, of shape {_shape(value)}" if len(value) != 1 else "one number, of shape [1]"
    return f"an array of shape {_shape(value)}" if value.ndim else "a single number"


def show(value: Any) -> str:
    """Return a normalised value as text, shortened if it is long."""
    if isinstance(value, Other):
        return f"{value.kind}: {value.text}" if value.text else value.kind
    if isinstance(value, Items):
        lines = [f"{name}: {show(item)}" for name, item in zip(value.names, value.values, strict=True)]
        return shorten("\n".join(lines) if lines else "nothing")
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return _number(value)
        text = np.array2string(value, precision=5, suppress_small=True, threshold=40, edgeitems=3, separator=", ")
        return shorten(text)
    return shorten(value if isinstance(value, str) else repr(value))


def _number(value: Array) -> str:
    return str(value.item()) if value.dtype.kind in "biu" else f"{value.item():.6g}"


def shorten(text: str) -> str:
    """Return text cut to `MAX_CHARACTERS`."""
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"
