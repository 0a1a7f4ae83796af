"""The animations of the README and of the last lesson: made by a command, and small."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dqnkit.authoring import gallery
from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.applications import gallery as shown
from dqnkit.lessons.applications.tasks import TASKS
from dqnkit.presets import preset


@pytest.mark.parametrize("name", gallery.AGENTS)
def test_each_animation_is_there_and_small_and_in_the_readme(name: str) -> None:
    path = find_notebooks() / "pictures" / f"{name}.gif"
    assert 1_000 < path.stat().st_size <= gallery.LARGEST
    assert f"notebooks/pictures/{name}.gif" in (find_notebooks().parent / "README.md").read_text(encoding="utf-8")


def test_each_task_of_the_lesson_has_one_of_its_own_settings() -> None:
    made = {config.env_id: config for config in gallery.AGENTS.values()}
    assert all(made[task.env_id] == task.config for task in TASKS.values())
    assert shown.SHOWN.keys() == gallery.AGENTS.keys()
    assert [title for title in shown.trained_agents() if title in TASKS] == ["robot", "driving", "game"]


def test_an_agent_is_trained_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    (tmp_path / "pictures").mkdir()
    monkeypatch.setattr(shown, "find_notebooks", lambda: tmp_path)
    short = preset("CartPole-v1", total_steps=1_000, epsilon_steps=500, xla=False)
    monkeypatch.setattr(gallery, "AGENTS", {"door": short})
    drawn = CliRunner().invoke(gallery.main, ["door"], catch_exceptions=False)
    assert (tmp_path / "pictures" / "door.gif").stat().st_size > 1_000
    assert drawn.exit_code == 0
    assert drawn.output.startswith("door: ")
    monkeypatch.setattr(gallery, "LARGEST", 1_000)
    assert "lower FRAMES" in CliRunner().invoke(gallery.main, ["door"]).output
