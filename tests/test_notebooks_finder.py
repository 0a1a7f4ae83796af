"""Where the course is: in a checkout, in an installed wheel, in the reader's folder; and JupyterLab opened at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dqnkit import notebooks
from dqnkit.errors import DQNKitError, MissingExtraError

ROOT = Path(__file__).resolve().parent.parent


def files_below(course):
    return [file.relative_to(course).as_posix() for file in notebooks._course_files(course)]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package installed from a wheel, with a small course in it."""
    package = tmp_path / "site-packages" / "dqnkit"
    course = package / "course"
    for name in ("00_start.ipynb", "README.md", "pictures/a.png", ".ipynb_checkpoints/00.ipynb", "runs/1/config.json"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(f"the kit's {name}")
    monkeypatch.setattr(notebooks, "PACKAGE", package)
    return package


@pytest.fixture
def commands(monkeypatch):
    """What would have been run instead of JupyterLab."""
    ran = []
    monkeypatch.setattr(notebooks, "find_spec", lambda name: object())
    monkeypatch.setattr(notebooks, "_run_until_interrupted", lambda command: ran.append(command) or 0)
    return ran


def test_a_checkout_has_its_notebooks_beside_the_package():
    assert notebooks.find_notebooks() == ROOT / "notebooks"


def test_an_installed_package_has_them_inside(installed):
    (installed.parent / "notebooks").mkdir()  # of somebody else
    assert notebooks.find_notebooks() == installed / "course"


def test_where_there_are_none_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "dqnkit")
    (tmp_path / "notebooks").mkdir()  # beside the package, but this is no checkout of the kit
    with pytest.raises(DQNKitError, match="pip install"):
        notebooks.find_notebooks()


def test_a_checkout_is_opened_where_it_is(commands):
    assert notebooks.open_lab(port=9000, browser=False) == 0
    (command,) = commands
    assert command[0] == sys.executable
    assert {"--port=9000", "--no-browser", f"--ServerApp.root_dir={ROOT / 'notebooks'}"} <= set(command)


def test_an_installed_course_is_copied_first(installed, commands, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebooks.open_lab()

    folder = tmp_path / "dqnkit-course"
    assert sorted(file.name for file in folder.rglob("*") if file.is_file()) == ["00_start.ipynb", "README.md", "a.png"]
    assert f"--ServerApp.root_dir={folder}" in commands[0]
    assert "--no-browser" not in commands[0]
    assert f"{folder} (3 new files" in capsys.readouterr().out


def test_the_readers_work_is_never_overwritten(installed, tmp_path):
    folder = tmp_path / "mine"
    notebooks.copy_course(installed / "course", folder)
    (folder / "00_start.ipynb").write_text("my answers")
    (folder / "pictures" / "a.png").unlink()
    (folder / "my.txt").write_text("my notes")

    assert notebooks.copy_course(installed / "course", folder) == [folder / "pictures" / "a.png"]
    assert (folder / "00_start.ipynb").read_text() == "my answers"
    assert (folder / "my.txt").read_text() == "my notes"
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize("obstacle", ["mine", "mine/pictures"])
def test_a_file_in_the_way_is_an_error_that_names_it(installed, tmp_path, obstacle):
    path = tmp_path / obstacle
    path.parent.mkdir(exist_ok=True)
    path.write_text("a file")
    with pytest.raises(DQNKitError, match="name another folder") as error:
        notebooks.copy_course(installed / "course", tmp_path / "mine")
    assert str(path) in str(error.value)
    assert path.read_text() == "a file"


def test_without_jupyterlab_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(notebooks, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"JupyterLab is not installed.*pip install .dqnkit\[notebooks\]."):
        notebooks.open_lab()


def test_the_exit_code_is_jupyterlabs_own():
    assert notebooks._run_until_interrupted([sys.executable, "-c", "raise SystemExit(3)"]) == 3


@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C to a process group")
def test_ctrl_c_ends_it_quietly():
    server = (
        "import signal, time; signal.signal(signal.SIGINT, lambda *_: exit(1)); print('up', flush=True); time.sleep(60)"
    )
    program = (
        "import signal, sys\n"
        # a shell that starts tests in the background lets them ignore Ctrl-C; a reader's does not
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dqnkit.notebooks import _run_until_interrupted\n"
        f"sys.exit(_run_until_interrupted([sys.executable, '-c', {server!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.slow
def test_an_installed_wheel_finds_its_notebooks(tmp_path):
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")

    def run(*command):
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=240, cwd=ROOT)

    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("dqnkit-*.whl")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel)

    ended = subprocess.run(
        [sys.executable, "-c", "from dqnkit.notebooks import find_notebooks; print(find_notebooks())"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    course = Path(ended.stdout.strip())
    assert course == tmp_path / "site" / "dqnkit" / "course"
    assert files_below(course) == files_below(ROOT / "notebooks") != []
