"""Two recorded task streams: what each worker of a cluster did and when, as Dask's dashboard draws it.

    python -m dqnkit.lessons.rollouts_on_dask.task_streams     # record both again

Each task is a nap, so that the recording does not depend on the speed of a computer. In the first stream tasks of
different length are submitted in rounds; in the second, every task needs an array that lies on another worker.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.course import recorded_file
from dqnkit.errors import ConfigError
from dqnkit.files import read_object
from dqnkit.plots.style import PALETTE, Picture, styled_figure

FILE = recorded_file("rollouts_on_dask/task_streams")
WORKERS, ROUNDS, ARRAY_BYTES = 3, 5, 6_000_000
LENGTHS = (0.06, 0.1, 0.3)  # seconds of the tasks of a round
TRANSFER = "#B2182B"  # Dask draws transfers in red


class Span(NamedTuple):
    """Something that a worker did."""

    worker: int  # 0, 1, ...
    action: str  # "compute" or "transfer"
    begin: float  # seconds since the first span of the stream began
    end: float


def shares(stream: Sequence[Span]) -> dict[str, float]:
    """Shares of the workers' time: computing, waiting for data, and doing nothing (white)."""
    workers = {span.worker for span in stream}
    whole = len(workers) * max(span.end for span in stream)
    sums = {
        action: sum(span.end - span.begin for span in stream if span.action == action) / whole
        for action in ("compute", "transfer")
    }
    return {**sums, "white": 1 - sum(sums.values())}


def load_streams() -> dict[str, list[Span]]:
    """The recorded streams of this lesson, by name."""
    try:
        return {name: [Span(*span) for span in spans] for name, spans in read_object(FILE)["streams"].items()}
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ConfigError(f"the recording {FILE} is damaged ({error}): install the kit again") from error


def task_streams(streams: dict[str, list[Span]], *, what: str = "") -> Picture:
    """Draw task streams one below the other: a row for each worker, a bar for each thing that it did.

    Args:
        streams: by name.
        what: a sentence on what to look for, for the caption.
    """
    end = max(span.end for spans in streams.values() for span in spans)
    looks: dict[str, dict[str, Any]] = {
        "compute": {"color": PALETTE["environment"]["color"], "label": "a task"},
        "transfer": {"color": TRANSFER, "hatch": "///", "label": "a transfer from another worker"},
    }
    with styled_figure(7.2, 0.9 + 1.25 * len(streams)) as figure:
        panels = figure.subplots(len(streams), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, spans) in zip(panels, streams.items(), strict=True):
            for action, look in looks.items():
                chosen = [span for span in spans if span.action == action]
                axes.barh(
                    [span.worker for span in chosen],
                    [span.end - span.begin for span in chosen],
                    left=[span.begin for span in chosen],
                    height=0.7,
                    edgecolor="white",
                    linewidth=0.8,
                    **look,
                )
            workers = sorted({span.worker for span in spans})
            axes.set(title=name, yticks=workers, yticklabels=[f"worker {number + 1}" for number in workers])
            axes.set(xlim=(0, end), ylim=(max(workers) + 0.6, -0.6))
            axes.grid(axis="y", visible=False)
        panels[-1].set_xlabel("seconds")
        handles = panels[-1].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower right", ncols=2, frameon=False)
    rows = "; ".join(
        f"{name}: {len(spans)} bars on {len({span.worker for span in spans})} workers"
        for name, spans in streams.items()
    )
    return Picture.of(figure, f"Recorded task streams. {rows}.", f"What to look for: {what}" if what else "")


def _nap(seconds: float, data: Any = None) -> float:
    time.sleep(seconds)
    return seconds


def _array(number: int) -> Any:
    return np.full(ARRAY_BYTES // 8, number, np.float64)


def _in_rounds(client: Any, workers: Sequence[str]) -> None:
    for number in range(ROUNDS):
        lengths = np.roll(LENGTHS, number)
        client.gather(
            [
                client.submit(_nap, float(seconds), pure=False, workers=[worker])
                for seconds, worker in zip(lengths, workers, strict=True)
            ]
        )


def _with_data_from_elsewhere(client: Any, workers: Sequence[str]) -> None:
    places = [number % len(workers) for number in range(4 * len(workers))]
    arrays = [
        client.submit(_array, number, pure=False, workers=[workers[place]]) for number, place in enumerate(places)
    ]
    _wait(arrays)
    _wait(
        client.submit(_nap, 0.1, array, pure=False, workers=[workers[(place + 1) % len(workers)]])  # not where it lies
        for array, place in zip(arrays, places, strict=True)
    )


def _wait(futures: Iterable[Any]) -> None:
    futures = list(futures)
    while not all(future.done() for future in futures):
        time.sleep(0.01)


def _spans(data: Sequence[dict[str, Any]]) -> list[Span]:
    workers = sorted({task["worker"] for task in data})
    begin = min(piece["start"] for task in data for piece in task["startstops"])
    spans = [
        Span(workers.index(task["worker"]), piece["action"], piece["start"] - begin, piece["stop"] - begin)
        for task in data
        for piece in task["startstops"]
        if piece["action"] in ("compute", "transfer")
    ]
    return sorted(span._replace(begin=round(span.begin, 4), end=round(span.end, 4)) for span in spans)


def record() -> dict[str, list[Span]]:
    """Record both streams on a local cluster."""
    from dqnkit.deploy import make_cluster

    with make_cluster(n_workers=WORKERS) as cluster, cluster.get_client() as client:
        workers = sorted(client.scheduler_info()["workers"])
        client.gather([client.submit(_nap, 0.0, pure=False, workers=[worker]) for worker in workers])
        client.get_task_stream()  # from now on the scheduler keeps it
        _in_rounds(client, workers)
        rounds = client.get_task_stream()
        _with_data_from_elsewhere(client, workers)
        naps = [task for task in client.get_task_stream()[len(rounds) :] if task["key"].startswith("_nap")]
        return {"Recording 1": _spans(rounds), "Recording 2": _spans(naps)}


def write(streams: dict[str, list[Span]]) -> None:
    """Write the streams to the lesson's folder, one line for each span."""
    rows = {name: [list(span) for span in spans] for name, spans in streams.items()}
    text = json.dumps({"command": "python -m dqnkit.lessons.rollouts_on_dask.task_streams", "streams": rows})
    FILE.write_text(text.replace("], [", "],\n[") + "\n", encoding="utf-8")


if __name__ == "__main__":
    recorded = record()
    for title, spans in recorded.items():
        print(title, {name: round(share, 2) for name, share in shares(spans).items()})
    write(recorded)
