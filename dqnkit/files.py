"""Files: written so that they are complete at every moment, and read so that whatever is in them ends in a sentence.

People open the kit's files with other programs and save them again, which adds a mark of the encoding, changes commas
to semicolons or writes ``NaN``. The readers here accept what can be understood, and raise `OSError` or `ValueError`
for all else, with a message that fits behind "the file cannot be read:".
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_DEPTH = 100  # of lists and braces within each other; Python itself ends at a few hundred
LARGEST = 10**300  # whole numbers; larger ones are no floating point number. Random generators have such of 39 digits


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file under another name, then rename it: readers see the old content or the new one, never a part.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds names with values, in braces.

    Raises:
        OSError: it is not there, not a file, or may not be read.
        ValueError: something else is in it; see `parse_json`.
    """
    values = parse_json(path.read_bytes())
    if not isinstance(values, dict):
        raise ValueError("it holds no names with values in braces")
    return values


def parse_json(content: str | bytes) -> Any:
    """The values in JSON that this program could write again: numbers are finite, and text can be encoded.

    Raises:
        ValueError: it is something else, damaged, too deep, or has a number that is infinite or not a number.
    """
    try:
        values = json.loads(content, parse_constant=_refuse, parse_float=_number, parse_int=_whole_number)
    except UnicodeDecodeError as error:
        raise ValueError("it is not text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    _check_depth(values)
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("it has half a character in it") from error
    return values


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} is no number that can be used")


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _whole_number(text: str) -> int:
    return int(text) if len(text) <= len(str(LARGEST)) and abs(int(text)) <= LARGEST else _refuse(text)


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("it is too deep")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth + 1)


def read_numbers(path: Path, columns: tuple[str, ...], counts: tuple[str, ...]) -> Iterator[dict[str, float]]:
    """The rows of a CSV file of numbers, also one that a spreadsheet has saved.

    Other columns are left out. What is missing or no number is NaN. A row is left out where that is so for one of
    ``counts``, or where that is negative: half a row, for instance, that a killed process wrote.

    Args:
        path: of the file; an empty one has no rows.
        columns: names of the columns, as in the first line.
        counts: the columns that every row needs.

    Raises:
        OSError: it is not there, not a file, or may not be read.
        ValueError: the first line does not name all of ``counts``.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return
    separator = next((mark for mark in ",;\t" if mark in lines[0]), ",")
    names = [name.strip(' "') for name in lines[0].split(separator)]
    missing = [name for name in counts if name not in names]
    if missing:
        raise ValueError(f"its first line names no column {missing[0]!r}")
    for line in lines[1:]:
        cells = dict(zip(names, _cells(line, separator), strict=False))
        row = {name: _cell(cells.get(name, ""), separator) for name in columns}
        if all(0 <= row[name] < math.inf for name in counts):
            yield row


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a cell of more than 100,000 characters
        return []


def _cell(text: str, separator: str) -> float:
    try:
        return float(text if separator == "," else text.replace(",", "."))  # 0,5 where a comma is the decimal point
    except ValueError:
        return math.nan
