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
        "The agent takes 20,000 random steps, and writes the mean reward of every move in every square into a table. "
        "In how many of the 24 squares does the table then say where to go, because one move has a larger value than "
        "the others?",
        unit="squares",
        range=(0, 24),
        replies={
            (5, 24): "The table has a reward only at the move that earned it. All other moves paid 0, however near the "
            "goal they end."
        },
        reason="Only a move into the goal pays, and only the squares beside the goal have such a move.",
    ),
    "alpha": Choice(
        "The floor is slippery. After 20,000 random steps, whose values are nearest to the exact ones?",
        {
            FASTEST: Reply(
                wrong="Its error falls first, but with alpha = 1 a value is nothing but its last target. One unlucky "
                "slip, and all that this value had learned is forgotten. Its arrows are often wrong, too."
            ),
            MIDDLE: Reply(
                right="Each value is a mean over about its last ten targets: enough to even out the slips, and few "
                "enough for 20,000 steps.",
                wrong="It is a good compromise: each value is a mean over about its last ten targets. In this run "
                "another alpha happened to end nearer.",
            ),
            SLOWEST: Reply(
                right="Each value is a mean over about its last hundred targets, and here every square was visited "
                "often enough for that.",
                wrong="It averages best of all, over about the last hundred targets, but 20,000 steps are too few for "
                "that: the values are still on their way from 0. With ten times as many steps it would be the nearest.",
            ),
        },
        _nearest,
    ),
    "epsilon": Choice(
        "The agent begins in the upper left and knows nothing. With which epsilon does it find out in 20,000 steps, in "
        "most runs, that the far goal is better?",
        {
            LITTLE: Reply(
                wrong="Once the near goal is found, nine of ten moves lead towards it, and there the episode ends. "
                "Only a run that happens to meet the far goal early learns that it is better."
            ),
            HALF: Reply(
                right="Half of the moves were random, and in these runs that was just enough to walk past the near "
                "goal.",
                wrong="Half of the moves still lead towards the near goal, where the episode ends. In most runs the "
                "agent walks past it too rarely for the value of the far goal to travel back to the start.",
            ),
            ALWAYS: Reply(
                right="Of these three only the agent that does not follow its own values walks past the near goal "
                "often enough. With half of its moves random, an agent is drawn back to the near goal before it gets "
                "far.",
                wrong="Less exploration was enough in these runs.",
            ),
        },
        _first_that_finds_it,
    ),
    "gamma": Number(
        "From which gamma on is the walk to the far goal (reward 1, 10 steps) worth more than the walk to the near one "
        "(reward 0.2, 2 steps)?",
        unit="",
        range=(0, 1),
        replies={
            (0, 0.7): "With gamma = 0.7 a reward that comes nine steps later is worth 0.04 of itself.",
            (0.9, 1): "That is patient enough, but a smaller gamma would do.",
        },
        reason="The two are equal where $\\gamma^9 = 0.2\\,\\gamma$, that is, where $\\gamma^8 = 0.2$.",
    ),
}
