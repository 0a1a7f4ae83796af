"""The answers to `streaming_loop`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake


def streaming_loop(
    client: Any,
    as_completed: Callable[[list[Any]], Any],
    task: Callable[..., Any],
    arguments: tuple[Any, ...],
    insert: Callable[[Any], None],
    *,
    total: int,
    window: int,
    retries: int,
) -> int:
    """Insert rollouts as they complete, until they hold ``total`` steps; returns how many tries failed.

    Args:
        client: of Dask.
        as_completed: of Dask.
        task: ``task(*arguments, sequence) -> rollout``.
        arguments: of every task, before its sequence number.
        insert: puts a rollout into replay.
        total: environment steps.
        window: tasks in flight.
        retries: how often one rollout may be tried again.

    Raises:
        Exception: the error of a rollout that failed at its first try and at all of its retries.
    """
    numbers: dict[Any, int] = {}  # future -> sequence number, of all tasks in flight
    failures: Counter[int] = Counter()  # failed tries of each sequence number
    arrivals = as_completed([])

    def submit(number: int) -> None:
        future = client.submit(task, *arguments, number, pure=False)
        numbers[future] = number
        arrivals.add(future)

    for number in range(window):
        submit(number)
    next_number, inserted = window, 0
    try:
        for future in arrivals:
            number = numbers.pop(future)
            if future.status != "finished" and failures[number] < retries:
                failures[number] += 1
                submit(number)
                continue
            rollout = future.result()  # raises the error of a task that has failed too often
            insert(rollout)
            inserted += rollout.steps
            if inserted >= total:
                break
            submit(next_number)
            next_number += 1
    finally:  # after an error, too
        client.cancel(list(numbers))
    return failures.total()


def _submit(client: Any, task: Any, arguments: Any, number: int, pure: bool) -> Any:
    return client.submit(task, *arguments, number, pure=pure)


@dataclass(frozen=True)
class _Loop:
    """The loop with switches for mistakes; with the defaults it is correct."""

    how: Callable[..., Any] = _submit
    pure: bool = False
    barrier: bool = False
    in_order: bool = False
    all_at_once: bool = False
    window_off_by: int = 0
    first_number: int = 0
    passes_total: bool = False
    once_only: bool = False
    not_added: bool = False
    same_number: bool = False
    takes_new_number: bool = False
    drops_failed: bool = False
    limit: Callable[[int, int, int], bool] = lambda of_number, of_all, retries: of_number < retries
    skips: bool = False
    repeats_all: bool = False
    counts_rollouts: bool = False
    cancels: bool = True
    cancels_after_an_error: bool = True
    drains: bool = False
    inserts_twice: bool = False
    inserts_futures: bool = False
    hides_failures: bool = False
    ends_in_silence: bool = False
    returns: bool = True

    def __call__(
        self, client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, **settings: int
    ) -> int | None:
        total, window, retries = settings["total"], settings["window"], settings["retries"]
        numbers: dict[Any, int] = {}
        failures: Counter[int] = Counter()
        arrivals = as_completed([])
        next_number, inserted = self.first_number, 0

        def submit(number: int) -> None:
            nonlocal next_number
            next_number = max(next_number, number + 1)
            future = self.how(client, task, arguments, 0 if self.same_number else number, self.pure)
            numbers[future] = number
            if not (self.not_added and number >= window):
                arrivals.add(future)

        def fill() -> None:
            size = total if self.all_at_once and not numbers else window + self.window_off_by
            for _ in range(size - len(numbers)):
                submit(next_number)

        fill()
        while numbers:
            future = next(iter(numbers)) if self.in_order else next(arrivals, None)
            if future is None:
                break
            if self.in_order:
                with suppress(Exception):
                    future.result()
            number = numbers.pop(future, 0)
            if future.status != "finished":
                again = self.limit(failures[number], failures.total(), retries)
                failures[number] += again
                if again:
                    if self.repeats_all:
                        for other in list(numbers.values()):
                            submit(other)
                    if not self.drops_failed:
                        submit(next_number if self.takes_new_number else number)
                    continue
                if self.skips:
                    fill()
                    continue
                if self.cancels_after_an_error:
                    client.cancel(list(numbers))
                if self.ends_in_silence:
                    return failures.total()
            rollout = future.result()
            for _ in range(2 if self.inserts_twice else 1):
                insert(future if self.inserts_futures else rollout)
            inserted += 1 if self.counts_rollouts else rollout.steps
            if inserted > total - (not self.passes_total):
                break
            if not (self.once_only or (self.barrier and numbers) or self.all_at_once):
                fill()
        if self.drains:
            for future in arrivals:
                if future.status == "finished":
                    insert(future.result())
        elif self.cancels:
            client.cancel(list(numbers))
        if self.returns:
            return 0 if self.hides_failures else failures.total()
        return None


CORRECT = _Loop()


def _in_the_driver(
    client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, *, total: int, window: int, retries: int
) -> int:
    inserted = number = 0
    while inserted < total:
        rollout = task(*arguments, number)
        insert(rollout)
        inserted += rollout.steps
        number += 1
    return 0


SUBMITS_SOMETHING_ELSE = (
    Mistake(
        "everything in the driver",
        _in_the_driver,
        "The driver calls `task` itself, so it makes every rollout alone and the workers have nothing to do. Hand the "
        "function in and let a worker call it: `client.submit(task, *arguments, number, pure=False)`.",
    ),
    Mistake(
        "called before it is submitted",
        replace(
            CORRECT,
            how=lambda client, task, arguments, number, pure: client.submit(task(*arguments, number), pure=pure),
        ),
        "`task(...)` calls the task here, in the driver, and submits what it returned. Hand over the function and its "
        "arguments, side by side: `client.submit(task, *arguments, number, pure=False)`. Then a worker calls it.",
    ),
    Mistake(
        "called here, too",
        replace(
            CORRECT,
            how=lambda client, task, arguments, number, pure: (
                task(*arguments, number) and client.submit(task, *arguments, number, pure=pure)
            ),
        ),
        "The task is submitted, and the driver calls it as well: the work is done twice, once by the driver, which "
        "should be learning. Only submit it.",
    ),
    Mistake(
        "arguments not unpacked",
        replace(
            CORRECT, how=lambda client, task, arguments, number, pure: client.submit(task, arguments, number, pure=pure)
        ),
        "The tuple `arguments` is handed over as a single argument, so every task fails with a TypeError. The star "
        "unpacks it: `client.submit(task, *arguments, number, pure=False)`.",
    ),
    Mistake(
        "without the number",
        replace(CORRECT, how=lambda client, task, arguments, number, pure: client.submit(task, *arguments, pure=pure)),
        "The task does not get its sequence number, so every task fails with a TypeError. It comes behind the other "
        "arguments: `client.submit(task, *arguments, number, pure=False)`.",
    ),
    Mistake(
        "the number first",
        replace(
            CORRECT,
            how=lambda client, task, arguments, number, pure: client.submit(task, number, *arguments, pure=pure),
        ),
        "The sequence number stands before the other arguments, so the task takes it for something else. It comes "
        "last: `client.submit(task, *arguments, number, pure=False)`.",
    ),
    Mistake(
        "arguments hidden in a lambda",
        replace(
            CORRECT,
            how=lambda client, task, arguments, number, pure: client.submit(
                lambda: task(*arguments, number), pure=pure
            ),
        ),
        "The arguments are inside a `lambda`, where Dask does not look for futures: the task gets a Future in place of "
        "the weights. Give function and arguments to `client.submit` side by side.",
    ),
    Mistake(
        "something else submitted",
        replace(
            CORRECT,
            how=lambda client, task, arguments, number, pure: client.submit(_something_else, number, pure=pure),
        ),
        "What is submitted is not the `task` that was given, so no rollout comes back.",
    ),
)


def _something_else(number: int) -> None:
    return None


KEEPS_THE_WRONG_WINDOW = (
    Mistake(
        "a barrier",
        replace(CORRECT, barrier=True),
        "It waits until the whole window is done before it submits more: a barrier. While the slowest rollout runs, "
        "all other workers have nothing to do. Submit one more each time that one arrives.",
    ),
    Mistake(
        "taken in the order of submission",
        replace(CORRECT, in_order=True),
        "Rollouts are waited for in the order in which they were submitted. When the first is slow, those that are "
        "ready lie there and grow stale. Take them as they complete: `for future in arrivals`.",
    ),
    Mistake(
        "no window",
        replace(CORRECT, all_at_once=True),
        "All tasks are submitted at the beginning. The last of them will act under weights that were old long before "
        "they ran, and the scheduler has to hold them all. Never have more than `window` in flight.",
    ),
    Mistake(
        "one more than the window",
        replace(CORRECT, window_off_by=1),
        "There is one task more in flight than `window` allows. Begin with `range(window)`, then submit one for each "
        "that arrives.",
    ),
    Mistake(
        "one fewer than the window",
        replace(CORRECT, window_off_by=-1),
        "There is one task fewer in flight than `window` says, so a worker may have nothing to do. Begin with "
        "`range(window)`, then submit one for each that arrives.",
    ),
    Mistake(
        "only one window",
        replace(CORRECT, once_only=True),
        "It ends when the first window is used up: nothing is submitted after the first `window` tasks. Each arrival "
        "makes room for the next one.",
    ),
    Mistake(
        "not waited for",
        replace(CORRECT, not_added=True),
        "New tasks are submitted, but nobody waits for them: after the first window nothing arrives any more. Tell the "
        "iterator of each new future: `arrivals.add(future)`.",
    ),
    Mistake(
        "the same number for all",
        replace(CORRECT, same_number=True),
        "Every task gets the same sequence number, so all workers make the same rollout. Count on with each new task.",
    ),
    Mistake(
        "numbers from 1",
        replace(CORRECT, first_number=1),
        "The sequence numbers begin at 1, so rollout 0 is never made. They begin at 0.",
    ),
    Mistake(
        "pure",
        replace(CORRECT, pure=True),
        "The tasks are submitted as pure (Dask's default): the same arguments are the same task. A failed rollout that "
        "is submitted again is then not run: Dask hands you the failed one back. Give `pure=False`.",
    ),
)

TREATS_FAILURES_WRONGLY = (
    Mistake(
        "failed ones replaced by others",
        replace(CORRECT, takes_new_number=True),
        "For a failed rollout another one is made, under a new number; the failed one never comes. Then which rollouts "
        "there are depends on where an error happened, and no run can be repeated. Submit the same number again.",
    ),
    Mistake(
        "failed ones forgotten",
        replace(CORRECT, drops_failed=True),
        "After a failed rollout nothing is submitted in its place: the window shrinks with every failure, until "
        "nothing is in flight and the loop ends too early.",
    ),
    Mistake(
        "ended by the first failure",
        replace(CORRECT, limit=lambda of_number, of_all, retries: False),
        "The first failure ends the whole loop: `future.result()` raises the error of the task. Look at "
        "`future.status` first, and submit the rollout again, up to `retries` times.",
    ),
    Mistake(
        "retries for ever",
        replace(CORRECT, limit=lambda of_number, of_all, retries: True),
        "A rollout that fails is submitted again without a limit. A bug in the environment fails at every try: the "
        "loop would go on for ever and never say why. Count the failures of each number; after `retries` of them, let "
        "the error out.",
    ),
    Mistake(
        "one retry too many",
        replace(CORRECT, limit=lambda of_number, of_all, retries: of_number <= retries),
        "A rollout is tried again once more than `retries` allows. It may be tried 1 + `retries` times in all.",
    ),
    Mistake(
        "one retry too few",
        replace(CORRECT, limit=lambda of_number, of_all, retries: of_number < retries - 1),
        "It gives up one retry too early. The first try is not a retry: a rollout may be tried 1 + `retries` times in "
        "all.",
    ),
    Mistake(
        "one count for all rollouts",
        replace(CORRECT, limit=lambda of_number, of_all, retries: of_all < retries),
        "The failures of all rollouts are counted together. Over a long run many rollouts fail once, by chance, and "
        "the loop would end; a bug shows in the *same* rollout failing again. Count for each sequence number.",
    ),
    Mistake(
        "goes on without it",
        replace(CORRECT, limit=lambda of_number, of_all, retries: of_number < retries, skips=True),
        "After the last retry the rollout is left out, and the loop goes on. If the environment has a bug, every "
        "rollout is left out like that and nobody hears of it. Let the error out: `future.result()` raises it.",
    ),
    Mistake(
        "ends without the error",
        replace(CORRECT, ends_in_silence=True),
        "After the last retry the loop returns as if all were well. Training would go on with what there is, and "
        "nobody would hear of the bug. Let the error out: `future.result()` raises it.",
    ),
    Mistake(
        "one failure repeats all",
        replace(CORRECT, repeats_all=True),
        "When one rollout fails, all that are in flight are submitted again. They still run, so they arrive twice "
        "and are inserted twice. Submit only the failed one again.",
    ),
    Mistake(
        "leaves tasks behind after an error",
        replace(CORRECT, cancels_after_an_error=False),
        "Where the loop gives up, tasks are still in flight: the workers go on with rollouts that nobody will take. "
        "Cancel them before the error leaves the loop; a `finally` does it in both cases.",
    ),
    Mistake(
        "failures not counted",
        replace(CORRECT, hides_failures=True),
        "It returns 0 although tries failed. The rollouts were made again, so nothing is missing, but whoever looks "
        "after the cluster wants to know. Count each one.",
    ),
)

INSERTS_OR_ENDS_WRONGLY = (
    Mistake(
        "inserts twice",
        replace(CORRECT, inserts_twice=True),
        "Each rollout is inserted twice. Replay then draws it twice as often as it should.",
    ),
    Mistake(
        "inserts the future",
        replace(CORRECT, inserts_futures=True),
        "What is inserted is the future, a handle. The rollout is its result: `insert(future.result())`.",
    ),
    Mistake(
        "counts rollouts",
        replace(CORRECT, counts_rollouts=True),
        "`total` is reached too late: it counts rollouts. `total` is a number of environment steps; each rollout knows "
        "how many it holds: `rollout.steps`.",
    ),
    Mistake(
        "goes past the total",
        replace(CORRECT, passes_total=True),
        "It goes on where the rollouts hold exactly `total` steps. Stop as soon as there are `total` of them: `>=`.",
    ),
    Mistake(
        "returns nothing",
        replace(CORRECT, returns=False),
        "The function ends without `return`, so nobody hears how many tries failed. Return the count.",
    ),
    Mistake(
        "leaves tasks behind",
        replace(CORRECT, cancels=False),
        "When the loop ends, tasks are still in flight: the workers go on with rollouts that nobody will take. Cancel "
        "them: `client.cancel(list_of_futures)`.",
    ),
    Mistake(
        "inserts more than the total",
        replace(CORRECT, drains=True),
        "After `total` steps it waits for all that is still in flight and inserts it too. Break out of the loop when "
        "there are enough, and cancel the rest.",
    ),
)

ANSWERS = Answers(
    solution=streaming_loop,
    mistakes=(
        *SUBMITS_SOMETHING_ELSE,
        *KEEPS_THE_WRONG_WINDOW,
        *TREATS_FAILURES_WRONGLY,
        *INSERTS_OR_ENDS_WRONGLY,
    ),
)
