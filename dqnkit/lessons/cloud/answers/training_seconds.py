"""The answers to `training_seconds`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable

from dqnkit.classroom.exercise import Answers, Mistake


def training_seconds(
    steps: int,
    n_workers: int,
    steps_per_second: float,
    updates_per_step: float,
    seconds_per_update: float,
    boot_seconds: float,
) -> float:
    """Seconds from the order of the machines to the last update.

    Args:
        steps: environment steps of the whole run.
        n_workers: number of workers.
        steps_per_second: of one worker.
        updates_per_step: updates for each environment step.
        seconds_per_update: of the learner.
        boot_seconds: until the machines run.
    """
    actors = steps / (n_workers * steps_per_second)
    learner = steps * updates_per_step * seconds_per_update
    return boot_seconds + max(actors, learner)


def _estimates(rule: Callable[[float, float, float, int], float]) -> Callable[..., float]:
    """A wrong solution from a rule ``(actors' seconds, learner's seconds, boot seconds, workers) -> seconds``."""

    def estimate(
        steps: int,
        n_workers: int,
        steps_per_second: float,
        updates_per_step: float,
        seconds_per_update: float,
        boot_seconds: float,
    ) -> float:
        actors = steps / (n_workers * steps_per_second)
        learner = steps * updates_per_step * seconds_per_update
        return rule(actors, learner, boot_seconds, n_workers)

    return estimate


def _seconds_a_step(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps * rate / n_workers, steps * updates_per_step * seconds_per_update)


def _steps_an_update(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps / (n_workers * rate), steps / updates_per_step * seconds_per_update)


def _an_update_a_step(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps / (n_workers * rate), steps * seconds_per_update)


def _learner_of_one_step(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps / (n_workers * rate), updates_per_step * seconds_per_update)


def _updates_for_seconds(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps / (n_workers * rate), steps * updates_per_step)


def _updates_a_second(
    steps: int, n_workers: int, rate: float, updates_per_step: float, seconds_per_update: float, boot_seconds: float
) -> float:
    return boot_seconds + max(steps / (n_workers * rate), steps * updates_per_step / seconds_per_update)


ANSWERS = Answers(
    solution=training_seconds,
    mistakes=(
        Mistake(
            "the sum for the slower",
            _estimates(lambda actors, learner, boot, n: boot + actors + learner),
            "The actors' time and the learner's are added. That is right in one process, where they take turns. On a "
            "cluster they run at the same time, and the slower one decides: `max`.",
        ),
        Mistake(
            "the faster sets the pace",
            _estimates(lambda actors, learner, boot, n: boot + min(actors, learner)),
            "`min` stands where `max` is needed: the run would be over when the faster side is. But the learner cannot "
            "learn from steps that nobody has made yet, and the run is not over before its last update.",
        ),
        Mistake(
            "boot time forgotten",
            _estimates(lambda actors, learner, boot, n: max(actors, learner)),
            "The time in which the machines boot is forgotten. It costs as much as any other time, and it is most of a "
            "short run: a cloud does not pay for a run of a minute.",
        ),
        Mistake(
            "one boots after the other",
            _estimates(lambda actors, learner, boot, n: boot * n + max(actors, learner)),
            "The boot time is multiplied by the number of workers, as if each machine waited for the one before it. "
            "They boot at the same time.",
        ),
        Mistake(
            "boot time shared",
            _estimates(lambda actors, learner, boot, n: boot / n + max(actors, learner)),
            "The boot time is divided by the number of workers. Each machine needs all of it: booting is not work that "
            "can be shared.",
        ),
        Mistake(
            "boot time on the actors' side only",
            _estimates(lambda actors, learner, boot, n: max(boot + actors, learner)),
            "The boot time is added to the actors' time only. The learner waits for the machines too: before they are "
            "up there is nothing to learn from. Add it outside the maximum.",
        ),
        Mistake(
            "boots while it trains",
            _estimates(lambda actors, learner, boot, n: max(boot, actors, learner)),
            "The boot time stands inside the maximum, as if training went on meanwhile. No step is made before a "
            "machine is up: booting comes first, so its time is added.",
        ),
        Mistake(
            "the learner's work divided",
            _estimates(lambda actors, learner, boot, n: boot + max(actors, learner / n)),
            "The learner's time is divided by the number of workers as well. There is one learner, in the driver, "
            "however many workers act. That is why more workers do not help for ever.",
        ),
        Mistake(
            "one worker acts",
            _estimates(lambda actors, learner, boot, n: boot + max(actors * n, learner)),
            "The actors' time is that of a single worker. Together, n workers make n times as many steps a second.",
        ),
        Mistake(
            "multiplied by the workers",
            _estimates(lambda actors, learner, boot, n: boot + max(actors * n**2, learner)),
            "The actors' time is multiplied by the number of workers: more workers would make the run longer. They "
            "share the steps, so divide by it. (`steps / rate * n` divides by `rate` only: use parentheses.)",
        ),
        Mistake(
            "learner forgotten",
            _estimates(lambda actors, learner, boot, n: boot + actors),
            "The learner's time has no effect: with enough workers the run would take no time at all. It ends when the "
            "learner has made its last update.",
        ),
        Mistake(
            "actors forgotten",
            _estimates(lambda actors, learner, boot, n: boot + learner),
            "The actors' time has no effect. With few workers they are the slower side.",
        ),
        Mistake(
            "the learner's time for one step",
            _learner_of_one_step,
            "The learner's time is that of a single step: `updates_per_step * seconds_per_update`. Multiply it by the "
            "number of steps.",
        ),
        Mistake(
            "seconds taken for milliseconds",
            _estimates(lambda actors, learner, boot, n: boot + max(actors, learner / 1000)),
            "The learner's time is divided by 1,000. `seconds_per_update` is in seconds already.",
        ),
        Mistake(
            "updates taken for seconds",
            _updates_for_seconds,
            "`steps * updates_per_step` is the number of updates, not a time. Multiply it by `seconds_per_update`.",
        ),
        Mistake(
            "a rate taken for a time",
            _seconds_a_step,
            "`steps_per_second` is a rate: the higher, the faster. Divide the steps by it.",
        ),
        Mistake(
            "updates_per_step the wrong way round",
            _steps_an_update,
            "The learner's time is divided by `updates_per_step`. Twice as many updates for each step are twice the "
            "work: multiply.",
        ),
        Mistake(
            "an update for each step",
            _an_update_a_step,
            "`updates_per_step` is not used. The learner makes that many updates for each step, not one.",
        ),
        Mistake(
            "a time taken for a rate",
            _updates_a_second,
            "`seconds_per_update` is a time: the longer, the slower. Multiply the updates by it.",
        ),
        Mistake(
            "whole seconds of acting",
            _estimates(lambda actors, learner, boot, n: boot + max(actors // 1, learner)),
            "`//` drops what is left after the decimal point: the actors' time becomes a whole number of seconds. "
            "Divide with `/`.",
        ),
        Mistake(
            "rounded to whole seconds",
            _estimates(lambda actors, learner, boot, n: round(boot + max(actors, learner))),
            "The result is rounded to whole seconds. Return the number as it is, and round where it is printed.",
        ),
    ),
)
