"""The commands for instructors: dqnkit class new, release, collect, grade, feedback, marks, report and others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dqnkit.cli.sections import SectionCommand, SectionOption, examples
from dqnkit.errors import DQNKitError, needs

if TYPE_CHECKING:
    from dqnkit.instructor.collect import Collected

Folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
MOST_LISTED = 40  # lines of each list that is printed


@click.group(name="class", short_help="For instructors: hand out, collect, grade.")
def class_() -> None:
    """Hand out the course to a class, collect what students did, and grade it."""


@contextmanager
def room() -> Iterator[None]:
    """Say in a sentence where the room for instructors is not there: students' kits are handed out without it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("dqnkit.instructor"):
            raise
        raise DQNKitError("this kit was handed out to students: it has no tools for instructors") from error


@class_.command(
    short_help="Begin a class: class.toml and an empty roster.",
    epilog=examples(
        "dqnkit class new autumn --name 'Deep Q-Learning'", "dqnkit class new demo --lesson q_update --lesson replay"
    ),
)
@Folder
@click.option("--name", help="of the class, as students read it  [the folder's name]")
@click.option("--lesson", "lessons", multiple=True, help="that the class does; repeat it  [all with exercises]")
def new(folder: Path, name: str | None, lessons: tuple[str, ...]) -> None:
    """Write class.toml, which says what the class does and what it is worth, and an empty roster into FOLDER."""
    with room():
        from dqnkit.instructor import settings
    path = settings.new(folder, name or folder.resolve().name, lessons)
    click.echo(
        f"  {path}\n  {folder / 'roster.csv'}\n\n"
        f"Next: fill in the roster (id,name,email), look through class.toml, then dqnkit class release {folder}"
    )


@class_.command(
    short_help="Make the students' course, without solutions.",
    epilog=examples(
        "dqnkit class release autumn",
        "dqnkit class release autumn --kit-address https://example.edu/dqnkit-0.1.0-py3-none-any.whl",
    ),
)
@Folder
@click.option("--kit-address", default="", metavar="URL", help="where you put the wheel: Colab installs it from there")
def release(folder: Path, kit_address: str) -> None:
    """Make FOLDER/release and release.zip: notebooks, the students' kit, and a tree for nbgrader."""
    with room():
        from dqnkit.instructor import release as releasing
        from dqnkit.instructor import settings
    made = releasing.release(
        settings.read(folder), kit_address=kit_address, tell=lambda text: click.echo(f"  {text} …")
    )
    click.echo(f"\n  {made}\n  {made.with_suffix('.zip')}\n\nGive the zip file to your students.")


@class_.command(
    short_help="Take in what students have handed in.",
    epilog=examples(
        "dqnkit class collect autumn moodle-download.zip", "dqnkit class collect autumn https://example.edu/class.git"
    ),
)
@Folder
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--received",
    type=click.DateTime(MOMENTS),
    metavar="MOMENT",
    help="when all of it was received, like 2026-12-14T20:00  [as each file says]",
)
def collect(folder: Path, sources: tuple[str, ...], received: datetime | None) -> None:
    """Collect from SOURCES: folders, files, zip files of Moodle and Canvas, git repositories."""
    with room():
        from dqnkit.instructor import collect as collecting
        from dqnkit.instructor import roster, settings
    chosen = settings.read(folder)
    when = None if received is None else received.replace(tzinfo=chosen.zone).astimezone(UTC)
    _tell(collecting.collect(chosen, roster.read(chosen), sources, when))


@class_.command(
    short_help="Write each student's feedback.",
    epilog=examples("dqnkit class feedback autumn"),
)
@Folder
def feedback(folder: Path) -> None:
    """Write FOLDER/feedback: one page for each student, and the same as JSON."""
    with room():
        from dqnkit.instructor import feedback as giving
        from dqnkit.instructor import marks, roster, settings
    chosen = settings.read(folder)
    students = roster.read(chosen)
    found = marks.marks(chosen, students)
    written = giving.write(chosen, students, found)
    click.echo(f"  {written.folder}: {written.pages} pages")
    _warn(marks.gaps(chosen, students, found))


