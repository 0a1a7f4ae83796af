"""A notebook in a live class: it asks first, sends what was agreed to, and never waits for the server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
from browser import free_port
from live_classes import Server, class_here, wait_for

from dqnkit.classroom import (
    check,
    class_wire,
    compare,
    join,
    leave,
    live_class,
    lower_hand,
    predict,
    progress,
    progress_file,
    raise_hand,
)
from dqnkit.classroom.class_outbox import Membership, Outbox
from dqnkit.classroom.course import find_exercise
from dqnkit.errors import ConfigError

MISTAKE = "jumps to the target"


@pytest.fixture(autouse=True)
def out_of_class() -> Iterator[None]:
    yield
    live_class.leave_quietly()
    live_class._SHOWN.clear()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "instructor"
    folder.mkdir()
    with class_here(folder) as server:
        yield server


@contextmanager
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes what is sent and never answers."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def take() -> None:
            held = []
            while True:
                try:
                    held.append(door.accept()[0])
                except OSError:
                    for each in held:
                        each.close()
                    return
                got.append(held[-1].recv(65536))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", got
        door.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def folder() -> Path:
    return progress_file.FILE.path.parent


def try_exercise(passes: bool) -> Any:
    exercise = find_exercise("q_update")
    wrong = next(each.wrong for each in exercise.mistakes if each.name == MISTAKE)
    return check("q_update", exercise.solution if passes else wrong)


def sent_all() -> bool:
    return live_class._JOINED[0].wait_until_sent(20)


def test_nothing_is_sent_before_the_reader_has_agreed() -> None:
    with listener() as (address, got):
        panel = join("K7QF", at=address)
        try_exercise(passes=True)
        said = panel.page().text
        assert address in said
        assert "without your name and without your code" in said
        time.sleep(0.3)
        assert got == []
        assert not (folder() / ".dqnkit-class").exists()
        panel.form._clicked(panel.form.asking[-2])  # Join the class
        wait_for(lambda: got)
        assert got[0].startswith(b"POST /api/join ")


def test_the_class_sees_predictions_runs_and_checks_but_no_code(server: Server) -> None:
    assert "You are" in join(server.code, at=server.address, agree=True).page().text
    asked = predict("q_update-alpha")
    asked.commit(asked.question.options[0])
    asked.commit(asked.question.options[1])  # the first one stays
    compare("q_update-alpha", {0.01: 3.0, 0.1: 1.0, 1.0: 2.0})
    try_exercise(passes=False)
    try_exercise(passes=True)
    assert sent_all()
    kept = [(kind, name, content) for _, _, kind, name, content in server.kept()]
    assert kept[0] == ("prediction", "q_update-alpha", {"value": asked.question.options[0]})
    assert [kind for kind, *_ in kept] == ["prediction", "happened", "check", "check"]
    assert kept[2:] == [
        ("check", "q_update", {"passed": False, "mistake": MISTAKE}),
        ("check", "q_update", {"passed": True, "mistake": ""}),
    ]
    assert server.seen("instructor")["hands"] == []


def test_without_a_server_cells_take_no_longer_and_everything_is_sent_later_once(tmp_path: Path) -> None:
    where = tmp_path / "instructor"
    where.mkdir()
    with class_here(where) as server:
        join(server.code, at=server.address, agree=True)
    try_exercise(passes=True)
    began = time.perf_counter()
    for _ in range(50):
        progress_file._tell("check", "q_update", passed=False, mistake="")
    assert time.perf_counter() - began < 2  # nothing waits for a connection
    wait_for(lambda: live_class._JOINED[0].problem)
    assert "Your notebook works as before" in live_class._JOINED[0].says()
    assert len(Outbox(folder())) == 51
    live_class.leave_quietly()  # the kernel ends
    again = ServerAgain(server)
    with again:
        join(at="")  # no code: the folder knows the class
        assert sent_all()
        assert sorted({student for student, *_ in again.kept()}) == [1]
        assert len({id for _, id, *_ in again.kept()}) == len(again.kept()) == 51


class ServerAgain:
    """The server of a class once more, at the same address."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __enter__(self) -> ServerAgain:
        self.server.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.end()

    def kept(self) -> Any:
        return self.server.kept()


def test_two_notebooks_of_one_folder_are_one_student_and_lose_nothing(server: Server) -> None:
    membership = Membership.new(server.address, server.code)
    notebooks = [live_class.LiveClass(Outbox(folder()), membership, lambda: None) for _ in range(2)]
    for each in notebooks:
        each.begin()
    for number in range(40):
        notebooks[number % 2].tell("check", "q_update", {"passed": False, "mistake": ""})
    for each in notebooks:
        assert each.wait_until_sent(20)
        each.end()
    assert len(server.kept()) == 40
    assert {student for student, *_ in server.kept()} == {1}


def test_a_server_that_never_answers_holds_up_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_wire, "SECONDS", 0.5)
    with listener() as (address, _):
        join("K7QF", at=address, agree=True)
        began = time.perf_counter()
        progress_file._tell("check", "q_update", passed=True, mistake="")
        assert time.perf_counter() - began < 0.4
        wait_for(lambda: "timed out" in live_class._JOINED[0].problem)
        assert len(Outbox(folder())) == 1


