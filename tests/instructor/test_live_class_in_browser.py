"""A whole class, live: notebook kernels, the two pages in browsers, a server that is killed.

``DQNKIT_KERNELS`` says how many of the students are real kernels; the others are the same code in this process.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from browser import CHROMIUM_FLAGS, chromium, jupyter_lab, screenshots, why_not
from drawn import serious_findings
from jupyter_client.manager import KernelManager, start_new_kernel
from live_classes import Server, live_class, wait_for

from dqnkit.classroom import live_class as students_side
from dqnkit.classroom.class_outbox import Membership, Outbox
from dqnkit.classroom.course import find_exercise
from dqnkit.classroom.question import find_question

pytestmark = pytest.mark.slow

KERNELS = int(os.environ.get("DQNKIT_KERNELS", "6"))
STUDENTS = max(40, KERNELS + 1)  # one with a hostile name is no kernel
ALPHA, CURVE = "q_update-alpha", "target_network-cartpole"
OPTIONS = find_question(ALPHA).options  # type: ignore[union-attr]
HOSTILE = "<img src=x onerror='window.hacked = 1'>"
SIZES = ((1280, 800), (1920, 1080))


class Kernel:
    """A student's notebook: a kernel in a folder of its own."""

    def __init__(self, manager: KernelManager, client: Any) -> None:
        self.manager, self.client = manager, client

    def start(self, source: str) -> str:
        """Begin to run a cell."""
        return str(self.client.execute(source))

    def wait(self, message: str) -> float:
        """Wait until the cell has ended without an error; the seconds that it ran, as the kernel says."""
        began = 0.0
        while True:
            said = self.client.get_iopub_msg(timeout=120)
            if said["parent_header"].get("msg_id") != message:
                continue
            if said["msg_type"] == "error":
                raise AssertionError("\n".join(said["content"]["traceback"]))
            if said["msg_type"] == "status" and said["content"]["execution_state"] == "busy":
                began = said["header"]["date"].timestamp()
            if said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
                return float(said["header"]["date"].timestamp() - began)


@contextmanager
def kernels(folder: Path, number: int) -> Iterator[list[Kernel]]:
    with ExitStack() as stack:
        started = []
        for i in range(number):
            where = folder / f"student-{i}"
            where.mkdir()
            manager, client = start_new_kernel(kernel_name="python3", cwd=str(where), startup_timeout=120)
            stack.callback(manager.shutdown_kernel, now=True)
            stack.callback(client.stop_channels)
            started.append(Kernel(manager, client))
        yield started


def in_all(started: list[Kernel], *sources: str) -> list[float]:
    """Run the n-th source in the n-th kernel, or the only one in all, at the same time; the seconds of each."""
    cells = [(each, each.start(sources[i % len(sources)])) for i, each in enumerate(started)]
    return [each.wait(message) for each, message in cells]


@contextmanager
def pages(server: Server) -> Iterator[tuple[Any, Any, list[str]]]:
    """The instructor's and the projector's page, each in a browser of its own, and what went wrong in them."""
    if why_not():
        pytest.skip(why_not())
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        errors: list[str] = []
        opened = []
        for link in server.links:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: message.type == "error" and errors.append(message.text))
            page.goto(link)
            opened.append(page)
        yield opened[0], opened[1], errors
        browser.close()


def press(page: Any, name: str) -> None:
    """Reach a button with the Tab key alone, and press Enter."""
    wanted = page.get_by_role("button", name=name, exact=True)
    wanted.wait_for()
    page.wait_for_function(
        "name => [...document.querySelectorAll('button')].some(b => b.textContent === name && !b.disabled)", arg=name
    )
    page.evaluate("() => document.activeElement.blur()")
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the Tab key does not reach {name}")


def look(page: Any, name: str) -> None:
    """Judge a page in both themes and sizes: nothing serious for axe-core, and on the projector's nothing cut off."""
    before = page.viewport_size
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            page.wait_for_timeout(400)
            page.screenshot(path=str(screenshots() / f"live-{name}-{width}-{theme}.png"))
            assert serious_findings(page, "body") == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        parts = "[...document.querySelectorAll('.projector, .projector section')]"
        assert page.evaluate(f"() => {parts}.filter(e => e.scrollHeight > e.clientHeight).map(e => e.id)") == []
    page.set_viewport_size(before)
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")


