"""Samples per insert as a decision: may the learner draw once more, or must it wait for the actors?"""

from __future__ import annotations

from collections.abc import Callable

from dqnkit.classroom.exercise import Case, Exercise, Mistake


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


def cases() -> list[Case]:
    """Simple numbers first."""

    def case(label: str, *numbers: float) -> Case:
        return Case(label, numbers)

    return [
        case("nothing has happened yet", 0, 0, 64, 100, 4.0),
        case("300 put in, none drawn: 4 x (300 - 100) = 800 may be drawn", 0, 300, 64, 100, 4.0),
        case("300 put in, all 800 drawn", 800, 300, 64, 100, 4.0),
        case("300 put in, 768 drawn, 64 more would be 832", 768, 300, 64, 100, 4.0),
        case("300 put in, 736 drawn, 64 more make exactly 800", 736, 300, 64, 100, 4.0),
        case("100 put in: learning_starts, and not one more", 0, 100, 64, 100, 4.0),
        case("110 put in, 4 x (110 - 100) = 40 may be drawn, a call takes 64", 0, 110, 64, 100, 4.0),
        case("90 put in, not yet learning_starts", 0, 90, 64, 100, 4.0),
        case("1,000 put in, samples_per_insert 0.5: 450 may be drawn", 200, 1_000, 64, 100, 0.5),
        case("1,000 put in, samples_per_insert 0.5: 450 were drawn", 450, 1_000, 64, 100, 0.5),
        case("2,000 put in, 7,500 drawn of 4 x 1,900 = 7,600", 7_500, 2_000, 64, 100, 4.0),
        case("2,000 put in, 7,580 drawn of 4 x 1,900 = 7,600", 7_580, 2_000, 64, 100, 4.0),
        case("2,000 put in, 7,900 drawn of 4 x 1,900 = 7,600", 7_900, 2_000, 64, 100, 4.0),
    ]


EXERCISE = Exercise(
    name="whose_turn",
    signature='whose_turn(sampled, inserted, draws, learning_starts, samples_per_insert) -> "learner" or "actors"',
    minutes=5,
    difficulty=1,
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
            "most*: `<=`. In a run that ends there, the last update would never come.",
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
            "the learner begins with a burst of updates on a small buffer. Take it off `inserted`.",
        ),
        Mistake(
            "learning_starts taken from the draws",
            decides(lambda sampled, inserted, draws, starts, ratio: sampled + draws <= ratio * inserted - starts),
            "You take `learning_starts` off after multiplying. It counts transitions put in, not draws: "
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
            "only learning_starts",
            decides(lambda sampled, inserted, draws, starts, ratio: inserted > starts),
            "As soon as learning has started it is always the learner's turn: then no new transition ever comes in. "
            "Compare what it has drawn with what it may draw.",
        ),
    ),
    cases=cases,
    hints=(
        "How many draws do the transitions so far allow? The first `learning_starts` of them allow none, every other "
        "one `samples_per_insert`.",
        "The learner draws `draws` transitions in one call. It may, if what was drawn so far and these together are at "
        "most the allowed number.",
        "`allowed = samples_per_insert * (inserted - learning_starts)`, and the learner's turn is where "
        "`sampled + draws <= allowed`.",
    ),
)
