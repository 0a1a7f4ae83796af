"""Samples per insert as a decision: may the learner draw once more, or must it wait for the actors?"""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Simple numbers first."""

    def case(label: str, *numbers: float) -> Case:
        return Case(label, numbers)

    return [
        case("nothing has happened yet", 0, 0, 64, 100, 4.0),
        case("300 put in, none drawn: 4 x (300 - 100) = 800 may be drawn", 0, 300, 64, 100, 4.0),
        case("300 put in, all 800 drawn", 800, 300, 64, 100, 4.0),
        case("300 put in, 768 drawn, 64 more would be 832", 768, 300, 64, 100, 4.0),
        case("300 put in, 736 drawn, 64 more make exactly 800", 736, 300, 64, 100, 4.0),
        case("300 put in, 737 drawn, 64 more would be 801", 737, 300, 64, 100, 4.0),
        case("300 put in, 738 drawn, 64 more would be 802", 738, 300, 64, 100, 4.0),
        case("100 put in: learning_starts, and not one more", 0, 100, 64, 100, 4.0),
        case("110 put in, 4 x (110 - 100) = 40 may be drawn, a call takes 64", 0, 110, 64, 100, 4.0),
        case("90 put in, not yet learning_starts", 0, 90, 64, 100, 4.0),
        case("1,000 put in, samples_per_insert 0.5: 450 may be drawn", 200, 1_000, 64, 100, 0.5),
        case("1,000 put in, samples_per_insert 0.5: 450 were drawn", 450, 1_000, 64, 100, 0.5),
        case("2,000 put in, 7,500 drawn of 4 x 1,900 = 7,600", 7_500, 2_000, 64, 100, 4.0),
        case("2,000 put in, 7,580 drawn of 4 x 1,900 = 7,600", 7_580, 2_000, 64, 100, 4.0),
        case("2,000 put in, 7,900 drawn of 4 x 1,900 = 7,600", 7_900, 2_000, 64, 100, 4.0),
        case("2,000 put in, 9,000 drawn of 4 x 1,900 = 7,600", 9_000, 2_000, 64, 100, 4.0),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: on both sides of the bound and exactly on it, before and after ``learning_starts``, any ratio."""
    fresh = []

    def add(label: str, *numbers: float) -> None:
        fresh.append(Case(f"{label}, samples_per_insert {numbers[-1]:g}", numbers))

    for ratio in rng.choice([0.25, 0.5, 1.5, 2.0, 3.0, 8.0, 32.0], size=4, replace=False):
        starts, draws = 4 * int(rng.integers(100, 400)), int(rng.integers(1, 300))
        inserted = starts + 4 * int(rng.integers(1_200, 3_000))  # 4: so that the ratio gives a whole number
        allowed = int(ratio * (inserted - starts))
        add("exactly what is allowed", allowed - draws, inserted, draws, starts, float(ratio))
        add("one draw too many", allowed - draws + 1, inserted, draws, starts, float(ratio))
        add("two draws too many", allowed - draws + 2, inserted, draws, starts, float(ratio))
        add("far below the bound", int(rng.integers(0, allowed - draws)), inserted, draws, starts, float(ratio))
        add("far above the bound", 2 * allowed + int(rng.integers(0, 50)), inserted, draws, starts, float(ratio))
        few = int(rng.integers(1, 25))
        add("learning_starts and not one more", 0, starts, few, starts, float(ratio))
        add("not yet learning_starts", 0, int(rng.integers(1, starts)), draws, starts, float(ratio))
        add("no transitions wanted before the first draw", allowed - draws, inserted - starts, draws, 0, float(ratio))
    return fresh


EXERCISE = Exercise(
    name="whose_turn",
    signature='whose_turn(sampled, inserted, draws, learning_starts, samples_per_insert) -> "learner" or "actors"',
    minutes=5,
    difficulty=1,
    fixed_cases=fixed_cases,
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
