"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dqnkit.classroom.question import Choice, Number, Question, Reply
from dqnkit.types import FloatArray

LEARNER_WAITS, WORKERS_WAIT, MESSAGES = (
    "the learner waits for rollouts",
    "the learner learns; the workers wait for it",
    "into messages between them",
)
SIDES = {"": "in none of them", "C": "only in C", "CD": "in C and D", "BC": "in B and C", "BCD": "in B, C and D"}
NO_FASTER, TWICE, FOUR_TIMES = (
    "hardly faster",
    "about twice as fast",
    "three times as fast, or more",
)
ENDS, MISSING, MADE_AGAIN = (
    "ends with an error",
    "goes on; the lost rollouts are missing from replay",
    "goes on; the lost rollouts are made again",
)
UNLIKE, CLOSE, EQUAL = (
    "alike in what they do, but all different numbers",
    "equal but for the last digits: sums in another order",
    "all equal, bit for bit",
)
WEIGHTS, SAME, TRANSITIONS = "the weights", "about the same", "the transitions"


def _limit(waited: float) -> str:
    """From the share of the time in which the learner waited."""
    return LEARNER_WAITS if waited > 0.5 else WORKERS_WAIT


def _sides(shares: Mapping[str, tuple[float, float]]) -> str | None:
    """From the seconds of learner and actors in the runs A to D: in which of them the learner waits."""
    waiting = "".join(name[0] for name, (learner, actors) in shares.items() if actors > learner)
    return SIDES.get(waiting)


def _four_workers(times: float | None) -> str | None:
    """From how many times as fast; None where it was not measured."""
    if times is None:
        return None
    return FOUR_TIMES if times >= 2.7 else TWICE if times >= 1.4 else NO_FASTER


def _after_the_death(steps_and_gaps: tuple[int, int, int, int]) -> str | None:
    """From the steps that arrived and were to come, and the rollouts that are missing and were still under way."""
    arrived, wanted, missing, under_way = steps_and_gaps
    if arrived < wanted:
        return None
    return MADE_AGAIN if missing <= under_way else MISSING


def _bits(weights: Sequence[FloatArray]) -> str:
    """From the final weights of the three runs."""
    if all(np.array_equal(weights[0], other) for other in weights[1:]):
        return EQUAL
    return CLOSE if all(np.allclose(weights[0], other, atol=1e-4) for other in weights[1:]) else UNLIKE


def _bytes(out_and_back: tuple[float, float]) -> str:
    out, back = out_and_back
    return WEIGHTS if out > 1.5 * back else TRANSITIONS if back > 1.5 * out else SAME


