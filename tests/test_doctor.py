"""The doctor's report: as text, as a table, and its line about widgets, to which a browser must reply."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from contextlib import suppress
from html import unescape
from queue import Empty

import pytest
from click.testing import CliRunner

from dqnkit import cli
from dqnkit.doctor import Finding, Report, examine, smoke_tests
from dqnkit.doctor.as_text import as_text
from dqnkit.doctor.browser_round_trip import WAITING

# -- as text


def test_the_report_says_first_what_is_wrong_and_each_remedy_once():
    text = as_text(
        [
            Finding("a", "one"),
            Finding("b", "two", "advice", "pip install {x}"),
            Finding("c", "three", "problem", "do this", "another section"),
            Finding("dd", "four", "advice", "pip install {x}", "another section"),
            Finding("e", "five", "open"),
        ]
    )
    assert (
        "  ok       a   one\n  advice   b   two\n  open     e   five\n\nanother section\n  problem  c   three\n" in text
    )
    what_to_do = text.partition("what to do\n")[2]
    assert " ".join(what_to_do.split()) == "problem c do this advice b, dd pip install {x}"
    assert as_text([Finding("a", "one"), Finding("e", "five", "open")]).endswith("nothing to do: all is well")


def test_the_whole_examination_here(monkeypatch):
    monkeypatch.setattr(smoke_tests, "tensorflow", list)  # these take seconds; tested in test_doctor_smoke_tests.py
    monkeypatch.setattr(smoke_tests, "dask_starts", list)
    findings = examine()
    names = {finding.name for finding in findings}
    assert {"Python", "platform", "dqnkit", "cores", "memory", "disk", "numpy", "CartPole-v1"} <= names
    for finding in findings:
        assert bool(finding.remedy) == (finding.status in ("advice", "problem"))
    assert str(findings).isascii()
    (widgets,) = (finding for finding in findings if finding.name == "widgets")
    assert (widgets.status, widgets.value) == ("open", "tried by doctor.examine() in a notebook")


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("open", 0), ("advice", 0), ("problem", 1)])
def test_the_command_fails_where_there_is_a_problem(monkeypatch, status, code):
    monkeypatch.setattr("dqnkit.doctor.examine", lambda: Report([Finding("a", "one", status)]))
    ended = CliRunner().invoke(cli.main, ["doctor"])
    assert ended.exit_code == code
    assert f"  {status:<7}  a  one\n" in ended.output


def test_importing_the_doctor_costs_little():
    heavy = "{'numpy', 'gymnasium', 'tensorflow', 'matplotlib', 'ipywidgets', 'IPython', 'dask'}"
    program = f"import sys, dqnkit.doctor; print({heavy} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "set()"


# -- as a table

PACKAGES = "extra 'learner': training"


def words(html):
    """The text of a page, and where a fold is open."""
    opened = re.sub(r"<details[^>]*? open>", " [open] ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", opened)).split())


def test_a_table_says_first_what_to_do_and_then_each_line_in_words():
    text = words(
        Report(
            [
                Finding("Python", "3.12.1 <here>"),
                Finding("memory", "0.2 GiB free", "advice", "close other programs"),
                Finding("tensorflow", "missing", "problem", "pip install 'dqnkit[learner]'", PACKAGES),
                Finding("tensorboard", "missing", "problem", "pip install 'dqnkit[learner]'", PACKAGES),
            ]
        )._repr_html_()
    )
    assert text.startswith("✗ This computer is not ready yet. Do these first, then restart the kernel: ✗ problem:")
    head, _, lines = text.partition("This computer ✓ ok Python 3.12.1 <here>")
    assert head.count("pip install 'dqnkit[learner]'") == 1
    assert head.index("pip install 'dqnkit[learner]'") < head.index("close other programs")
    assert "→ advice memory 0.2 GiB free close other programs" in lines
    assert "[open] ✗ problem : extra 'learner': training (2)" in lines.replace("problem:", "problem :")


def test_packages_are_folded_where_all_are_as_they_should_be():
    text = words(Report([Finding("tensorflow", "2.21.0 (as tested)", section=PACKAGES), WAITING])._repr_html_())
    assert text.startswith("✓ This computer is ready for the course.")
    assert "Does it work ○ open widgets waiting for the browser" in text
    assert "✓ ok: extra 'learner': training (1)" in text
    assert "[open]" not in text
    assert "is ready. There is advice" in words(Report([Finding("memory", "low", "advice")])._repr_html_())


# -- the line about widgets, in a real kernel

CELL = """
from dqnkit.doctor import Report, browser_round_trip
browser_round_trip.ANSWER_SECONDS = {}
Report(browser_round_trip.examine())
"""


class Reader:
    """Stands in for the browser: runs a cell, and replies to the hidden widgets."""

    def __init__(self, client, answers=True):
        self.client, self.answers = client, answers
        self.comms = {}  # the data with which each widget was opened
        self.questions = []
        self.seen = []  # what the page showed, in order

    def run(self, code, allow_stdin=True):
        self.client.execute(code, allow_stdin=allow_stdin)

    def wait_for(self, pattern, timeout=30):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            with suppress(Empty):
                self.take(self.client.get_iopub_msg(timeout=0.1))
            if self.seen and re.search(pattern, self.seen[-1]):
                return self.seen[-1]
        raise AssertionError(f"no {pattern!r} in {timeout} s, but {self.seen}")

    def take(self, message):
        kind, content = message["msg_type"], message["content"]
        assert kind != "error", content
        if kind in ("display_data", "update_display_data", "execute_result"):
            if "dqnkit doctor" in content["data"]["text/plain"]:
                self.seen.append(content["data"]["text/plain"])
        elif kind == "comm_open":
            self.comms[content["comm_id"]] = content["data"]["state"]
        elif kind == "comm_msg" and "value" in content["data"].get("state", {}):
            self.questions.append((content["comm_id"], content["data"]["state"]["value"]))
            if self.answers:
                self.answer()

    def answer(self):
        """Do what the link says."""
        (link,) = (state for state in self.comms.values() if state.get("_model_name") == "DirectionalLinkModel")
        asked, value = self.questions[-1]
        if link["source"] == [f"IPY_MODEL_{asked}", "value"]:
            update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
            content = {"comm_id": link["target"][0].removeprefix("IPY_MODEL_"), "data": update}
            self.client.shell_channel.send(self.client.session.msg("comm_msg", content))


@pytest.fixture
def client():
    manager = pytest.importorskip("jupyter_client.manager")
    pytest.importorskip("ipywidgets")
    with manager.run_kernel() as client:
        yield client


def test_a_value_that_comes_back_after_the_cell_has_ended_turns_the_line_to_ok(client):
    reader = Reader(client)
    reader.run(CELL.format(15))
    reader.wait_for(r"open +widgets +waiting for the browser")
    reader.wait_for(r"ok +widgets +a value went to the browser and came back in [\d.]+ s \(ipywidgets \d")


def test_a_browser_that_does_not_answer_is_advice_until_it_does(client):
    reader = Reader(client, answers=False)
    reader.run(CELL.format(0.5))
    text = reader.wait_for(r"advice +widgets +no answer from a browser within")
    assert '[course]", restart JupyterLab (or VS Code), reload the page' in text
    reader.answer()
    reader.wait_for(r"ok +widgets +a value went to the browser and came back")


def test_nothing_waits_where_nobody_looks_on(client):
    reader = Reader(client)
    reader.run(CELL.format(15), allow_stdin=False)  # as nbconvert does
    reader.wait_for(r"open +widgets +not tried: nobody looks on")
    assert not reader.comms
