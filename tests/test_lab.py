"""JupyterLab opened at the course."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dqnkit import course_folder, lab
from dqnkit.classroom.course import LESSONS, notebook_name
from dqnkit.errors import DQNKitError, MissingExtraError

ROOT = Path(__file__).resolve().parent.parent
SERVER = {"url": "http://localhost:8889/", "port": 8889, "token": "abc"}


@pytest.fixture
def commands(monkeypatch):
    """The commands that would have been run instead of JupyterLab."""
    ran = []
    monkeypatch.setattr(lab, "find_spec", lambda name: object())
    monkeypatch.setattr(lab, "_run_until_interrupted", lambda command, *others: ran.append(command) or 0)
    monkeypatch.setattr(lab, "_why_no_browser", lambda: "")
    return ran


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package installed from a wheel, with a small course in it."""
    package = tmp_path / "site-packages" / "dqnkit"
    (package / "course").mkdir(parents=True)
    (package / "course" / "00_start_here.ipynb").write_text("the kit's")
    monkeypatch.setattr(course_folder, "PACKAGE", package)
    return package / "course"


def test_a_checkout_is_opened_where_it_is(commands):
    assert lab.open_lab(port=9000, browser=False) == 0
    (command,) = commands
    assert command[0] == sys.executable
    assert {"--port=9000", "--no-browser", f"--ServerApp.root_dir={ROOT / 'notebooks'}"} <= set(command)
    assert (ROOT / "notebooks" / "START.md").is_file()


