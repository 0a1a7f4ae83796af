"""The doctor's table in a real JupyterLab: its line about widgets, both themes, a narrow window."""

from __future__ import annotations

from collections.abc import Iterator

import browser
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CELLS = ["from dqnkit import doctor\n\ndoctor.examine()"]
ILL = [
    """
from dqnkit.doctor import Finding, Report
install = "pip install -e '/home/somebody/a/rather/long/path/to/dqnkit[learner]'"
learner = "extra 'learner': training"
Report([
    Finding("Python", "3.12.3 (/home/somebody/venv/bin/python)"),
    Finding("memory", "0.4 GiB free of 2.0 GiB", "advice", "close other programs or notebooks"),
    Finding("widgets", "not tried", "open", section="does it work"),
    Finding("click", "8.5.1 (as tested; needs >=8.1)", section="base install"),
    Finding("tensorboard", "2.21.0 (as tested; needs >=2.20)", section=learner),
    Finding("tensorflow", "2.19.1 (tested: 2.21.0; needs >=2.20,<2.22)", "problem", install, learner),
    Finding("tqdm", "missing (tested: 4.70.1; needs >=4.66)", "problem", install, learner),
])
"""
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Lab]:
    with browser.jupyter_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.mark.parametrize(
    ("width", "dark"), [(1400, False), (1400, True), (480, False)], ids=["light", "dark", "narrow"]
)
def test_the_widgets_line_turns_to_ok(lab: browser.Lab, width: int, dark: bool) -> None:
    notebook = lab.open(CELLS, width=width, dark=dark)
    name = "narrow" if width < 700 else "dark" if dark else "light"
    notebook.run(0)
    notebook.wait_for(0, r"✓ ok\s+widgets\s+a value went to the browser and came back in [\d.]+ s", timeout=120)
    notebook.wait_for(0, r"✓ ok\s+Dask\s+a cluster started, worked and closed in [\d.]+ s")
    notebook.screenshot(f"doctor-{name}", 0)
    folds = notebook.output(0).locator("details")
    assert folds.count() >= 3
    folds.first.locator("summary").click()
    notebook.wait_for(0, r"✓ ok\s+gymnasium\s+[\d.]+ \(")
    assert "widgets" not in notebook.save()["metadata"]
    (table, hidden) = notebook.save()["cells"][0]["outputs"]
    assert "a value went to the browser" in "".join(table["data"]["text/html"])
    assert set(hidden["data"]) == {"text/plain"}
    too_wide = "area => [...area.querySelectorAll('*')].some(e => e.scrollWidth > area.clientWidth + 1)"
    assert not notebook.output(0).locator(".jp-RenderedHTMLCommon").first.evaluate(too_wide)
    assert not notebook.errors


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (480, True)], ids=["light", "dark", "narrow"])
def test_what_to_do_comes_first(lab: browser.Lab, width: int, dark: bool) -> None:
    notebook = lab.open(ILL, width=width, dark=dark)
    notebook.run(0)
    text = notebook.wait_for(0, r"not ready yet[^✓]*tqdm[^✓]*This computer\s+✓ ok").string
    assert text.index("✗ problem") < text.index("→ advice") < text.index("This computer\n")
    notebook.screenshot(f"doctor-ill-{'narrow' if width < 700 else 'dark' if dark else 'light'}", 0)
    assert not notebook.errors
