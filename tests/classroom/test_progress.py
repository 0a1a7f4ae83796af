"""The progress file is never lost: not to two notebooks at once, to damage, or to a read-only folder."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnkit.classroom import (
    check,
    course,
    download_progress,
    predict,
    progress,
    progress_file,
    progress_record,
    upload_progress,
)
from dqnkit.classroom.progress_file import ProgressFile, record_check, record_prediction
from dqnkit.classroom.progress_record import NAME, empty, merge, parse
from dqnkit.classroom.question import Number


def in_file() -> Any:
    return json.loads(progress_file.FILE.path.read_text(encoding="utf-8"))


def test_nothing_is_written_before_there_is_something(tmp_path: Path) -> None:
    progress()
    download_progress()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_as_its_description_says() -> None:
    record_check("q_update", "01_q_update", False, "jumps to the target")
    record_check("q_update", "01_q_update", False, "jumps to the target")
    record_check("q_update", "01_q_update", True, code="def q_update(): ...")
    record_check("q_update", "01_q_update", False)
    record_prediction("q_update-alpha", "Größer?", "number", 40.0)
    progress_file.record_happened("q_update-alpha", 52.0)
    data = in_file()
    entry = data["checks"]["q_update"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["passed"])
    assert entry["first_tried"] <= entry["passed"] <= entry["last_tried"]
    assert (entry["tries"], entry["mistakes"]) == (4, ["jumps to the target"])
    assert data["predictions"]["q_update-alpha"] | {"when": ""} == {
        "question": "Größer?",
        "kind": "number",
        "value": 40.0,
        "when": "",
        "happened": 52.0,
    }
    documented = set(re.findall(r'^ +"(\w+)":', progress_record.__doc__ or "", re.MULTILINE))
    fields = {*data, *entry, *data["predictions"]["q_update-alpha"], "q_update"}
    assert documented == fields


def test_only_the_file_is_left_behind(tmp_path: Path) -> None:
    record_check("q_update", "01_q_update", True)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_reader_may_delete_it() -> None:
    record_check("q_update", "01_q_update", True)
    progress_file.FILE.path.unlink()
    assert progress_file.FILE.read() == empty()
    record_check("td_target", "02_q_network", True)
    assert set(in_file()["checks"]) == {"td_target"}


def test_two_notebooks_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from dqnkit.classroom import progress_file\n"
        "for number in range(25):\n"
        "    progress_file.record_check(f'{sys.argv[1]}{number}', '01_q_update', True)\n"
        "    progress_file.record_check('shared', '01_q_update', False)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, name], cwd=tmp_path) for name in "ab"]
    for process in processes:
        assert process.wait(60) == 0
    checks = in_file()["checks"]
    assert len(checks) == 51
    assert checks["shared"]["tries"] == 50


def test_threads_of_one_notebook_lose_nothing() -> None:
    def work() -> None:
        for _ in range(20):
            record_check("shared", "01_q_update", False)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert in_file()["checks"]["shared"]["tries"] == 60


DAMAGED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"format": "something else", "version": 1}',
    b'{"format": "dqnkit-progress", "version": "1"}',
    b'{"format": "dqnkit-progress", "version": 1, "checks": [], "predictions": {}}',
    b'{"format": "dqnkit-progress", "version": 1, "checks": {"q_update": 3}, "predictions": {}}',
    b'{"format": "dqnkit-progress", "version": 1, "checks": {}, "predictions": {"a": {"value": 1}}}',
]


def record_with(part: str, **fields: Any) -> bytes:
    """A valid file with other values in one entry."""
    check = {"notebook": "01_q_update", "tries": 1, "first_tried": "", "last_tried": "", "passed": None, "mistakes": []}
    answer = {"question": "?", "kind": "number", "value": 1.0, "when": "", "happened": None}
    data = {**empty(), "checks": {"q_update": check}, "predictions": {"01-a": answer}}
    (check if part == "checks" else answer if part == "predictions" else data).update(fields)
    return json.dumps(data).encode()


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


IMPOSSIBLE = {
    "NaN as an answer": record_with("predictions", value=float("nan")),
    "an infinity that nobody reads": record_with("checks", grade=float("inf")),
    "1e999 as an answer": record_with("predictions", value=7.25).replace(b"7.25", b"1e999"),
    "a lone surrogate": record_with("checks", notebook="\ud800"),
    "`mistakes: [{}]`": record_with("checks", mistakes=[{}]),
    "deep nesting": record_with("", more=nested(600)),
    "an answer with 400 digits": record_with("predictions", value=10**400),
    "tries with 4,000 digits": record_with("checks", tries=10**4000),
    "an answer that is an object": record_with("predictions", value={"a": 1}),
}


@pytest.mark.parametrize("given", IMPOSSIBLE)
def test_no_file_makes_a_check_raise(given: str, tmp_path: Path, tried: Any) -> None:
    progress_file.FILE.path.write_bytes(IMPOSSIBLE[given])
    assert check("q_update", course.find_exercise("q_update").solution).passed
    assert in_file()["checks"]["q_update"]["tries"] == 1
    aside = [path for path in tmp_path.iterdir() if path.name != NAME]
    assert [path.read_bytes() for path in aside] == [IMPOSSIBLE[given]]
    (said,) = [line for line in progress().text.splitlines() if "set aside" in line]
    tried(16, f"a progress file with {given}", said.replace(aside[0].name, "...-set-aside-....json"))


def test_an_answer_of_another_kind_is_no_answer() -> None:
    progress_file.FILE.path.write_bytes(record_with("predictions", value=[3.0]))
    assert "Predict" in repr(predict("01-a", Number("How many?", "", (0, 10))))


@pytest.mark.parametrize("content", [*DAMAGED, b'{"format": "dqnkit-progress", "version": 2}'])
def test_a_damaged_or_newer_file_is_set_aside(content: bytes, tmp_path: Path) -> None:
    path = progress_file.FILE.path
    path.write_bytes(content)
    record_check("q_update", "01_q_update", True)
    assert set(in_file()["checks"]) == {"q_update"}
    aside = [other for other in tmp_path.iterdir() if other != path]
    assert [other.read_bytes() for other in aside] == [content]
    text = progress().text
    assert "set aside" in text
    assert aside[0].name in text
    assert ("version 2" in text) == (b'"version": 2' in content)
    assert "set aside" not in progress().text  # reported once


def test_two_damaged_files_are_both_kept(tmp_path: Path) -> None:
    for number in range(3):
        progress_file.FILE.path.write_text(f"damage {number}")
        record_check("q_update", "01_q_update", True)
    kept = {path.read_text() for path in tmp_path.iterdir() if path.name != NAME}
    assert kept == {"damage 0", "damage 1", "damage 2"}


def test_unknown_fields_are_kept() -> None:
    record_check("q_update", "01_q_update", True)
    data = in_file()
    data["course"] = "spring"
    data["checks"]["q_update"]["grade"] = "A"
    progress_file.FILE.path.write_text(json.dumps(data))
    record_check("q_update", "01_q_update", True)
    again = in_file()
    assert (again["course"], again["checks"]["q_update"]["grade"]) == ("spring", "A")


def no_writing(*arguments: Any, **named: Any) -> Any:
    raise PermissionError("read-only")


def test_a_folder_that_is_read_only_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for name in ("open", "replace"):
            patch.setattr(os, name, no_writing)
        record_check("q_update", "01_q_update", False)
        record_check("q_update", "01_q_update", True)
        assert progress_file.FILE.read()["checks"]["q_update"]["tries"] == 2
        text = progress().text
        assert text.count("cannot be written") == 1
        assert "1 of " in text
    record_check("td_target", "02_q_network", True)  # writable again: nothing was lost
    assert in_file()["checks"]["q_update"]["tries"] == 2
    assert set(in_file()["checks"]) == {"q_update", "td_target"}


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "FILE", ProgressFile(tmp_path / "gone"))
    record_check("q_update", "01_q_update", True)
    assert "1 of " in progress().text


def test_a_damaged_file_that_cannot_be_moved_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    progress_file.FILE.path.write_text("damage")
    monkeypatch.setattr(os, "replace", no_writing)
    record_check("q_update", "01_q_update", True)
    record_check("q_update", "01_q_update", True)
    assert progress_file.FILE.path.read_text() == "damage"
    assert progress_file.FILE.read()["checks"]["q_update"]["tries"] == 2
    assert "left as it is" in progress().text


HOLD = """
import sys, time
from filelock import SoftFileLock
lock = SoftFileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other_notebook(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / f".{NAME}.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_that_was_left_behind_is_broken(tmp_path: Path, other_notebook: subprocess.Popen[str]) -> None:
    lock = tmp_path / f".{NAME}.lock"
    other_notebook.kill()
    other_notebook.wait(10)
    assert lock.exists()
    record_check("q_update", "01_q_update", True)
    assert not lock.exists()
    assert set(in_file()["checks"]) == {"q_update"}


def test_a_lock_that_another_notebook_holds_too_long_is_ignored(
    tmp_path: Path, other_notebook: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_file, "LOCK_SECONDS", 0.5)
    record_check("q_update", "01_q_update", True)
    began = time.monotonic()
    record_check("td_target", "02_q_network", True)
    assert 0.5 <= time.monotonic() - began < 5
    assert set(in_file()["checks"]) == {"q_update", "td_target"}
    assert (tmp_path / f".{NAME}.lock").exists()
    assert other_notebook.poll() is None


def test_the_file_is_in_the_folder_where_the_kernel_works_when_it_is_first_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ProgressFile()
    monkeypatch.chdir(tmp_path)
    assert file.path == tmp_path / NAME
    monkeypatch.chdir(tmp_path.parent)
    assert file.path == tmp_path / NAME


def test_importing_the_classroom_binds_no_folder(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom dqnkit.classroom import progress_file\nos.chdir(sys.argv[1])\n"
        "print(progress_file.FILE.path)"
    )
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert Path(ended.stdout.strip()).parent.resolve() == tmp_path.resolve()


# ---- merging

times = st.sampled_from([f"2026-11-23T09:{minute:02}:00Z" for minute in range(0, 60, 15)])


def with_code(entry: Any, when: str, name: str) -> Any:
    return {**entry, "code": f"def {name}(): ...", "code_passed": when}


checks = st.fixed_dictionaries(
    {
        "notebook": st.just("01_q_update"),
        "tries": st.integers(1, 5),
        "first_tried": times,
        "last_tried": times,
        "passed": st.none() | times,
        "mistakes": st.lists(st.sampled_from("abc"), unique=True),
    }
).flatmap(lambda entry: st.just(entry) | st.builds(with_code, st.just(entry), times, st.sampled_from(["a", "b"])))
answers = st.fixed_dictionaries(
    {
        "question": st.just("?"),
        "kind": st.just("number"),
        "value": st.none() | st.floats(0, 5),
        "when": times,
        "happened": st.none() | st.just(3.0),
    }
)
records = st.builds(
    lambda checks, predictions: {**empty(), "checks": checks, "predictions": predictions},
    st.dictionaries(st.sampled_from(["q_update", "td_target"]), checks),
    st.dictionaries(st.sampled_from(["01-a", "02-b"]), answers),
)


@given(records, records)
def test_merging_may_be_done_twice_and_either_way_round(one: Any, other: Any) -> None:
    merged = merge(one, other)
    assert merge(merged, other) == merged
    assert merge(merged, one) == merged
    turned = merge(other, one)
    assert turned["predictions"] == merged["predictions"]
    assert {**turned["checks"]} == {**merged["checks"]}
    assert parse(json.dumps(merged)) == merged
    for name, entry in one["checks"].items():
        assert not entry["passed"] or merged["checks"][name]["passed"] <= entry["passed"]
        assert merged["checks"][name].get("code_passed", "") >= entry.get("code_passed", "")
    for name, entry in one["predictions"].items():
        assert entry["value"] is None or merged["predictions"][name]["value"] is not None


def test_merging_leaves_its_arguments_alone() -> None:
    record_check("q_update", "01_q_update", True)
    one, other = progress_file.FILE.read(), empty()
    before = json.dumps([one, other])
    merge(one, other)["checks"]["q_update"]["mistakes"].append("x")
    merge(other, one)["checks"]["q_update"]["mistakes"].append("x")
    assert json.dumps([one, other]) == before


# ---- on the page


def test_the_summary_goes_by_notebook() -> None:
    def reader(q: Any, s: Any, a: Any, r: Any, s_next: Any, terminated: Any, alpha: Any, gamma: Any) -> Any:
        return q[s, a]

    here, later = course.notebook_name("q_update"), course.notebook_name("q_network")
    alpha, skip = (f"{course.number('q_update')}-{name}" for name in ("alpha", "skip"))
    check("q_update", reader)
    record_check("td_target", later, True)
    record_prediction(alpha, "?", "number", 1.0)
    record_prediction(skip, "?", "number", None)
    record_check("homework", "11_<own>", True)
    page = progress()
    assert "✗ check q_update: not passed yet (1 try)" in page.text
    assert "✓ check td_target: passed on 20" in page.text
    assert f"✓ prediction {alpha}: committed" in page.text
    assert f"○ prediction {skip}: skipped" in page.text
    assert "○ check epsilon_greedy: not tried yet" in page.text
    assert "2 of " in page.text
    assert "1 prediction made" in page.text
    assert "11_&lt;own&gt;" in page.html
    assert page.text.index(here) < page.text.index(f"prediction {alpha}") < page.text.index(later)


def downloaded() -> bytes:
    html = download_progress().html
    assert f'download="{NAME}"' in html
    found = re.search(r'href="data:application/json;base64,([^"]+)"', html)
    assert found
    return base64.b64decode(unescape(found[1]))


def test_a_download_comes_back_by_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    record_check("q_update", "01_q_update", True)
    content = downloaded()
    assert parse(content) == in_file()
    monkeypatch.setattr(progress_file, "FILE", ProgressFile(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    record_check("td_target", "02_q_network", True)
    form = upload_progress()
    assert "text/plain" in form._repr_mimebundle_()
    for value in (
        {"p.json": {"metadata": {}, "content": content}},
        ({"name": "p.json", "content": memoryview(content)},),
    ):
        form._on_upload({"new": value})  # as ipywidgets 7 and 8 send it
        assert "Taken: 1 checks passed" in form.said.value
    assert set(in_file()["checks"]) == {"q_update", "td_target"}


@pytest.mark.parametrize("content", [*DAMAGED, *IMPOSSIBLE.values(), b'{"format": "dqnkit-progress", "version": 7}'])
def test_a_file_that_is_something_else_is_not_taken(content: bytes) -> None:
    pytest.importorskip("ipywidgets")
    record_check("td_target", "02_q_network", True)
    before = in_file()
    form = upload_progress()
    form._on_upload({"new": ({"content": content},)})
    assert "was not taken" in form.said.value
    assert in_file() == before
