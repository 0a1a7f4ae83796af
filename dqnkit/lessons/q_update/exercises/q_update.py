"""The Q-update on a table: move one value a step of size alpha towards its target."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Smallest first."""
    # the last state is terminal; its row is not zero, as in a table that was initialised at random
    q = np.array([[0.5, 0.2, -0.1], [1.0, 3.0, 0.0], [0.4, 0.1, 0.7], [2.0, 5.0, 4.0]])
    return [
        Case("one step with a reward", (q[:2], 0, 1, 1.0, 1, False, 0.5, 0.9)),
        Case("the episode terminated", (q, 2, 0, 1.0, 3, True, 0.1, 0.9)),
        Case("no reward, a small alpha", (q, 1, 2, 0.0, 2, False, 0.1, 0.95)),
        Case("the move led back to the same state", (q, 1, 2, -1.0, 1, False, 0.25, 0.8)),
        Case("a negative reward at the end", (q, 0, 0, -2.0, 3, True, 0.5, 0.5)),
        Case("all values are negative", (q - 6.0, 1, 1, -1.0, 2, False, 0.2, 0.9)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: tables of odd sizes, all negative, of either sign and positive; every second episode terminated."""
    fresh = []
    for number in range(8):
        states, actions = int(rng.integers(3, 7)), int(rng.integers(3, 8))
        q = rng.normal((-9.0, 0.0, 5.0)[number % 3], 2.0, (states, actions))
        s_next = int(q.max(axis=1).argmin())  # so the largest value of the table is in another row,
        s = (s_next + int(rng.integers(1, states))) % states
        a = int(q[s_next].argmin())  # and a is not the best action there
        if number >= 2:
            s, s_next, a = (int(rng.integers(count)) for count in (states, states, actions))
        reward, alpha, gamma = float(rng.normal(0, 2)), float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.3, 0.99))
        arguments = (q, s, a, reward, s_next, number % 2 == 1, alpha, gamma)
        fresh.append(Case(f"a fresh table of {states} states and {actions} actions", arguments))
    return fresh


EXERCISE = Exercise(
    name="q_update",
    signature="(q, s, a, r, s_next, terminated, alpha, gamma) -> float",
    minutes=10,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Three quantities: the target `y`, the TD error `y - Q(s, a)`, and the new value. Compute them one after the "
        "other, each in a line of its own.",
        "In the table, `q[s_next]` is the row of values of all actions in the next state. Its largest is "
        "`q[s_next].max()`.",
        "What is the target where `terminated` is true? Nothing comes after it. So there `y = r`, else "
        "`y = r + gamma * q[s_next].max()`.",
        "The new value is `q[s, a] + alpha * (y - q[s, a])`. Return it; do not write it into the table.",
    ],
)
