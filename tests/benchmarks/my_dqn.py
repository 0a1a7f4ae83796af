"""`my_dqn.py` on CartPole with five seeds, one core each: of the worked solutions, and of a reader of another style.

    python tests/benchmarks/my_dqn.py            # about fifteen minutes
    python tests/benchmarks/my_dqn.py --seeds 1

The goal: a mean return of 475 in 100 greedy episodes with at least four seeds of five, each within three minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

WITHOUT_DQNKIT = Path(__file__).resolve().parents[1] / "support" / "without_dqnkit.py"
CORE = {min(os.sched_getaffinity(0))}


def program(reader: str, folder: Path) -> Path:
    """The program of this reader, written into a folder."""
    from dqnkit.classroom import check, progress_file, write_program

    progress_file.FILE = progress_file.ProgressFile(folder)
    if reader == "mixed":
        import mixed_reader

        for name, part in mixed_reader.PARTS.items():
            assert check(name, part).passed, name
    written = write_program("my_dqn.py", folder)
    print(written.text.partition("\n\n")[0])
    return written.path


def run(path: Path, seed: int) -> tuple[float, float, float]:
    """The mean return of the greedy policy, seconds on the clock, and seconds of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, str(WITHOUT_DQNKIT), str(path), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.search(r"mean return (\d+\.\d), lowest", done.stdout)
    assert found, done.stdout
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(found[1]), time.monotonic() - began, processor


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--readers", nargs="+", default=["worked", "mixed"])
    arguments = parser.parse_args()
    os.sched_setaffinity(0, CORE)  # the programs inherit it
    for reader in arguments.readers:
        with tempfile.TemporaryDirectory() as folder:
            path = program(reader, Path(folder))
            print(f"{reader:8} {'seed':>5} {'return':>8} {'seconds':>9} {'of processor':>14}")
            for seed in range(arguments.seeds):
                mean, seconds, processor = run(path, seed)
                print(f"{reader:8} {seed:5} {mean:8.1f} {seconds:9.0f} {processor:14.0f}", flush=True)
