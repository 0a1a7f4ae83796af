"""Every worked solution in a real JupyterLab, from top to bottom in fast mode: each check passes, nothing looks like an
error, nothing is in the browser's console.

All asserted values were computed at run time, in output areas. `browser.screenshots` says where screenshots are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Lab, Notebook, jupyter_lab

from dqnkit.classroom.course import notebook_name
from dqnkit.course_folder import find_notebooks

nbformat = pytest.importorskip("nbformat")
runs = pytest.importorskip("notebook_runs")  # needs nbclient and psutil

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((find_notebooks() / "solutions").glob("[0-9][0-9]_*.ipynb"))
PICTURES = ".jp-Notebook .jp-OutputArea-output img"
# legible: the contrast of text and background is at least this (WCAG 2, level AA, for text of this size)
CONTRAST = 4.5
CONTRAST_OF_TEXT = (Path(__file__).parent / "support" / "contrast.js").read_text(encoding="utf-8").partition("\n")[2]

# on dark pages a style sheet gives each picture another content; a video keeps the colours of its environment
ON_WHITE_PAPER = """images => images.filter(image => getComputedStyle(image).content === "normal")
    .filter(image => !image.closest("[style*='overflow: hidden']")).map(image => image.alt)"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end_and_can_be_read(lab: Lab, path: Path, fast_notebooks: Path) -> None:
    notebook = lab.open(fast_notebooks / "solutions" / path.name)
    try:
        notebook.run_all()
        notebook.wait_until_done(timeout=300)
        notebook.save()
        saved = nbformat.read(notebook.path, as_version=4)
        assert not runs.complaints(saved), "\n".join(runs.complaints(saved))
        assert not runs.long_lines(saved)
        assert runs.passed_checks(notebook.path.parent) == runs.names_checked(saved)
        is_first = path.stem == notebook_name("start_here")  # which also imports upload_progress, in its first cell
        last = notebook.find("\nprogress()" if is_first else "progress()")
        notebook.wait_for(last, r"Your progress: [1-9]\d* of \d+ checks passed")
        assert_pictures_have_words(notebook)
        notebook.screenshot(f"whole-{path.stem}")
        for name, width, dark in (("dark", 1400, True), ("narrow", 680, False)):
            look_at(notebook, f"{path.stem}-{name}", width, dark)
        assert not notebook.errors
    finally:
        notebook.shut_down()


def assert_pictures_have_words(notebook: Notebook) -> None:
    """Each displayed picture has an alternative text that is a sentence."""
    texts = notebook.page.locator(PICTURES).evaluate_all("images => images.map(image => image.alt)")
    assert [text for text in texts if len(text) < 20] == []


def look_at(notebook: Notebook, name: str, width: int, dark: bool) -> None:
    """Change theme and width, keep a screenshot of each output, and check contrast and overflow."""
    notebook.page.set_viewport_size({"width": width, "height": 1000})
    notebook.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")
    notebook.page.wait_for_timeout(1500)
    notebook.keep_outputs(name)
    faint = [text for contrast, text in notebook.page.evaluate(CONTRAST_OF_TEXT) if contrast < CONTRAST]
    faint = [text for text in faint if not text.startswith("Client-")]  # Dask's own picture of its client
    assert faint == [], f"{name}: text that is hardly legible"
    if dark:
        assert notebook.page.locator(PICTURES).evaluate_all(ON_WHITE_PAPER) == [], f"{name}: a picture on white paper"
    # except a video, whose frames lie side by side behind a window
    edges = """images => images.filter(image => !image.closest("[style*='overflow: hidden']"))
        .map(image => [image.getBoundingClientRect().right, image.alt.slice(0, 60)])"""
    too_wide = [text for edge, text in notebook.page.locator(PICTURES).evaluate_all(edges) if edge > width]
    assert too_wide == [], f"{name}: a picture sticks out"
