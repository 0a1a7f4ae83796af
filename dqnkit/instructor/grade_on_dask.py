"""Cages on the workers of a Dask cluster; the judges, who know the answers, stay in this computer's processes.

What travels to the workers is the public kit, students' code and seeds; what comes back are outcomes. A worker needs
Python with the packages that the exercises use, and whatever the isolation needs; not dqnkit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from dqnkit.cluster.connect import connect
from dqnkit.cluster.far_function import FarFunction
from dqnkit.instructor import grade
from dqnkit.instructor.cage import host
from dqnkit.instructor.cage.cage import Job, Reply
from dqnkit.instructor.cage.isolation import Isolation, IsolationError
from dqnkit.instructor.verdicts import Task, Verdict

TASKS_IN_FLIGHT = 2  # for each thread of a worker, so that none waits
WAITING_TIMES = 20.0  # wall-clock limits of an answer, for a result: others are before it, workers may be lost
HOST = "import sys; sys.path.insert(0, sys.argv[1]); from dqnkit.instructor.cage.host import main; main(*sys.argv[1:3])"


def grade_there(
    address: str, insecure: bool, isolation: Isolation, packed: bytes, pool: Executor, works: Sequence[grade.Work]
) -> Iterator[tuple[grade.Work, Verdict]]:
    """Yield the verdicts as they are given.

    Args:
        address: of the scheduler.
        insecure: allow a cluster without TLS beyond this computer: students' code travels to it.
        isolation: the kind of cage.
        packed: the kit (`kit.pack`).
        pool: of processes with judges.
        works: all that is to be graded.

    Raises:
        ClusterError: no cluster answers, or it has no workers.
        IsolationError: a worker cannot isolate students' code so.
    """
    with connect(address, insecure=insecure) as client:
        cages = FarFunction(client, run_there, packed)
        digest = hashlib.sha256(packed).hexdigest()[:12]

        def ask(job: Job) -> Reply:
            seconds = WAITING_TIMES * job.limits.wall_seconds
            answer = json.loads(cages(digest, isolation.name, json.dumps(host.pack_job(job)), seconds=seconds))
            if "problem" in answer:
                raise IsolationError(f"a worker cannot grade with {isolation.name}: {answer['problem']}")
            return host.unpack_reply(answer)

        def grade_one(task: Task) -> Verdict:
            prepared = pool.submit(grade.prepare, task).result()
            return pool.submit(grade.judge, task, prepared, ask(prepared.job)).result()

        drivers = ThreadPoolExecutor(TASKS_IN_FLIGHT * cages.threads)
        try:
            yield from grade.finished({drivers.submit(grade_one, work.task): work for work in works if work.task})
        finally:
            cages.close()
            drivers.shutdown(cancel_futures=True)


def run_there(packed: bytes, digest: str, isolation: str, job: str) -> str:
    """Run a job in the cage of this worker's thread; a task for Dask. It uses nothing of dqnkit outside of the cage.

    Args:
        packed: the kit, which is unpacked once.
        digest: of the kit.
        isolation: name of the kind of cage.
        job: a packed job, a line of JSON.

    Returns:
        a line of JSON: a packed reply, or the ``problem``.
    """
    import atexit
    import io
    import json
    import os
    import shutil
    import subprocess
    import sys
    import tempfile
    import threading
    import zipfile

    held = vars(sys).setdefault("_dqnkit_cages", {})  # of this process, by thread
    key = (digest, isolation, threading.get_ident())
    program = held.get(key)
    if program is None or program.poll() is not None:
        folder = tempfile.mkdtemp(prefix="kit-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(folder)
        for path, _, files in os.walk(folder):
            os.chmod(path, 0o755)
            for name in files:
                os.chmod(os.path.join(path, name), 0o644)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        program = subprocess.Popen(
            [sys.executable, "-c", HOST, folder, isolation],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert program.stdout is not None
        first = json.loads(program.stdout.readline() or '{"problem": "the program of the cage did not start"}')
        if first["problem"]:
            return json.dumps({"problem": first["problem"]})
        held[key] = program
    program.stdin.write(job + "\n")
    program.stdin.flush()
    return program.stdout.readline() or '{"problem": "the program of the cage has ended"}'
