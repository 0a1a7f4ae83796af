"""The answers to `steps_budget`: a worked solution, and known mistakes."""

from __future__ import annotations

import math

from dqnkit.classroom.exercise import Answers, Mistake


def steps_budget(
    seconds: float, step_seconds: float, update_seconds: float, updates_per_step: float, learning_starts: int
) -> int:
    """Whole environment steps that fit into a time, in one process: acting and learning take turns.

    Args:
        seconds: the time.
        step_seconds, update_seconds: of one environment step, and of one gradient step.
        updates_per_step: gradient steps for each environment step, once learning has started.
        learning_starts: environment steps before the first update.
    """
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + updates_per_step * update_seconds))


def _exactly(
    seconds: float, step_seconds: float, update_seconds: float, updates_per_step: float, learning_starts: int
) -> float:
    """The steps without rounding."""
    early = learning_starts * step_seconds
    if seconds < early:
        return seconds / step_seconds
    return learning_starts + (seconds - early) / (step_seconds + updates_per_step * update_seconds)


ANSWERS = Answers(
    solution=steps_budget,
    mistakes=(
        Mistake(
            "updates forgotten",
            lambda seconds, step, update, per_step, starts: int(seconds / step),
            "Only the steps take time. For most agents the updates take longer than the steps: count them as well.",
        ),
        Mistake(
            "steps forgotten",
            lambda seconds, step, update, per_step, starts: (
                int(seconds / (per_step * update)) if per_step * update else starts
            ),
            "Only the updates take time. The environment's steps do too, and with a slow simulator they are nearly all "
            "of it.",
        ),
        Mistake(
            "learns from the first step",
            lambda seconds, step, update, per_step, starts: int(seconds / (step + per_step * update)),
            "`learning_starts` is not used: the first steps, which only fill the buffer, cost no updates.",
        ),
        Mistake(
            "the first steps are not counted",
            lambda *given: steps_budget(*given) - min(given[4], steps_budget(*given)),
            "The steps before learning starts are left out of the result. They are environment steps, too: add "
            "`learning_starts`.",
        ),
        Mistake(
            "the first steps cost nothing",
            lambda seconds, step, update, per_step, starts: starts + int(seconds / (step + per_step * update)),
            "The first `learning_starts` steps are added as if they took no time. They cost `step_seconds` each: take "
            "that off the time first.",
        ),
        Mistake(
            "too short a time gives too many steps",
            lambda seconds, step, update, per_step, starts: (
                starts + int((seconds - starts * step) / (step + per_step * update))
            ),
            "Where the time is over before learning starts, steps are counted that have not happened, at the price of "
            "learning. Treat this case by itself: `int(seconds / step_seconds)`.",
        ),
        Mistake(
            "at least learning_starts",
            lambda seconds, step, update, per_step, starts: (
                starts + max(0, int((seconds - starts * step) / (step + per_step * update)))
            ),
            "Where the time is over before learning starts, the answer is `learning_starts`: more than fit. There it "
            "is `int(seconds / step_seconds)`.",
        ),
        Mistake(
            "nothing before learning starts",
            lambda seconds, step, update, per_step, starts: (
                0 if seconds < starts * step else steps_budget(seconds, step, update, per_step, starts)
            ),
            "Where the time is over before learning starts, the answer is 0. Steps were made all the same, only no "
            "updates.",
        ),
        Mistake(
            "the slower of the two",
            lambda seconds, step, update, per_step, starts: steps_budget(
                seconds, step, max(0.0, per_step * update - step), 1.0, starts
            ),
            "`max` stands where a sum is needed. In one process acting and learning take turns, so their times add up; "
            "the maximum holds where workers act while the learner learns.",
        ),
        Mistake(
            "one update for each step",
            lambda seconds, step, update, per_step, starts: steps_budget(seconds, step, update, 1.0, starts),
            "`updates_per_step` is not used: it need not be 1.",
        ),
        Mistake(
            "divides by the updates",
            lambda seconds, step, update, per_step, starts: steps_budget(
                seconds, step, update, 1 / per_step if per_step else 0.0, starts
            ),
            "The time of an update is divided by `updates_per_step`. With 3 updates for each step they take three "
            "times as long: multiply.",
        ),
        Mistake(
            "rounded up",
            lambda *given: math.ceil(_exactly(*given)),
            "The result is rounded up: the last step does not fit any more. Round down.",
        ),
        Mistake(
            "not whole",
            _exactly,
            "A part of a step cannot be made, and `total_steps` takes whole numbers only. Round down: `int(...)`.",
        ),
        Mistake(
            "minutes for seconds",
            lambda seconds, *rest: steps_budget(60 * seconds, *rest),
            "The time is multiplied by 60. It is given in seconds already.",
        ),
        Mistake(
            "a rate for a time",
            lambda seconds, step, update, per_step, starts: int(seconds * step),
            "`seconds * step_seconds` has the unit of a time squared. `step_seconds` is how long a step takes: divide.",
        ),
    ),
)
