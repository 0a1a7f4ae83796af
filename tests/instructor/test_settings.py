"""class.toml: written with comments, read with sentences about what is wrong."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest

from dqnkit.classroom import course
from dqnkit.errors import UnknownNameError
from dqnkit.instructor import settings
from dqnkit.instructor.settings import ClassError, ClassSettings


def edited(folder: Path, old: str, new: str) -> Path:
    """The folder, after an edit of its class.toml."""
    path = folder / settings.NAME
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_a_new_class_does_every_lesson_that_has_exercises_for_a_point_each(tmp_path: Path) -> None:
    settings.new(tmp_path / "class", "All of it")
    made = settings.read(tmp_path / "class")
    found = {name: 1 for lesson in made.lessons for name in lesson.points}
    assert found == dict.fromkeys(course.exercise_names(), 1)
    assert made.name == "All of it"


def test_only_its_owner_can_read_it(class_settings: ClassSettings) -> None:
    mode = (class_settings.folder / settings.NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert class_settings.secret.hex() not in repr(class_settings)


def test_no_repository_around_it_takes_it_in(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    settings.new(tmp_path / "class", "x", ["q_update"])
    found = subprocess.run(["git", "-C", tmp_path, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert found.stdout == ""


@pytest.mark.parametrize("name", ['“quotes” and "straight ones"', "back\\slash", "line\nbreak", "Übung 🎓"])
def test_any_name_of_a_class_comes_back(tmp_path: Path, name: str) -> None:
    settings.new(tmp_path / "class", name, ["q_update"])
    assert settings.read(tmp_path / "class").name == name


def test_a_class_is_never_written_over(class_settings: ClassSettings) -> None:
    before = (class_settings.folder / settings.NAME).read_text()
    with pytest.raises(ClassError, match="is there already"):
        settings.new(class_settings.folder, "Another")
    assert (class_settings.folder / settings.NAME).read_text() == before


def test_a_lesson_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no lesson 'q_updat'"):
        settings.new(tmp_path / "class", "x", ["q_updat"])
    assert not (tmp_path / "class").exists()


def test_pseudonyms_and_seeds_hang_on_the_secret_alone(tmp_path: Path, class_settings: ClassSettings) -> None:
    again = settings.read(class_settings.folder)
    settings.new(tmp_path / "other", "A class", ["q_update"])
    other = settings.read(tmp_path / "other")
    assert again.pseudonym("100") == class_settings.pseudonym("100") != other.pseudonym("100")
    assert re.fullmatch("[a-z2-7]{10}", again.pseudonym("100"))
    seeds = {made.seed(student, exercise) for made in (again, other) for student in "ab" for exercise in "xy"}
    assert len(seeds) == 8
    assert again.seed("a", "x") == class_settings.seed("a", "x")


def test_deadlines_are_in_the_time_zone_of_the_class(class_settings: ClassSettings) -> None:
    edited(class_settings.folder, 'timezone = "UTC"', 'timezone = "Europe/Berlin"')
    edited(class_settings.folder, 'notebook = "q_update"', 'notebook = "q_update"\ndeadline = 2026-12-14T23:59:00')
    deadline = settings.read(class_settings.folder).lessons[0].deadline
    assert deadline is not None
    assert deadline.isoformat() == "2026-12-14T23:59:00+01:00"


def test_single_mistakes_have_a_worth_of_their_own(class_settings: ClassSettings) -> None:
    name = course.find_exercise("q_update").mistakes[0].name
    edited(
        class_settings.folder,
        'notebook = "q_update"',
        f'notebook = "q_update"\nmistakes.q_update = {{ "{name}" = 0.5 }}',
    )
    assert settings.read(class_settings.folder).lessons[0].mistakes == {"q_update": {name: 0.5}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[class]", "[class", "is not TOML"),
        ("[class]", "[klass]", r"takes no 'klass'; did you mean 'class'"),
        ('name = "A class"', "name = 3", "name in .class. is missing"),
        ("secret = ", "secrets = ", "takes no 'secrets'; did you mean 'secret'"),
        ('secret = "', 'secret = "zz', "secret in .class. is 64 digits"),
        ('timezone = "UTC"', 'timezone = "Mars/Base"', "timezone in .class. is a name like"),
        ("known_mistake = 0.0", "known_mistake = 1.5", "known_mistake in .marks. is a share from 0 to 1, not 1.5"),
        ("late_per_day = 0.1", "late_per_day = nan", "late_per_day in .marks. is a share"),
        ("late_days = 0", "late_days = -1", "late_days in .marks. is a whole number from 0"),
        ('notebook = "q_update"', 'notebook = "q_updates"', "no lesson 'q_updates'"),
        ('notebook = "q_update"', 'notebook = "replay"', "has no exercise 'epsilon_greedy'"),
        ("q_update = 1", "q_updat = 1", "has no exercise 'q_updat'; did you mean 'q_update'"),
        ("q_update = 1", "q_update = -1", "names with points"),
        ("q_update = 1", 'q_update = "one"', "names with points"),
        ('notebook = "q_update"', 'notebook = "q_update"\ndeadline = "soon"', "a date with a time"),
        ('notebook = "q_update"', 'notebook = "q_update"\nmistakes.q_update = { "typo" = 1 }', "has no mistake 'typo'"),
        ("[[lesson]]\nnotebook", "[[lessons]]\nnotebook", "takes no 'lessons'"),
        ("exercises = []", 'exercises = ["nowhere"]', "is no lesson: it has no exercises/NAME.py"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(class_settings: ClassSettings, old: str, new: str, message: str) -> None:
    edited(class_settings.folder, old, new)
    with pytest.raises(ClassError, match=message) as raised:
        settings.read(class_settings.folder)
    assert settings.NAME in str(raised.value)


def test_a_folder_without_a_class_says_how_to_begin_one(tmp_path: Path) -> None:
    with pytest.raises(ClassError, match="dqnkit class new"):
        settings.read(tmp_path)


OWN = """
from dqnkit.classroom.exercise import Case, Exercise

