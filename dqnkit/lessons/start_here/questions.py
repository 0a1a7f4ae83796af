"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from dqnkit.classroom.question import Choice, Number, Question, Reply

PUSHING, RANDOM, FORTY, LONG = (
    "about 9, as for always pushing right",
    "about 23, as for a random policy",
    "about 40",
    "about 200 or more",
)


def _by_angle(mean_return: float) -> str:
    return PUSHING if mean_return < 16 else RANDOM if mean_return < 32 else FORTY if mean_return < 120 else LONG


QUESTIONS: dict[str, Question] = {
    "random": Number(
        "A policy pushes left or right at random. What is its mean return, that is, how many steps does the pole "
        "stay up on average?",
        unit="steps",
        range=(1, 500),
        replies={
            (1, 14): "A pole falls that fast if all pushes go to one side. Random pushes partly cancel each other.",
            (40, 500): "Nothing holds the pole: once it leans, gravity does the rest, and chance does not react to it.",
        },
    ),
    "angle": Choice(
        "This policy pushes to the side to which the pole leans. What will its mean return be?",
        {
            PUSHING: Reply(
                wrong="The pole falls that fast where all pushes go to one side. This policy reverses the push as soon "
                "as the pole is past the middle."
            ),
            RANDOM: Reply(
                wrong="Half of the random pushes go to the wrong side. This policy always pushes to the side to which "
                "the pole leans, which turns it back; that is worth something."
            ),
            FORTY: Reply(
                right="Nearly every push turns the pole back, so it stays up longer than by chance. But the pushes to "
                "one side last too long: when the pole stands upright it is still turning, and it swings a little "
                "further each time."
            ),
            LONG: Reply(
                wrong="Nearly every push turns the pole back, but the pushes to one side last too long: when the pole "
                "stands upright it is still turning, and nothing has slowed it down. So it swings to the other side, "
                "further each time."
            ),
        },
        _by_angle,
    ),
}