def test_an_installed_course_is_copied_first(installed, commands, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lab.open_lab()
    folder = tmp_path / "dqnkit-course"
    assert {path.name for path in folder.iterdir()} == {"00_start_here.ipynb", "START.md", course_folder.MANIFEST}
    assert {f"--ServerApp.root_dir={folder}", "--LabApp.default_url=/lab/tree/START.md"} <= set(commands[0])
    assert "--no-browser" not in commands[0]
    assert f"{folder} (1 new files" in capsys.readouterr().out

    (folder / "00_start_here.ipynb").write_text("my answers")
    (installed / "00_start_here.ipynb").write_text("newer")
    lab.open_lab()
    assert "newer version is beside it: 00_start_here.new-" in capsys.readouterr().out


def test_the_course_comes_without_jupyterlab_too(installed, tmp_path, capsys):
    assert lab.bring_course(tmp_path / "mine") == tmp_path / "mine"
    assert (tmp_path / "mine" / "00_start_here.ipynb").read_text() == "the kit's"
    assert "1 new files" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(installed, commands, tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError("read-only")

    monkeypatch.setattr(lab.start_page, "write_start_page", refuse)
    with pytest.raises(DQNKitError, match=r"read-only.*dqnkit lab FOLDER"):
        lab.open_lab(folder=tmp_path / "mine")
    assert not commands


def test_without_jupyterlab_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"JupyterLab is not installed.*pip install .dqnkit\[notebooks\]."):
        lab.open_lab()


def test_a_browser_is_opened_where_there_is_one_or_when_it_is_asked_for(commands, monkeypatch):
    lab.open_lab()
    monkeypatch.setattr(lab, "_why_no_browser", lambda: "There is no browser on this computer")
    lab.open_lab()
    lab.open_lab(browser=True)
    assert ["--no-browser" in command for command in commands] == [False, True, False]


def test_the_reader_is_told_where_it_is(monkeypatch):
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    text = lab._where_it_is(SERVER, 8889, "")
    assert "http://localhost:8889/lab/tree/START.md?token=abc" in text
    assert "taken" not in text
    assert "START.md\n" in lab._where_it_is({**SERVER, "token": ""}, 8889, "")
    assert "Port 8888 is taken; this is port 8889" in lab._where_it_is(SERVER, 8888, "")
    assert "There is no browser here: open that address" in lab._where_it_is(SERVER, 8889, "There is no browser here")


def test_on_another_computer_the_way_to_it_is_said(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51000 10.0.0.1 22")
    monkeypatch.delenv("BROWSER", raising=False)
    monkeypatch.setattr(lab.getpass, "getuser", lambda: "ada")
    text = lab._where_it_is(SERVER, 8889, lab._why_no_browser())
    assert "ssh -N -L 8889:localhost:8889 ada@10.0.0.1" in text


def test_a_computer_without_a_browser_is_noticed(monkeypatch):
    monkeypatch.setattr(lab.sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("SSH_CONNECTION", "BROWSER"):
        monkeypatch.delenv(name, raising=False)

    def none():
        raise lab.webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(lab.webbrowser, "get", none)
    assert lab._why_no_browser() == "There is no browser on this computer"
    monkeypatch.setattr(lab.webbrowser, "get", lambda: object())
    assert lab._why_no_browser() == ""
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    # a text browser would take over this terminal
    assert lab._why_no_browser() == "There is no browser on this computer"
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51000 10.0.0.1 22")
    monkeypatch.setenv("BROWSER", "/an/editor/that/opens/it/at/home")
    assert lab._why_no_browser() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the paths of temporary folders are long")
def test_sockets_are_tried_where_kernels_will_make_theirs():
    with tempfile.TemporaryDirectory() as folder:
        assert lab._takes_sockets(Path(folder) / "runtime")
        assert list((Path(folder) / "runtime").iterdir()) == []
        assert not lab._takes_sockets(Path(folder) / ("long" * 40))
        (Path(folder) / "file").touch()
        assert not lab._takes_sockets(Path(folder) / "file")


def test_the_exit_code_is_jupyterlabs_own():
    assert lab._run_until_interrupted([sys.executable, "-c", "raise SystemExit(3)"], 8888, "", Path()) == 3


posix = pytest.mark.skipif(os.name != "posix", reason="sends signals to processes")


@contextmanager
def real_lab(folder, port):
    """A real ``dqnkit lab``, told to take this port; gives its process, its address, its token and what it said."""
    pytest.importorskip("jupyterlab")
    program = (
        "import signal, sys\n"
        # a shell that starts tests in the background makes them ignore Ctrl-C; a reader's shell does not
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dqnkit.lab import open_lab\n"
        "sys.exit(open_lab(port=int(sys.argv[1]), folder=sys.argv[2]))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
    environment |= {"JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    environment |= {"BROWSER": "true %s", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(port), str(folder / "course")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=folder,
        env=environment,
    )
    try:
        said = ""
        while not (found := re.search(r"(http://\S+/)lab/tree/START.md\?token=(\w+)", said)):
            line = process.stdout.readline()
            assert line, process.communicate()
            said += line
        yield process, found[1], found[2], said
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@posix
@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_real_one_with_its_port_taken_says_where_it_is_and_ends_with_ctrl_c(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with real_lab(tmp_path, port) as (process, address, token, said):
            assert f"Port {port} is taken" in said
            with urllib.request.urlopen(f"{address}lab/api/settings?token={token}", timeout=60) as answer:
                schemas = {entry["id"]: entry.get("schema", {}) for entry in json.load(answer)["settings"]}
            notification = schemas["@jupyterlab/apputils-extension:notification"]["properties"]
            assert notification["fetchNews"]["default"] == "false"  # readers are not asked whether they want news
            page = f"{address}api/contents/START.md?type=file&format=text&token={token}"
            with urllib.request.urlopen(page, timeout=60) as answer:
                assert f"{notebook_name(LESSONS[0])}.ipynb" in json.load(answer)["content"]
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "WARN" not in errors


@posix
@pytest.mark.timeout(120)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_when_it_is_ended_jupyterlab_and_its_kernels_end_too(tmp_path, name):
    psutil = pytest.importorskip("psutil")
    number = getattr(signal, name)
    with real_lab(tmp_path, 8888) as (process, address, token, _):
        ask = urllib.request.Request(f"{address}api/kernels?token={token}", data=b"{}", method="POST")
        with urllib.request.urlopen(ask, timeout=60) as answer:
            assert answer.status == 201
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2  # JupyterLab and a kernel
        process.send_signal(number)  # to it alone
        _, errors = process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=10)
    assert process.returncode == 128 + number
    assert not alive
    assert "open_lab" not in errors  # a kernel that was starting may say how it was interrupted
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", urlsplit(address).port))


def test_the_signals_are_as_before_when_it_has_ended():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    lab._run_until_interrupted([sys.executable, "-c", ""], 8888, "", Path())
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
