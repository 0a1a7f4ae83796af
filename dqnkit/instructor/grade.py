"""Grading: each answer alone, in the cage, on the student's own cases; every verdict goes into the log at once.

The work is spread over processes, each with a judge, who knows the answers, and a cage of its own; or the cages are on
the workers of a Dask cluster, and the judges stay here. Interrupt it whenever you like: called again, it goes on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path

import dqnkit
from dqnkit.classroom import course
from dqnkit.errors import needs
from dqnkit.instructor import own_exercises, submission
from dqnkit.instructor.cage import kit
from dqnkit.instructor.cage.cage import Cage, Reply
from dqnkit.instructor.cage.isolation import ONE_THREAD, Isolation, by_name
from dqnkit.instructor.grading_log import GradingLog, Row, code_hash
from dqnkit.instructor.only_one import only_one
from dqnkit.instructor.settings import ClassError, ClassSettings
from dqnkit.instructor.verdicts import MISSING, Judge, Prepared, Task, Verdict, needs_tensorflow

TASKS_PER_PROCESS = 2_000  # then a new one takes over: TensorFlow keeps what it has compiled
SECONDS_BETWEEN_LOOKS = 1.0  # of a process whether the one that started it is still there


@dataclass(frozen=True)
class Work:
    """An answer to be graded, and whose it is."""

    task: Task | None  # None: there is no answer
    row: Row  # without the verdict


@dataclass
class Graded:
    """What came of a batch."""

    isolation: str
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)  # of what was graded now
    before: int = 0  # verdicts that were in the log already
    processor_seconds: float = 0.0  # in the cages
    other_kits: list[str] = field(default_factory=list)  # submissions made with another version: notebook, version

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(self.statuses.items()))
        return (
            f"{sum(self.statuses.values())} graded in {self.seconds:.0f} s ({statuses or 'none'}); "
            f"{self.before} had been graded before. Isolation: {self.isolation}"
        )


@dataclass(frozen=True)
class How:
    """How answers are run."""

    isolation: Isolation
    workers: int | None = None  # processes here; None: one for each core
    scheduler: str | None = None  # address of a Dask scheduler, on whose workers the cages are; None: they are here
    insecure: bool = False  # allow such a cluster without TLS


Tell = Callable[[int, int], None]  # how many are done, of how many


def grade(settings: ClassSettings, how: How, again: bool = False, tell: Tell = lambda done, total: None) -> Graded:
    """Grade what counts of each student's submissions and is not in the log yet.

    Args:
        settings: of the class.
        how: with which isolation, and where.
        again: grade also what is in the log.
        tell: called with the numbers of verdicts that are given and wanted.

    Raises:
        ClassError: a submission or the log cannot be read or written, or another grading is at work.
        IsolationError: students' code cannot be kept apart here.
    """
    began = time.monotonic()
    with _only_grading(settings.folder), GradingLog(settings.folder) as log:
        known = {} if again else {row.key: row for row in log.rows()}
        graded_before = set() if again else set(log.newest())
        works = list(_works(settings, how.isolation))
        result = Graded(how.isolation.description, other_kits=_other_kits(settings))
        left = []
        for work in works:
            if (work.row.student, work.row.exercise, work.row.submission_hash) in graded_before:
                same = known.get(work.row.key)
                if same is not None:
                    result.before += 1
                    continue
            if work.task is None:
                _keep(log, result, work.row, Verdict(MISSING, message="There is no answer."))
            elif work.row.key in known:  # the same answer, handed in again
                _keep(log, result, work.row, _verdict_of(known[work.row.key]))
            else:
                left.append(work)
        total = len(works)
        tell(total - len(left), total)
        if left:
            for done, (work, verdict) in enumerate(_run(settings, left, how), start=1):
                _keep(log, result, work.row, verdict)
                tell(total - len(left) + done, total)
    result.seconds = time.monotonic() - began
    return result


def _only_grading(folder: Path) -> AbstractContextManager[None]:
    """Hold the class: two gradings at once would run every answer twice."""
    return only_one(
        folder / ".grades.lock",
        ClassError(f"another grading of {folder} is at work: wait for it, or end it"),
        lambda error: ClassError(f"{folder} cannot be written ({error})"),
    )


def _works(settings: ClassSettings, isolation: Isolation) -> Iterator[Work]:
    """Every exercise of every submission that counts, one exercise after the other."""
    lessons = {lesson.notebook: lesson for lesson in settings.lessons}
    pairs = [
        (exercise, found)
        for found in submission.counting(settings).values()
        if found.notebook in lessons
        for exercise in lessons[found.notebook].points
    ]
    # Those with TensorFlow last: a cage that has not imported it yet is faster for the others.
    order = {exercise: (needs_tensorflow(exercise), exercise) for exercise, _ in pairs}
    for exercise, found in sorted(pairs, key=lambda pair: (order[pair[0]], pair[1].student)):
        answer = found.answers.get(exercise)
        seed = settings.seed(found.student, exercise)
        task = Task(found.student, exercise, answer.code, answer.name, seed) if answer else None
        row = Row(
            student=found.student,
            notebook=found.notebook,
            exercise=exercise,
            submission_hash=found.hash,
            received=found.received,
            code=answer.code if answer else "",
            code_hash=code_hash(answer.code, answer.name) if answer else "",
            kit=dqnkit.__version__,
            exercise_version=f"{course.exercise_version(exercise)}-{course.answers_version(exercise)}",
            seed=str(seed),
            isolation=isolation.description,
            status="",
            mistake="",
            message="",
            detail="{}",
            cpu_seconds=0.0,
            wall_seconds=0.0,
        )
        yield Work(task, row)


def _other_kits(settings: ClassSettings) -> list[str]:
    found = submission.counting(settings).values()
    return [f"{each.student}, {each.notebook}: {each.kit}" for each in found if each.kit not in (None, settings.kit)]


def _keep(log: GradingLog, result: Graded, row: Row, verdict: Verdict) -> None:
    detail = {"rows": verdict.rows, "for_instructors": verdict.for_instructors}
    log.append(
        replace(
            row,
            status=verdict.status,
            mistake=verdict.mistake,
            message=verdict.message,
            detail=json.dumps(detail),
            cpu_seconds=verdict.processor_seconds,
            wall_seconds=verdict.wall_seconds,
        )
    )
    result.statuses[verdict.status] += 1
    result.processor_seconds += verdict.processor_seconds


def _verdict_of(row: Row) -> Verdict:
    detail = json.loads(row.detail)
    rows = tuple((name, value) for name, value in row.rows)
    return Verdict(row.status, row.mistake, row.message, rows, detail.get("for_instructors", ""))


def _run(settings: ClassSettings, works: Sequence[Work], how: How) -> Iterator[tuple[Work, Verdict]]:
    """Yield the verdicts as they are given."""
    with tempfile.TemporaryDirectory(prefix="kit-") as scratch:
        folder = Path(scratch) / "kit"
        folder.mkdir()
        kit.build(folder)
        Path(scratch).chmod(0o755)
        with _processes(how, folder, settings) as pool:
            if how.scheduler is None:
                yield from finished({pool.submit(_grade_here, work.task): work for work in works if work.task})
            else:
                with needs("Dask, which a cluster needs,", "cluster", "dask", "distributed"):
                    from dqnkit.instructor.grade_on_dask import grade_there

                packed = kit.pack(folder, Path(scratch) / "kit.zip")
                yield from grade_there(how.scheduler, how.insecure, how.isolation, packed, pool, works)


def finished(futures: Mapping[Future[Verdict], Work]) -> Iterator[tuple[Work, Verdict]]:
    """Yield works with their verdicts as they are given.

    Raises:
        ClassError: a process was ended from outside.
    """
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            try:
                yield futures[future], future.result()
            except BrokenProcessPool as error:
                raise ClassError(
                    "a process that grades was ended from outside, perhaps because memory ran out. What was graded is "
                    "kept: call it again, with fewer --workers"
                ) from error


@contextmanager
def _processes(how: How, folder: Path, settings: ClassSettings) -> Iterator[ProcessPoolExecutor]:
    """Processes that grade; however the block is left, they and their cages end."""
    context = multiprocessing.get_context("spawn")
    begin = partial(_begin, how.isolation.name, folder, settings.folder.resolve(), settings.exercises, os.getpid())
    count = how.workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)  # of the processes, which are started when there is work
    pool = ProcessPoolExecutor(count, context, begin, max_tasks_per_child=TASKS_PER_PROCESS)
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        running = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.kill()
        raise
    finally:
        for name in ONE_THREAD:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


class _Grader:
    """What a process of the pool has."""

    judge: Judge
    cage: Cage


def _begin(isolation: str, folder: Path, class_folder: Path, own: Sequence[str], parent: int) -> None:
    """Begin a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process ends the others
    own_exercises.add(class_folder, own)
    _Grader.judge = Judge()
    _Grader.cage = Cage(by_name(isolation), folder, [class_folder])
    Finalize(None, _Grader.cage.close, exitpriority=1)  # at the end of this process, which runs no `atexit`
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process, and so its cage, when the one that started it has ended."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    _Grader.cage.close()
    os._exit(1)


def _grade_here(task: Task) -> Verdict:
    prepared = _Grader.judge.prepare(task)
    return _Grader.judge.judge(task, prepared.expected, _Grader.cage.ask(prepared.job))


def prepare(task: Task) -> Prepared:
    """Prepare a job, in a process of the pool."""
    return _Grader.judge.prepare(task)


def judge(task: Task, prepared: Prepared, reply: Reply) -> Verdict:
    """Judge a reply, in a process of the pool."""
    return _Grader.judge.judge(task, prepared.expected, reply)