def reads(page: Any, selector: str, pattern: str, seconds: float = 60) -> None:
    """Wait until the text of an element matches."""
    until = time.monotonic() + seconds
    while not re.search(pattern, text := page.locator(selector).inner_text(), re.S):
        assert time.monotonic() < until, f"{selector} says {text!r}, not {pattern!r}"
        page.wait_for_timeout(100)


@pytest.mark.timeout(900)
def test_a_class_of_forty_whose_server_is_killed_loses_nothing(tmp_path: Path) -> None:
    exercise = find_exercise("q_update")
    mistake = exercise.mistakes[0].name
    simulated: list[students_side.LiveClass] = []
    with ExitStack() as stack:
        server = stack.enter_context(live_class(tmp_path / "class", "--name", "Deep Q-Learning"))
        instructor, projector, errors = stack.enter_context(pages(server))
        reads(projector, "#stage", f'join\\("{server.code}"')
        look(projector, "projector-join")
        notebooks = stack.enter_context(kernels(tmp_path, KERNELS))
        stack.callback(lambda: [each.end() for each in simulated])

        # everybody joins, one with a hostile name
        in_all(
            notebooks,
            "from dqnkit.classroom import check, compare, join, predict, raise_hand\n"
            "from dqnkit.classroom.course import find_exercise\n"
            f"join({server.code!r}, at={server.address!r}, agree=True)",
        )
        for i in range(STUDENTS - KERNELS):
            (tmp_path / f"simulated-{i}").mkdir()
            membership = Membership.new(server.address, server.code, HOSTILE if i == 0 else "")
            simulated.append(students_side.LiveClass(Outbox(tmp_path / f"simulated-{i}"), membership, lambda: None))
            simulated[-1].begin()
        reads(projector, "#students", f"^{STUDENTS}$")

        # predictions; the instructor opens them with the keyboard
        in_all(notebooks, *(f"asked = predict({ALPHA!r})\nasked.commit({option!r})" for option in OPTIONS))
        for i, each in enumerate(simulated):
            each.tell("prediction", ALPHA, {"value": OPTIONS[i % 3]})
            each.tell("prediction", CURVE, {"value": [12.5 * point * (1 + i % 2) / 2 for point in range(41)]})
        press(instructor, "Next question")
        reads(projector, "#stage", f"{STUDENTS}.*of {STUDENTS} students have predicted")
        assert projector.locator(".option").count() == 0
        press(instructor, "Open")
        reads(projector, "#stage", f"{STUDENTS} predictions")
        counts = [int(text) for text in projector.locator(".option .count").all_inner_texts()]
        assert sum(counts) == STUDENTS
        assert min(counts) > 0

        # the server is killed; cells go on as before, and what they record waits
        server.end(signal.SIGKILL)
        reads(projector, "#connection", "No connection.*This is the class at")
        seconds = in_all(
            notebooks,
            f"compare({ALPHA!r}, {{0.01: 3.0, 0.1: 1.0, 1.0: 2.0}})\n"
            "exercise = find_exercise('q_update')\n"
            f"check('q_update', exercise.mistakes[0].wrong); check('q_update', exercise.solution)",
        )
        for each in simulated:
            each.tell("happened", ALPHA, {"value": OPTIONS[1]})
            each.tell("check", "q_update", {"passed": False, "mistake": mistake})
            each.tell("check", "q_update", {"passed": True, "mistake": ""})
        print(f"\n{KERNELS} kernels without a server: a comparison and two checks took {max(seconds):.1f} s at most")
        server.start()
        reads(projector, "#bricks", f"q_update.*{STUDENTS} of {STUDENTS}", 90)  # the page has come back by itself
        reads(projector, "#connection", "^$")
        reads(projector, "#mistake", f"q_update, {STUDENTS} students")
        press(instructor, "Reveal what happened")
        reads(projector, "#stage", f"✓ what happened, in {STUDENTS} of {STUDENTS} runs")
        look(projector, "projector-choice")

        # a hand goes up, and the instructor helps
        in_all(notebooks[:1], "raise_hand('row 3')")
        simulated[0].raise_hand(HOSTILE)
        reads(instructor, "#hands", "row 3.*img src=x")
        look(instructor, "instructor")
        for _ in range(2):
            before = instructor.locator("#hands button").count()
            instructor.locator("#hands button").first.press("Enter")
            wait_for(lambda before=before: instructor.locator("#hands button").count() < before)

        # a drawn line, then a progress file by the offline way
        press(instructor, "Next question")
        reads(projector, "#stage", "Draw what you expect")
        press(instructor, "Open")
        projector.locator(".chart svg .median").wait_for()
        look(projector, "projector-curve")
        progress = tmp_path / "student-0" / "dqnkit-progress.json"
        (tmp_path / "broken.json").write_text("{")
        instructor.set_input_files("#files", [str(progress), str(tmp_path / "broken.json")])
        reads(instructor, "#dropped", "✗ broken.json: it was not taken.*✓ dqnkit-progress.json: 4 new events of 4")
        reads(projector, "#students", f"^{STUDENTS + 1}$")

        # nothing lost, nothing doubled, nothing run
        for each in simulated:
            assert each.wait_until_sent(30)
        kept = [(student, kind, json.dumps(content)) for student, _, kind, _, content in server.kept() if student]
        for kind, expected in (("prediction", 1), ("happened", 1), ("check", 2)):
            of_each = [sum(k == kind and s == student for s, k, _ in kept) for student in range(1, STUDENTS + 1)]
            extra = STUDENTS - KERNELS if kind == "prediction" else 0
            assert sorted(of_each) == sorted([expected] * STUDENTS) if not extra else sum(of_each) == STUDENTS + extra
        assert instructor.evaluate("() => window.hacked") is None
        refused = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET")
        allowed = (*refused, "status of 400")  # while there was no server; the broken file
        assert [error for error in errors if not any(words in error for words in allowed)] == []