EXERCISE = Exercise("twice", "(x) -> float", 1, 1, ["double it"], lambda: [Case("two", (2.0,))],
                    lambda rng: [Case("any", (float(rng.normal()),))])
"""
OWN_ANSWERS = """
from dqnkit.classroom.exercise import Answers, Mistake


def twice(x):
    return 2 * x


ANSWERS = Answers(twice, [Mistake("squares", lambda x: x * x, "It squares.")])
"""


def test_an_own_lesson_is_a_folder_beside_class_toml(class_settings: ClassSettings) -> None:
    lesson = class_settings.folder / "warm_up"
    for part, text in (("exercises", OWN), ("answers", OWN_ANSWERS)):
        (lesson / part).mkdir(parents=True)
        (lesson / part / "twice.py").write_text(text)
    edited(class_settings.folder, "exercises = []", 'exercises = ["warm_up"]')
    edited(
        class_settings.folder,
        '[[lesson]]\nnotebook = "q_update"',
        '[[lesson]]\nnotebook = "warm_up"\n\n[[lesson]]\nnotebook = "q_update"',
    )
    try:
        made = settings.read(class_settings.folder)
        assert made.lessons[0].points == {"twice": 1}
        assert made.lessons[0].notebook == "warm_up"
        exercise = course.find_exercise("twice")
        assert exercise.solution(3) == 6
        assert exercise.notebook == "warm_up"
    finally:
        course.forget_lesson("warm_up")
    with pytest.raises(UnknownNameError):
        course.find_exercise("twice")


def test_a_broken_own_exercise_is_named(class_settings: ClassSettings) -> None:
    lesson = class_settings.folder / "broken_lesson"
    (lesson / "exercises").mkdir(parents=True)
    (lesson / "exercises" / "thrice.py").write_text("import a_module_that_is_not_there")
    edited(class_settings.folder, "exercises = []", 'exercises = ["broken_lesson"]')
    try:
        with pytest.raises(ClassError, match=r"thrice of .*cannot be used: ModuleNotFoundError"):
            settings.read(class_settings.folder)
    finally:
        course.forget_lesson("broken_lesson")
