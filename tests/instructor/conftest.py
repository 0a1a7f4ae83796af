"""A class for the tests: three students, two lessons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dqnkit.instructor import roster, settings
from dqnkit.instructor.roster import Roster
from dqnkit.instructor.settings import ClassSettings

ROSTER = """\
id,name,email
100,Jana Müller,jana@example.edu
101,Ada Lovelace,ada@example.edu
zoe7,Zoë Quist,zoe@example.edu
"""
RIGHT = (
    "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n"
    "    y = r if terminated else r + gamma * q[s_next].max()\n"
    "    return q[s, a] + alpha * (y - q[s, a])\n"
)


@pytest.fixture
def class_settings(tmp_path: Path) -> ClassSettings:
    folder = tmp_path / "class"
    settings.new(folder, "A class", ["q_update", "replay"])
    (folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return settings.read(folder)


@pytest.fixture
def class_roster(class_settings: ClassSettings) -> Roster:
    return roster.read(class_settings)


@pytest.fixture
def notebook_of() -> Callable[..., bytes]:
    """A function that returns a notebook with these code cells, as the bytes of its file."""

    def made(*cells: str) -> bytes:
        content: dict[str, Any] = {
            "cells": [{"cell_type": "code", "metadata": {}, "source": cell.splitlines(True)} for cell in cells],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return json.dumps(content).encode()

    return made
