"""The answers to `whose_turn`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable

from dqnkit.classroom.exercise import Answers, Mistake


def whose_turn(sampled: int, inserted: int, draws: int, learning_starts: int, samples_per_insert: float) -> str:
    """Whose turn it is: "learner" if it may draw once more within the bound on samples per insert, else "actors".

    Args:
        sampled: transitions drawn so far.
        inserted: transitions put in so far.
        draws: transitions of the learner's next call.
        learning_starts: transitions before the learner may draw at all.
        samples_per_insert: transitions drawn for each transition put in.
    """
    allowed = samples_per_insert * (inserted - learning_starts)
    if sampled + draws <= allowed:
        return "learner"
    return "actors"


def decides(may: Callable[[int, int, int, int, float], bool]) -> Callable[..., str]:
    """A wrong solution: it is the learner's turn if ``may`` says so."""

    def turn(sampled: int, inserted: int, draws: int, learning_starts: int, samples_per_insert: float) -> str:
        return "learner" if may(sampled, inserted, draws, learning_starts, samples_per_insert) else "actors"

    return turn


ANSWERS = Answers(
    solution=whose_turn,
    mistakes=(
        Mistake(
            "turns swapped",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws > ratio * (inserted - starts)),
            "The two answers are swapped: while draws are still allowed, it is the learner's turn; when they are used "
            "up, only the actors can bring new ones.",
        ),
        Mistake(
            "the call to come forgotten",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled <= ratio * (inserted - starts)),
            "You compare what was drawn so far. The learner's next call draws `draws` more, all at once: count them "
            "before it is allowed, or every turn ends above the bound.",
        ),
        Mistake(
            "the call to come forgotten, and less for at most",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled < ratio * (inserted - starts)),
            "You compare what was drawn so far, so the learner's next call, which draws `draws` more, passes the "
            "bound. Count them too: sampled + draws, at most the allowed number.",
        ),
        Mistake(
            "less for at most",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws < ratio * (inserted - starts)),
            "Where the draws would make exactly the allowed number, you let the learner wait. The bound says *at "
            "most*: `<=`. In a run that ends there, the last update would never be made.",
        ),
        Mistake(
            "learning_starts ignored",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= ratio * inserted),
            "`learning_starts` is ignored: the learner begins with the first transitions, and draws the same few again "
            "and again. Only those after the first `learning_starts` allow draws.",
        ),
        Mistake(
            "learning_starts as a gate",
            decides(
                lambda sampled, inserted, draws, starts, ratio: (
                    inserted >= starts and sampled + draws <= ratio * inserted
                )
            ),
            "`learning_starts` is only a gate here: once it is passed, all transitions before it allow draws too, and "
            "the learner begins with a burst of updates on a small buffer. Subtract it from `inserted`.",
        ),
        Mistake(
            "learning_starts as a gate that opens one later",
            decides(
                lambda sampled, inserted, draws, starts, ratio: (
                    inserted > starts and sampled + draws <= ratio * inserted
                )
            ),
            "`learning_starts` is only a gate here: once it is passed, all transitions before it allow draws too, and "
            "the learner begins with a burst of updates on a small buffer. Subtract it from `inserted`.",
        ),
        Mistake(
            "learning_starts taken from the draws",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= ratio * inserted - starts),
            "You subtract `learning_starts` after multiplying. It counts transitions put in, not draws: "
            "samples_per_insert * (inserted - learning_starts).",
        ),
        Mistake(
            "ratio the wrong way round",
            decides(lambda sampled, inserted, draws, starts, ratio: ratio * (sampled + draws) <= inserted - starts),
            "The ratio stands on the wrong side. samples_per_insert draws are allowed *for each* transition put in: it "
            "multiplies what was inserted.",
        ),
        Mistake(
            "draws so far forgotten",
            decides(lambda sampled, inserted, draws, starts, ratio: draws <= ratio * (inserted - starts)),
            "`sampled`, what was drawn so far, is forgotten: once enough was put in, it is the learner's turn for "
            "ever, and it learns the same transitions by heart.",
        ),
        Mistake(
            "one draw too many",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= ratio * (inserted - starts) + 1),
            "One draw more than the bound is allowed. The bound is sampled + draws <= samples_per_insert * (inserted - "
            "learning_starts), without an addition.",
        ),
        Mistake(
            "always the learner",
            decides(lambda sampled, inserted, draws, starts, ratio: True),
            'It is the learner\'s turn in every case. Where the bound forbids the call, return `"actors"`.',
        ),
        Mistake(
            "always the actors",
            decides(lambda sampled, inserted, draws, starts, ratio: False),
            "It is the actors' turn in every case, so nothing would ever be learned. Where the bound allows the call, "
            'return `"learner"`.',
        ),
        Mistake(
            "a truth value",
            lambda sampled, inserted, draws, learning_starts, samples_per_insert: (
                sampled + draws <= samples_per_insert * (inserted - learning_starts)
            ),
            'It returns True or False. What is asked for is a name: `"learner"` where the call is allowed, else '
            '`"actors"`.',
        ),
        Mistake(
            "rounded down",
            decides(lambda sampled, inserted, draws, starts, ratio: (sampled + draws) // ratio <= inserted - starts),
            "The division is rounded down (`//`), so up to samples_per_insert draws too many are allowed. Multiply "
            "instead: sampled + draws <= samples_per_insert * (inserted - learning_starts).",
        ),
        Mistake(
            "samples_per_insert ignored",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= inserted - starts),
            "`samples_per_insert` is ignored: each transition allows one draw. It allows `samples_per_insert` of them.",
        ),
        Mistake(
            "learning_starts added",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= ratio * (inserted + starts)),
            "`learning_starts` is added to `inserted`, so the learner begins before anything is in the buffer. The "
            "first transitions allow no draws: subtract it.",
        ),
        Mistake(
            "draws taken off",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled - draws <= ratio * (inserted - starts)),
            "The draws of the next call are subtracted. They are added to what was drawn so far: `sampled + draws`.",
        ),
        Mistake(
            "only learning_starts",
            decides(lambda sampled, inserted, draws, starts, ratio: inserted > starts),
            "As soon as learning has started it is always the learner's turn: then no new transition ever comes in. "
            "Compare what it has drawn with what it may draw.",
        ),
    ),
)
