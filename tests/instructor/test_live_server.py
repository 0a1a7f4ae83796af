"""The server of the live class, as students' notebooks and the pages talk to it."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from live_classes import Server, ask, certificate, class_here, event, live_class

from dqnkit.classroom.class_wire import UnreachableError, post
from dqnkit.classroom.question import find_question

ALPHA, OFTEN = "q_update-alpha", "replay-often"
OPTIONS = find_question(ALPHA).options  # type: ignore[union-attr]
MISTAKE = "jumps to the target"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with class_here(tmp_path_factory.mktemp("class")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with class_here(tmp_path) as server:
        yield server


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Server]:
    with live_class(tmp_path) as server:
        yield server


def failed(mistake: str = "") -> dict[str, Any]:
    return event("check", "q_update", passed=False, mistake=mistake)


def passed() -> dict[str, Any]:
    return event("check", "q_update", passed=True, mistake="")


def test_an_event_is_counted_once_however_often_it_is_sent(server: Server) -> None:
    ada, ben = server.join(), server.join()
    same = passed()
    for token in (ada, ada, ben):
        assert server.send(token, [same, same]).json["kept"] == [same["id"]] * 2
    assert [(student, id) for student, id, *_ in server.kept()] == [(1, same["id"]), (2, same["id"])]
    (row,) = server.seen()["wall"]
    assert (row["exercise"], row["passed"], row["tried"]) == ("q_update", 2, 2)


def test_who_joins_again_with_the_same_token_is_the_same_student(server: Server) -> None:
    token = server.join()
    again = server.post(
        "api/join", {"code": f" {server.code[:2].lower()}-{server.code[2:]}", "token": token, "name": ""}
    )
    assert again.json["alias"].endswith(" 1")
    assert server.seen()["students"] == 1


def test_a_histogram_is_closed_until_it_is_opened_then_what_happened_is_drawn_in(server: Server) -> None:
    tokens = [server.join() for _ in range(5)]
    for token, value, happened in zip(tokens, (30, 40, 40, 50, 900), (52, 50, 54, 52, 52), strict=True):
        server.send(token, [event("prediction", OFTEN, value=value), event("happened", OFTEN, value=happened)])
    assert server.control("open").status == 409  # no question is shown
    assert server.control("next").status == 200
    closed = server.seen()["question"]
    assert (closed["id"], closed["answered"], closed["drawing"]) == (OFTEN, 5, None)
    assert server.seen("instructor")["preview"]["drawing"]["happened"] == 52
    server.control("open")
    opened = server.seen()["question"]["drawing"]
    assert sum(each["count"] for each in opened["bins"]) == 4
    assert opened["above"] == {"count": 1, "from": 900, "to": 900}
    assert opened["happened"] is None
    late = server.join()
    server.send(late, [event("prediction", OFTEN, value=41)])  # it could see the others
    now = server.seen()["question"]
    assert (now["answered"], now["counted"]) == (6, 5)
    server.control("reveal")
    assert server.seen()["question"]["drawing"]["happened"] == 52
    server.control("close")
    assert server.seen()["question"]["drawing"] is None
    server.control("open")
    assert server.seen()["question"]["counted"] == 6
    assert server.control("next").status == 409  # no later question has an answer
    assert server.control("show", question="").status == 200
    assert server.seen()["question"] is None


def test_the_first_prediction_stays(server: Server) -> None:
    token = server.join()
    for option in OPTIONS[:2]:
        server.send(token, [event("prediction", ALPHA, value=option)])
    server.control("next")
    server.control("open")
    assert [bar["count"] for bar in server.seen()["question"]["drawing"]["bars"]] == [1, 0, 0]


def test_the_mistake_of_the_hour_needs_several_students_and_names_none(server: Server) -> None:
    tokens = [server.join("Ada") for _ in range(3)]
    for token in tokens[:2]:
        server.send(token, [failed(MISTAKE), failed(MISTAKE)])
    assert server.seen()["mistake"] is None
    assert server.seen("instructor")["mistakes"][0]["students"] == 2
    server.send(tokens[2], [failed(MISTAKE)])
    mistake = server.seen()["mistake"]
    assert (mistake["exercise"], mistake["students"]) == ("q_update", 3)
    assert "alpha" in mistake["sentence"]
    assert "Ada" not in json.dumps(server.seen())


def test_only_who_raised_a_hand_needs_help_and_only_the_instructor_sees_it(server: Server) -> None:
    quiet, ada = server.join(), server.join("Ada")
    server.send(quiet, [failed() for _ in range(20)])
    server.send(ada, [event("hand", up=True, note="row\n3 ‮")])
    assert "hands" not in server.seen()
    (hand,) = server.seen("instructor")["hands"]
    assert (hand["who"].startswith("Ada ("), hand["note"]) == (True, "row 3")
    server.control("lower", student=hand["student"])
    assert server.seen("instructor")["hands"] == []
    server.send(ada, [event("hand", up=True, note="")])
    server.send(ada, [event("hand", up=False, note="")])
    assert server.seen("instructor")["hands"] == []


def test_a_server_that_was_killed_goes_on_with_all_it_had(process: Server) -> None:
    token, code, links, cookie = process.join(), process.code, process.links, process.cookie()
    process.send(token, [event("prediction", ALPHA, value=OPTIONS[0]), passed()])
    for action in ("next", "open", "reveal"):
        process.control(action)
    before, kept = process.seen("instructor"), process.kept()
    process.end(signal.SIGKILL)
    process.start()
    after = process.seen("instructor")
    del before["version"], after["version"]
    assert (after, process.kept(), process.code) == (before, kept, code)
    assert ask(f"{process.address}/api/me", Cookie=cookie).json == {"right": "instructor"}
    assert ask(links[1]).status == 303
    assert process.send(token, [passed()]).status == 200
    assert process.end(signal.SIGINT) == 130


def test_over_tls_a_notebook_checks_the_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, key = certificate(tmp_path)
    with live_class(tmp_path / "class", f"--tls-cert={pem}", f"--tls-key={key}") as server:
        assert server.address == f"https://127.0.0.1:{server.port}"
        with pytest.raises(UnreachableError, match="certificate verify failed"):
            server.join()
        with pytest.raises(UnreachableError):
            post(server.address.replace("https", "http"), "api/join", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert len(server.join()) > 20
        assert [student for student, *_ in server.kept()] == []


def test_a_new_class_has_a_new_file_and_code(tmp_path: Path) -> None:
    with live_class(tmp_path) as server:
        first = server.code
        server.join()
    with live_class(tmp_path, "--new") as server:
        assert server.code != first
        assert server.seen()["students"] == 0
    assert len([*(tmp_path / "live").glob("*.sqlite")]) == 2


def test_two_servers_never_hold_one_class(process: Server) -> None:
    second = Server(process.folder, [])
    with pytest.raises(AssertionError, match="another server holds a class"):
        second.start()


def test_the_log_takes_neither_changes_nor_deletions_and_is_its_owners(server: Server) -> None:
    token = server.join()
    server.send(token, [passed()])
    (path,) = (server.folder / "live").glob("*.sqlite")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file = sqlite3.connect(path)
    try:
        for change in ("DELETE FROM events", "UPDATE events SET student = 7"):
            with pytest.raises(sqlite3.IntegrityError, match="events only come"):
                file.execute(change)
        kept = [
            value for (value,) in file.execute("SELECT token_hash FROM students UNION SELECT token_hash FROM links")
        ]
    finally:
        file.close()
    assert token not in kept
    assert all(len(value) == 64 for value in kept)


WRONG = [
    {"id": "xyz", "kind": "hand", "name": "", "up": True},
    {"id": "0" * 16, "kind": "teapot", "name": ""},
    {"id": "0" * 16, "kind": "check", "name": "no_such_exercise", "passed": True},
    {"id": "0" * 16, "kind": "check", "name": "q_update", "passed": "yes"},
    {"id": "0" * 16, "kind": "prediction", "name": ALPHA, "value": "<script>alert(1)</script>"},
    {"id": "0" * 16, "kind": "prediction", "name": ALPHA, "value": ["alpha = 1"]},
    {"id": "0" * 16, "kind": "prediction", "name": OFTEN, "value": 1e9},
    {"id": "0" * 16, "kind": "prediction", "name": OFTEN, "value": True},
    {"id": "0" * 16, "kind": "prediction", "name": "no-such", "value": 1},
    {"id": "0" * 16, "kind": "prediction", "name": "target_network-cartpole", "value": [0, 1, 2, 3, None]},
    {"id": "0" * 16, "kind": "happened", "name": OFTEN, "value": [1, 2]},
    {"id": "0" * 16, "kind": "happened", "name": "target_network-cartpole", "value": [1] * 1000},
    {"id": "0" * 16, "kind": "hand", "name": "", "up": 1},
    {"id": "0" * 16, "kind": ["hand"], "name": {}},
    "an event",
    None,
]


def test_what_is_no_event_is_refused_and_the_others_are_kept(shared: Server) -> None:
    token, good = shared.join(), passed()
    answer = shared.send(token, [*WRONG, good])
    assert answer.status == 200
    assert answer.json["kept"] == [good["id"]]
    assert len(answer.json["refused"]) == len(WRONG)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[1, 2]", 400),
        (b'{"events": 3}', 400),
        (b'{"events": [NaN]}', 400),
        (b"[" * 100_000, 400),
        (b'{"events": "' + b"x" * 300_000 + b'"}', 413),
        (json.dumps({"events": [None] * 101}).encode(), 400),
    ],
)
def test_damaged_and_large_requests_are_refused(shared: Server, content: bytes, status: int) -> None:
    assert shared.post("api/events", content, Authorization=f"Bearer {shared.join()}").status == status


def test_rights_are_apart(shared: Server) -> None:
    student = shared.join()
    instructor, projector = shared.cookie(0), shared.cookie(1)
    assert instructor != projector
    page = {"instructor": f"{shared.address}/instructor", "projector": f"{shared.address}/projector"}
    assert ask(page["instructor"]).status == ask(page["projector"]).status == 401
    assert ask(page["instructor"], Cookie=projector).status == 403
    assert ask(page["projector"], Cookie=projector).status == ask(page["instructor"], Cookie=instructor).status == 200
    assert ask(f"{shared.address}/api/pictures?page=instructor", Cookie=projector).status == 401
    unknown = ask(f"{shared.address}/api/me")
    assert (unknown.status, unknown.json["login"]) == (401, False)  # the link has to be opened again
    for path in ("api/control", "api/record"):
        assert shared.post(path, {"action": "next"}, Cookie=projector).status == 403
        assert shared.post(path, {"action": "next"}, Authorization=f"Bearer {student}").status == 403
        assert shared.post(path, {"action": "next"}, Cookie=f"dqnkit-class={student}").status == 403
    # a form on another site can send no JSON
    assert shared.post("api/control", {"action": "next"}, Cookie=instructor, Content_Type="text/plain").status == 415
    assert shared.post("api/events", {"events": []}, Cookie=instructor).status == 401
    assert shared.post("api/events", {"events": []}, Authorization="Bearer " + "x" * 32).status == 401
    assert ask(f"{shared.address}/enter/{'x' * 32}").status == 401
    cookie = str(ask(shared.links[0]).headers["Set-Cookie"])
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_pages_run_their_own_scripts_only(shared: Server) -> None:
    for path in ("instructor", "pages/draw.js", "pages/look.css", "pages/icon.svg"):
        answer = ask(f"{shared.address}/{path}", Cookie=shared.cookie())
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("pages/instructor.html", "pages/..%2fserver.py", "pages/server.py"):
        assert ask(f"{shared.address}/{path}", Cookie=shared.cookie()).status == 404


def test_wrong_codes_are_limited_and_those_inside_are_not_kept_out(server: Server) -> None:
    token, code = server.join(), server.code
    wrong = {"code": "AAAA" if code != "AAAA" else "BBBB", "token": "x" * 32, "name": ""}
    statuses = [server.post("api/join", wrong).status for _ in range(31)]
    assert statuses == [403] * 30 + [429]
    answer = server.post("api/join", {"code": code, "token": "y" * 32, "name": ""})
    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert server.send(token, [passed()]).status == 200


def test_one_student_cannot_flood_the_class(server: Server) -> None:
    ada, ben = server.join(), server.join()
    statuses = [server.send(ada, [passed() for _ in range(100)]).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert server.send(ben, [passed()]).status == 200


def test_the_instructor_closes_the_class_to_new_students(server: Server) -> None:
    token = server.join()
    server.control("join", taken=False)
    assert server.post("api/join", {"code": server.code, "token": "x" * 32, "name": ""}).status == 403
    assert server.post("api/join", {"code": server.code, "token": token, "name": ""}).status == 200


def record(**checks: dict[str, Any]) -> bytes:
    fresh = {
        "notebook": "01_q_update", "tries": 3, "first_tried": "2026-11-23T09:30:00Z", "passed": None,
        "last_tried": "2026-11-23T09:41:07Z", "mistakes": [MISTAKE],
    }  # fmt: skip
    prediction = {
        "question": "?", "kind": "choice", "value": OPTIONS[0], "when": "2026-11-23T09:29:00Z", "happened": OPTIONS[1],
    }  # fmt: skip
    content = {
        "format": "dqnkit-progress", "version": 1, "predictions": {ALPHA: prediction},
        "checks": {name: {**fresh, **entry} for name, entry in checks.items()},
    }  # fmt: skip
    return json.dumps(content).encode()


def test_a_progress_file_counts_once_and_a_later_version_adds_what_is_new(server: Server) -> None:
    def drop(content: bytes) -> Any:
        return server.post("api/record", content, Cookie=server.cookie()).json

    assert drop(record(q_update={})) == {"events": 4, "new": 4}
    assert drop(record(q_update={})) == {"events": 4, "new": 0}
    later = record(q_update={"passed": "2026-11-23T09:41:07Z"}, epsilon_greedy={"mistakes": []})
    assert drop(later)["new"] == 2
    other = record(q_update={"first_tried": "2026-11-23T09:30:59Z"})
    assert drop(other)["new"] == 4
    seen = server.seen()
    assert seen["students"] == 2
    assert [(row["exercise"], row["passed"], row["tried"]) for row in seen["wall"]] == [
        ("epsilon_greedy", 0, 1),
        ("q_update", 1, 2),
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{}", 400),
        (b"\x00\xff", 400),
        (record(nothing={}).replace(b"q_update-alpha", b"x"), 400),
        (b"x" * 3_000_000, 413),
    ],
)
def test_what_is_no_progress_file_is_refused_in_words(shared: Server, content: bytes, status: int) -> None:
    answer = shared.post("api/record", content, Cookie=shared.cookie())
    assert answer.status == status
    if status == 400:
        assert "it was not taken, for" in answer.json["error"]
