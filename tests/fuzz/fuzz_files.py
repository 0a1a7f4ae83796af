"""Fuzz every file that the kit reads and a person or a program can touch: no input may end in a traceback.

    python tests/fuzz/fuzz_files.py                      # 12,000 inputs and more, two minutes
    python tests/fuzz/fuzz_files.py 100 "a price table"  # a hundred inputs; only this kind of file

Each input is a valid file that was changed: bytes, encodings, values of JSON at random places, cells of tables, half
the file, a folder in its place. The kit returns or raises its own error, a sentence. What else comes out is printed
with the smallest input that gives it, and ends the command with status 1. Put such an input into
tests/test_changed_files.py.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import files_to_touch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dqnkit.errors import DQNKitError

INPUTS = 12_000  # over all kinds

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**299, 10**400, 1e300, -1e300, 1e-300, 0.5]),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from([float("nan"), float("inf"), "\ud800", [{}]]),
    st.sampled_from(["\x00", "../..", "2026-13-45", "nan", "CartPole-v1", "[", "é" * 300]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
).map(deepcopy)  # else the same list comes again, changed


numbers = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([float("nan"), float("inf"), 2**63, 2**64, -(2**63), 10**299, 10**400, 1e300, -1e300, 0.5]),
)
texts = st.text(st.characters(), max_size=8) | st.sampled_from(["", "\ud800", "\x00", "../..", "é" * 300, "2026-13-45"])


def of_the_same_kind(value: Any) -> st.SearchStrategy[Any]:
    """Other values of the same kind, which get further than those of another."""
    if isinstance(value, str):
        return texts
    if isinstance(value, list):
        return st.tuples(st.integers(0, len(value)), values).map(
            lambda new: [*value[: new[0]], new[1], *value[new[0] :]]
        )
    if isinstance(value, dict):
        return st.tuples(texts, values).map(lambda new: {**value, new[0]: new[1]})
    return numbers


@st.composite
def changed_json(draw: Any, valid: bytes) -> bytes:
    """The JSON of a file with other values, names or depths at one to three places."""
    document = json.loads(valid)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        holder, key, here = None, None, document
        while isinstance(here, (dict, list)) and here and draw(st.integers(0, 5)):
            holder, key = here, draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            here = holder[key]
        what = draw(st.sampled_from(["same kind"] * 4 + ["value", "value", "remove", "rename", "deep"]))
        if what == "remove" and holder is not None:
            del holder[key]
            continue
        if what == "rename" and isinstance(holder, dict):
            holder[draw(texts)] = holder.pop(key)
            continue
        if what == "deep":
            for _ in range(draw(st.sampled_from([3, 30, 99, 150, 600]))):
                here = [here]
        else:
            here = draw(of_the_same_kind(here) if what == "same kind" else values)
        if holder is None:
            document = here
        else:
            holder[key] = here
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def changed_table(draw: Any, valid: bytes) -> bytes:
    """A table as other programs save it, or with other cells."""
    rows = [line.split(",") for line in valid.decode().splitlines()]
    cells = st.sampled_from(["", "nan", "inf", "-1", "1e400", "9" * 400, "x", '"', '"a,b"', "1;2", "\x00", "1,5", "é"])
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(cells)
    column = draw(st.integers(-len(rows[0]), len(rows[0])))
    for number, row in enumerate(rows):
        if column < 0 and len(row) >= -column:
            del row[column]
        elif column > 0:
            row.insert(column, f"note {number}")
    if draw(st.booleans()):
        rows.insert(0, [])
    end, separator = draw(st.sampled_from(["\n", "\r\n", "\r"])), draw(st.sampled_from([",", ";", "\t"]))
    text = end.join(separator.join(row) for row in rows)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-8"])), "replace")


@st.composite
def changed_bytes(draw: Any, valid: bytes) -> bytes:
    """The bytes of a file, cut off, exchanged, inserted, in another encoding, or others altogether."""
    how = draw(st.sampled_from(["cut", "exchange", "insert", "encode", "other", "twice"]))
    place = draw(st.integers(0, len(valid)))
    some = draw(st.binary(min_size=1, max_size=6))
    if how == "encode":
        text = valid.decode("utf-8", "replace")
        return text.encode(draw(st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "utf-7", "cp037"])), "replace")
    if how == "other":
        return draw(st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\n", b"null", b"[]", b"{}", b"NaN"])))
    tail = {"cut": b"", "exchange": some + valid[place + len(some) :], "insert": some + valid[place:], "twice": valid}
    return valid[:place] + tail[how]


def inputs(valid: bytes) -> st.SearchStrategy[bytes | None]:
    """Changed contents of a file; None stands for a folder in its place."""
    ways: list[st.SearchStrategy[Any]] = [changed_bytes(valid)]
    if valid.lstrip().startswith(b"{"):
        ways += [changed_json(valid)] * 5
    elif valid.startswith(b"step,"):
        ways += [changed_table(valid)] * 3
    return st.one_of(*ways, st.sampled_from([None, valid]) if len(ways) > 1 else st.none() | changed_bytes(valid))


def put(path: Path, content: bytes | None) -> None:
    """Put a file, or a folder for None, in the place of what is there."""
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)


def fuzz(read: Callable[[Path], object], path: Path, count: int) -> tuple[int, list[str]]:
    """Give a reader so many inputs; how many there were, and what went wrong with the smallest one."""
    valid = path.read_bytes()
    seen: set[bytes | None] = set()

    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False)  # fmt: skip
    @given(inputs(valid))
    def one(content: bytes | None) -> None:
        seen.add(content)
        put(path, content)
        files_to_touch.forget()
        try:
            read(path)
        except DQNKitError:
            pass
        except Exception as error:
            error.add_note(f"input: {content!r}")
            raise

    try:
        one()
    except Exception:
        return len(seen), [traceback.format_exc()]
    finally:
        put(path, valid)
    return len(seen), []


def main(count: int, chosen: list[str]) -> int:
    """Fuzz all kinds of files, print a table, and return how many kinds had a traceback."""
    warnings.simplefilter("ignore")
    failures: list[str] = []
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = files_to_touch.kinds(Path(folder))
        kinds = {name: kind for name, kind in kinds.items() if not chosen or name in chosen}
        for name, (path, read) in kinds.items():
            tried, wrong = fuzz(read, path, max(1, round(2 * count / len(kinds))))  # many inputs come twice
            total += tried
            print(f"{name:24} {tried:6,} inputs  {len(wrong)} tracebacks", flush=True)
            failures += wrong
    print(f"{'together':24} {total:6,} inputs  {len(failures)} tracebacks")
    print(*failures, sep="\n")
    return len(failures)


if __name__ == "__main__":
    counts = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    names = [argument for argument in sys.argv[1:] if not argument.isdecimal()]
    sys.exit(1 if main(counts[0] if counts else INPUTS, names) else 0)
