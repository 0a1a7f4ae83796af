"""Drawings without a browser: what is sent to a page, and what stands in where no script runs."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anywidget._util
import numpy as np
import pytest
import traitlets
from PIL import Image

from dqnkit import hosted
from dqnkit.plots import Picture
from dqnkit.plots.canvas import Canvas
from dqnkit.widgets.drawing import Drawing, PageDrawing, script

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


def test_a_page_gets_only_the_shared_parts_that_it_uses() -> None:
    code = script(MODULE, "offerLink(model);")
    for name in set(re.findall(r"^(?:function|class) (\w+)", code, re.MULTILINE)):
        assert name == "render" or len(re.findall(rf"\b{name}\b", code)) > 1, name  # or it is used nowhere
        assert code.count("{") == code.count("}"), name  # each part is whole
    assert "function offerLink" in code
    assert "class Chart" in code
    assert "function playBar" not in code
    assert not re.search(r"^ *//|/\*\*", code, re.MULTILINE)


def test_what_a_page_drawing_keeps_is_on_white_and_small() -> None:
    picture = Canvas(30, 10).picture("A dial")
    page = PageDrawing(MODULE, {}, picture)
    assert isinstance(page.picture, Picture)
    assert picture.dark
    assert not page.picture.dark
    before, after = (np.asarray(Image.open(io.BytesIO(one.png)).convert("RGB")) for one in (picture, page.picture))
    assert (before == after).all()
