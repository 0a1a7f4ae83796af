"""Controls that the widgets of several lessons share."""

from __future__ import annotations

import asyncio

from dqnkit.widgets.controls import PlayButton, button, label_width
from dqnkit.widgets.interactive_picture import Clock


def test_a_button_calls_back() -> None:
    clicks: list[str] = []
    made = button("Step", lambda clicked: clicks.append(clicked.description), "one update")
    made.click()
    assert clicks == ["Step"]
    assert made.tooltip == "one update"


def test_a_label_and_its_control_have_widths() -> None:
    assert label_width(70, 330)["style"] == {"description_width": "70px"}
    assert label_width(70, 330)["layout"]["width"] == "330px"


def test_play_starts_and_pause_stops_the_clock() -> None:
    async def run() -> None:
        clock = Clock(lambda: True, 0.01)
        play = PlayButton(clock)
        assert not clock.running
        play.value = True
        assert clock.running
        assert play.description == "‖ Pause"
        play.value = False
        assert not clock.running
        assert play.description == "▶ Play"

    asyncio.run(run())
