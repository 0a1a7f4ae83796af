"""Outcomes of a check as plain data."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom.answer_sheet import Raised, Seen
from dqnkit.classroom.checking import same
from dqnkit.classroom.comparison import normalise
from dqnkit.classroom.outcomes import pack, unpack

VALUES = [
    None,
    "text",
    b"\x00\xff",
    3,
    np.float32(2.5),
    True,
    1 + 2j,
    np.arange(6.0).reshape(2, 3)[:, ::-1],
    np.array([], np.uint8),
    [1, None, "x", [2.0, [3]]],
    {"a": (1, 2), "b": {"c": np.ones((2, 1))}},
    len,
    int,
    float("nan"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_from_json_as_it_was(value: Any) -> None:
    seen = Seen(normalise(value), ("q", "rng"))
    again = unpack(json.loads(json.dumps(pack(seen))))
    assert same(seen, again)
    assert again.changed == ("q", "rng")


def test_so_does_an_error() -> None:
    seen = Seen(Raised("ValueError", "no", "line 3 of f"))
    assert unpack(json.loads(json.dumps(pack(seen)))) == seen


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        {"outcome": 3, "changed": []},
        {"outcome": None, "changed": [1]},
        {"outcome": {"array": "AAAA", "dtype": "O", "shape": [1]}, "changed": []},
        {"outcome": {"array": "AAAA", "dtype": "<f8", "shape": [10**9]}, "changed": []},
        {"outcome": {"array": "AAAA", "dtype": "<f8", "shape": [-1]}, "changed": []},
        {"outcome": {"array": "?", "dtype": "<f8", "shape": [0]}, "changed": []},
        {"outcome": {"array": "", "dtype": "nonsense", "shape": [0]}, "changed": []},
        {"outcome": {"names": ["a"], "values": [], "list": True}, "changed": []},
        {"outcome": {"unknown": 1}, "changed": []},
    ],
)
def test_what_is_forged_is_refused(forged: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
        unpack(forged)


def test_nothing_is_too_deep() -> None:
    value: Any = None
    for _ in range(200):
        value = {"names": ["0"], "values": [value], "list": True}
    with pytest.raises(ValueError, match="lists within lists"):
        unpack({"outcome": value, "changed": []})
