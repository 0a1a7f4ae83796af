"""Train once, with the live panel or without; print the seconds of training as a JSON line.

The panel runs as in a notebook: its widgets have comms, each message is serialised as JSON, and an answer comes at
once, as from a fast browser. But the messages are not sent anywhere.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import time
from contextlib import redirect_stdout
from typing import Any

import report


class Counted:
    """Number and bytes of the messages that the kernel would send."""

    messages = 0
    bytes = 0


def listen_as_a_browser() -> None:
    """Give each widget a comm that serialises its messages, and answer the questions of `RoundTrip`."""
    import json

    import comm
    import comm.base_comm
    from ipywidgets.widgets.widget_link import DirectionalLink

    class Comm(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, **_: Any) -> None:
            Counted.messages += 1
            Counted.bytes += len(json.dumps([msg_type, data, metadata]))
            state = (data or {}).get("state", {})
            if msg_type == "comm_msg" and isinstance(state.get("value"), int):
                asyncio.get_running_loop().call_soon(self.copy, state["value"])

        def copy(self, value: Any) -> None:
            """Do what a link between widgets does in a browser: copy the value of this comm's widget."""
            for link in list(all_widgets().values()):
                if isinstance(link, DirectionalLink) and link.comm is not None and link.source[0].comm is self:
                    link.target[0].set_state({"value": value})

    def all_widgets() -> dict[str, Any]:
        from ipywidgets.widgets import widget

        return dict(getattr(widget, "_instances", {}))

    comm.create_comm = lambda *arguments, **keywords: Comm(*arguments, **keywords)


def main() -> None:
    """Train once and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panel", type=int, required=True)
    parser.add_argument("--env", default="CartPole-v1")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    report.limit_tensorflow(arguments.threads)
    listen_as_a_browser()

    import matplotlib.figure  # noqa: F401  (imported before the clock starts)

    from dqnkit.presets import preset
    from dqnkit.training import train
    from dqnkit.types import LiveSettings, TrainStatus
    from dqnkit.widgets import live

    settings = LiveSettings()
    config = preset(arguments.env, total_steps=arguments.steps)
    times: list[float] = []  # of the first update, which compiles, and of the end

    def timed(statuses: Any) -> Any:
        """Pass on the statuses, and take the time of the first update and of the last status."""
        for status in statuses:
            if not times and status.updates:
                times.append(time.perf_counter())
            yield status
        times.append(time.perf_counter())

    async def run() -> TrainStatus | None:
        if arguments.panel:
            return await live(
                timed(train(config, live=settings)), settings=settings, title=arguments.env, q_bound=100.0
            )
        last = None
        for status in timed(train(config, live=settings)):
            last = status
        return last

    with redirect_stdout(io.StringIO()):
        last = asyncio.run(run())
    closing = time.perf_counter() - times[1]
    assert last is not None
    report.emit(
        seconds=times[1] - times[0],
        closing_seconds=closing,  # for the final picture, after training
        step=last.step,
        updates=last.updates,
        mean_return=last.episode_return,
        messages=Counted.messages,
        megabytes=Counted.bytes / 1e6,
        versions=report.versions(),
    )


if __name__ == "__main__":
    main()
