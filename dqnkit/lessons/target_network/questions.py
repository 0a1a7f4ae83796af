"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping

from dqnkit.classroom.question import Choice, Curve, Number, Question, Reply

SMALL, SAME, BEYOND = (
    "gets small too, only later",
    "stays about where it began",
    "is larger than anything the room can pay",
)
EVERY, FIFTY, FOUR_HUNDRED, THOUSAND = (
    "every update (no target network)",
    "every 50",
    "every 400",
    "every 1,000",
)
LOWER, ALIKE, HIGHER = "much lower", "about the same", "much higher"


def _error_at_the_end(error: float) -> str:
    return BEYOND if error > 1 else SMALL if error < 0.3 else SAME


def _best_period(errors: Mapping[str, float]) -> str:
    """From the error at the end with each period."""
    return min((EVERY, FIFTY, FOUR_HUNDRED, THOUSAND), key=lambda period: errors[period])


def _compared(returns: tuple[float, float, float]) -> str:
    """From the lowest and the highest final return of the seeds with a target network, and the median without one."""
    lowest, highest, without = returns
    return LOWER if without < lowest else HIGHER if without > highest else ALIKE


QUESTIONS: dict[str, Question] = {
    "gamma": Choice(
        "With $\\gamma = 0.8$ the error gets small. The same data, the same network, but $\\gamma = 0.95$: the error "
        "after 4,000 updates ...",
        {
            SMALL: Reply(
                right="In this run the error got small. It does not with every seed: run it with others.",
                wrong="That is what a table does. In a network every update also moves the values of other squares, "
                "and the next targets are computed from those.",
            ),
            SAME: Reply(
                right="In this run the error ended about where it began: large, but below 1.",
                wrong="Nothing holds it there: an update that raises a value also raises the next targets.",
            ),
            BEYOND: Reply(
                right="Each update raises the target that it moves towards, and with so large a discount nearly all "
                "of that comes back in the next one.",
                wrong="It ended below that in this run. It does not with every seed: run it with others.",
            ),
        },
        _error_at_the_end,
    ),
    "start": Number(
        "The target is copied every 400 updates. After how many updates does the start square, eight moves from the "
        "goal, reach half of its exact value?",
        unit="updates",
        range=(0, 100_000),
        replies={
            (
                0,
                1_500,
            ): "A value can only be learned from a target that knows it. The first copy knows the squares beside the "
            "goal, the second those two moves away: the start needs about seven copies.",
            (
                4_000,
                100_000,
            ): "That is longer than seven copies, one for each square on the way. The network even helps a little: "
            "it gives squares that are not due yet the values of their neighbours.",
        },
    ),
    "period": Choice(
        "Which hard update leaves the smallest error after 4,000 updates?",
        {
            EVERY: Reply(wrong="A target that is copied at every update moves with every step towards it."),
            FIFTY: Reply(
                right="Long enough for the targets to stand still, and short enough for eighty copies: what the goal "
                "is worth has reached every square.",
                wrong="Here the updates were so few that another period came out ahead.",
            ),
            FOUR_HUNDRED: Reply(
                right="Ten copies were enough in this run, since the start is eight moves from the goal.",
                wrong="It does not explode. But 4,000 updates are only ten copies. The start hears of the goal with "
                "the seventh, and three more are few to correct what earlier targets got wrong.",
            ),
            THOUSAND: Reply(
                wrong="It does not explode. But in 4,000 updates it was copied four times, and the start is eight "
                "moves from the goal."
            ),
        },
        _best_period,
    ),
    "cartpole": Curve(
        "The mean return of the last 100 episodes, while it trains on CartPole. Draw what you expect.",
        unit="return",
        range=(0, 500),
        over="environment steps",
    ),
    "returns": Choice(
        "The final mean return on CartPole without a target network, compared with that of the same settings with "
        "it, is ...",
        {
            LOWER: Reply(
                right="Without a target network the median seed ended below all seeds that had one.",
                wrong="In the room the error exploded, so this seemed sure. But a return depends only on which "
                "action is larger, and it is a noisy measure: the seeds differ more than the settings.",
            ),
            ALIKE: Reply(
                right="The seeds differ more from each other than the settings do. That is why this lesson shows the "
                "error against the exact values, and not returns.",
                wrong="Seeds often differ more than settings. Here the settings differed more.",
            ),
            HIGHER: Reply(
                right="In these recordings it happened to be so. Returns of single seeds are far apart.",
                wrong="The returns of single seeds are so far apart that either can come out higher by chance.",
            ),
        },
        _compared,
    ),
}