QUESTIONS: dict[str, Question] = {
    "limit": Choice(
        "CartPole on two workers: where does most of the time go?",
        {
            LEARNER_WAITS: Reply(
                right="On this computer the workers were slower than the learner.",
                wrong="A step of CartPole takes microseconds, and for each one the learner draws 32 transitions. Two "
                "workers can bring steps faster than it uses them.",
            ),
            WORKERS_WAIT: Reply(
                right="A step of CartPole takes microseconds, and for each one the learner draws 32 transitions.",
                wrong="The learner has much to do for each step, but here the workers were slower still.",
            ),
            MESSAGES: Reply(
                wrong="A rollout of hundreds of steps travels in a few milliseconds, and while it travels the "
                "learner learns."
            ),
        },
        _limit,
    ),
    "sides": Choice(
        "In which of the four runs does the learner wait for the actors most of the time? A: CartPole as above, 32 "
        "samples per insert. B: the same with 2. C: a step waits 2 ms. D: the same, with a network of two layers of "
        "1,024 units.",
        {
            SIDES[""]: Reply(
                right="On this computer the learner was the limit in all four.",
                wrong="2 ms a step are at most 500 steps a second for one worker, and a small network learns from "
                "500 steps in less than a second.",
            ),
            SIDES["C"]: Reply(
                right="Only where a step waits is the learner done before the next steps come.",
                wrong="B gives the learner 16 times less to do with each step than A, and D far more than C. The "
                "picture shows what came of it here.",
            ),
            SIDES["CD"]: Reply(
                right="Where a step waits, the learner was done before the next steps came, with the large network "
                "too.",
                wrong="In D the large network gives the learner much to do while the environments wait; in B there is "
                "little to do for each step. The picture shows what came of it here.",
            ),
            SIDES["BC"]: Reply(
                right="In B the learner has 16 times less to do with each step than in A, and in C the steps come "
                "slowly. In D the large network keeps the learner busy while the environments wait.",
                wrong="In B the learner has little to do and in C the steps come slowly, but on this computer the "
                "times came out otherwise.",
            ),
            SIDES["BCD"]: Reply(
                right="On this computer even the large network was done before the next steps came.",
                wrong="In D the large network gives the learner much to do with each step. The picture shows what "
                "came of it here.",
            ),
        },
        _sides,
    ),
    "speed": Number(
        "CartPole with 2 workers: how many times as fast as in process? (1: no difference)",
        unit="times",
        range=(0, 100),
        replies={
            (
                1.5,
                100,
            ): "Two workers make only the actors faster: the formula above allows 1 / max(1 - a, a / 2) times."
        },
    ),
    "waits": Choice(
        "And the CartPole that waits, with 4 workers: how many times as fast as in process?",
        {
            NO_FASTER: Reply(
                right="The waiting needs no core, but the learner, the driver and the messages do. On this computer "
                "they got so little of the cores that nothing was left of the gain.",
                wrong="Waiting needs no core: several processes can wait at once on one. In this run that brought "
                "more than it cost.",
            ),
            TWICE: Reply(
                right="Four processes wait at once, so up to four times was possible. The learner, the driver and the "
                "messages need cores, and on this computer they took a part of it.",
                wrong="If it computed, the number of cores would decide. It waits, and waiting needs no core; what "
                "needs cores are the learner, the driver and the messages.",
            ),
            FOUR_TIMES: Reply(
                right="Waiting needs no core: four processes wait at once, even on one.",
                wrong="Four processes can wait at once, even on one core. But the learner, the driver and the messages "
                "need cores, and in this run they took the rest of the gain.",
            ),
        },
        _four_workers,
    ),
    "lost": Number(
        "One of two workers is killed. How many tasks must be given to another worker? (At any moment each worker has "
        "a window of two: one that it works on, one that waits its turn.)",
        unit="tasks",
        range=(0, 1000),
        replies={
            (0, 0): "At least the one that it worked on: its rollout existed nowhere else.",
            (
                5,
                1000,
            ): "What it had handed over before is safe in replay, in the driver. Only what was under way, waited its "
            "turn, or was finished and not yet fetched goes with the worker.",
        },
    ),
    "death": Choice(
        "What becomes of the training run?",
        {
            ENDS: Reply(wrong="An error would come only if no worker were left for a minute."),
            MISSING: Reply(
                right="In this run some numbers never came.",
                wrong="That would be harmless, too. But a task is a plain function with its arguments: whoever has "
                "them can run it again, so Dask does.",
            ),
            MADE_AGAIN: Reply(
                right="A task is a plain function with its arguments: whoever has them can run it again, so Dask does.",
                wrong="A task can be run again by whoever has its arguments, but in this run some numbers never came.",
            ),
        },
        _after_the_death,
    ),
    "weights": Choice(
        "The same settings and the same seed, three ways: in process, without a stop; on two workers, one of which "
        "is killed on the way; and this run, saved half-way on two workers and resumed on one. How alike are the "
        "final weights?",
        {
            UNLIKE: Reply(
                wrong="So it is without `deterministic=True`: there the order in which rollouts arrive decides. Here "
                "the numbers of the rollouts decide."
            ),
            CLOSE: Reply(
                wrong="Replicas behave like that, because they sum their gradients in another order. Here one learner "
                "computes everything, in one order."
            ),
            EQUAL: Reply(
                right="The learner takes the rollouts in the order of their numbers, not of their arrival, and each "
                "is made from the same seed wherever it is made."
            ),
        },
        _bits,
    ),
    "bytes": Choice(
        "CartPole on two workers: what takes more bytes, the weights sent out or the transitions that come back?",
        {
            WEIGHTS: Reply(
                right="In a short run the weights go out almost as often as rollouts come in.",
                wrong="A small network, sent now and then: some thousand bytes each time. With the network of 1024 x "
                "1024 it would be 4 MB for each version, and the answer another.",
            ),
            SAME: Reply(
                right="The weights go out at most once in the time of a rollout, and here that came to about as much.",
                wrong="It depends on how often the weights go out, at most once in the time of a rollout. Every "
                "single step comes back.",
            ),
            TRANSITIONS: Reply(
                right="Every single step comes back. A small network goes out now and then, some thousand bytes each "
                "time.",
                wrong="Every step comes back, but in a short run the weights go out almost as often as rollouts come "
                "in.",
            ),
        },
        _bytes,
    ),
}
