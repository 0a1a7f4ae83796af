"""The reward and the discount of an n-step transition."""

from __future__ import annotations

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """One step; then windows inside an episode, up to its end, and beyond its end."""
    return [
        Case("one step, the episode goes on", ([1.0], [False], 0.5)),
        Case("one step, the episode terminated", ([2.0], [True], 0.5)),
        Case("three steps, the episode goes on", ([1.0, 2.0, 4.0], [False, False, False], 0.5)),
        Case("three steps, the last one terminated", ([1.0, 0.0, 4.0], [False, False, True], 0.9)),
        Case(
            "three steps, the second terminated: the third belongs to the next episode",
            ([1.0, 2.0, 40.0], [False, True, False], 0.5),
        ),
        Case("a window of two steps, for the episode was truncated there", ([-1.0, 3.0], [False, False], 0.9)),
    ]


EXERCISE = Exercise(
    name="n_step_return",
    signature="n_step_return(rewards, terminated, gamma) -> (reward, discount)",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=[
        "Go through the steps one by one with two numbers: the sum so far, and the factor on the next reward. What is "
        "the factor on the first reward, and how does it change from step to step?",
        "Start with `total, factor = 0.0, 1.0`. For each step: `total += factor * reward`, then `factor *= gamma`.",
        "If a step terminated, return at once: `total` with that step's reward in it, and the discount 0. After the "
        "last step `factor` has become gamma ** n: that is the discount.",
    ],
)
