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
            "You add the actors' time and the learner's. So it is in one process; on a cluster both go on at the same "
            "time, and the slower one sets the pace: `max`.",
        ),
        Mistake(
            "the faster sets the pace",
            _estimates(lambda actors, learner, boot, n: boot + min(actors, learner)),
            "`min` for `max`: the run would be over when the faster side is. But the learner cannot learn what has not "
            "been acted, nor do the actors end it before the learner is done.",
        ),
        Mistake(
            "boot time forgotten",
            _estimates(lambda actors, learner, boot, n: max(actors, learner)),
            "The time in which the machines boot is forgotten. It is paid for like any other, and for a short run it "
            "is most of it: a cloud is nothing for a run of a minute.",
        ),
        Mistake(
            "one boots after the other",
            _estimates(lambda actors, learner, boot, n: boot * n + max(actors, learner)),
            "Boot time is multiplied by the workers, as if each waited for the one before. They boot at the same time.",
        ),
        Mistake(
            "boot time shared",
            _estimates(lambda actors, learner, boot, n: boot / n + max(actors, learner)),
            "Boot time is divided by the workers. Each machine needs all of it: booting is no work that can be shared.",
        ),
        Mistake(
            "boots while it trains",
            _estimates(lambda actors, learner, boot, n: max(boot, actors, learner)),
            "Boot time is one of those in the maximum, as if training went on meanwhile. Nobody acts before a machine "
            "is up: it comes first, and is added.",
        ),
        Mistake(
            "the learner's work divided",
            _estimates(lambda actors, learner, boot, n: boot + max(actors, learner / n)),
            "The learner's time is divided by the workers, too. There is one learner, here in the driver, however many "
            "workers act. This is what makes the knee.",
        ),
        Mistake(
            "one worker acts",
            _estimates(lambda actors, learner, boot, n: boot + max(actors * n, learner)),
            "The actors' time is that of a single worker. n workers make n times as many steps a second.",
        ),
        Mistake(
            "learner forgotten",
            _estimates(lambda actors, learner, boot, n: boot + actors),
            "The learner is forgotten: with enough workers the run would take no time at all. It ends when the learner "
            "has made its updates, and no sooner.",
        ),
        Mistake(
            "actors forgotten",
            _estimates(lambda actors, learner, boot, n: boot + learner),
            "The actors are forgotten. With few workers they are the slower side.",
        ),
        Mistake(
            "a rate taken for a time",
            _seconds_a_step,
            "`steps_per_second` is a rate: more of it is faster. Divide the steps by it.",
        ),
        Mistake(
            "updates_per_step the wrong way round",
            _steps_an_update,
            "You divide by `updates_per_step`. Twice the updates for a step are twice the work: multiply.",
        ),
        Mistake(
            "an update for each step",
            _an_update_a_step,
            "`updates_per_step` is not used: the learner does not make one update for each step, but so many.",
        ),
        Mistake(
            "a time taken for a rate",
            _updates_a_second,
            "`seconds_per_update` is a time: more of it is slower. Multiply the updates by it.",
        ),
    ),
)
