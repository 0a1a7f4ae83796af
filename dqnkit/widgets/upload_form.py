"""The button that uploads a progress file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets

from dqnkit.widgets.browser import as_widget


class UploadForm:
    """A button to choose a file, and a text with the result; the value of a cell.

    Args:
        take: called with the content of the file; returns the text to show.
    """

    def __init__(self, take: Callable[[bytes], str]) -> None:
        self._take = take
        self.button = ipywidgets.FileUpload(accept=".json", multiple=False, description="Upload progress")
        self.button.layout.width = "auto"
        self.button.observe(self._on_upload, "value")
        self.said = ipywidgets.HTML()
        self.box = ipywidgets.HBox([self.button, self.said], layout={"flex_flow": "row wrap"})

    def _on_upload(self, change: Mapping[str, Any]) -> None:
        for content in uploaded(change["new"]):
            self.said.value = f'<span role="status">{escape(self._take(content))}</span>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return as_widget(self.box, "Upload progress: a button, where there is a browser")


def uploaded(value: Any) -> list[bytes]:
    """Return the contents of the chosen files; ``value`` is a dict by name in ipywidgets 7, a tuple in 8."""
    files = value.values() if isinstance(value, Mapping) else value
    return [bytes(file["content"]) for file in files]
