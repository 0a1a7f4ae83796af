"""How many events a minute the live class holds on one core: 500 students first send 500, then all they can.

Each event comes with a connection of its own, as from a notebook; the instructor's and the projector's page are open. A
second is a second from the sending of an event to a picture on the instructor's page that counts it.

python live_class.py
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import report

sys.path.append(str(Path(__file__).resolve().parents[1] / "support"))
from live_classes import Server, live_class

from dqnkit.instructor.live.catalogue import Catalogue

EVENTS_A_MINUTE = 500  # that a class has to be held with
SLOWEST = 1.0  # seconds to the page, at most, for 95 % of them


async def request(server: Server, path: str, data: dict[str, Any], token: str = "") -> int:
    """Send JSON over a new connection; the status that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = json.dumps(data).encode()
    head = f"POST /{path} HTTP/1.1\r\nHost: class\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def watch(server: Server, page: str, counts: list[tuple[float, int]]) -> None:
    """Keep a page open; note when it counted how many events."""
    cookie = server.cookie(int(page == "projector"))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=10_000_000)
    writer.write(f"GET /api/pictures?page={page} HTTP/1.1\r\nHost: class\r\nCookie: {cookie}\r\n\r\n".encode())
    while line := await reader.readline():
        if line.startswith(b"data: "):
            counts.append((time.perf_counter(), json.loads(line[6:]).get("events", 0)))


def an_event(catalogue: Catalogue, rng: random.Random) -> dict[str, Any]:
    """What a notebook sends: mostly checks, some predictions."""
    if rng.random() < 0.3:
        question = rng.choice([id for id, asked in catalogue.questions.items() if asked.kind == "choice"])
        content = {"kind": "prediction", "name": question, "value": rng.choice(catalogue.questions[question].options)}  # type: ignore[union-attr]
    else:
        exercise = rng.choice(list(catalogue.exercises.values()))
        passed = rng.random() < 0.5
        mistake = "" if passed else rng.choice(list(exercise.mistakes))
        content = {"kind": "check", "name": exercise.name, "passed": passed, "mistake": mistake}
    return {"id": secrets.token_hex(16), **content}


class Load:
    """Students who send events."""

    def __init__(self, server: Server, tokens: list[str]) -> None:
        self.server, self.tokens = server, tokens
        self.sent: list[float] = []
        self.failed = 0
        self._catalogue, self._rng = Catalogue.of_course(), random.Random(0)

    async def one(self) -> None:
        """Send one event from one of the students."""
        began = time.perf_counter()
        data = {"events": [an_event(self._catalogue, self._rng)]}
        status = await request(self.server, "api/events", data, self._rng.choice(self.tokens))
        if status == 200:
            self.sent.append(began)
        else:
            self.failed += 1

    async def steadily(self, a_minute: float, seconds: float) -> None:
        """Send at random moments, so many a minute on average."""
        until, sending = time.perf_counter() + seconds, set()
        while time.perf_counter() < until:
            await asyncio.sleep(self._rng.expovariate(a_minute / 60))
            task = asyncio.create_task(self.one())
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)

    async def at_full_speed(self, seconds: float, at_once: int = 16) -> None:
        """Send as fast as the server answers."""
        until = time.perf_counter() + seconds

        async def again() -> None:
            while time.perf_counter() < until:
                await self.one()

        await asyncio.gather(*(again() for _ in range(at_once)))


def waits(sent: list[float], counts: list[tuple[float, int]], before: int) -> list[float]:
    """Seconds from the sending of each event to the picture that counts it."""
    found, place = [], 0
    for number, began in enumerate(sorted(sent), start=before + 1):
        while place < len(counts) and counts[place][1] < number:
            place += 1
        if place < len(counts):
            found.append(max(0.0, counts[place][0] - began))
    return found


async def measure(server: Server, arguments: Any) -> dict[str, dict[str, float]]:
    """Both loads, one after the other."""
    process = psutil.Process(server.process.pid if server.process else None)
    tokens = [secrets.token_urlsafe(24) for _ in range(arguments.students)]
    for token in tokens:
        await request(server, "api/join", {"code": server.code, "token": token, "name": ""})
    counts: list[tuple[float, int]] = []
    pages = [
        asyncio.create_task(watch(server, page, seen)) for page, seen in (("instructor", counts), ("projector", []))
    ]
    await asyncio.sleep(1)
    results = {}
    for name, seconds in (("500 a minute", arguments.seconds), ("at full speed", arguments.seconds / 3)):
        load, before = Load(server, tokens), counts[-1][1]
        used, began = sum(process.cpu_times()[:2]), time.perf_counter()
        await (load.steadily(EVENTS_A_MINUTE, seconds) if name != "at full speed" else load.at_full_speed(seconds))
        took, used = time.perf_counter() - began, sum(process.cpu_times()[:2]) - used
        await asyncio.sleep(2)
        of_each = sorted(waits(load.sent, counts, before))
        results[name] = {
            "events": len(load.sent),
            "failed": load.failed,
            "a_minute": 60 * len(load.sent) / took,
            "core": used / took,
            "median": statistics.median(of_each),
            "p95": of_each[int(0.95 * (len(of_each) - 1))],
            "megabytes": process.memory_info().rss / 1e6,
        }
    for page in pages:
        page.cancel()
    return results


def main() -> None:
    """Measure, and print both loads."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--students", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="of the first load; the second takes a third of it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, live_class(Path(folder)) as server:
        assert server.process
        cores = report.pin(2, arguments.cores)
        psutil.Process(server.process.pid).cpu_affinity(cores[:1])
        psutil.Process().cpu_affinity(cores[1:])  # the students are elsewhere
        results = asyncio.run(measure(server, arguments))
        kept = len(server.kept())
    rows = [
        [name, row["events"], row["a_minute"], row["core"], row["median"], row["p95"], row["megabytes"]]
        for name, row in results.items()
    ]
    report.table(
        f"{arguments.students} students, the server on one core",
        ["", "events", "a minute", "share of the core", "median s", "95 % s", "MB"],
        rows,
    )
    print()
    steady = results["500 a minute"]
    lost = sum(int(row["events"]) for row in results.values()) - kept
    verdicts = [
        report.verdict("events a minute at full speed", results["at full speed"]["a_minute"], EVENTS_A_MINUTE),
        report.verdict("seconds to the page at 500 a minute, 95 %", steady["p95"], SLOWEST, at_most=True),
        report.verdict("events lost, doubled or refused", abs(lost) + steady["failed"], 0, at_most=True),
    ]
    print(f"\nWritten to {report.write_json('live-class', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
