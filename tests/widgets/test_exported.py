"""Drawings in notebooks that nbconvert exports: their static pictures are seen, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM_FLAGS, chromium, screenshots, why_not, write_notebook

pytest.importorskip("nbconvert")
pytest.importorskip("anywidget")
pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
STATE = "application/vnd.jupyter.widget-state+json"
SHOWN_WIDGET = '<script type="application/vnd.jupyter.widget-view+json">'  # how nbconvert writes it
CELLS = [
    "from dqnkit.lessons.q_network.views import cartpole_view\ncartpole_view(1000, most=50.0)",
    "from dqnkit.classroom import predict\npredict('q_update-alpha')",
    """
from dqnkit.plots import error_curves
from dqnkit.widgets import watch

def drawn(values):
    return error_curves({"error": (values, values)})

await watch(range(1, 4), drawn, total=3, title="Three steps")
""",
    "from dqnkit.lessons.rollouts_on_dask.amdahl_view import amdahl_view\namdahl_view()",
]
PICTURES = ["Landscape", "Curves"]  # whose alternative texts begin so


def export(notebook: Path, *flags: str) -> Path:
    """Run ``jupyter nbconvert --to html``."""
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", *flags, str(notebook)]
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "IPYTHONDIR": str(notebook.parent / "ipython")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return notebook.with_suffix(".html")


@contextmanager
def opened(page: Path) -> Iterator[Any]:
    """A page in a browser that reaches no network."""
    if reason := why_not():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.route("http*://**", lambda route: route.abort())
        tab.goto(page.as_uri(), wait_until="domcontentloaded")
        yield tab
        browser.close()


def visible(page: Any, alt: str) -> bool:
    """Whether a picture is seen whose alternative text begins so."""
    box = page.locator(f'img[alt^="{alt}"]').bounding_box()
    return box is not None and box["width"] > 200 and box["height"] > 50


def test_a_program_that_runs_a_notebook_leaves_pictures_that_need_no_network(tmp_path: Path) -> None:
    notebook = tmp_path / "drawings.ipynb"
    write_notebook(notebook, CELLS)
    html = export(notebook, "--execute")
    assert SHOWN_WIDGET not in html.read_text(encoding="utf-8")
    with opened(html) as page:
        for alt in PICTURES:
            assert visible(page, alt), alt
        assert "alpha = 0.01" in page.inner_text("body")
        assert page.locator(".dqnkit svg").count()  # what needs no kernel is alive
        page.screenshot(path=str(screenshots() / "exported.png"), full_page=True)


@pytest.mark.parametrize("flags", [(), ("--ClearMetadataPreprocessor.enabled=True",)])
def test_of_a_saved_notebook_the_pictures_are_exported(flags: tuple[str, ...], tmp_path: Path) -> None:
    import nbformat
    from ipywidgets import Widget

    from dqnkit.classroom import predict
    from dqnkit.lessons.q_network.views import cartpole_view
    from dqnkit.plots.training_panel import TrainingPanel
    from dqnkit.widgets.live import _Training
    from dqnkit.widgets.panel import Panel

    view, form = cartpole_view(1000, most=50.0), predict("q_update-alpha")
    panel = Panel("CartPole", _Training(None, TrainingPanel("CartPole")))
    outputs = [view._repr_mimebundle_(), (form._bundle(), {}), (panel.bundle(), {})]
    notebook = nbformat.v4.new_notebook()
    for data, metadata in outputs:
        notebook.cells.append(nbformat.v4.new_code_cell("view"))
        notebook.cells[-1].outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))
    if flags:  # as JupyterLab saves it where "Save Widget State Automatically" is on
        notebook.metadata["widgets"] = {STATE: Widget.get_manager_state()}
    path = tmp_path / "saved.ipynb"
    nbformat.write(notebook, path)
    html = export(path, *flags)
    assert SHOWN_WIDGET not in html.read_text(encoding="utf-8")
    with opened(html) as page:
        assert visible(page, "Landscape")
        assert "alpha = 0.01" in page.inner_text("body")
        assert "CartPole: a live panel whose kernel has ended. Run the cell again." in page.inner_text("body")
        page.screenshot(path=str(screenshots() / f"exported-saved-{len(flags)}.png"), full_page=True)
