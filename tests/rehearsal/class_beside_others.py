"""Twenty hand-ins of one exercise, graded by this kit, by nbgrader and by otter-grader: verdicts and seconds.

    python tests/rehearsal/class_beside_others.py --nbgrader NB/bin/python --otter OT/bin/python

Both environments need the kit of a release (``release/dqnkit-….whl[notebooks]``, without solutions) beside nbgrader
0.9 or otter-grader. The hand-ins are whole notebooks of the lesson: nbgrader and otter run all their cells, as they do
in a class. What is hostile here harms no machine, as neither of the two puts a wall around it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from class_of_200 import LESSON, STYLES, statuses
from class_of_200 import Class as Graded
from hostile import HOSTILE
from written_by_students import mistaken_answer

from dqnkit.classroom import course
from dqnkit.instructor import collect, nbgrader_tree, roster, settings
from dqnkit.instructor.cage.choice import choose
from dqnkit.instructor.grade import How, grade

EXERCISE = "q_update"
MISTAKES = 8
ATTACKS = (
    "imports the solution",
    "imports the solution late",
    "patches NumPy",
    "patches the check",
    "equals everything",
    "ends its process",
    "endless in Python",
    "reads other submissions",
)
# The kit's own solution names a type of the kit in its signature, which a notebook does not import.
PLAIN = (
    "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n"
    "    if terminated:\n        target = r\n    else:\n        target = r + gamma * q[s_next].max()\n"
    "    return q[s, a] + alpha * (target - q[s, a])\n"
)
CELL_SECONDS = 60  # nbgrader's limit for a cell, and otter's for a notebook five times that
TEST = """OK_FORMAT = True
test = {"name": "q_update", "points": 1, "suites": [{"scored": True, "setup": "", "teardown": "", "type": "doctest",
    "cases": [{"code": ">>> from dqnkit.classroom import check\\n>>> check('q_update', q_update).passed\\nTrue"}]}]}
"""


@dataclass(frozen=True)
class HandIn:
    """What a student wrote, and whether it is right."""

    kind: str
    code: str
    is_right: bool


def hand_ins() -> list[HandIn]:
    """Right in four styles, eight known mistakes, eight attacks."""
    styles = {**STYLES, "with if and else": PLAIN}
    right = [HandIn(f"right, {style}", code, True) for style, code in styles.items()]
    names = [mistake.name for mistake in course.find_exercise(EXERCISE).mistakes][:MISTAKES]
    wrong = [
        HandIn(f"mistake: {name}", f"{mistaken_answer(EXERCISE, number).code}{EXERCISE} = mistaken\n", False)
        for number, name in enumerate(names)
    ]
    return [*right, *wrong, *(HandIn(f"hostile: {kind}", HOSTILE[kind].code, False) for kind in ATTACKS)]


def notebooks(tree: Path, given: list[HandIn]) -> list[str]:
    """The lesson's notebook, once with each answer."""
    written = []
    for each in given:
        notebook = nbformat.read(tree, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.source.startswith(f"def {EXERCISE}("):
                cell.source = each.code
        written.append(nbformat.writes(notebook))
    return written


def by_this_kit(folder: Path, written: list[str]) -> tuple[list[bool], float]:
    """Collect and grade as an instructor does."""
    settings.new(folder, "Twenty", [LESSON])
    ids = [f"s{number:02d}" for number in range(len(written))]
    (folder / "roster.csv").write_text("id,name,email\n" + "".join(f"{each},{each},\n" for each in ids))
    handed = folder.parent / "handed-in"
    handed.mkdir()
    for student, text in zip(ids, written, strict=True):
        (handed / f"{student}.ipynb").write_text(text)
    made = settings.read(folder)
    began = time.monotonic()
    collect.collect(made, roster.read(made), [str(handed)], datetime.now(UTC))
    grade(made, How(choose(None), 1))
    seconds = time.monotonic() - began
    found = statuses(Graded(made, {}, 0))
    return [found.get(made.pseudonym(student), ("", ""))[0] == "passed" for student in ids], seconds


def by_nbgrader(python: Path, folder: Path, tree: Path, written: list[str]) -> tuple[list[bool], float]:
    """`generate_assignment` and `autograde` of nbgrader."""
    (folder / "source" / LESSON).mkdir(parents=True)
    (folder / "source" / LESSON / tree.name).write_text(tree.read_text())
    (folder / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.course_id = 'twenty'\nc.ExecutePreprocessor.timeout = {CELL_SECONDS}\n"
        "c.ExecutePreprocessor.kernel_name = 'python3'\n"
    )
    for number, text in enumerate(written):
        submitted = folder / "submitted" / f"s{number:02d}" / LESSON
        submitted.mkdir(parents=True)
        (submitted / tree.name).write_text(text)
    _run([python, "-m", "nbgrader", "generate_assignment", LESSON, "--create"], folder)
    began = time.monotonic()
    _run([python, "-m", "nbgrader", "autograde", LESSON, "--create"], folder)
    seconds = time.monotonic() - began
    code = (
        "import json; from nbgrader.api import Gradebook; book = Gradebook('sqlite:///gradebook.db')\n"
        f"found = {{s.student_id: [g.score for n in s.notebooks for g in n.grades if g.name == '{EXERCISE}-check'] "
        f"for s in book.assignment_submissions('{LESSON}')}}\nprint(json.dumps(found))"
    )
    scores = json.loads(_run([python, "-c", code], folder).splitlines()[-1])
    return [bool(sum(scores.get(f"s{number:02d}", []))) for number in range(len(written))], seconds


def by_otter(python: Path, folder: Path, written: list[str]) -> tuple[list[bool], float]:
    """`otter generate`, then `otter run` for each notebook."""
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "q_update.py").write_text(TEST)
    _run([python, "-m", "otter", "generate", "--no-environment", "-o", "autograder.zip"], folder)
    passed, began = [], time.monotonic()
    for number, text in enumerate(written):
        (folder / "work.ipynb").write_text(text)
        made = folder / f"{number}"
        made.mkdir()
        _run([python, "-m", "otter", "run", "-a", "autograder.zip", "-o", str(made), "--no-logo", "work.ipynb"], folder)
        results = made / "results.json"
        tests = json.loads(results.read_text())["tests"] if results.exists() else []
        passed.append(any(test.get("score", 0) > 0 for test in tests if "q_update" in test["name"]))
    return passed, time.monotonic() - began


