"""An environment to act in by hand: a button for each action, and the picture of what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import traitlets

from dqnkit.environments import make_env
from dqnkit.lessons.applications.scenes import scene
from dqnkit.lessons.applications.tasks import Task
from dqnkit.plots.style import Picture
from dqnkit.widgets.drawing import Drawing, Still


class ByHand(Drawing, module=Path(__file__).with_suffix(".js")):
    """Python takes the steps; the browser has the buttons and shows the pictures.

    Args:
        env: with one action for each name.
        actions: their names.
        seed: of the first episode; the others follow from it.
    """

    actions: Any = traitlets.List().tag(sync=True)
    image = traitlets.Unicode().tag(sync=True)  # HTML
    said: Any = traitlets.Dict().tag(sync=True)  # {"return": ..., "reward": ..., "steps": ..., "ended": ...}

    def __init__(self, env: Any, actions: Sequence[str], seed: int = 0) -> None:
        super().__init__(actions=list(actions))
        self._env = env
        self._scene: Picture
        self.reset(seed)
        self.on_msg(lambda _, content, __: self.hear(content))

    def hear(self, content: dict[str, Any]) -> None:
        """Do what a button says: ``{"action": number}`` or ``{"reset": True}``."""
        if content.get("reset"):
            self.reset()
        elif not self.said["ended"]:
            self.step(int(content["action"]))

    def reset(self, seed: int | None = None) -> None:
        """Begin a new episode."""
        self._env.reset(seed=seed)
        self._show(0.0, 0.0, 0, "")

    def step(self, action: int) -> None:
        """Take one step."""
        _, reward, terminated, truncated, _ = self._env.step(action)
        ended = "terminated" if terminated else "truncated: the time is over" if truncated else ""
        self._show(self.said["return"] + float(reward), float(reward), self.said["steps"] + 1, ended)

    def _show(self, episode_return: float, reward: float, steps: int, ended: str) -> None:
        self._scene = scene(self._env)
        self.image = self._scene.html
        self.said = {"return": round(episode_return, 3), "reward": round(reward, 3), "steps": steps, "ended": ended}

    def picture(self) -> Picture:
        """The moment as a static picture."""
        return self._scene


def by_hand(task: Task) -> ByHand | Still:
    """A task to act in, or the recorded picture of it where its packages are missing."""
    return ByHand(make_env(task.config), task.actions) if task.is_here else task.picture
