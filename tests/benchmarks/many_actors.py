"""What lies past one driver: up to 10,000 actors, simulated with the costs that cluster_actors.py measured.

An actor steps for half a second a step and has two tasks, as with `ClusterRollouts`: one that it works on, one that
waits. Its rollout goes to its driver, which takes rollouts one after the other, puts each into its part of the replay
buffer, and submits the actor's next task. With several drivers each has an equal share of the actors, a scheduler of
its own, and a replay shard beside its learner process: they meet only in the gradient, which is not simulated.

A rollout costs its driver a fixed time (processor time of driver and scheduler for a task, measured with 1,000 actors)
and a time for each transition (measured by cluster_rollouts.py). The simulation has no network and no lost workers.

    python many_actors.py --task-ms 1.9 --transition-us 1.6 --transition-bytes 44
    python many_actors.py --task-ms 1.9 --transition-us 53 --transition-bytes 7100     # 84 x 84 pictures
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import numpy as np
import report

STEP_SECONDS = 0.5
STEPS = 4  # of a task: the kit lets none be longer than 2 s
SPREAD = 0.05  # of the duration of tasks, as a share
WINDOW = 2  # tasks of an actor
WARM_UP = 10.0  # seconds
NEARLY_LINEAR = 0.9


@dataclass(frozen=True)
class Driven:
    """What one driver with its actors did.

    Attributes:
        tasks_per_second: rollouts that it put into replay.
        busy: the share of the time in which it worked.
        age: mean seconds from the submission of a task until its rollout is in replay.
    """

    tasks_per_second: float
    busy: float
    age: float


def drive(actors: int, cost: float, seconds: float, rng: np.random.Generator) -> Driven:
    """Simulate one driver that needs ``cost`` seconds for each rollout of ``actors`` actors."""
    durations = cycle((STEP_SECONDS * STEPS * rng.uniform(1 - SPREAD, 1 + SPREAD, 1 << 16)).tolist())
    order = count()  # of events at the same time
    # Each actor begins somewhere within its first task. Events: its current task ends, or a new one comes to it.
    events = [(float(rng.uniform(0, STEP_SECONDS * STEPS)), next(order), actor, True) for actor in range(actors)]
    heapq.heapify(events)
    tasks = [deque([0.0] * WINDOW) for _ in range(actors)]  # when each was submitted; an actor works on the first
    free, worked, ages = 0.0, 0.0, []

    while events[0][0] < WARM_UP + seconds:
        now, _, actor, ends = heapq.heappop(events)
        if ends:
            submitted = tasks[actor].popleft()
            free = max(now, free) + cost  # the driver takes the rollout when those before it are done
            heapq.heappush(events, (free, next(order), actor, False))
            if WARM_UP < free <= WARM_UP + seconds:
                worked += cost
                ages.append(free - submitted)
        else:
            tasks[actor].append(now)
        if tasks[actor] and (ends or len(tasks[actor]) == 1):  # it begins with the next
            heapq.heappush(events, (now + next(durations), next(order), actor, True))
    return Driven(len(ages) / seconds, worked / seconds, float(np.mean(ages)))


def main() -> None:
    """Simulate each number of actors with each number of drivers."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--task-ms", type=float, required=True, help="what a task costs driver and scheduler")
    parser.add_argument("--transition-us", type=float, required=True, help="what a transition costs the driver")
    parser.add_argument("--transition-bytes", type=float, required=True, help="of a transition in replay")
    parser.add_argument("--actors", type=int, nargs="+", default=[100, 1_000, 3_000, 10_000])
    parser.add_argument("--drivers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--seconds", type=float, default=30.0, help="simulated, for each row")
    arguments = parser.parse_args()
    cost = arguments.task_ms / 1e3 + STEPS * arguments.transition_us / 1e6
    rows: list[list[Any]] = []
    for actors in arguments.actors:
        for drivers in arguments.drivers:
            driven = drive(actors // drivers, cost, arguments.seconds, np.random.default_rng(0))
            transitions = drivers * driven.tasks_per_second * STEPS
            share = transitions / (actors / STEP_SECONDS)
            bytes_in = driven.tasks_per_second * STEPS * arguments.transition_bytes / 1e6
            rows.append([actors, drivers, transitions, share, driven.busy, driven.age, bytes_in])
            if share >= NEARLY_LINEAR:  # more drivers bring nothing
                break
    columns = ["actors", "drivers", "transitions/s", "of linear", "a driver is busy", "s old", "MB/s a driver"]
    report.table(f"SIMULATED: {1e3 * cost:.2f} ms for a rollout of {STEPS} steps of {STEP_SECONDS} s", columns, rows)
    print(f"\nWritten to {report.write_json('many-actors', arguments, {'rows': rows}, [])}")


if __name__ == "__main__":
    main()
