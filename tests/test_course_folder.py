"""Where the course is found: in a checkout, in an installed wheel, in the reader's folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dqnkit
from dqnkit import course_folder
from dqnkit.errors import DQNKitError

ROOT = Path(__file__).resolve().parent.parent


def files_below(course):
    return [file.relative_to(course).as_posix() for file in course_folder._course_files(course)]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package installed from a wheel, with a small course in it."""
    package = tmp_path / "site-packages" / "dqnkit"
    course = package / "course"
    for name in ("00_start.ipynb", "README.md", "pictures/a.png", ".ipynb_checkpoints/00.ipynb", "runs/1/config.json"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(f"the kit's {name}")
    monkeypatch.setattr(course_folder, "PACKAGE", package)
    return package


def test_a_checkout_has_its_notebooks_beside_the_package():
    assert course_folder.find_notebooks() == ROOT / "notebooks"


def test_an_installed_package_has_them_inside(installed):
    (installed.parent / "notebooks").mkdir()  # a folder of another project
    assert course_folder.find_notebooks() == installed / "course"


def test_where_there_are_none_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(course_folder, "PACKAGE", tmp_path / "dqnkit")
    (tmp_path / "notebooks").mkdir()  # beside the package, but not a checkout of dqnkit
    with pytest.raises(DQNKitError, match="pip install"):
        course_folder.find_notebooks()


def test_the_readers_work_is_never_overwritten(installed, tmp_path):
    folder = tmp_path / "mine"
    course_folder.copy_course(installed / "course", folder)
    (folder / "00_start.ipynb").write_text("my answers")
    (folder / "pictures" / "a.png").unlink()
    (folder / "my.txt").write_text("my notes")

    assert course_folder.copy_course(installed / "course", folder) == ([folder / "pictures" / "a.png"], [], [])
    assert (folder / "00_start.ipynb").read_text() == "my answers"
    assert (folder / "my.txt").read_text() == "my notes"
    assert not list(folder.rglob("*.part"))


def test_a_later_version_updates_what_was_not_touched_and_lays_the_rest_beside(installed, tmp_path, monkeypatch):
    course, folder = installed / "course", tmp_path / "mine"
    (course / "01_next.ipynb").write_text("first version")
    course_folder.copy_course(course, folder)
    (folder / "01_next.ipynb").write_text("my answers")

    monkeypatch.setattr("dqnkit.__version__", "9.0")
    (course / "00_start.ipynb").write_text("newer")
    (course / "01_next.ipynb").write_text("newer, too")
    copied = course_folder.copy_course(course, folder)
    (beside,) = copied.beside
    assert beside.name.startswith("01_next.new-9.0-")
    assert copied.updated == [folder / "00_start.ipynb"]
    assert (folder / "00_start.ipynb").read_text() == "newer"
    assert (folder / "01_next.ipynb").read_text() == "my answers"
    assert beside.read_text() == "newer, too"
    assert course_folder.copy_course(course, folder) == ([], [], [])  # it is offered only once

    beside.write_text("I go on in this one")
    (course / "01_next.ipynb").write_text("a correction, under the same version of the kit")
    (correction,) = course_folder.copy_course(course, folder).beside
    assert beside.read_text() == "I go on in this one"
    assert correction.read_text().startswith("a correction")

    (folder / "01_next.ipynb").write_text(correction.read_text())  # the reader took it
    (course / "01_next.ipynb").write_text("newest")
    assert course_folder.copy_course(course, folder).updated == [folder / "01_next.ipynb"]


def test_a_notebook_that_was_only_opened_is_not_touched(installed, tmp_path):
    cell = {"cell_type": "code", "source": ["1 + 1"], "outputs": [], "execution_count": None}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (installed / "course" / "00_start.ipynb").write_text(json.dumps(notebook))
    mine = tmp_path / "mine" / "00_start.ipynb"
    course_folder.copy_course(installed / "course", mine.parent)
    mine.write_text(json.dumps({**notebook, "metadata": {"language_info": {"version": "3.12.1"}}}, indent=1))

    newer = {**notebook, "cells": [{**cell, "source": ["2 + 2"]}]}
    (installed / "course" / "00_start.ipynb").write_text(json.dumps(newer))
    assert course_folder.copy_course(installed / "course", mine.parent).updated == [mine]
    assert json.loads(mine.read_text()) == newer

    ran = {**cell, "source": ["2 + 2"], "outputs": [{"output_type": "stream", "name": "stdout", "text": "4"}]}
    mine.write_text(json.dumps({**newer, "cells": [ran]}))
    (installed / "course" / "00_start.ipynb").write_text(json.dumps(notebook))
    assert course_folder.copy_course(installed / "course", mine.parent).updated == []
    assert json.loads(mine.read_text())["cells"] == [ran]


def test_a_copy_of_which_nothing_is_known_is_the_readers_own(installed, tmp_path):
    folder = tmp_path / "mine"
    course_folder.copy_course(installed / "course", folder)
    (folder / course_folder.MANIFEST).write_text("{ damaged")
    (installed / "course" / "00_start.ipynb").write_text("newer")
    copied = course_folder.copy_course(installed / "course", folder)
    (beside,) = copied.beside
    assert beside.name.startswith(f"00_start.new-{dqnkit.__version__}-")
    assert (folder / "00_start.ipynb").read_text() == "the kit's 00_start.ipynb"


def test_the_kits_settings_for_jupyterlab_are_of_settings_that_it_has():
    pytest.importorskip("jupyterlab")
    from jupyterlab.commands import get_app_dir

    app = Path(get_app_dir())
    schemas = [app / "schemas", app.parent / "labextensions" / "dask-labextension" / "schemas"]
    overrides = json.loads((course_folder.jupyter_config() / "labconfig/default_setting_overrides.json").read_text())
    assert overrides
    for plugin, settings in overrides.items():
        package, _, name = plugin.partition(":")
        (file,) = (path for folder in schemas if (path := folder / package / f"{name}.json").exists())
        assert settings.keys() <= json.loads(file.read_text())["properties"].keys()


@pytest.mark.parametrize("inside", ["", "mine"])
def test_a_copy_inside_the_course_is_refused(installed, inside):
    with pytest.raises(DQNKitError, match="outside of it"):
        course_folder.copy_course(installed / "course", installed / "course" / inside)


@pytest.mark.parametrize("obstacle", ["mine", "mine/pictures"])
def test_a_file_in_the_way_is_an_error_that_names_it(installed, tmp_path, obstacle):
    path = tmp_path / obstacle
    path.parent.mkdir(exist_ok=True)
    path.write_text("a file")
    with pytest.raises(DQNKitError, match="name another folder") as error:
        course_folder.copy_course(installed / "course", tmp_path / "mine")
    assert str(path) in str(error.value)
    assert path.read_text() == "a file"


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
        [sys.executable, "-c", "from dqnkit.course_folder import find_notebooks; print(find_notebooks())"],
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
