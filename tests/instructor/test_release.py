"""What students get has no solution in it, works without the instructor's tools, and is accepted by nbgrader's form."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dqnkit.classroom import course
from dqnkit.instructor import nbgrader_tree, public_kit, release, settings
from dqnkit.instructor.settings import ClassSettings


@pytest.fixture
def small_class(tmp_path: Path) -> ClassSettings:
    settings.new(tmp_path / "class", "A class", ["q_update"])
    return settings.read(tmp_path / "class")


@pytest.fixture
def few_exercises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheets of two exercises only: recording all takes minutes."""
    monkeypatch.setattr(course, "exercise_names", lambda: ["epsilon_greedy", "q_update"])
    monkeypatch.setattr(course, "exercises_by_lesson", lambda: {"q_update": ["q_update", "epsilon_greedy"]})
    monkeypatch.setattr(release, "SEEDS", (1,))


def in_students_kit(kit: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code where only the students' kit can be imported as dqnkit."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(kit)!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=kit,
    )


def test_the_public_kit_has_no_private_parts(tmp_path: Path) -> None:
    kit = public_kit.copy(tmp_path)
    names = {path.relative_to(kit).as_posix() for path in kit.rglob("*")}
    assert not [name for name in names if "/answers" in name or "__pycache__" in name]
    assert not names & {"instructor", "authoring", "course"}
    assert {"lessons/q_update/exercises/q_update.py", "classroom/checking.py", "widgets/drawing.js"} <= names
    done = in_students_kit(tmp_path, "import dqnkit.classroom, dqnkit.cli; print(dqnkit.__file__)")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


@pytest.mark.usefixtures("few_exercises")
def test_a_release_is_a_course_that_checks_without_solutions(small_class: ClassSettings) -> None:
    folder = release.release(small_class)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(folder / "kit")
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert not [name for name in names if "/answers/" in name and name.endswith(".py")]
    assert "dqnkit/lessons/q_update/answers/q_update.json.gz" in names
    assert [name for name in names if name.startswith("dqnkit/course/") and name.endswith(".ipynb")] == [
        "dqnkit/course/01_q_update.ipynb"
    ]
    assert "Provides-Extra: notebooks" in metadata
    assert "Requires-Dist: gymnasium" in metadata
    done = in_students_kit(
        folder / "kit",
        "from dqnkit.classroom import check\n"
        "def right(q, s, a, r, s_next, terminated, alpha, gamma):\n"
        "    y = r if terminated else r + gamma * q[s_next].max()\n"
        "    return q[s, a] + alpha * (y - q[s, a])\n"
        "print(check('q_update', right).passed)\n"
        "wrong = lambda q, s, a, r, n, t, alpha, gamma: right(q, s, a, r, n, t, 1.0, gamma)\n"
        "print(check('q_update', wrong).mistake)\n",
    )
    assert done.stdout.split("\n")[:2] == ["True", "jumps to the target"], done.stderr
    told = in_students_kit(folder / "kit", "from dqnkit.cli import main; main(['class', 'new', 'x'])")
    assert "handed out to students" in told.stderr
    with zipfile.ZipFile(folder.with_suffix(".zip")) as archive:
        assert {wheel.name, "README.md", "course/01_q_update.ipynb"} <= set(archive.namelist())


@pytest.mark.usefixtures("few_exercises")
@pytest.mark.parametrize("address", ["", "https://example.edu/dqnkit-0.1.0-py3-none-any.whl"])
def test_no_link_leads_to_the_solutions(small_class: ClassSettings, address: str) -> None:
    lesson = small_class.lessons[0]
    text = release._notebook(lesson, address)
    cells = {cell.get("id"): "".join(cell["source"]) for cell in json.loads(text)["cells"]}
    assert ("set-up" in cells) == bool(address)
    assert "mybinder.org" not in text
    assert "github.com" not in text.replace("https://github.com/Farama-Foundation", "")
    if address:
        assert f'kit = "{address}"' in cells["set-up"]


@pytest.mark.usefixtures("few_exercises")
def test_the_folder_of_a_class_may_be_named_from_where_one_stands(
    small_class: ClassSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_class.folder.parent)
    made = release.release(settings.read(Path(small_class.folder.name)))
    assert not made.is_absolute()
    assert list(made.glob("dqnkit-*.whl"))


@pytest.mark.usefixtures("few_exercises")
def test_an_interrupted_release_leaves_the_one_before(
    small_class: ClassSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = release.release(small_class)
    (before / "mark").touch()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(release.nbgrader_tree, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release.release(small_class)
    assert (before / "mark").exists()
    assert sorted(path.name for path in small_class.folder.iterdir()) == [
        ".answer-sheets",
        ".gitignore",
        "class.toml",
        "release",
        "release.zip",
        "roster.csv",
    ]


def test_nbgraders_tree_marks_solutions_and_tests(tmp_path: Path, small_class: ClassSettings) -> None:
    (path,) = nbgrader_tree.write(tmp_path, small_class.lessons)
    assert path == tmp_path / "source" / "q_update" / "01_q_update.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    marks = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in cells if "nbgrader" in cell["metadata"]}
    assert {"q_update", "q_update-check", "epsilon_greedy", "epsilon_greedy-check"} <= marks.keys()
    assert "### BEGIN SOLUTION" in "".join(marks["q_update"]["source"])
    test = marks["q_update-check"]["metadata"]["nbgrader"]
    assert (test["grade"], test["locked"], test["points"], test["solution"]) == (True, True, 1.0, False)
    assert "assert result.passed" in "".join(marks["q_update-check"]["source"])
