"""Seconds from `dqnkit lab` to the first picture of notebook 00 in a reader's browser.

Each round uses a new process, an empty home folder and a new browser. The server starts, the start page opens, its
first link is clicked, and cells are run with Shift+Enter until the first picture appears.

    python first_plot.py
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import report

sys.path.insert(0, str(report.REPOSITORY / "tests"))
from browser import CHROMIUM_FLAGS, chromium, free_port

OPEN_SECONDS, PICTURE_SECONDS = 2.0, 15.0  # targets
STEPS = ("server answers", "start page", "notebook open", "kernel ready", "first picture")
LIMIT = 120  # seconds for each step


def measure(playwright: Any) -> dict[str, float]:
    """Seconds at which each step was reached, counted from the command."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home, "PYTHONPATH": str(report.REPOSITORY)}
        environment = {name: value for name, value in environment.items() if name != "SSH_CONNECTION"}
        command = [sys.executable, "-m", "dqnkit.cli", "lab", str(Path(home) / "course"), "--no-browser"]
        began = time.perf_counter()
        server = subprocess.Popen(
            [*command, f"--port={free_port()}"], env=environment, stdout=subprocess.PIPE, text=True, cwd=home
        )
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            assert server.stdout
            lines = iter(server.stdout.readline, "")
            address = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
            reached = [time.perf_counter() - began]
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.goto(address)
            link = page.locator(".jp-MarkdownViewer table a").first
            link.wait_for(timeout=LIMIT * 1_000)
            reached.append(time.perf_counter() - began)
            link.click()
            page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=LIMIT * 1_000)
            reached.append(time.perf_counter() - began)
            page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(
                timeout=LIMIT * 1_000
            )  # a reader would not run cells earlier
            reached.append(time.perf_counter() - began)
            page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
            picture = page.locator(".jp-OutputArea-output img").first
            for _ in range(3):  # the first code cells
                page.keyboard.press("Shift+Enter")
            picture.wait_for(timeout=LIMIT * 1_000)
            reached.append(time.perf_counter() - began)
            return dict(zip(STEPS, reached, strict=True))
        finally:
            browser.close()
            server.send_signal(signal.SIGINT)
            server.wait(30)


def main() -> None:
    """Measure some rounds and print the medians."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    from playwright.sync_api import sync_playwright

    rounds = []
    with sync_playwright() as playwright:
        for number in range(arguments.rounds):
            rounds.append(measure(playwright))
            report.progress(f"round {number + 1} of {arguments.rounds}: {rounds[-1]}")
    medians = {step: statistics.median(r[step] for r in rounds) for step in STEPS}
    seconds = medians["first picture"]
    opening = statistics.median(r["notebook open"] - r["start page"] for r in rounds)
    rows = [[step, medians[step], max(r[step] for r in rounds)] for step in STEPS]
    report.table("Seconds since `dqnkit lab`", ["", "median", "most"], rows)
    print()
    verdicts = [
        report.verdict("seconds from the link to the open notebook", opening, OPEN_SECONDS, at_most=True),
        report.verdict("seconds from dqnkit lab to the first picture", seconds, PICTURE_SECONDS, at_most=True),
    ]
    results = {"rounds": rounds, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('first-plot', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
