"""A real JupyterLab in a headless Chromium, for tests that click while a cell runs.

    with jupyter_lab(tmp_path) as lab:
        notebook = lab.open(["print(6 * 7)"])
        notebook.run(0)
        notebook.wait_for(0, "42")

Tests wait for text in output areas, never for text in a cell's source. They need Playwright and a Chromium: the one
that ``DQNKIT_CHROMIUM`` names, one on the PATH, or Playwright's own. Without them the tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Keep all cells on the page, ask for no news, save only when a test says so.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# Messages of JupyterLab itself in the browser's console.
NOT_OURS = re.compile(
    r"favicon|the server responded with a status of 404|ResizeObserver|\.map\b|lsp|translation|debugger state", re.I
)

CELLS = "window.jupyterapp.shell.currentWidget.content.widgets"
MODEL = "i => window.jupyterapp.shell.currentWidget.content.widgets[i].model"  # of a cell, in JavaScript


def chromium() -> str | None:
    """The path of Chromium; None if there is none, or only Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("DQNKIT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def why_not() -> str:
    """Why browser tests cannot run here; empty where they can."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        return "needs Playwright: pip install playwright"
    if chromium() is None:
        with sync_playwright() as playwright:
            if not Path(playwright.chromium.executable_path).exists():
                return "needs Chromium: playwright install chromium"
    if shutil.which("jupyter-lab", path=str(Path(sys.executable).parent)) is None:
        return "needs JupyterLab"
    return ""


def screenshots() -> Path:
    """The folder of the screenshots: DQNKIT_SCREENSHOTS, or a temporary folder."""
    folder = Path(os.environ.get("DQNKIT_SCREENSHOTS") or Path(tempfile.gettempdir()) / "dqnkit-screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def kept() -> bool:
    """Whether pictures are kept: where DQNKIT_SCREENSHOTS names a folder. Some hundred pictures take minutes."""
    return bool(os.environ.get("DQNKIT_SCREENSHOTS"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_notebook(path: Path, sources: Sequence[str]) -> None:
    """Write a notebook of code cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for i, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


class Lab:
    """A running JupyterLab and a browser."""

    def __init__(self, folder: Path, url: str, browser: Any) -> None:
        self.folder, self.url, self.browser = folder, url, browser

    def open(
        self, cells: Sequence[str] | Path, *, width: int = 1400, height: int = 1000, dark: bool = False
    ) -> Notebook:
        """Open a new notebook of these cells, or a copy of a notebook in a folder of its own, in its own window."""
        name = f"notebook{len(list(self.folder.rglob('*.ipynb')))}"
        if isinstance(cells, Path):
            path = self.folder / name / f"{name}.ipynb"
            path.parent.mkdir()
            shutil.copy(cells, path)
        else:
            path = self.folder / f"{name}.ipynb"
            write_notebook(path, cells)
        context = self.browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        notebook = Notebook(page, path, f"{self.url}/doc/workspaces/{name}/tree/{path.relative_to(self.folder)}")
        notebook.load(dark)
        return notebook


class Notebook:
    """A notebook in a browser window."""

    def __init__(self, page: Any, path: Path, url: str) -> None:
        self.page, self.path, self.url = page, path, url
        self.errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self._note(message.text))
        page.on("pageerror", lambda error: self._note(str(error)))

    def load(self, dark: bool = False, idle: bool = True) -> None:
        """Load the page and wait for the kernel; with ``idle`` False it may be busy."""
        self.page.goto(self.url)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        statuses = ["idle"] if idle else ["idle", "busy"]
        self.page.wait_for_function(
            "statuses => statuses.includes("
            "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status)",
            arg=statuses,
            timeout=60_000,
        )
        self.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")

    def find(self, text: str) -> int:
        """The number of the code cell whose source contains this text."""
        cells = json.loads(self.path.read_text())["cells"]
        return next(i for i, c in enumerate(cells) if c["cell_type"] == "code" and text in "".join(c["source"]))

    def is_code(self, cell: int) -> bool:
        """Whether a cell is a code cell."""
        return bool(self.page.evaluate(f"i => ({MODEL})(i).type === 'code'", cell))

    def source(self, cell: int) -> str:
        """The source of a cell."""
        return str(self.page.evaluate(f"i => ({MODEL})(i).sharedModel.getSource()", cell))

    def replace(self, cell: int, source: str) -> None:
        """Replace the source of a cell."""
        self.page.evaluate(f"([i, source]) => {{ ({MODEL})(i).sharedModel.setSource(source); }}", [cell, source])

    def run_above(self, cell: int) -> None:
        """Start all cells above one; do not wait."""
        self.page.evaluate("i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", cell)
        self.command("notebook:run-all-above")

    def command(self, name: str, **arguments: Any) -> None:
        """Start one of JupyterLab's commands; do not wait."""
        self.page.evaluate(
            "([name, args]) => { window.jupyterapp.commands.execute(name, args).catch(() => {}); }", [name, arguments]
        )

    def run(self, cell: int) -> None:
        """Start a cell; do not wait."""
        self.page.evaluate("i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", cell)
        self.command("notebook:run-cell")

    def run_all(self) -> None:
        """Start all cells; do not wait."""
        self.command("notebook:run-all-cells")

    def interrupt(self) -> None:
        """Interrupt the kernel, as with the square button."""
        self.command("notebook:interrupt-kernel")

    def save(self) -> dict[str, Any]:
        """Save the notebook; return the content of the file."""
        before = self.path.stat().st_mtime_ns
        self.command("docmanager:save")
        until = time.monotonic() + 20
        while self.path.stat().st_mtime_ns == before and time.monotonic() < until:
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        content: dict[str, Any] = json.loads(self.path.read_text())
        return content

    def output(self, cell: int) -> Any:
        """The output area of a cell, as a Playwright locator."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea")

    def text(self, cell: int) -> str:
        """The visible text in the output area of a cell."""
        area = self.output(cell)
        return str(area.inner_text()) if area.count() else ""

    def wait_for(self, cell: int, pattern: str, timeout: float = 60) -> re.Match[str]:
        """Wait until the visible text in the output area of a cell matches the pattern."""
        until = time.monotonic() + timeout
        while True:
            text = self.text(cell)
            found = re.search(pattern, text)
            if found:
                return found
            if time.monotonic() > until:
                self.page.screenshot(path=str(screenshots() / "timeout.png"))
                raise AssertionError(f"no {pattern!r} in the output after {timeout} s, but:\n{text}")
            self.page.wait_for_timeout(20)

    def click(self, cell: int, button: str) -> None:
        """Click the button with this label in the output area of a cell."""
        self.output(cell).get_by_role("button", name=re.compile(rf"\b{button}$")).first.click(timeout=10_000)

    def wait_for_controls(self, cell: int, timeout: float = 90) -> None:
        """Wait until the buttons of a live panel act: the browser has answered the kernel."""
        pause = self.output(cell).locator("button:enabled", has_text="Pause")
        pause.first.wait_for(timeout=timeout * 1000)

    def is_running(self, cell: int | None = None) -> bool:
        """Whether a cell, or any, runs or is queued. (The kernel itself says idle while a cell awaits something.)"""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        where = cells if cell is None else cells.nth(cell)
        if where.locator(".jp-InputPrompt", has_text="[*]").count():
            return True
        # a folded cell shows no prompt
        states = self.page.evaluate(f"() => {CELLS}.map(({{ model }}) => model.executionState ?? '')")
        return bool({"running", "scheduled"} & set(states if cell is None else [states[cell]]))

    def wait_until_done(self, cell: int | None = None, timeout: float = 120) -> None:
        """Wait until a cell, or every cell, has ended."""
        until = time.monotonic() + timeout
        self.page.wait_for_timeout(100)
        while self.is_running(cell):
            assert time.monotonic() < until, f"still running after {timeout} s"
            self.page.wait_for_timeout(20)

    def screenshot(self, name: str, cell: int | None = None) -> None:
        """Write a picture of the page, or of one output area, to NAME.png, where pictures are `kept`."""
        if kept():
            what = self.page if cell is None else self.output(cell)
            what.screenshot(path=str(screenshots() / f"{name}.png"))

    def keep_outputs(self, name: str, height: int = 4_000) -> None:
        """Write pictures of all outputs, without the cells' sources: NAME-1.png and so on, each of this height."""
        if not kept():
            return
        style = ".jp-Notebook .jp-Cell:not(:has(.jp-OutputArea-output)), .jp-Notebook .jp-Cell-inputWrapper"
        hide = self.page.add_style_tag(content=f"{style} {{ display: none !important }}")
        size, outer = self.page.viewport_size, ".jp-Notebook .jp-WindowedPanel-outer"
        self.page.set_viewport_size({"width": size["width"], "height": height})
        self.page.wait_for_timeout(500)
        whole = self.page.evaluate(f"() => document.querySelector('{outer} .jp-WindowedPanel-inner').scrollHeight")
        for part in range(1 + int(whole) // height):
            self.page.evaluate(f"top => document.querySelector('{outer}').scrollTo(0, top)", part * height)
            self.page.wait_for_timeout(200)
            self.page.locator(".jp-Notebook").first.screenshot(path=str(screenshots() / f"{name}-{part + 1}.png"))
        hide.evaluate("style => style.remove()")
        self.page.set_viewport_size(size)

    def shut_down(self) -> None:
        """End the kernel and close the page."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()

    def _note(self, message: str) -> None:
        if not NOT_OURS.search(message):
            self.errors.append(message)


def seconds_until(act: Callable[[], None], seen: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    seen()
    return time.monotonic() - began


def crowding() -> float:
    """How many times longer a computation takes because of the machine's other work: 1 on a quiet machine."""
    began, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < 0.2:
        pass
    return max(1.0, (time.perf_counter() - began) / 0.2)


def box_of(element: Any, limit: float = 10) -> dict[str, float]:
    """Where an element is on its page; waits while it is drawn anew, for then it has no place."""
    ends = time.monotonic() + limit
    while (box := element.bounding_box()) is None:
        assert time.monotonic() < ends, f"no place on the page after {limit} s: {element}"
        time.sleep(0.05)
    return box


def assert_quick(limit: float, attempt: Callable[[], float], again: Callable[[], object] = lambda: None) -> None:
    """One of three attempts takes less than the limit, in seconds of a quiet machine.

    Other work on the machine may make two of them late; what is slow itself makes all of them late.
    """
    taken = [attempt() / crowding()]
    while min(taken) >= limit:
        assert len(taken) < 3, f"the quickest of {taken} took {limit} s or more"
        again()
        taken.append(attempt() / crowding())


@contextmanager
def jupyter_lab(folder: Path, **environment: str) -> Iterator[Lab]:
    """JupyterLab on a free port with this folder as its root, and a browser. Skips the test if there is no browser.

    ``environment`` is for the kernels.
    """
    reason = why_not()
    if reason:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with _server(folder, environment) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            yield Lab(folder, url, browser)
        finally:
            browser.close()


@contextmanager
def _server(folder: Path, more: dict[str, str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as home:
        for name, values in SETTINGS.items():
            path = Path(home) / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        environment = dict(
            {**os.environ, **more},
            PYTHONPATH=os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")])),
            JUPYTERLAB_SETTINGS_DIR=str(Path(home) / "settings"),
            JUPYTERLAB_WORKSPACES_DIR=str(Path(home) / "workspaces"),
            JUPYTER_CONFIG_DIR=str(Path(home) / "config"),
            JUPYTER_DATA_DIR=str(Path(home) / "data"),
            JUPYTER_RUNTIME_DIR=str(Path(home) / "runtime"),
            IPYTHONDIR=str(Path(home) / "ipython"),
        )
        port = free_port()
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
        command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password="]
        command += ["--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={folder}"]
        with (Path(home) / "log").open("w+") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
            try:
                _wait_for(f"http://127.0.0.1:{port}/api/status", process, Path(home) / "log")
                yield f"http://127.0.0.1:{port}"
            finally:
                process.send_signal(signal.SIGTERM)  # it ends its kernels
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}") from None
            time.sleep(0.2)
