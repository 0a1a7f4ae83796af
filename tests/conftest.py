"""Fixtures and settings for all tests. Environments made for tests are in toys.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import fault_table
import numpy as np
import pytest
import toys
from hypothesis import settings

from dqnkit.course_folder import find_notebooks

settings.register_profile("dqnkit", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("dqnkit")
toys.register()


# Where processes take whole files, one of these that began last would keep the others waiting at the end.
LONGEST = (
    "test_notebooks_in_browser.py",
    "test_notebooks.py",
    "test_cage.py",
    "test_browser.py",
    "test_cluster_faults.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def rng() -> np.random.Generator:
    """A new random generator for each test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def fast_notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the notebooks as they are built with short training runs."""
    pytest.importorskip("jupytext")
    from dqnkit.authoring.build import build_fast

    folder = tmp_path_factory.mktemp("fast")
    build_fast(find_notebooks(), folder)
    return folder


@pytest.fixture(scope="module")
def named(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What a module's wrong answers to its EXERCISE were called, as ``"answer: name"``; printed, with ``-s``."""
    names: list[str] = []
    yield names
    known = sum(not name.endswith(": -") for name in names)
    print(f"\n{request.module.EXERCISE.name}: {known} of {len(names)} wrong answers named", *names, sep="\n  ")


MUTANTS = pytest.StashKey[dict[str, dict[str, bool]]]()


@pytest.fixture
def mutants(request: pytest.FixtureRequest) -> dict[str, dict[str, bool]]:
    """Check -> known mistake -> whether the check caught and named it. The table is printed at the end of the run."""
    return request.config.stash.setdefault(MUTANTS, {})


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Callable[[int, str, str], None]:
    """`tried(kind, given, now)` adds a row to the table of faults (tests/support/fault_table.py): call it after the
    assertions, with what really happened."""

    def add(kind: int, given: str, now: str) -> None:
        assert kind in fault_table.KINDS
        request.node.user_properties.append(("fault", [kind, given, now]))  # pytest-xdist carries it to the controller

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of faults, and that of checks and known mistakes, if this run tested any."""
    reports = [report for name in ("passed", "failed") for report in terminalreporter.stats.get(name, [])]
    rows = [tuple(value) for report in reports for key, value in report.user_properties if key == "fault"]
    if rows:
        terminalreporter.section("faults: what was tried, what happens now")
        for line in fault_table.lines(rows):
            terminalreporter.write_line(line)
    tried = config.stash.get(MUTANTS, {})
    if not tried:
        return
    terminalreporter.section("checks x mutants")
    for check, mistakes in sorted(tried.items()):
        terminalreporter.write_line(f"{check}: {sum(mistakes.values())} of {len(mistakes)} caught and named")
        for mistake, was_named in mistakes.items():
            terminalreporter.write_line(f"    {'named ' if was_named else 'MISSED'}  {mistake}")


@pytest.fixture(autouse=True)
def progress_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test gets its own progress file, so that none writes the developer's."""
    from dqnkit.classroom import checking, predictions, progress_file

    monkeypatch.setattr(progress_file, "FILE", progress_file.ProgressFile(tmp_path))
    yield
    checking.forget()
    predictions.forget()
