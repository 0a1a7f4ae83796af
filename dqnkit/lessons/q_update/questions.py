"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dqnkit.classroom.question import Choice, Number, Question, Reply

FASTEST, MIDDLE, SLOWEST = "alpha = 1", "alpha = 0.1", "alpha = 0.01"
LITTLE, HALF, ALWAYS = "with 0.1 already", "with 0.5, not with 0.1", "only with 1: always at random"


def _nearest(final_errors: Mapping[float, float]) -> str:
    """The step size (alpha -> error at the end) with the smallest error."""
    return f"alpha = {min(final_errors, key=lambda alpha: final_errors[alpha]):g}"


def _first_that_finds_it(epsilons: Sequence[float]) -> str | None:
    """From the exploration rates with which the far goal was found."""
    return {0.1: LITTLE, 0.5: HALF, 1.0: ALWAYS}[min(epsilons)] if epsilons else None


QUESTIONS: dict[str, Question] = {
    "rewards": Number(
        "The agent makes 20,000 random steps and writes the mean reward of every square and move into a table. In "
        "how many of the 24 squares does the table then know where to go (one move has a larger value than the "
        "others)?",
        unit="squares",
        range=(0, 24),
        replies={
            (5, 24): "A reward stands only at the move that earned it. All other moves paid 0, however near the goal."
        },
        reason="Only a move into the goal pays, and only the squares beside the goal have such a move.",
    ),
    "alpha": Choice(
        "The floor is slippery. After 20,000 random steps, whose values are nearest to the exact ones?",
        {
            FASTEST: Reply(
                wrong="It comes near first, but with alpha = 1 a value is nothing but its last target. One unlucky "
                "slip, and all that was learned before it is forgotten. Its arrows are often wrong, too."
            ),
            MIDDLE: Reply(
                right="Each value is a mean over about its last ten targets: enough to even out the slips, and few "
                "enough to be filled in 20,000 steps.",
                wrong="It is a good middle: each value is a mean over about its last ten targets. In this run "
                "another one happened to end nearer.",
            ),
            SLOWEST: Reply(
                right="It averages over a hundred targets or so, and here the squares had enough visits for that.",
                wrong="It averages best of all, over a hundred targets or so, but most squares have not yet had as "
                "many visits as that takes. With many more steps it would win.",
            ),
        },
        _nearest,
    ),
    "epsilon": Choice(
        "The agent begins in the upper left and knows nothing. With which epsilon does it find out, in 20,000 steps, "
        "that the far goal is better?",
        {
            LITTLE: Reply(
                wrong="Once the near goal is found, the greedy action goes there and ends the episode. To reach the "
                "far one, about nine of ten moves would have to be random ones in the right direction."
            ),
            HALF: Reply(
                right="Half of the moves were random, and in this run that was just enough to walk past the near goal.",
                wrong="Half of the moves still pull back to the near goal, which ends the episode. A walk of ten "
                "steps past it hardly ever happens.",
            ),
            ALWAYS: Reply(
                right="Only an agent that never follows its own values gets past the near goal often enough. "
                "Exploration by single random moves does not carry far.",
                wrong="Less exploration was enough in this run.",
            ),
        },
        _first_that_finds_it,
    ),
    "gamma": Number(
        "From which gamma on is the walk to the far goal (reward 1, 10 steps) worth more than that to the near one "
        "(reward 0.2, 2 steps)?",
        unit="",
        range=(0, 1),
        replies={
            (0, 0.7): "With gamma = 0.7 a reward that comes nine steps later counts 0.04 of what it is.",
            (0.9, 1): "That is patient enough, but less would do.",
        },
        reason="The two are equal where $\\gamma^9 = 0.2\\,\\gamma$, that is, where $\\gamma^8 = 0.2$.",
    ),
}
