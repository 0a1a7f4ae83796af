"""The live class as a service of a real JupyterHub: two students and an instructor, each with an account and a browser.

    python tests/rehearsal/class_on_jupyterhub.py --hub-python HUB/bin/python --proxy HUB/bin/configurable-http-proxy

The hub starts the service and the students' notebook servers. The instructor comes in by the hub's login; the students
join from their notebooks, see nothing of the instructor's pages, and lose nothing when the service is killed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
import report
from browser import CHROMIUM_FLAGS, Notebook, chromium, free_port, screenshots, write_notebook

REPOSITORY = Path(__file__).resolve().parents[2]
STUDENTS, INSTRUCTOR, PASSWORD = ("ada", "ben"), "ivy", "a password of the rehearsal"
START_SECONDS = 240.0
CONFIG = """
import os
os.environ["PYTHONPATH"] = {repository!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.args = ["--allow-root", "--LabApp.expose_app_in_browser=True"]
c.Spawner.environment = {{"DQNKIT_CLASS": "http://127.0.0.1:{port}/services/class"}}
c.Spawner.http_timeout = c.Spawner.start_timeout = 240
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "LANG"]
c.JupyterHub.load_groups = {{"instructors": {{"users": ["{instructor}"]}}}}
c.JupyterHub.load_roles = [
    {{"name": "user", "scopes": ["self", "access:services!service=class"]}},
]
c.JupyterHub.services = [
    {{
        "name": "class",
        "url": "http://127.0.0.1:{service_port}",
        "oauth_no_confirm": True,
        "environment": {{"PYTHONPATH": {repository!r}}},
        "command": [{python!r}, "-m", "dqnkit.cli", "class", "live", "{folder}/class", "--name", "On a hub", "--hub",
                    "--address", "http://127.0.0.1:{port}"],
    }}
]
"""


@contextmanager
def hub(folder: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """A running JupyterHub; its address, and its log."""
    ports = {name: free_port() for name in ("port", "hub_port", "proxy_port", "service_port")}
    config, log = folder / "jupyterhub_config.py", folder / "hub.log"
    names = {"python": arguments.hub_python, "proxy": arguments.proxy, "password": PASSWORD, "instructor": INSTRUCTOR}
    config.write_text(CONFIG.format(folder=folder, repository=str(REPOSITORY), **names, **ports))
    for name in (*STUDENTS, INSTRUCTOR):
        (folder / name).mkdir()
    environment = {**os.environ, "PATH": f"{Path(arguments.hub_python).parent}{os.pathsep}{os.environ['PATH']}"}
    with log.open("w") as file:
        process = subprocess.Popen(
            [arguments.hub_python, "-m", "jupyterhub", "-f", str(config)], cwd=folder, env=environment,
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{ports['port']}"
            wait_for(lambda: status(f"{address}/services/class/api/me") == 401, log)
            yield address, log
        finally:
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                for child in children:
                    if child.is_running():
                        child.kill()


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    """The status that is answered to a request."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, names), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for(holds: Callable[[], bool], log: Path) -> None:
    """Wait until something holds; where it does not, show the end of the hub's log."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        if time.monotonic() > until:
            raise SystemExit(f"not within {START_SECONDS:.0f} s:\n{log.read_text()[-4000:]}")
        time.sleep(0.3)


def log_in(browser: Any, address: str, name: str, path: str, arrives: str = "") -> Any:
    """A page of the hub, opened by somebody who has to log in first; wait until it arrives where it leads to."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{address}{path}")
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[type=submit]").click()
    page.wait_for_url(re.compile(re.escape(f"{address}{arrives or path}")), timeout=START_SECONDS * 1000)
    return page


def open_notebook(browser: Any, address: str, name: str, folder: Path, code: str) -> Notebook:
    """A student's notebook on the student's own server, which the hub starts."""
    cells = [
        f'from dqnkit.classroom import check, join, predict\n\njoin("{code}")',
        'asked = predict("q_update-alpha")\nasked',
        "from dqnkit.classroom.course import find_exercise\ncheck('q_update', find_exercise('q_update').solution)",
    ]
    write_notebook(folder / name / "class.ipynb", cells)
    page = log_in(browser, address, name, "/hub/spawn", arrives=f"/user/{name}/")
    notebook = Notebook(page, folder / name / "class.ipynb", f"{address}/user/{name}/doc/tree/class.ipynb")
    notebook.load()
    return notebook


