"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.question import Choice, Number, Question, Reply
from dqnkit.types import FloatArray

NOTHING, TWICE, BACKWARDS = (
    "nothing: y is just a number",
    "it makes the step twice as long",
    "it also moves the best value of the next square, so that y comes towards Q(s, a)",
)
ONE, FOUR, HALF, ALL = (
    "1: the entry Q(s, a)",
    "4: all actions of the square s",
    "about half of them",
    "nearly all of them",
)
EXACT, RESTLESS, STUCK = (
    "it settles near 0 too: the network has more than enough parameters",
    "it falls far below 1, but never comes to rest: it leaps up and down",
    "it stays at about 1: a network cannot learn from single transitions",
)
LIKE, FLAT, ROUGH, UPSIDE_DOWN = (
    "like the exact values, a slope up to the goal",
    "flat: nearly the same value in every square",
    "rough: large errors up and down",
    "upside down: low at the goal",
)


def _without_stop_gradient(moves: tuple[FloatArray, FloatArray]) -> str:
    """From how far each value [25, 4] moved with stop_gradient, and without."""
    with_stop, without = moves
    if np.any((without != 0) & (with_stop == 0)):
        return BACKWARDS
    return TWICE if np.abs(without).max() > 1.5 * np.abs(with_stop).max() else NOTHING


def _moved(count: int) -> str:
    """From how many of the 100 values moved."""
    return ONE if count <= 1 else FOUR if count <= 4 else HALF if count < 75 else ALL


def _alone(late_errors: FloatArray) -> str:
    """From the errors [runs, evaluations] in the second half of each run."""
    median = np.median(late_errors)
    return EXACT if late_errors.max() < 0.01 else STUCK if median > 0.8 else RESTLESS


def _landscape(values: tuple[FloatArray, FloatArray]) -> str:
    """From the largest value of each square [24]: of the network, and exact."""
    found, exact = values
    if np.ptp(found) < np.ptp(exact) / 3:
        return FLAT
    together = np.corrcoef(found, exact)[0, 1]
    return UPSIDE_DOWN if together < -0.5 else LIKE if together > 0.8 else ROUGH


QUESTIONS: dict[str, Question] = {
    "repeats": Number(
        "An agent plays CartPole at random for 2,000 steps. How many of its observations will be exactly equal to "
        "one that it has had before?",
        unit="observations",
        range=(0, 2000),
        reason="An observation is four numbers of about seven digits each, so there are far more observations than "
        "steps. A table would meet a new, empty row at nearly every one.",
    ),
    "stop": Choice(
        "We leave `tf.stop_gradient` out. What else will the gradient step do, besides moving $Q(s, a)$ towards $y$?",
        {
            NOTHING: Reply(
                wrong="We use y as a number. But the tape recorded how y was computed from the parameters, and the "
                "gradient goes back along that way too."
            ),
            TWICE: Reply(
                wrong="Q(s, a) moves by the same amount. What is added is a move of the next square's best values."
            ),
            BACKWARDS: Reply(
                right="The loss becomes smaller from both sides: Q(s, a) moves towards y, and y towards Q(s, a)."
            ),
        },
        _without_stop_gradient,
    ),
    "moves": Choice(
        "We make one update, on one transition, in the room. How many of the 100 Q-values (25 squares, 4 actions) "
        "change by more than 0.0001?",
        {
            ONE: Reply(
                wrong="That is true of the table. The network has no such entry: every value is computed from the same "
                "weights, and these have moved."
            ),
            FOUR: Reply(
                wrong="It is true that only the output of the action taken is in the loss. But the hidden layers serve "
                "all outputs and all squares."
            ),
            HALF: Reply(
                right="Each relu unit is 0 for some squares, and here that left many values where they were.",
                wrong="Each relu unit is indeed 0 for some squares. But every square has some active units in common "
                "with s.",
            ),
            ALL: Reply(
                right="All values are computed from the same weights. What moves one of them moves the others too.",
                wrong="All values share the weights, but here many stayed where they were: for them, few units are "
                "active in both squares.",
            ),
        },
        _moved,
    ),
    "alone": Choice(
        "The same 10,000 random transitions, one update each, go into the table and into the network. The error of the "
        "table settles near 0. What does the error of the network do?",
        {
            EXACT: Reply(
                wrong="The network has enough parameters to hold the answer, as section 7 showed. But each update "
                "moves the values of all squares, and nothing holds the others in place."
            ),
            RESTLESS: Reply(
                right="It learns: the error falls fast at first. But each update also moves the values of all other "
                "squares, so the network never keeps all that it has learned."
            ),
            STUCK: Reply(
                wrong="It does learn: the error falls fast at first. What it cannot do is keep what it has learned."
            ),
        },
        _alone,
    ),
    "published": Choice(
        "The published step learns from 3,000 batches of 32 transitions drawn at random. What will the landscape "
        "look like?",
        {
            LIKE: Reply(
                wrong="Its author expected the same, and no error message said otherwise. So look at shapes, and at "
                "values that you can judge."
            ),
            FLAT: Reply(
                right="Every target pulled at the values of all transitions in the batch, so each value became nearly "
                "the mean of all targets."
            ),
            ROUGH: Reply(wrong="That would be noise. This fault does the opposite: it removes all differences."),
            UPSIDE_DOWN: Reply(wrong="A wrong sign would do that. Here no sign is wrong; everything is averaged."),
        },
        _landscape,
    ),
}
