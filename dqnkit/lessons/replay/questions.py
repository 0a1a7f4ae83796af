"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping

from dqnkit.classroom.question import Choice, Number, Question, Reply

FALLS, STAYS, RISES = (
    "It falls further: the network goes on learning",
    "It stays: nothing new is learned there",
    "It rises: what was learned there is lost",
)
NEWEST, SOME, ALL, SAME = (
    "The newest 32: the freshest data",
    "The newest 500: fresh, and mixed",
    "All 8,000: old and new alike",
    "All about the same: they make the same number of updates",
)


def _after_it_left(errors: tuple[float, float]) -> str:
    """From the error in the quarter when the patrol leaves it, and at the end."""
    before, after = errors
    return RISES if after > 1.2 * before else FALLS if after < 0.8 * before else STAYS


def _best_memory(errors: Mapping[str, float]) -> str:
    """From the error at the end with each memory."""
    smallest, largest = min(errors.values()), max(errors.values())
    if largest < 1.2 * smallest:
        return SAME
    return {"newest 32": NEWEST, "newest 500": SOME, "all 8,000": ALL}[min(errors, key=lambda name: errors[name])]


QUESTIONS: dict[str, Question] = {
    "left": Choice(
        "A network learns from each step's 32 newest transitions. After 2,000 steps the patrol leaves the quarter "
        "with the goal and never comes back. What happens to the network's error in that quarter, over the next "
        "6,000 steps?",
        {
            FALLS: Reply(
                right="In these runs the error went on falling: what is learned elsewhere happened to fit here, too.",
                wrong="The network goes on learning, but about other squares. The parameters are shared, so each of "
                "those updates moves the values near the goal as well, and nothing moves them back.",
            ),
            STAYS: Reply(
                right="In these runs the updates elsewhere hardly touched this quarter.",
                wrong="For a table that would be right: entries that are not visited stay as they are. In a network "
                "all squares share the parameters, so each update for the new corner also moves the values of the "
                "old one.",
            ),
            RISES: Reply(
                right="Each update fits the corner in which the patrol walks now. It moves the shared parameters, "
                "and with them the values of the corner that is no longer visited.",
                wrong="In these runs the error did not rise. With other seeds it may.",
            ),
        },
        _after_it_left,
    ),
    "capacity": Choice(
        "Which memory leads to the smallest error over the whole room?",
        {
            NEWEST: Reply(
                wrong="Fresh data matters where old data has become wrong. These transitions have not: a move leads "
                "to the same square as 8,000 steps ago. What the newest 32 lack is the rest of the room."
            ),
            SOME: Reply(
                right="In these runs 500 were enough.",
                wrong="Mixed, but from one quarter only: the patrol stays there for 2,000 steps, and the buffer goes "
                "back 500. A buffer must reach beyond the time in which its data is correlated.",
            ),
            ALL: Reply(
                right="Only this memory still holds all four quarters, so each batch is a sample of the whole room.",
                wrong="It holds all four quarters, but in these runs a smaller one was enough.",
            ),
            SAME: Reply(
                wrong="The number of updates is the same, but with the newest 32 each of them fits one corner and "
                "spoils another. It matters what a batch is a sample of."
            ),
        },
        _best_memory,
    ),
    "often": Number(
        "A full buffer has 1,000 slots. With every step one transition comes in, and one batch of 32 is drawn. How "
        "often is a transition drawn, on average, before it is overwritten?",
        unit="times",
        range=(0, 1000),
        replies={
            (
                0,
                3,
            ): "That is too few: 32 transitions are drawn for each one that comes in, and all of these draws fall on "
            "some transition.",
            (
                100,
                1000,
            ): "With more slots a transition stays longer, but is drawn less often in each step. The two cancel: the "
            "capacity does not matter here.",
        },
    ),
    "truncated": Number(
        "The network learns V from these transitions. If the truncated steps (1 in 50) are stored with a discount of "
        "0, as if the pole had fallen, at about what level do the learned values come to rest?",
        unit="",
        range=(0, 1000),
        replies={
            (
                36,
                45,
            ): "From the first step to the limit the rule earns (1 - 0.99 ** 50) / 0.01 = 39.5. All other states are "
            "nearer to the limit, and the network cannot tell them apart.",
            (
                18,
                26,
            ): "Up to the limit the states earn 21.8 on average. But a TD target does not stop there: it bootstraps "
            "from a state that looks like any other, not like one near the limit.",
            (
                85,
                1000,
            ): "One transition in fifty looks like little. But its target of 1 lowers the value that the step before "
            "bootstraps from, and so on: the error goes through all states.",
            (
                0,
                15,
            ): "Few states are close to the limit. Most are followed by many more steps, and the network cannot tell "
            "them apart: its observation holds no clock.",
        },
    ),
}