def test_a_wrong_code_is_told_and_nothing_more_is_sent(server: Server) -> None:
    wrong = "AAAA" if server.code != "AAAA" else "BBBB"
    panel = join(wrong, at=server.address, agree=True)
    wait_for(lambda: panel.state == "refused")
    assert "No class has this code" in panel.page().text
    assert progress_file.OBSERVERS == []
    assert join(server.code, at=server.address, agree=True).state == "joined"


def test_events_of_another_course_are_not_sent_for_ever(server: Server) -> None:
    join(server.code, at=server.address, agree=True)
    progress_file._tell("check", "an_own_exercise", passed=True, mistake="")
    progress_file._tell("prediction", "own-question", value=float("nan"))  # JSON has none
    assert sent_all()
    assert server.kept() == []


def test_a_hand_goes_up_and_down(server: Server) -> None:
    assert "no class" in raise_hand().text
    panel = join(server.code, at=server.address, agree=True, name="Ada")
    raise_hand("row 3")
    assert sent_all()
    (hand,) = server.seen("instructor")["hands"]
    assert (hand["who"].startswith("Ada ("), hand["note"]) == (True, "row 3")
    assert "Your hand is raised" in panel.page().text
    panel.form._clicked(panel.form.hand)  # it says now: Lower your hand
    assert sent_all()
    assert server.seen("instructor")["hands"] == []
    lower_hand()
    assert sent_all()


def test_who_leaves_sends_nothing_more_and_leaves_nothing(server: Server) -> None:
    panel = join(server.code, at=server.address, agree=True)
    assert sent_all()
    assert "You have joined a class" in progress().text
    leave()
    assert "Nothing is sent anywhere" in progress().text
    try_exercise(passes=True)
    assert server.kept() == []
    assert not (folder() / ".dqnkit-class").exists()
    assert panel.state == "out"
    assert "Nothing is sent" in panel.page().text


def test_the_address_is_asked_for_where_it_is_not_known(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = join(server.code)
    panel.form.address.value = "http://class.example.org"
    panel.form._clicked(panel.form.asking[-2])
    assert "without TLS" in panel.form.said.value
    panel.form.address.value = server.address
    panel.form._clicked(panel.form.asking[-2])
    assert sent_all()
    leave()
    assert "Where is the class" in join(server.code, agree=True).text
    monkeypatch.setenv("DQNKIT_CLASS", server.address)
    assert join(server.code, agree=True).state == "joined"


def test_without_widgets_it_says_how_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_class, "find_spec", lambda name: None)
    panel = join("K7QF", at="https://class.example.org")
    assert "join('K7QF', agree=True)" in panel.page().text
    assert set(panel._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_join_without_a_code_asks_for_one() -> None:
    assert "Which class" in join().text


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("class.example.org", "https://class.example.org"),
        ("https://class.example.org/services/class/", "https://class.example.org/services/class"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost:8765", "http://localhost:8765"),
    ],
)
def test_addresses(typed: str, read: str) -> None:
    assert class_wire.read_address(typed) == read


@pytest.mark.parametrize(
    "typed",
    ["", "http://class.example.org", "ftp://class.example.org", "https://a@b.example", "https://[", "https://x:y"],
)
def test_what_is_no_address_or_without_tls_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"TLS|as https"):
        class_wire.read_address(typed)


@pytest.mark.parametrize("answer", ["302 Found\r\nLocation: http://127.0.0.1:{other}/", "200 OK", "502 Bad Gateway"])
def test_what_is_not_the_class_gets_nothing_and_is_tried_again(answer: str) -> None:
    with listener() as (elsewhere, got), socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            connection, _ = door.accept()
            with connection:
                connection.recv(65536)
                head = answer.format(other=elsewhere.rpartition(":")[2])
                connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello".encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(class_wire.UnreachableError):
            class_wire.post(f"http://127.0.0.1:{door.getsockname()[1]}", "api/events", {}, "token")
        thread.join(5)
        assert got == []  # what is sent goes to the address that was agreed to, and to no other


def test_a_folder_that_cannot_be_written_costs_nothing(server: Server) -> None:
    (folder() / ".dqnkit-class").write_text("in the way")
    join(server.code, at=server.address, agree=True)
    try_exercise(passes=True)
    assert sent_all()
    assert len(server.kept()) == 1


def test_a_damaged_event_is_dropped_and_the_others_are_sent(server: Server) -> None:
    join(server.code, at=server.address, agree=True)
    assert sent_all()
    live_class.leave_quietly()
    where = folder() / ".dqnkit-class"
    (where / f"{0:020d}-000001-00000000.json").write_text('{"id": "half')
    Outbox(folder()).put({"id": "0" * 16, "kind": "check", "name": "q_update", "passed": True})
    join()
    assert sent_all()
    assert [name for _, _, _, name, _ in server.kept()] == ["q_update"]
    assert json.loads((where / "membership.json").read_text())["code"] == server.code


def test_nobody_is_told_where_no_class_was_joined() -> None:
    try_exercise(passes=True)
    assert progress_file.OBSERVERS == []
    assert [thread for thread in threading.enumerate() if thread.name == "dqnkit-class"] == []


def test_a_port_without_a_server_is_unreachable() -> None:
    with pytest.raises(class_wire.UnreachableError, match=r"^Connection refused$"):
        class_wire.post(f"http://127.0.0.1:{free_port()}", "api/join", {})
