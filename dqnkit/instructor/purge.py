"""Forgetting a student: all that the class keeps of them is deleted."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from dqnkit.instructor import export, feedback, grading_log, marks, report, submission
from dqnkit.instructor.settings import ClassError, ClassSettings


def purge(settings: ClassSettings, student: str) -> list[str]:
    """Delete a student's submissions, verdicts, feedback and marks, and the report, which counts them.

    The roster is yours: take the line out of it yourself.

    Args:
        settings: of the class.
        student: their id, as in the roster.

    Returns:
        what was deleted, in words.

    Raises:
        ClassError: something cannot be deleted; what was deleted before is gone.
    """
    pseudonym = settings.pseudonym(student)
    deleted = []
    try:
        collected = settings.folder / submission.FOLDER / pseudonym
        if collected.is_dir():
            deleted.append(f"{len(list(collected.glob('*.json')))} submissions")
            shutil.rmtree(collected)
        verdicts = _purge_log(settings.folder / grading_log.NAME, pseudonym)
        deleted += [f"{verdicts} verdicts"] if verdicts else []
        exported = list((settings.folder / export.FOLDER).glob(f"*/{pseudonym}.py"))
        for file in exported:
            file.unlink()
        deleted += [f"{len(exported)} exported answers"] if exported else []
        name = feedback.file_name(student)
        for file in (settings.folder / feedback.FOLDER / f"{name}{suffix}" for suffix in (".html", ".json")):
            if file.exists():
                file.unlink()
                deleted.append(f"{file.parent.name}/{file.name}")
        of_all = (marks.FOLDER, report.FOLDER) if deleted else ()  # they hold the whole class: made again when wanted
        for folder in of_all:
            if (settings.folder / folder).is_dir():
                shutil.rmtree(settings.folder / folder)
                deleted.append(f"{folder}/ (of all students: make it again)")
    except OSError as error:
        raise ClassError(f"not all of {student} could be deleted ({error}): try again") from error
    return deleted


def _purge_log(path: Path, pseudonym: str) -> int:
    """Rebuild the log without a student's rows; return how many they were. It is the only way a row leaves it."""
    if not path.exists():
        return 0
    scratch = path.with_name(f".{path.name}.part")
    scratch.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path, timeout=grading_log.BUSY_SECONDS)) as log:
            count = int(log.execute("SELECT count(*) FROM verdicts WHERE student = ?", (pseudonym,)).fetchone()[0])
            if not count:
                return 0
            scratch.touch(mode=0o600)
            log.execute("ATTACH ? AS kept", (str(scratch),))
            log.executescript(grading_log.TABLE.replace("EXISTS ", "EXISTS kept."))
            log.execute("INSERT INTO kept.verdicts SELECT * FROM main.verdicts WHERE student != ?", (pseudonym,))
            log.commit()
        scratch.replace(path)
    except sqlite3.Error as error:
        raise ClassError(f"{path} cannot be changed: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return count
