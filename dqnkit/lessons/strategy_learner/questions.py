"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Sequence

from dqnkit.classroom.question import Choice, Number, Question, Reply

SAME, TWICE, HALF = "the same", "twice as large", "half as large"
ONCE, SUMMED = "-1", "-2"
BOTH, SGD, ADAM, NEITHER = "in both", "with SGD only", "with Adam only", "in neither"
FASTER, AS_FAST, SLOWER = "nearly twice as fast", "about as fast", "clearly slower"


def _ratio(ratio: float) -> str:
    return TWICE if ratio > 1.5 else HALF if ratio < 0.7 else SAME


def _weight(weight: float) -> str:
    return SUMMED if weight < -1.5 else ONCE


def _seen(optimizers: Sequence[str]) -> str:
    """From the optimizers whose loss curves show the mistake."""
    return BOTH if len(optimizers) == 2 else {"SGD": SGD, "Adam": ADAM}.get("".join(optimizers), NEITHER)


def _times_as_fast(ratio: float) -> str:
    return FASTER if ratio > 1.5 else AS_FAST if ratio > 0.8 else SLOWER


QUESTIONS: dict[str, Question] = {
    "sum": Choice(
        "Two shares of 32; each replica gives the gradient of the mean of its own losses; the two are added up. "
        "Compared with the gradient of the mean loss of all 64, the result is ...",
        {
            SAME: Reply(
                wrong="Sums add up; means do not. Each of the two means is already as large as the mean of the whole "
                "batch."
            ),
            TWICE: Reply(
                right="Each of the two means is already as large as the mean of the whole batch, and they are added up."
            ),
            HALF: Reply(wrong="It would be if each sum were divided by 64 and then again by 2."),
        },
        _ratio,
    ),
    "apply": Choice(
        "SGD with step size 1, two replicas, each calls `optimizer.apply` with the gradient 1. The weight was 0. It "
        "is now ...",
        {
            ONCE: Reply(
                wrong="That is what each replica alone would do. But Keras' optimizer first sums the gradients over "
                "the replicas."
            ),
            SUMMED: Reply(
                right="Keras' optimizer first sums the gradients over the replicas: 1 + 1, and one step of 2."
            ),
        },
        _weight,
    ),
    "optimizer": Choice(
        "The division is forgotten, so every gradient is twice as large as it should be. In which optimizer's loss "
        "curve will you see it?",
        {
            BOTH: Reply(
                right="In these runs both curves showed it.",
                wrong="Adam divides each gradient by its own recent size. Twice the gradient, twice the size: the "
                "step is the same.",
            ),
            SGD: Reply(
                right="SGD takes the gradient as it is, so its steps are twice as long as they should be. Adam divides "
                "each gradient by its own recent size, and the factor cancels.",
                wrong="SGD's steps were twice as long as they should be, but that did not show in this run.",
            ),
            ADAM: Reply(
                wrong="It is the other way round: Adam divides each gradient by its recent size, SGD takes it as it is."
            ),
            NEITHER: Reply(
                right="In these runs no curve showed it.",
                wrong="SGD's step is the gradient times the step size: twice the gradient is twice the step.",
            ),
        },
        _seen,
    ),
    "speed": Choice(
        "A batch of 64, this small network, two replicas in place of one. An update is now ...",
        {
            FASTER: Reply(
                right="On this computer the two replicas really worked side by side.",
                wrong="It would be if there were nothing but computing, and if each replica had a processor of its "
                "own. Here both compute in the same place, and every operation is started twice.",
            ),
            AS_FAST: Reply(
                right="Half the work each, in the same place, is the same work, and here the rest cost little.",
                wrong="Half the work each, in the same place, is the same work. But every operation is started twice.",
            ),
            SLOWER: Reply(
                right="Both compute in the same place, every operation is started twice, and then the gradients are "
                "brought together. For so small a network that takes longer than the computing.",
                wrong="All of that takes time, but here it was little beside the rest.",
            ),
        },
        _times_as_fast,
    ),
    "straggler": Number(
        "How long does an update take on average, with eight replicas that need 10 ms each on average?",
        unit="ms",
        range=(0, 1000),
        replies={
            (0, 11): "One replica takes so long on average. An update takes as long as the slowest of the eight.",
            (
                18,
                1000,
            ): "The slowest of eight is late, but not that late: the longest of eight such random times is 2.7 "
            "times their mean, on top of the 8 ms.",
        },
    ),
}