def _run(command: list[Any], folder: Path) -> str:
    """What a program prints; one that fails or takes too long has graded nothing."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{environment['PATH']}"
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=3600 if "autograde" in command else 5 * CELL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode:
        click.echo(f"{' '.join(map(str, command[1:4]))}: {done.stderr.strip()[-300:]}", err=True)
    return done.stdout


@click.command()
@click.option("--nbgrader", type=click.Path(path_type=Path))
@click.option("--otter", type=click.Path(path_type=Path))
@click.option("--json", "file", type=click.Path(path_type=Path), default=Path("benchmark-results/class_beside.json"))
def main(nbgrader: Path | None, otter: Path | None, file: Path) -> None:
    """Grade the twenty by each, and print the table."""
    given = hand_ins()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = settings.read(settings.new(folder / "for-the-tree", "Tree", [LESSON]).parent)
        [tree] = nbgrader_tree.write(folder / "tree", made.lessons)
        written = notebooks(tree, given)
        results = {"dqnkit": by_this_kit(folder / "class", written)}
        if nbgrader is not None:
            results["nbgrader"] = by_nbgrader(nbgrader.absolute(), folder / "nbgrader", tree, written)
        if otter is not None:
            results["otter"] = by_otter(otter.absolute(), folder / "otter", written)
    click.echo(f"{'':45}" + "".join(f"{each:>10}" for each in results))
    for number, each in enumerate(given):
        verdicts = ["passed" if passed[number] else "failed" for passed, _ in results.values()]
        click.echo(f"{each.kind:45.45}" + "".join(f"{verdict:>10}" for verdict in verdicts))
    wrong = {
        each: sum(a != b.is_right for a, b in zip(found, given, strict=True)) for each, (found, _) in results.items()
    }
    click.echo(f"{'wrong verdicts':45}" + "".join(f"{number:>10}" for number in wrong.values()))
    click.echo(f"{'seconds':45}" + "".join(f"{seconds:>10.0f}" for _, seconds in results.values()))
    click.echo(f"load {os.getloadavg()[0]:.1f}")
    file.parent.mkdir(exist_ok=True)
    table = {each: {"passed": found, "seconds": seconds} for each, (found, seconds) in results.items()}
    file.write_text(json.dumps({"kinds": [each.kind for each in given], **table}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
