"""The clock that calls a function at intervals."""

from __future__ import annotations

import asyncio

from dqnkit.lessons.beyond_dqn.clock import Clock


def test_a_clock_ticks_until_it_is_stopped_or_told_to() -> None:
    ticks: list[int] = []

    def tick() -> bool:
        ticks.append(len(ticks))
        return len(ticks) < 3

    async def run() -> None:
        clock = Clock(tick, 0.001)
        clock.start()
        clock.start()  # it runs already
        assert clock.running
        while clock.running:
            await asyncio.sleep(0.001)
        assert ticks == [0, 1, 2]
        ticks.clear()
        clock.start()
        clock.stop()
        assert not clock.running
        await asyncio.sleep(0.01)
        assert ticks == []

    asyncio.run(asyncio.wait_for(run(), 20))
