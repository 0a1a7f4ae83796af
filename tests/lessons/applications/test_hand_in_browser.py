"""An environment by hand in a browser: buttons and keys take steps in Python, in light and dark, and after a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import Lab, jupyter_lab
from drawn import serious_findings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
pytest.importorskip("minatar")

HAND = """from dqnkit.lessons.applications.hand import by_hand
from dqnkit.lessons.applications.tasks import TASKS
hand = by_hand(TASKS["game"])
hand"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_button_and_a_key_take_a_step_each(lab: Lab, dark: bool) -> None:
    notebook = lab.open([HAND], dark=dark)
    notebook.run(0)
    notebook.wait_for(0, "a new episode")
    picture = notebook.output(0).locator(".scene img").first
    first = picture.get_attribute("alt")
    notebook.output(0).get_by_role("button", name="2 · left").click()
    notebook.wait_for(0, "step 1: reward")
    assert picture.get_attribute("alt") != first
    notebook.page.keyboard.press("3")  # the button has the focus
    notebook.wait_for(0, "step 2: reward")
    assert serious_findings(notebook.page, ".dqnkit-hand") == []
    notebook.screenshot(f"hand-{'dark' if dark else 'light'}", 0)
    notebook.output(0).get_by_role("button", name="Start again").click()
    notebook.wait_for(0, "a new episode")
    assert notebook.errors == []
