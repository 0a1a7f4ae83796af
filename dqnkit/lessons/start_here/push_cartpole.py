"""A widget to control CartPole by hand."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import numpy as np

from dqnkit.environments import make_env
from dqnkit.lessons.start_here.cartpole_picture import cartpole
from dqnkit.plots import Picture
from dqnkit.widgets.controls import button
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

EPISODE_LIMIT = 500  # steps; then the episode is truncated
TICK_SECONDS = 0.1  # between two steps when time runs by itself
OBSERVATION_NAMES = ("position of the cart", "velocity of the cart", "angle of the pole", "turning speed of the pole")
OBSERVATION_UNITS = ("metres", "metres per second", "radians", "radians per second")
CELL_STYLE = "text-align: left; padding: 0.1em 1.2em 0.1em 0; background: none; border: none"
NUMBER_STYLE = CELL_STYLE + "; text-align: right; font-variant-numeric: tabular-nums"


class PushCartPole(InteractivePicture):
    """CartPole with two buttons for its actions; shows the observation, the reward and the return.

    Args:
        seed: of the first episode; each later episode has the next seed.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__(self._tick, TICK_SECONDS)
        self.env = make_env("CartPole-v1", max_episode_steps=EPISODE_LIMIT)
        self.returns: list[float] = []  # of finished episodes
        self._next_seed = seed
        self.observation = np.zeros(4, np.float32)
        self.action: int | None = None  # the last one of this episode
        self.reward, self.episode_return, self.steps = 0.0, 0.0, 0
        self.ended = ""  # how the episode ended; empty while it goes on
        self._box = PictureBox()
        self._table = ipywidgets.HTML(layout={"width": "100%", "margin": "0"})
        self.left = button("◀ Push left", lambda clicked: self.push(0), "action 0")
        self.right = button("Push right ▶", lambda clicked: self.push(1), "action 1")
        self.again = button("New episode", lambda clicked: self.reset(), "reset the environment")
        self.by_itself = ipywidgets.Checkbox(
            value=False, description="time runs by itself (the last push is repeated ten times a second)", indent=False
        )
        self.by_itself.layout.width = "auto"
        self.by_itself.observe(self._switch_clock, "value")
        row = ipywidgets.HBox([self.left, self.right, self.again], layout={"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([row, self._box, self._table, self.by_itself], layout={"max_width": "600px"})
        self.reset()

    def reset(self) -> None:
        """Begin an episode."""
        self.observation, _ = self.env.reset(seed=self._next_seed)
        self._next_seed += 1
        self.action = None
        self.reward, self.episode_return, self.steps = 0.0, 0.0, 0
        self.ended = ""
        self._show()

    def push(self, action: int) -> None:
        """One step of the environment; nothing if the episode is over."""
        if self.ended:
            self._box.show(summary=f"{self._summary()} Press New episode.")
            return
        self.action = action
        self.observation, reward, terminated, truncated, _ = self.env.step(action)
        self.reward = float(reward)
        self.episode_return += self.reward
        self.steps += 1
        if terminated:
            self.ended = (
                f"terminated: {'the pole fell' if abs(self.observation[2]) > 0.2094 else 'the cart left the track'}"
            )
        elif truncated:
            self.ended = f"truncated: {EPISODE_LIMIT} steps are over"
        if self.ended:
            self.returns.append(self.episode_return)
        self._show()

    def picture(self) -> Picture:
        """The cart and its pole now."""
        position, _, angle, _ = (float(value) for value in self.observation)
        return cartpole(position, angle, self.action, self.ended)

    def _tick(self) -> bool:
        """Repeat the last push; False when the episode is over."""
        if self.ended:
            self.by_itself.value = False
            return False
        if self.action is not None:  # before the first push, time waits
            self.push(self.action)
        return True

    def _switch_clock(self, change: Any) -> None:
        if change["new"]:
            self.clock.start()
        else:
            self.clock.stop()

    def _show(self) -> None:
        self._box.show(self.picture(), self._summary())
        self._table.value = self._numbers()

    def _summary(self) -> str:
        if self.ended:
            return f"The episode has ended ({self.ended}). Its return: {self.episode_return:g}. {self._earlier()}"
        if self.action is None:
            return f"A new episode: push left or right, and keep the pole up. {self._earlier()}"
        pushed = "right" if self.action else "left"
        return f"Step {self.steps}: pushed {pushed}, reward {self.reward:g}, return so far {self.episode_return:g}."

    def _earlier(self) -> str:
        if not self.returns:
            return ""
        return "Your returns so far: " + ", ".join(f"{value:g}" for value in self.returns[-10:]) + "."

    def _numbers(self) -> str:
        """The observation, with the meaning of each number."""
        rows = [
            f'<tr style="background: none"><th scope="row" style="{CELL_STYLE}">{escape(name)}</th>'
            f'<td style="{NUMBER_STYLE}">{value:+.3f}</td><td style="{CELL_STYLE}">{unit}</td></tr>'
            for name, unit, value in zip(
                OBSERVATION_NAMES, OBSERVATION_UNITS, np.asarray(self.observation), strict=True
            )
        ]
        count = len(OBSERVATION_NAMES)
        head = f'<caption style="text-align: left; padding: 0.2em 0"><b>observation</b>, {count} numbers</caption>'
        rewards = (
            f"<b>reward</b> of this step: {self.reward:g} &nbsp; <b>return</b> so far: {self.episode_return:g} &nbsp; "
            f"<b>steps</b>: {self.steps}"
        )
        return f'<table style="line-height: 1.35">{head}{"".join(rows)}</table><div>{rewards}</div>'


def push_cartpole(seed: int = 0) -> PushCartPole:
    """CartPole with buttons, as the value of a cell."""
    return PushCartPole(seed)