@class_.command(
    short_help="Write the marks, also into a sheet of Canvas or Moodle.",
    epilog=examples(
        "dqnkit class marks autumn",
        "dqnkit class marks autumn --sheet moodle.csv --lesson q_update",
        "dqnkit class marks autumn --sheet canvas.csv --column 'Homework 1' --lesson q_update",
    ),
)
@Folder
@click.option(
    "--sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="exported by Canvas or Moodle"
)
@click.option("--lesson", help="whose points go into the sheet  [all]")
@click.option("--column", help="of the sheet that gets them  [Grade]")
def marks(folder: Path, sheet: Path | None, lesson: str | None, column: str | None) -> None:
    """Write FOLDER/marks/marks.csv; with --sheet, also that sheet with the marks filled in."""
    with room():
        from dqnkit.instructor import marks as marking
        from dqnkit.instructor import roster, settings
    chosen = settings.read(folder)
    if lesson is not None and lesson not in [each.name for each in chosen.lessons]:
        raise click.UsageError(f"this class does {', '.join(each.name for each in chosen.lessons)}, not {lesson}")
    students = roster.read(chosen)
    found = marking.marks(chosen, students)
    click.echo(f"  {marking.write(chosen, students, found)}")
    if sheet is not None:
        filled, notes = marking.fill(chosen, students, found, sheet, lesson, column)
        click.echo(f"  {filled}")
        for note in notes:
            click.echo(f"  {note}")
    _warn(marking.gaps(chosen, students, found))


@class_.command(short_help="Where the class stands, on one page.", epilog=examples("dqnkit class report autumn"))
@Folder
@click.option("--names", is_flag=True, help="show students' names  [pseudonyms]")
def report(folder: Path, names: bool) -> None:
    """Write FOLDER/report/index.html: who passed what, the commonest mistakes, tries, minutes and predictions."""
    with room():
        from dqnkit.instructor import marks, roster, settings
        from dqnkit.instructor import report as reporting
    chosen = settings.read(folder)
    students = roster.read(chosen)
    found = marks.marks(chosen, students)
    click.echo(f"  {reporting.write(chosen, students, found, names=names)}")
    _warn(marks.gaps(chosen, students, found))


@class_.command(short_help="Write the answers as Python files.", epilog=examples("dqnkit class export autumn"))
@Folder
def export(folder: Path) -> None:
    """Write FOLDER/exported/EXERCISE/PSEUDONYM.py, for programs that compare answers, as Dolos and JPlag."""
    with room():
        from dqnkit.instructor import export as exporting
        from dqnkit.instructor import settings
    for exercise, count in sorted(exporting.export(settings.read(folder)).items()):
        click.echo(f"  {folder / exporting.FOLDER / exercise}: {count} files")


@class_.command(
    short_help="Delete what was collected and written of a student.",
    epilog=examples("dqnkit class purge autumn 1234567"),
)
@Folder
@click.argument("student")
@click.option("--yes", is_flag=True, help="do not ask")
def purge(folder: Path, student: str, yes: bool) -> None:
    """Delete submissions, verdicts, feedback and marks of STUDENT, named by the id in the roster.

    The roster, a live class and the files that you collected from are yours to delete.
    """
    with room():
        from dqnkit.instructor import purge as purging
        from dqnkit.instructor import roster, settings
    chosen = settings.read(folder)
    known = roster.read(chosen).find(student)
    student = known.id if known else student  # a pseudonym hangs on capitals
    if not yes:
        click.confirm(f"Delete what {folder} has collected and written of {student}? It cannot be undone", abort=True)
    deleted = purging.purge(chosen, student)
    if not deleted and known is None:
        raise settings.ClassError(f"nobody in the roster has the id {student}, and nothing is kept under it")
    click.echo("\n".join(f"  deleted: {what}" for what in deleted) or f"  nothing was kept of {student}")


