"""The parts of the live class without a server: where it may listen, limits, histograms, its command."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from live_classes import certificate

from dqnkit.classroom.question import Choice, Curve, Number, Reply
from dqnkit.cli import main
from dqnkit.instructor.live import rights
from dqnkit.instructor.live.answers import MOST_BINS, draw
from dqnkit.instructor.live.catalogue import Catalogue, plain
from dqnkit.instructor.live.log import LiveError, file_of_class
from dqnkit.instructor.live.serving import Place

REPOSITORY = Path(__file__).resolve().parents[2]
NUMBER = Number("How many?", "steps", (-1e6, 1e6))
CHOICE = Choice("Which?", {"left": Reply(right="yes"), "right": Reply(wrong="no")}, lambda result: result)
CURVE = Curve("Draw.", "return", (0, 500), over="steps", end=1000)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "class.example.org"])
def test_nothing_listens_to_other_computers_without_tls(host: str, tmp_path: Path) -> None:
    with pytest.raises(LiveError, match="without TLS they could read"):
        Place(host)
    pem, key = certificate(tmp_path)
    assert Place(host, 1, pem, key).public.startswith("https://")
    assert (
        Place(host, 1, is_behind_tls=True, address="https://class.example.org/").public == "https://class.example.org"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_computer_alone_needs_no_tls(host: str) -> None:
    assert Place(host, 8000).public == f"http://{'[::1]' if host == '::1' else host}:8000"


def test_a_certificate_and_its_key_are_looked_at_before_the_class_begins(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    for pair in ((pem, None), (None, key)):
        with pytest.raises(LiveError, match="belong together"):
            Place("0.0.0.0", 1, *pair)
    (tmp_path / "other").mkdir()
    for wrong in (tmp_path / "missing.pem", certificate(tmp_path / "other")[0]):
        with pytest.raises(LiveError, match="cannot be used as a certificate"):
            Place("0.0.0.0", 1, wrong, key)
    with pytest.raises(LiveError, match="--address is as https"):
        Place(address="class.example.org")
    with pytest.raises(LiveError, match="--behind-tls needs --address"):
        Place(is_behind_tls=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "without TLS they could read"),
        (["--hub"], "list it in c.JupyterHub.services"),
        (["--tls-cert", "class.pem"], "belong together"),
    ],
)
def test_the_command_refuses_in_one_sentence(options: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["class", "live", str(tmp_path / "class"), *options])
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "class").exists()


def test_a_port_that_is_taken_and_a_folder_that_cannot_be_made_are_told(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = CliRunner().invoke(
            main, ["class", "live", str(tmp_path / "class"), "--port", str(taken.getsockname()[1])]
        )
    assert (done.exit_code, "cannot be used" in done.output) == (2, True)
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["class", "live", str(tmp_path / "file" / "class")])
    assert (done.exit_code, "cannot be kept in" in done.output) == (2, True)
    (tmp_path / "class" / "class.toml").write_text("[class\n")
    done = CliRunner().invoke(main, ["class", "live", str(tmp_path / "class")])
    assert (done.exit_code, "class.toml cannot be read" in done.output) == (2, True)


def test_the_help_of_the_command_needs_none_of_its_packages() -> None:
    code = "import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None\nfrom dqnkit.cli import main\nmain()"
    paths = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    shown = subprocess.run(
        [sys.executable, "-c", code, "class", "live", "--help"], env=paths, capture_output=True, text=True
    )
    assert "Where students reach it" in shown.stdout
    done = subprocess.run([sys.executable, "-c", code, "class", "live", "x"], env=paths, capture_output=True, text=True)
    assert 'pip install "dqnkit[instructor]"' in done.stderr


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_limit_forgets_after_a_minute() -> None:
    clock = Clock()
    limit = rights.Limit(3, clock)
    for _ in range(3):
        assert limit.wait("a") == 0
        limit.count("a")
        clock.time += 10
    assert limit.wait("a") == pytest.approx(30)
    assert limit.wait("b") == 0
    clock.time += 31
    assert limit.wait("a") == 0
    limit.count("a", times=7)
    assert limit.wait("a") == pytest.approx(60)


def test_many_addresses_do_not_fill_the_memory() -> None:
    clock = Clock()
    limit = rights.Limit(3, clock)
    for number in range(30_000):
        limit.count(str(number))
        clock.time += 0.1
    assert len(limit._when) <= 10_001


def test_guessers_from_many_addresses_are_slowed_and_a_class_elsewhere_is_not() -> None:
    clock = Clock()
    guessing = rights.Guessing(clock)
    for number in range(rights.WRONG_CODES_OF_ALL):
        guessing.was_wrong(f"2001:db8:{number % 250:x}::{number:x}")
    assert guessing.wait("2001:db8:7::ffff") > 0  # another address of the same customer
    assert guessing.wait("192.0.2.1") == guessing.wait("2001:db8:ffff::1") == 0
    clock.time += 61
    assert guessing.wait("2001:db8:7::ffff") == 0


def test_codes_can_be_read_from_the_last_row() -> None:
    codes = {rights.new_code() for _ in range(500)}
    assert len(codes) > 490
    assert not set("".join(codes)) & set("01IOL")
    assert rights.read_code(" k7-qf ") == "K7QF"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.lists(st.floats(-1e300, 1e300), max_size=5))
def test_a_histogram_of_numbers_counts_each_answer_once(values: list[float], happened: list[float]) -> None:
    drawing = draw(NUMBER, values, happened, is_revealed=True)
    bins, far = drawing["bins"], [side for side in (drawing["below"], drawing["above"]) if side]
    assert sum(each["count"] for each in [*bins, *far]) == len(values)
    assert 1 <= len(bins) <= MOST_BINS
    assert all(one["high"] == other["low"] for one, other in pairwise(bins))
    assert (drawing["happened"] is None) == (not happened)


def test_what_happened_is_not_in_a_drawing_that_is_not_revealed() -> None:
    assert draw(NUMBER, [1, 2], [52, 54], is_revealed=False)["happened"] is None
    assert draw(NUMBER, [1, 2], [52, 54], is_revealed=True)["happened"] == 53
    assert draw(CHOICE, ["left"], ["right"], is_revealed=False)["bars"][1] == {
        "label": "right",
        "count": 0,
        "happened": 0,
    }
    assert draw(CURVE, [[0, 1, 2, 3, 4]], [[1, 2, 3, 4, 5]], is_revealed=False)["happened"] == []


def test_of_lines_the_median_and_the_middle_half_are_drawn_and_unknown_points_left_out() -> None:
    lines = [[0, 0, 0, 0, height] for height in (100, 200, 300)]
    drawing = draw(CURVE, lines, [[1, None, 3, 4, 5], [3, None, 5, 6, 7]], is_revealed=True)
    assert [line[-1] for line in drawing["middle"]] == [150, 200, 250]
    assert drawing["happened"] == [2, None, 4, 5, 6]
    assert (drawing["axis"], len(drawing["lines"])) == ({"name": "steps", "end": 1000.0}, 3)
    assert len(draw(CURVE, lines * 100, [], is_revealed=True)["lines"]) == 40


def test_the_catalogue_has_every_question_and_exercise_with_the_sentences_of_its_mistakes() -> None:
    catalogue = Catalogue.of_course()
    assert next(iter(catalogue.questions)).startswith("start_here-")
    assert "jumps to the target" in catalogue.exercises["q_update"].mistakes
    assert all(sentence for each in catalogue.exercises.values() for sentence in each.mistakes.values())
    texts = [question.text for question in catalogue.questions.values()]
    assert not [text for text in texts if set(plain(text)) & set("$`\\")]
    assert (
        plain(r"How large is the error against $Q^*$ at $\gamma = 0.9$?")
        == "How large is the error against Q* at γ = 0.9?"
    )


def test_a_class_goes_on_for_twelve_hours(tmp_path: Path) -> None:
    first = file_of_class(tmp_path)
    first.write_text("")
    assert file_of_class(tmp_path) == first
    os.utime(first, (0, first.stat().st_mtime - 13 * 3600))
    second = file_of_class(tmp_path)
    assert second.parent == tmp_path
    assert stat.S_ISREG(first.stat().st_mode)
