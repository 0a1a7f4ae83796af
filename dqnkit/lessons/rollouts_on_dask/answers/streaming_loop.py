"""The answers to `streaming_loop`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.rollouts_on_dask.exercises.streaming_loop import LostError


def streaming_loop(
    client: Any,
    as_completed: Callable[[list[Any]], Any],
    task: Callable[..., Any],
    arguments: tuple[Any, ...],
    insert: Callable[[Any], None],
    *,
    total: int,
    window: int,
) -> int:
    """Insert rollouts as they complete, until they hold ``total`` steps; returns how many were lost.

    Args:
        client: of Dask.
        as_completed: of Dask.
        task: ``task(*arguments, sequence) -> rollout``.
        arguments: of every task, before its sequence number.
        insert: puts a rollout into replay.
        total: environment steps.
        window: tasks in flight.
    """
    numbers: dict[Any, int] = {}  # future -> sequence number, for all tasks in flight
    arrivals = as_completed([])

    def submit(number: int) -> None:
        future = client.submit(task, *arguments, number, pure=False)
        numbers[future] = number
        arrivals.add(future)

    for number in range(window):
        submit(number)
    next_number, inserted, lost = window, 0, 0
    for future in arrivals:
        number = numbers.pop(future)
        if future.status == "finished":
            rollout = future.result()
            insert(rollout)
            inserted += rollout.steps
            if inserted >= total:
                break
            submit(next_number)
            next_number += 1
        else:
            lost += 1
            submit(number)
    client.cancel(list(numbers))
    return lost


@dataclass(frozen=True)
class _Loop:
    """The loop with switches for mistakes; with the defaults it is correct."""

    pure: bool = False
    barrier: bool = False
    in_order: bool = False
    all_at_once: bool = False
    one_too_many: bool = False
    once_only: bool = False
    not_added: bool = False
    same_number: bool = False
    takes_new_number: bool = False
    drops_lost: bool = False
    trusts_results: bool = False
    repeats_all: bool = False
    counts_rollouts: bool = False
    cancels: bool = True
    drains: bool = False
    inserts_twice: bool = False
    hides_losses: bool = False

    def __call__(
        self, client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, *, total: int, window: int
    ) -> int:
        numbers: dict[Any, int] = {}
        arrivals = as_completed([])
        next_number = inserted = lost = 0

        def submit(number: int) -> None:
            nonlocal next_number
            next_number = max(next_number, number + 1)
            future = client.submit(task, *arguments, 0 if self.same_number else number, pure=self.pure)
            numbers[future] = number
            if not (self.not_added and number >= window):
                arrivals.add(future)

        def fill() -> None:
            size = total if self.all_at_once and not next_number else window + self.one_too_many
            for _ in range(size - len(numbers)):
                submit(next_number)

        fill()
        while numbers:
            future = next(iter(numbers)) if self.in_order else next(arrivals, None)
            if future is None:
                break
            if self.in_order:
                with suppress(LostError):
                    future.result()
            number = numbers.pop(future, 0)
            if future.status != "finished" and not self.trusts_results:
                lost += 1
                if self.repeats_all:
                    for other in list(numbers.values()):
                        submit(other)
                if not self.drops_lost:
                    submit(next_number if self.takes_new_number else number)
                continue
            rollout = future.result()
            for _ in range(2 if self.inserts_twice else 1):
                insert(rollout)
            inserted += 1 if self.counts_rollouts else rollout.steps
            if inserted >= total:
                break
            if not (self.once_only or (self.barrier and numbers) or self.all_at_once):
                fill()
        if self.drains:
            for future in arrivals:
                if future.status == "finished":
                    insert(future.result())
        elif self.cancels:
            client.cancel(list(numbers))
        return 0 if self.hides_losses else lost


CORRECT = _Loop()


MISTAKES = (
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
        replace(CORRECT, one_too_many=True),
        "There is one task more in flight than `window` allows. Begin with `range(window)`, then submit one for each "
        "that arrives.",
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
        "pure",
        replace(CORRECT, pure=True),
        "The tasks are submitted as pure (Dask's default): the same arguments are the same task. A lost rollout that "
        "is submitted again is then not run: Dask hands you the lost one back. Give `pure=False`.",
    ),
    Mistake(
        "lost ones replaced by others",
        replace(CORRECT, takes_new_number=True),
        "For a lost rollout another one is made, under a new number; the lost one never comes. Then which rollouts "
        "there are depends on which workers died, and no run can be repeated. Submit the same number again.",
    ),
    Mistake(
        "lost ones forgotten",
        replace(CORRECT, drops_lost=True),
        "After a lost rollout nothing is submitted in its place: the window shrinks with every loss, until nothing is "
        "in flight and the loop ends too early.",
    ),
    Mistake(
        "ended by the first loss",
        replace(CORRECT, trusts_results=True),
        "`future.result()` raises where the rollout was lost, and that ends the whole loop: one dead worker stops "
        'everything. Look first: only where `future.status == "finished"` is there a result.',
    ),
    Mistake(
        "one loss repeats all",
        replace(CORRECT, repeats_all=True),
        "When one rollout is lost, all that are in flight are submitted again. They still run, so they arrive twice "
        "and are inserted twice. Submit only the lost one again.",
    ),
    Mistake(
        "inserts twice",
        replace(CORRECT, inserts_twice=True),
        "Each rollout is inserted twice. Replay then draws it twice as often as it should.",
    ),
    Mistake(
        "counts rollouts",
        replace(CORRECT, counts_rollouts=True),
        "`total` is reached too late: it counts rollouts. `total` is a number of environment steps; each rollout knows "
        "how many it holds: `rollout.steps`.",
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
        "After `total` steps it waits for all that is still in flight and inserts it too. Enough is enough: break out "
        "of the loop, and cancel the rest.",
    ),
    Mistake(
        "losses not counted",
        replace(CORRECT, hides_losses=True),
        "It returns 0 although rollouts were lost. They were made again, so nothing is missing, but whoever looks "
        "after the cluster wants to know. Count each one.",
    ),
)


ANSWERS = Answers(
    solution=streaming_loop,
    mistakes=MISTAKES,
)