def _warn(gaps: list[str]) -> None:
    for gap in gaps:
        click.secho(f"dqnkit: {gap}", fg="yellow", err=True)


def _tell(report: Collected) -> None:
    for title, rows in (("Not collected", report.refused), ("Collected, with a warning", report.warnings)):
        if rows:
            click.echo(f"{title}:")
            for name, reason in rows[:MOST_LISTED]:
                click.echo(f"  {name}: {reason}")
            if len(rows) > MOST_LISTED:
                click.echo(f"  … and {len(rows) - MOST_LISTED} more")
    students = len({each.student for each in report.new})
    click.echo(
        f"{len(report.new)} collected, of {students} students; {len(report.before)} had been collected before; "
        f"{len(report.refused)} not collected"
    )


@class_.command(
    short_help="Grade what was collected, each answer in a cage.",
    epilog=examples(
        "dqnkit class grade autumn", "dqnkit class grade autumn --scheduler tls://192.168.1.5:8786 --isolation landlock"
    ),
)
@Folder
@click.option(
    "--isolation",
    type=click.Choice(["bubblewrap", "landlock", "docker", "podman"]),
    help="what keeps students' code apart from this computer  [the first of the first two that works]",
)
@click.option("--trust-students", is_flag=True, help="without any isolation, run their code with your own rights")
@click.option("--workers", type=click.IntRange(1), help="processes  [one for each core]")
@click.option("--scheduler", metavar="ADDRESS", help="run answers on a Dask cluster, like tls://HOST:8786")
@click.option("--insecure", is_flag=True, help="use a cluster without TLS beyond this computer")
@click.option("--again", is_flag=True, help="grade also what was graded before")
def grade(
    folder: Path,
    isolation: str | None,
    trust_students: bool,
    workers: int | None,
    scheduler: str | None,
    insecure: bool,
    again: bool,
) -> None:
    """Run each answer of FOLDER's submissions on fresh cases, and keep the verdicts in grades.sqlite.

    Interrupt it whenever you like: called again, it goes on where it stopped.
    """
    if insecure and not scheduler:
        raise click.UsageError("--insecure goes with --scheduler")
    with needs("tqdm, which grading needs,", "instructor", "tqdm"):
        from tqdm import tqdm
    with room():
        from dqnkit.instructor import grade as grading
        from dqnkit.instructor import marks, roster, settings
        from dqnkit.instructor.cage.choice import choose
    chosen = settings.read(folder)
    how = grading.How(choose(isolation, trust=trust_students), workers, scheduler, insecure)
    click.echo(f"Isolation: {how.isolation.description}")
    with tqdm(unit=" answers") as bar:

        def tell(done: int, total: int) -> None:
            bar.total = total
            if not bar.n:  # what was graded before takes no time, and must not be in the estimate
                bar.initial = done
            bar.update(done - bar.n)

        try:
            graded = grading.grade(chosen, how, again, tell)
        except KeyboardInterrupt:
            bar.close()
            click.echo("Stopped. What was graded is kept: call it again to go on.")
            raise
    for text in graded.other_kits:
        click.echo(f"Made with another version of dqnkit: {text}")
    click.echo(str(graded))
    students = roster.read(chosen)
    _warn(marks.gaps(chosen, students, marks.marks(chosen, students)))


@class_.command(
    short_help="Let an answer count as passed.",
    epilog=examples("dqnkit class accept autumn 1234567 q_update"),
)
@Folder
@click.argument("student")
@click.argument("exercise")
def accept(folder: Path, student: str, exercise: str) -> None:
    """Let the answer of STUDENT, named by the id in the roster, to EXERCISE count as passed, whatever its verdict was.

    For answers that `grade` leaves to you. The grading log keeps both verdicts; grade --again gives a new one.
    """
    with room():
        from dqnkit.instructor import marks, roster, settings
    chosen = settings.read(folder)
    known = roster.read(chosen).find(student)
    if known is None:
        raise settings.ClassError(f"nobody in the roster has the id {student}")
    row = marks.accept(chosen, known.pseudonym, exercise)
    click.echo(f"  {known.id}, {exercise}: it was {row.status.replace('_', ' ')}, and counts as passed now")


