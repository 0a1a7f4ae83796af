"""Drawings without a browser: what is sent to a page, and what stands in where no script runs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anywidget._util
import pytest
import traitlets

from dqnkit import hosted
from dqnkit.plots import Picture
from dqnkit.plots.canvas import Canvas
from dqnkit.widgets.drawing import Drawing, PageDrawing

VIEW = "application/vnd.jupyter.widget-view+json"
MODULE = Path(__file__).parents[1] / "support" / "dial.js"


class Dial(Drawing, module=MODULE):
    value = traitlets.Float(0.5).tag(sync=True)

    def picture(self) -> Picture:
        return Canvas(30, 10).picture("A dial")


def test_a_drawing_leaves_a_picture_where_widgets_do_not_work() -> None:
    data, _ = Dial()._repr_mimebundle_()
    assert data["text/plain"] == "A dial"
    assert '<img alt="A dial"' in data["text/html"]
    assert VIEW in data


def test_on_colab_the_custom_widget_manager_is_enabled_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    enabled: list[bool] = []
    output = ModuleType("google.colab.output")
    vars(output).update(
        enable_custom_widget_manager=lambda: enabled.append(True),
        _widgets=SimpleNamespace(_installed_url="https://manager"),
    )
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    data, metadata = Dial()._repr_mimebundle_()
    anywidget._util.enable_custom_widget_manager_once.cache_clear()
    assert enabled == [True]
    assert set(data) == {"text/plain", VIEW}
    assert metadata[VIEW]["colab"]["custom_widget_manager"]["url"] == "https://manager"


def test_a_program_that_runs_a_notebook_gets_the_picture_without_the_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = SimpleNamespace(get_parent=lambda: {"content": {"allow_stdin": False}})
    monkeypatch.setattr(hosted, "running_kernel", lambda: kernel)
    data, _ = Dial()._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}


def test_a_drawing_on_the_page_cannot_end_its_own_script() -> None:
    picture = Canvas(30, 10).picture("A dial")
    page = PageDrawing(MODULE, {"value": "</script>"}, picture)
    assert page.html().count("</script>") == 1
    assert '<img alt="A dial"' in page._repr_mimebundle_()["text/html"]
