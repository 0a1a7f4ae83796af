"""The reader's progress: a summary by notebook, and download and upload of the progress file.

The format of the file is described in `dqnkit.classroom.progress_record`.
"""

from __future__ import annotations

import base64
import json
from html import escape
from importlib.util import find_spec
from typing import Any

from dqnkit.classroom import course, progress_file, rich_text
from dqnkit.classroom.progress_record import NAME, Record, merge, parse
from dqnkit.classroom.rich_text import RichText

WHERE = "It is kept in `{path}`: one file, which you may look at and delete. {sent}"
NOT_SENT = "Nothing is sent anywhere."
SENT = "You have joined a class: what you agreed to is sent there, until you call `leave()`."


def progress() -> RichText:
    """Return a summary of what was passed, tried and predicted so far, by notebook."""
    data = progress_file.FILE.read()
    lines = _lines(data)
    notebooks = sorted({notebook for notebook, *_ in lines})
    inside, plain = "", []
    for notebook in notebooks:
        rows = [[escape(f"{icon} {what}"), escape(state)] for where, icon, what, state in lines if where == notebook]
        inside += f'<div style="margin-top: 0.6em"><strong>{escape(notebook)}</strong></div>{rich_text.table(rows)}'
        plain += [notebook, *(f"  {icon} {what}: {state}" for where, icon, what, state in lines if where == notebook)]
    passed = sum(1 for entry in data["checks"].values() if entry["passed"])
    made = sum(1 for entry in data["predictions"].values() if entry["value"] is not None)
    checks = len({*course.exercise_names(), *data["checks"]})
    title = f"Your progress: {passed} of {checks} checks passed, {made} prediction{'' if made == 1 else 's'} made"
    notices = _notices()
    where = WHERE.format(path=progress_file.FILE.path, sent=SENT if progress_file.OBSERVERS else NOT_SENT)
    inside += rich_text.prose(notices) + rich_text.prose(where)
    text = "\n".join([title, *plain, *([notices] if notices else []), where])
    return RichText(rich_text.box("note", title, inside), text)


def _lines(data: Record) -> list[tuple[str, str, str, str]]:
    """Return (notebook, icon, name, state) for each exercise of the course and each prediction in the record."""
    checks, lines = dict(data["checks"]), []
    for name in course.exercise_names():
        notebook = course.find_exercise(name).notebook
        lines.append((notebook, *_check_line(name, checks.pop(name, None))))
    lines += [(entry["notebook"], *_check_line(name, entry)) for name, entry in checks.items()]
    notebooks = {course.number(lesson): course.notebook_name(lesson) for lesson in course.LESSONS}
    for name, entry in sorted(data["predictions"].items()):
        skipped = entry["value"] is None
        number = course.lesson_number_of(name)
        where = notebooks.get(number, number)
        lines.append((where, "○" if skipped else "✓", f"prediction {name}", "skipped" if skipped else "committed"))
    return lines


def _check_line(name: str, entry: Record | None) -> tuple[str, str, str]:
    if entry is None:
        return "○", f"check {name}", "not tried yet"
    tries = f"{entry['tries']} {'try' if entry['tries'] == 1 else 'tries'}"
    if entry["passed"]:
        return "✓", f"check {name}", f"passed on {entry['passed'][:10]} ({tries})"
    return "✗", f"check {name}", f"not passed yet ({tries})"


def _notices() -> str:
    notices = "\n\n".join(progress_file.FILE.notices)
    progress_file.FILE.notices.clear()
    return notices


def download_progress() -> RichText:
    """Return a link that saves the progress file on the reader's own computer, as hosted services delete it."""
    content = json.dumps(progress_file.FILE.read(), indent=2, ensure_ascii=False).encode()
    source = f"data:application/json;base64,{base64.b64encode(content).decode()}"
    link = (
        f'<a download="{NAME}" href="{source}" style="text-decoration: underline">Download progress</a> '
        "(as it is now; run the cell again for a newer one)"
    )
    text = f"Download progress: it is the file {progress_file.FILE.path}"
    why = (
        "Binder and Colab forget everything when a session ends. This file holds what you predicted and what passed, "
        "with its code; not the notebooks: save them, too. The first notebook takes the file back; in any other run "
        "`upload_progress()` from `dqnkit.classroom`."
    )
    return RichText(rich_text.box("note", "Take your progress with you", f"<p>{link}</p>{rich_text.prose(why)}"), text)


def upload_progress() -> Any:
    """Return a button that uploads a progress file and merges it with the one that is here."""
    if find_spec("ipywidgets") is None:
        instead = f"Copy your file to `{progress_file.FILE.path}` instead, then restart the kernel."
        return rich_text.message("open", "Upload needs ipywidgets", instead)
    from dqnkit.widgets.upload_form import UploadForm

    return UploadForm(_merge_upload)


def _merge_upload(content: bytes) -> str:
    """Merge the content of an uploaded file into the progress; return what to tell the reader."""
    try:
        theirs = parse(content)
    except ValueError as error:
        return f"✗ This file was not taken, for {error}. Choose the {NAME} that you downloaded."

    def edit(data: Record) -> None:
        data.update(merge(data, theirs))

    progress_file.FILE.change(edit)
    passed = sum(1 for entry in theirs["checks"].values() if entry["passed"])
    return f"✓ Taken: {passed} checks passed, {len(theirs['predictions'])} predictions. Run progress() to see all."