@pytest.mark.timeout(300)
def test_pages_that_hear_nothing_say_so_and_come_back(tmp_path: Path) -> None:
    """A connection that stays open though nobody sends: behind a proxy whose server is gone, or in a bad network."""
    with live_class(tmp_path / "class") as server, pages(server) as (instructor, projector, errors):
        server.join()
        for page in (instructor, projector):
            reads(page, "#students", "^1$")
        assert server.process
        server.process.send_signal(signal.SIGSTOP)  # the connections stay open
        for page in (instructor, projector):
            reads(page, "#connection", "No connection.*This is the class at", 60)
        server.process.send_signal(signal.SIGCONT)
        server.join()
        for page in (instructor, projector):
            reads(page, "#connection", "^$")
            reads(page, "#students", "^2$")
        assert [error for error in errors if "ERR_TIMED_OUT" not in error] == []


@pytest.mark.timeout(300)
def test_the_cell_that_joins_in_jupyterlab(tmp_path: Path) -> None:
    with live_class(tmp_path / "class") as server, jupyter_lab(tmp_path) as lab:
        cells = [
            f'from dqnkit.classroom import check, join\n\njoin("{server.code}", at="{server.address}")',
            "from dqnkit.classroom.course import find_exercise\ncheck('q_update', find_exercise('q_update').solution)",
        ]
        notebook = lab.open(cells, width=1280, height=800)
        notebook.run(0)
        notebook.wait_for(0, "without your name and without your code")
        notebook.page.wait_for_timeout(300)
        notebook.screenshot("live-join-asking")
        assert server.seen()["students"] == 0
        notebook.click(0, "Join the class")
        notebook.wait_for(0, r"You are \w+ 1 in")
        notebook.output(0).locator("input").fill("row 3")
        notebook.click(0, "Raise your hand")
        notebook.wait_for(0, "Your hand is raised")
        wait_for(lambda: server.seen("instructor")["hands"][0]["note"] == "row 3")
        notebook.run(1)
        notebook.wait_for(1, "passed")
        wait_for(lambda: server.seen()["wall"])
        notebook.screenshot("live-join-joined")
        assert serious_findings(notebook.page, ".jp-Cell-outputArea") == []
        server.end()
        notebook.run(1)
        notebook.wait_for(0, "cannot be reached now")
        notebook.screenshot("live-join-unreachable")
        server.start()
        notebook.wait_for(0, "Everything is sent", 60)
        notebook.command("apputils:change-theme", theme="JupyterLab Dark")
        notebook.page.wait_for_timeout(800)
        notebook.screenshot("live-join-dark")
        assert serious_findings(notebook.page, ".jp-Cell-outputArea") == []
        notebook.click(0, "Leave the class")
        notebook.wait_for(0, "Nothing is sent")
        assert len([kind for _, _, kind, *_ in server.kept() if kind == "check"]) == 2
        assert not notebook.errors
