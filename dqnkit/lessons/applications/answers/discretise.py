"""The answers to `discretise`: a worked solution, and known mistakes."""

from __future__ import annotations

from dqnkit.classroom.exercise import Answers, Mistake


def discretise(action: int, low: float, high: float, bins: int) -> float:
    """The force of an action number: evenly spaced from ``low`` to ``high``, both of them included.

    Args:
        action: from 0 to ``bins - 1``.
        low, high: the bounds of the continuous action, in its own unit.
        bins: number of actions, 2 or more.
    """
    return low + action * (high - low) / (bins - 1)


ANSWERS = Answers(
    solution=discretise,
    mistakes=(
        Mistake(
            "divides by bins",
            lambda action, low, high, bins: low + action * (high - low) / bins,
            "The range is divided into `bins` gaps, so the last action does not reach `high`: full force to one side "
            "can never be chosen. Between `bins` forces there are `bins - 1` gaps.",
        ),
        Mistake(
            "middle of each bin",
            lambda action, low, high, bins: low + (action + 0.5) * (high - low) / bins,
            "The force is the middle of a bin, so neither `low` nor `high` is ever reached. A controller often needs "
            "full force: let the first and the last action be the bounds themselves.",
        ),
        Mistake(
            "counts from 1",
            lambda action, low, high, bins: low + (action - 1) * (high - low) / (bins - 1),
            "Actions are counted from 1. In Gymnasium they begin at 0: action 0 must be `low`, and here it is below "
            "it.",
        ),
        Mistake(
            "one too far",
            lambda action, low, high, bins: low + (action + 1) * (high - low) / (bins - 1),
            "Every force is one step too high, and the last one is above `high`. Action 0 is `low` itself.",
        ),
        Mistake(
            "low forgotten",
            lambda action, low, high, bins: action * (high - low) / (bins - 1),
            "`low` is missing: action 0 gives no force at all, and nothing ever pushes to the other side. Add `low`.",
        ),
        Mistake(
            "only up to high",
            lambda action, low, high, bins: low + action * high / (bins - 1),
            "The step between two forces is `high / (bins - 1)`. The range goes from `low` to `high`, so its length is "
            "`high - low`.",
        ),
        Mistake(
            "from 0 to high",
            lambda action, low, high, bins: action * high / (bins - 1),
            "The forces go from 0 to `high`. They must begin at `low`, which may well be below 0.",
        ),
        Mistake(
            "symmetric bounds taken for granted",
            lambda action, low, high, bins: -high + action * 2 * high / (bins - 1),
            "`low` is not used: the forces go from `-high` to `high`. Not every action is symmetric; a pedal goes from "
            "0 to 1.",
        ),
        Mistake(
            "from -1 to 1",
            lambda action, low, high, bins: -1 + 2 * action / (bins - 1),
            "The forces go from -1 to 1, whatever the bounds are. Stretch them to `low` and `high`.",
        ),
        Mistake(
            "reversed",
            lambda action, low, high, bins: high - action * (high - low) / (bins - 1),
            "The order is reversed: action 0 is `high`. It would be learned all the same, but a table of what each "
            "action does would then be wrong. Begin at `low`.",
        ),
        Mistake(
            "whole numbers",
            lambda action, low, high, bins: low + action * ((high - low) // (bins - 1)),
            "`//` rounds the step down to a whole number, and a step below 1 becomes 0: then all actions are the same. "
            "Use `/`.",
        ),
        Mistake(
            "rounded",
            lambda action, low, high, bins: round(low + action * (high - low) / (bins - 1)),
            "The force is rounded to a whole number. Continuous actions are not whole: two actions may become the "
            "same.",
        ),
        Mistake(
            "the step alone",
            lambda action, low, high, bins: (high - low) / (bins - 1),
            "This is the step between two forces, the same for each action. Multiply it by `action`, and begin at "
            "`low`.",
        ),
    ),
)
