"""Kill training at random moments, and send it signals: what each one costs, against the bound that training states.

    python tests/rehearsal/kills.py --env CartPole-v1 --kills 50 --signals 20
    python tests/rehearsal/kills.py --env MinAtar/Breakout-v1 --kills 50 --signals 20

`dqnkit train`, and then `dqnkit resume` again and again, run in a terminal (a pty), whose progress bar tells the steps.
Each time the process ends in one of three ways, after a random time: SIGKILL, SIGTERM, or the terminal is closed, which
is SIGHUP. The next process says from which step it goes on: what lies between was lost.
"""

from __future__ import annotations

import csv
import fcntl
import itertools
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

import click

from dqnkit.checkpoint import AT_MOST, BOUND, SLOW_DISK
from dqnkit.runs import ROWS

PROGRESS = re.compile(rb"(\d+)/\d+ \[")
GOES_ON = re.compile(r"Going on from step ([\d,]+) of")
START_SECONDS = 120.0  # for a process to begin with training
END_SECONDS = 120.0  # for a process to save and end after a signal
BETWEEN_STEPS = 1.0  # of the progress bar: it is drawn up to five times a second, and steps between two are not seen


@dataclass
class Attempt:
    """One process, from its start to its end."""

    how: str
    seen: list[tuple[float, int]] = field(default_factory=list)  # seconds, step: of the progress bar
    text: bytes = b""
    status: int | None = None
    writing: float = 0.0  # seconds that its slowest checkpoint on disk took, nearly

    @property
    def began_at(self) -> int:
        """The step at which it went on."""
        found = GOES_ON.search(self.text.decode(errors="replace"))
        return int(found[1].replace(",", "")) if found else 0

    @property
    def trained(self) -> float:
        """Seconds from the first step to the last."""
        return self.seen[-1][0] - self.seen[0][0] if self.seen else 0.0

    def lost(self, kept: int) -> tuple[int, float]:
        """Steps and seconds of training that came after step ``kept``."""
        after = [(when, step) for when, step in self.seen if step > kept]
        return (after[-1][1] - kept, after[-1][0] - after[0][0]) if after else (0, 0.0)

    @property
    def bound(self) -> float:
        """Seconds that it may have lost: as stated, and one step of the loop on top, as far as it was seen."""
        longest = max((b[0] - a[0] for a, b in itertools.pairwise(self.seen)), default=0.0)
        stated = max(min(AT_MOST, self.trained / 2), SLOW_DISK * self.writing)
        return stated + longest + BETWEEN_STEPS