def service_of(hub_folder: Path) -> psutil.Process:
    """The process of the service."""
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "--hub" in line and f"{hub_folder}/class" in line:
            return process
    raise SystemExit("the service is not running")


def rehearse(folder: Path, address: str, log: Path, browser: Any) -> dict[str, bool]:
    """Play the class through; each step, and whether it went as it should."""
    service, seen = f"{address}/services/class", {}
    instructor = log_in(browser, address, INSTRUCTOR, "/services/class/instructor")
    code = instructor.locator("#joining b").inner_text()
    seen["the instructor comes in by the hub's login"] = len(code) == 4
    outsider = browser.new_context().new_page()
    outsider.goto(f"{service}/instructor")
    seen["who is not logged in is sent to the hub"] = "/hub/login" in outsider.url
    act = {"data": b'{"action": "next"}', "Content_Type": "application/json"}
    seen["nobody acts without the login"] = status(f"{service}/api/control", **act) == 403  # type: ignore[arg-type]
    notebooks = [open_notebook(browser, address, name, folder, code) for name in STUDENTS]
    for notebook in notebooks:
        notebook.run(0)
        notebook.wait_for(0, "without your name")
        notebook.click(0, "Join the class")
        notebook.wait_for(0, r"You are \w+ \d in")
    seen["two students join from their notebooks, the address given by the hub"] = True
    for number, notebook in enumerate(notebooks):
        notebook.run(1)
        notebook.output(1).get_by_role("radio").nth(number).check()
        notebook.click(1, "Commit")
        notebook.wait_for(1, "committed")
    projector = instructor.context.new_page()
    projector.goto(f"{service}/projector")
    projector.locator("#students", has_text="2").wait_for()
    for name in ("Next question", "Open"):
        instructor.get_by_role("button", name=name, exact=True).click()
        instructor.wait_for_timeout(1000)
    counts = [int(text) for text in projector.locator(".option .count").all_inner_texts()]
    seen["the projector shows both predictions once they are opened"] = sorted(counts) == [0, 1, 1]
    student = notebooks[0].page.context.new_page()
    student.goto(f"{service}/instructor")
    seen["a student does not see the instructor's page"] = "for the hub's group instructors" in student.content()
    service_of(folder).kill()
    wait_for(lambda: status(f"{service}/api/me") >= 500, log)  # the hub's proxy finds nobody
    notebooks[0].run(2)
    notebooks[0].wait_for(2, "passed")
    notebooks[1].run(2)
    notebooks[1].wait_for(2, "passed")
    seen["cells work while the service is down"] = True
    for notebook in notebooks:
        notebook.wait_for(0, "Everything is sent", START_SECONDS)
    for page in (projector, instructor):  # both log in again, at once
        page.locator("#bricks", has_text="2 of 2").wait_for(timeout=START_SECONDS * 1000)
    seen["the hub starts the service again, the pages come back, and nothing is lost"] = True
    notebooks[0].screenshot("hub-student")
    for name, page in (("instructor", instructor), ("projector", projector)):
        page.screenshot(path=str(screenshots() / f"hub-{name}.png"))
    return seen


def main() -> None:
    """Rehearse, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub-python", required=True, help="Python with jupyterhub, jupyterlab and dqnkit[instructor]")
    parser.add_argument("--proxy", default="configurable-http-proxy", help="JupyterHub's proxy, from npm")
    parser.add_argument("--out", type=Path, help="JSON file (default: benchmark-results/class-on-jupyterhub.json)")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="dqnkit-hub-") as name, sync_playwright() as playwright:
        folder = Path(name)
        with hub(folder, arguments) as (address, log):
            browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
            try:
                seen = rehearse(folder, address, log, browser)
            except Exception:
                print(log.read_text()[-6000:], file=sys.stderr)
                raise
            finally:
                browser.close()
    report.table("the live class on a JupyterHub", ["step", "seen"], [[step, str(held)] for step, held in seen.items()])
    verdicts = [report.verdict("steps that went wrong", sum(not held for held in seen.values()), 0, at_most=True)]
    print(f"\nwritten to {report.write_json('class-on-jupyterhub', arguments, seen, verdicts)}")
    sys.exit(0 if all(verdict["met"] for verdict in verdicts) else 1)


if __name__ == "__main__":
    main()