@class_.command(
    cls=SectionCommand,
    short_help="The class, live: on the projector while it works.",
    epilog=examples(
        "dqnkit class live my-class",
        "dqnkit class live my-class --host 0.0.0.0 --tls-cert class.pem --tls-key class.key",
        "dqnkit class live my-class --behind-tls --address https://class.example.org",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", help="of the class, on the projector  [that of class.toml, or of FOLDER]")
@click.option("--new", "anew", is_flag=True, help="begin a new class, even if one was held here in the last 12 hours")
@click.option("--host", default="127.0.0.1", show_default=True, cls=SectionOption, section="Where students reach it")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8765, show_default=True,
    cls=SectionOption, section="Where students reach it",
)  # fmt: skip
@click.option(
    "--address", metavar="URL", default="", help="as students reach the server, for a tunnel or a proxy",
    cls=SectionOption, section="Where students reach it",
)  # fmt: skip
@click.option(
    "--tls-cert", type=click.Path(path_type=Path, dir_okay=False), help="a certificate, with those above it",
    cls=SectionOption, section="Where students reach it",
)  # fmt: skip
@click.option(
    "--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="its key",
    cls=SectionOption, section="Where students reach it",
)  # fmt: skip
@click.option(
    "--behind-tls", is_flag=True, help="a tunnel or a proxy in front of the server speaks TLS with the students",
    cls=SectionOption, section="Where students reach it",
)  # fmt: skip
@click.option(
    "--hub", is_flag=True, help="as a service of a JupyterHub, with its login; --address is that of the hub",
    cls=SectionOption, section="On a JupyterHub",
)  # fmt: skip
@click.option(
    "--instructors", metavar="GROUP", default="instructors", show_default=True, help="the hub's group of instructors",
    cls=SectionOption, section="On a JupyterHub",
)  # fmt: skip
def live(
    folder: Path,
    name: str | None,
    anew: bool,
    host: str,
    port: int,
    address: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    behind_tls: bool,
    hub: bool,
    instructors: str,
) -> None:
    """Show on a projector what a class predicts, passes and stumbles over, while it works.

    Students join from a notebook with a code, and send what they agreed to: no code, and a name only if they gave
    one. What was sent is kept in FOLDER/live. A server that starts again within 12 hours goes on with the same class
    and the same code.
    """
    with room(), needs("the server of the live class", "instructor", "starlette", "uvicorn"):
        from dqnkit.instructor.live import serving
    title = name or name_of_class(folder)
    if not hub:
        place = serving.Place(host, port, tls_cert, tls_key, behind_tls, address)
        serving.hold_class(folder, title, place, anew=anew, say=click.echo)
        return
    from dqnkit.instructor.live.hub import HubLogin, place_and_prefix

    place, prefix = place_and_prefix(address.rstrip("/"))
    is_secure = address.startswith("https:")
    login = HubLogin(instructors, is_secure)
    serving.hold_class(folder, title, place, login=lambda: login, prefix=prefix, anew=anew, say=click.echo)


def name_of_class(folder: Path) -> str:
    """The name in ``class.toml``; without that file, the folder's own.

    Raises:
        DQNKitError: the file is there and cannot be read.
    """
    import tomllib

    path = folder / "class.toml"
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8")).get("class", {}).get("name", "")
    except (FileNotFoundError, NotADirectoryError):
        named = ""
    except (OSError, ValueError, AttributeError) as error:
        raise DQNKitError(f"{path} cannot be read: {error}") from None
    return str(named) or folder.resolve().name.replace("-", " ").replace("_", " ")