def run(arguments: list[str], folder: Path, how: str, seconds: float) -> Attempt:
    """One process of the command line, which is ended ``seconds`` after its first progress."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 120))  # in a terminal without width there is no progress bar
    command = [sys.executable, "-m", "dqnkit.cli", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, stdin=its, stdout=its, stderr=its, start_new_session=True, preexec_fn=_take_terminal
    )
    os.close(its)
    attempt, deadline, ends, sent = Attempt(how), time.monotonic() + START_SECONDS, None, False
    while process.poll() is None:
        now = time.monotonic()
        if ours >= 0 and select.select([ours], [], [], 0.02)[0]:
            _read(ours, attempt)
        if attempt.seen and ends is None:
            ends = now + seconds
        if not sent and now > (ends or deadline):
            if ends is None:
                raise SystemExit(f"no progress within {START_SECONDS:.0f} s:\n{attempt.text.decode(errors='replace')}")
            sent, deadline = True, now + END_SECONDS
            if how == "SIGHUP":
                os.close(ours)
                ours = -1
            else:
                os.kill(process.pid, getattr(signal, how))
        elif sent and now > deadline:
            process.kill()
    if ours >= 0:
        while select.select([ours], [], [], 0.1)[0] and _read(ours, attempt):
            pass
        os.close(ours)
    attempt.status = process.returncode
    saved = (folder / "run/checkpoints").glob("step-*")
    attempt.writing = max(
        (path.stat().st_ctime - (path / "learner.npz").stat().st_mtime for path in saved), default=0.0
    )
    return attempt


def _read(terminal: int, attempt: Attempt) -> bool:
    try:
        text = os.read(terminal, 65_536)
    except OSError:  # the other side was closed
        return False
    attempt.text += text
    if steps := PROGRESS.findall(text):
        attempt.seen.append((time.monotonic(), int(steps[-1])))
    return bool(text)


def _take_terminal() -> None:
    """Make standard input the terminal of the new session: when it is closed the process gets SIGHUP."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def faults_in_metrics(path: Path, total_steps: int) -> list[str]:
    """Rows that are double or out of order, and gaps: more than two rows could have stood there."""
    with path.open() as file:
        steps = [float(row["step"]) for row in csv.DictReader(file)]
    pairs = list(itertools.pairwise(steps))
    widest = 2 * max(1, total_steps // ROWS) + 1_000  # a round of rollouts has less than a thousand steps
    faults = [f"{a:.0f} then {b:.0f}" for a, b in pairs if b <= a]
    return faults + [f"no row from {a:.0f} to {b:.0f}" for a, b in pairs if b - a > widest]


def rehearse(
    env_id: str, kills: int, signals: int, folder: Path, total_steps: int, mean: float, seed: int
) -> list[str]:
    """Do it, print a line for each process, and return what was not as promised."""
    rng, faults, before = random.Random(seed), [], None
    hows = ["SIGKILL"] * kills + ["SIGTERM", "SIGHUP"] * (signals // 2) + ["SIGTERM"] * (signals % 2)
    rng.shuffle(hows)
    print(f"{BOUND}\n\n  #  ended by   trained  to step    kept at  lost steps  lost s  may lose s", flush=True)
    train = ["train", env_id, "--run-dir=run", f"--total-steps={total_steps}", f"--seed={seed}", "--no-video"]
    for number, how in enumerate([*hows, ""], 1):
        go_on = (folder / "run/config.json").exists()
        # The last one only says where the one before it had come to
        how_now, seconds = (how, rng.uniform(0.0, 2 * mean)) if how else ("SIGKILL", 0.0)
        attempt = run(["resume", "run", "--no-video"] if go_on else train, folder, how_now, seconds)
        if before is not None:
            faults += _compare(number - 1, before, attempt.began_at)
        expected = -signal.SIGKILL if how_now == "SIGKILL" else 128 + getattr(signal, how_now)
        if attempt.status != expected:
            end = attempt.text.decode(errors="replace")[-2_000:]
            return [*faults, f"{number}: status {attempt.status}, not {expected}; is the run over?\n{end}"]
        before = attempt
    metrics = faults_in_metrics(folder / "run/metrics.csv", total_steps)
    print(f"\nmetrics.csv: {metrics or 'no gap, no double, in order'}")
    return faults + metrics


def _compare(number: int, attempt: Attempt, kept: int) -> list[str]:
    last = attempt.seen[-1][1] if attempt.seen else 0
    steps, seconds = attempt.lost(kept)
    may_lose = attempt.bound if attempt.how == "SIGKILL" else 0.0
    print(
        f"{number:3}  {attempt.how:8}  {attempt.trained:6.1f} s {last:8,} {kept:10,} {steps:11,} {seconds:7.1f} "
        f"{may_lose:11.1f}",
        flush=True,
    )
    return [f"{number}: lost {seconds:.1f} s, may lose {may_lose:.1f}"] if seconds > may_lose else []


@click.command()
@click.option("--env", "env_id", default="CartPole-v1", show_default=True)
@click.option("--kills", type=click.IntRange(0), default=50, show_default=True, help="with SIGKILL")
@click.option("--signals", type=click.IntRange(0), default=20, show_default=True, help="SIGTERM and SIGHUP by turns")
@click.option("--mean", default=8.0, show_default=True, help="seconds of training between two, on average")
@click.option("--total-steps", default=20_000_000, show_default=True, help="more than the run can come to")
@click.option("--seed", type=int, help="of the moments  [another one each time; it is printed]")
@click.option("--folder", type=click.Path(path_type=Path), help="where the run is kept  [a temporary one]")
def main(
    env_id: str, kills: int, signals: int, mean: float, total_steps: int, seed: int | None, folder: Path | None
) -> None:
    """Kill training again and again, and say what it cost."""
    for number in (signal.SIGHUP, signal.SIGTERM):  # a run started with nohup ignores SIGHUP, as it should: not here
        signal.signal(number, signal.SIG_DFL)
    seed = random.randrange(10_000) if seed is None else seed
    print(f"{env_id}: {kills} kills and {signals} signals; --seed {seed}")
    with tempfile.TemporaryDirectory() as temporary:
        if folder is not None:
            folder.mkdir(parents=True)
        faults = rehearse(env_id, kills, signals, folder or Path(temporary), total_steps, mean, seed)
    for fault in faults:
        print(f"NOT AS PROMISED: {fault}")
    print("at most the stated bound was lost" if not faults else f"{len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
