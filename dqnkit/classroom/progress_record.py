"""The record of a reader's progress: what was predicted, tried and passed. Its format, and how two records are merged.

It is kept in the file `dqnkit-progress.json`, in the folder of the notebook (`dqnkit.classroom.progress_file`), and
nowhere else, unless the reader has joined a class (`dqnkit.classroom.live_class`). The reader can look at the file and
delete it. It holds no name of a person and not which hints and solutions were opened; of the reader's code it holds
what passed a check, for the program that is made of it (`dqnkit.classroom.own_program`). It is JSON::

    {
      "format": "dqnkit-progress",
      "version": 1,
      "checks": {
        "q_update": {                              name of the exercise
          "notebook": "01_q_update",
          "tries": 3,                              checks of something written (an empty stub is none)
          "first_tried": "2026-11-23T09:30:00Z",   times are UTC
          "last_tried": "2026-11-23T09:41:07Z",
          "passed": "2026-11-23T09:41:07Z",        when it first passed; null: not yet
          "mistakes": ["jumps to the target"],     known mistakes that were seen, in the order of their first time
          "code": "def q_update(q, s, a, ...",     what passed last, with what it uses; not there: no source was found
          "code_passed": "2026-11-23T09:41:07Z"    when it passed
        }
      },
      "predictions": {
        "q_update-alpha": {                        id of the prediction: the lesson, then a name
          "question": "...",
          "kind": "number",                        "choice", "number" or "curve"
          "value": 40.0,                           choice: the option; number; curve: values at equal distances from the
                                                   beginning to the end of the run (5 of sliders, once; 41 of a drawn
                                                   line); null: skipped (the run began before an answer came)
          "when": "2026-11-23T09:32:10Z",
          "happened": 52.0                         what the prediction was compared with, as value; of a curve at 0, 25,
                                                   50, 75 and 100 % of the run; null: not yet, or not known
        }
      }
    }

**Version rule.** A version may get new fields: a program ignores the fields that it does not know when it reads the
file, and keeps them when it writes it. A change of a field's meaning raises `version`. A file that is damaged or of a
newer version is renamed and never overwritten.

**Merging** (two notebooks open at once, or a file uploaded) loses nothing, and doing it twice changes nothing more. Of
a check it keeps the larger `tries`, the earliest `first_tried` and `passed`, the latest `last_tried` and all mistakes;
the code that passed last; of a prediction an answer rather than a skipped one, then the earlier. Code that is no text,
too long, or more than definitions, is dropped when a file is read: the rest of the file is worth more.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from dqnkit.classroom import own_code
from dqnkit.files import parse_json

NAME = "dqnkit-progress.json"
FORMAT, VERSION = "dqnkit-progress", 1
Record = dict[str, Any]


def empty() -> Record:
    """The record of a reader who has not begun."""
    return {"format": FORMAT, "version": VERSION, "checks": {}, "predictions": {}}


def parse(content: str | bytes) -> Record:
    """The record in a file's content.

    Raises:
        ValueError: it is damaged, something else, or of a newer version; the message says which.
    """
    try:
        data = parse_json(content)
    except ValueError as error:
        raise ValueError("it is damaged") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("version"), int):
        raise ValueError("it is not a progress file")
    if data["version"] > VERSION:
        raise ValueError(
            f"it is of version {data['version']}, made by a newer dqnkit; this one reads version {VERSION}"
        )
    if not _fits(data, {"checks": dict, "predictions": dict}):
        raise ValueError("it is damaged")
    if not all(_is_check(entry) for entry in data["checks"].values()):
        raise ValueError("it is damaged")
    if not all(_is_prediction(entry) for entry in data["predictions"].values()):
        raise ValueError("it is damaged")
    for entry in data["checks"].values():
        if not _is_code(entry):
            entry.pop("code", None)
            entry.pop("code_passed", None)
    return data


TEXT_OR_NONE = (str, type(None))
MANY, HUGE = 1_000_000_000, 1e300  # more tries, or a larger number in an answer, is damage
CHECK: Record = {
    "notebook": str,
    "tries": int,
    "first_tried": str,
    "last_tried": str,
    "passed": TEXT_OR_NONE,
    "mistakes": list,
}
PREDICTION: Record = {"question": str, "kind": str, "value": object, "when": str, "happened": object}


def _is_check(entry: Any) -> bool:
    return (
        _fits(entry, CHECK)
        and 0 <= entry["tries"] <= MANY
        and all(isinstance(mistake, str) for mistake in entry["mistakes"])
    )


def _is_code(entry: Record) -> bool:
    """Whether an entry holds code and when it passed."""
    code = entry.get("code")
    return (
        isinstance(code, str)
        and isinstance(entry.get("code_passed"), str)
        and len(code) <= own_code.LONGEST
        and own_code.is_code(code)
    )


def _is_prediction(entry: Any) -> bool:
    return _fits(entry, PREDICTION) and all(_is_answer(entry[field]) for field in ("value", "happened"))


def _is_answer(value: Any) -> bool:
    """Whether a value is an option, a number, a curve (of which a part may be unknown), or none."""
    numbers = value if isinstance(value, list) else [value]
    return isinstance(value, TEXT_OR_NONE) or all(
        number is None or (isinstance(number, int | float) and abs(number) <= HUGE) for number in numbers
    )


def _fits(entry: Any, fields: Record) -> bool:
    return isinstance(entry, dict) and all(name in entry and isinstance(entry[name], fields[name]) for name in fields)


def merge(one: Record, other: Record) -> Record:
    """Two records of one reader as one; the rules are in the module's docstring. The order does not matter."""
    merged = {**deepcopy(other), **deepcopy(one)}
    for part, join in (("checks", _join_checks), ("predictions", _join_predictions)):
        for name, entry in other[part].items():
            ours = one[part].get(name)
            merged[part][name] = deepcopy(entry) if ours is None else join(ours, entry)
    return merged


def _join_checks(one: Record, other: Record) -> Record:
    passed = [entry["passed"] for entry in (one, other) if entry["passed"]]
    earlier, later = sorted((one, other), key=lambda entry: (entry["first_tried"], json.dumps(entry, sort_keys=True)))
    newest = max((one, other), key=lambda entry: (entry.get("code_passed", ""), entry.get("code", "")))
    return {
        **later,
        **earlier,
        **{field: newest[field] for field in ("code", "code_passed") if field in newest},
        "tries": max(one["tries"], other["tries"]),
        "last_tried": max(one["last_tried"], other["last_tried"]),
        "passed": min(passed, default=None),
        "mistakes": list(dict.fromkeys([*earlier["mistakes"], *later["mistakes"]])),
    }


def _join_predictions(one: Record, other: Record) -> Record:
    def order(entry: Record) -> Any:
        return entry["value"] is None, entry["when"], json.dumps(entry, sort_keys=True)

    first, second = sorted((one, other), key=order)
    happened = second["happened"] if first["happened"] is None else first["happened"]
    return {**second, **first, "happened": happened}
