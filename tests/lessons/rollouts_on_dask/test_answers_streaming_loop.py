"""Right and wrong loops as readers write them: each right one passes, each wrong one fails."""
# ruff: noqa: PIE808, RET503
# mypy: disable-error-code="no-untyped-def,return"

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import count
from typing import Any

import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

pytest.importorskip("distributed")
import distributed

EXERCISE = find_exercise("streaming_loop")
RIGHT: list[Any] = []
assert distributed.as_completed  # imported, so an answer that imports it itself gets the simulated one


def right(answer):
    RIGHT.append(answer)
    return answer


@right
def a_dict_keyed_by_the_key_of_the_future(client, as_completed, task, arguments, insert, *, total, window, retries):
    in_flight = {}
    failed = {}
    arrivals = as_completed([])
    for n in range(window):
        f = client.submit(task, *arguments, n, pure=False)
        in_flight[f.key] = (n, f)
        arrivals.add(f)
    steps, following = 0, window
    for f in arrivals:
        n, _ = in_flight.pop(f.key)
        if f.status == "finished":
            r = f.result()
            insert(r)
            steps += r.steps
            if steps >= total:
                break
            n = following
            following += 1
        else:
            failed[n] = failed.get(n, 0) + 1
            if failed[n] > retries:
                client.cancel([other for _, other in in_flight.values()])
                raise f.exception()
        g = client.submit(task, *arguments, n, pure=False)
        in_flight[g.key] = (n, g)
        arrivals.add(g)
    client.cancel([f for _, f in in_flight.values()])
    return sum(failed.values())


@right
def with_imports_inside(client, as_completed, task, arguments, insert, *, total, window, retries):
    from distributed import as_completed as completed

    numbers, bad, steps, following = {}, Counter(), 0, window
    first = [client.submit(task, *arguments, n, pure=False) for n in range(window)]
    numbers.update(zip(first, range(window), strict=True))
    queue = completed(first)
    try:
        for future in queue:
            number = numbers.pop(future)
            if future.status == "error":
                if bad[number] == retries:
                    raise future.exception()
                bad[number] += 1
            else:
                rollout = future.result()
                insert(rollout)
                steps += rollout.steps
                if steps >= total:
                    return sum(bad.values())
                number, following = following, following + 1
            successor = client.submit(task, *arguments, number, pure=False)
            numbers[successor] = number
            queue.add(successor)
    finally:
        client.cancel(list(numbers))


@right
def that_submits_before_it_inserts(client, as_completed, task, arguments, insert, *, total, window, retries):
    futures = []

    def start(number):
        future = client.submit(task, *arguments, number, pure=False)
        future.my_number = number
        futures.append(future)
        return future

    arrivals = as_completed([start(number) for number in range(window)])
    seen, failures = set(), defaultdict(int)
    steps, fresh = 0, window
    while steps < total:
        future = next(arrivals)
        futures.remove(future)
        ok = future.status == "finished"
        if not ok and failures[future.my_number] >= retries:
            for other in futures:
                other.cancel()
            raise RuntimeError(f"rollout {future.my_number} fails again and again") from future.exception()
        failures[future.my_number] += not ok
        arrivals.add(start(fresh if ok else future.my_number))
        fresh += ok
        if ok and future.result().sequence not in seen:
            seen.add(future.result().sequence)
            insert(future.result())
            steps += future.result().steps
    client.cancel(futures)
    return sum(failures.values())


@right
def with_try_and_except(client, as_completed, task, arguments, insert, *, total, window, retries):
    numbers = {client.submit(task, *arguments, n, pure=False): n for n in range(window)}
    arrivals = as_completed(numbers)
    new, steps, tries = count(window), 0, Counter(range(window))
    failed = 0
    for future in arrivals:
        number = numbers.pop(future)
        try:
            rollout = future.result()
        except Exception:
            if tries[number] > retries:
                client.cancel(list(numbers))
                raise
            failed += 1
        else:
            insert(rollout)
            steps = steps + rollout.steps
            if steps >= total:
                break
            number = next(new)
        tries[number] += 1
        again = client.submit(task, *arguments, number, pure=False)
        numbers[again] = number
        arrivals.update([again])
    client.cancel(numbers.keys())
    return failed


@right
def with_keys_of_its_own(client, as_completed, task, arguments, insert, *, total, window, retries):
    numbers, failed, arrivals = {}, Counter(), as_completed([])

    def go(number):
        key = f"rollout-{number}-{failed[number]}"
        future = client.submit(task, *arguments, number, key=key)
        numbers[key] = (number, future)
        arrivals.add(future)

    for number in range(window):
        go(number)
    steps, upcoming = 0, window
    for future in arrivals:
        number, _ = numbers.pop(future.key)
        if future.status == "finished":
            insert(future.result())
            steps += future.result().steps
            if steps >= total:
                break
            go(upcoming)
            upcoming += 1
        elif failed[number] < retries:
            failed[number] += 1
            go(number)
        else:
            break
    client.cancel([future for _, future in numbers.values()])
    if steps < total:
        future.result()
    return failed.total()


@right
def in_batches(client, as_completed, task, arguments, insert, *, total, window, retries):
    numbers, failed, arrivals = {}, [0] * 1_000, as_completed([])
    state = {"next": 0, "steps": 0}

    def submit(number=None):
        if number is None:
            number = state["next"]
            state["next"] += 1
        future = client.submit(task, *arguments, number, pure=False)
        numbers[future] = number
        arrivals.add(future)

    [submit() for _ in range(window)]
    for batch in arrivals.batches():
        for future in batch:
            number = numbers.pop(future)
            if future.status != "finished":
                failed[number] += 1
                if failed[number] > retries:
                    client.cancel(list(numbers))
                    future.result()
                submit(number)
                continue
            insert(future.result())
            state["steps"] += future.result().steps
            if state["steps"] >= total:
                client.cancel(list(numbers))
                return sum(failed)
            submit()


@right
def that_fills_up_the_window(client, as_completed, task, arguments, insert, *, total, window, retries):
    todo, fresh = [], 0
    numbers, failures, steps = {}, Counter(), 0
    arrivals = as_completed([])
    while True:
        while len(numbers) < window:
            if todo:
                number = todo.pop(0)
            else:
                number, fresh = fresh, fresh + 1
            future = client.submit(task, *arguments, number, pure=False)
            numbers[future] = number
            arrivals.add(future)
        future = next(arrivals)
        number = numbers.pop(future)
        if future.status != "finished":
            if failures[number] >= retries:
                client.cancel(list(numbers))
            else:
                failures[number] += 1
                todo.append(number)
                continue
        rollout = future.result()
        insert(rollout)
        steps += rollout.steps
        if steps >= total:
            client.cancel(list(numbers))
            return failures.total()


@right
def with_the_number_by_name(client, as_completed, task, arguments, insert, *, total, window, retries):
    numbers, failures, arrivals = {}, Counter(), as_completed([])

    def submit(number):
        future = client.submit(task, *arguments, sequence=number, pure=False)
        arrivals.add(future)
        numbers[future] = number

    for number in range(0, window):
        submit(number)
    total_steps = 0
    following = window
    for future in arrivals:
        number = numbers.pop(future)
        if future.status == "error":
            if failures[number] == retries:
                client.cancel(list(numbers))
                raise future.exception()
            failures[number] = failures[number] + 1
            submit(number)
        else:
            rollout = future.result()
            insert(rollout)
            total_steps += rollout.steps
            if total_steps >= total:
                break
            submit(following)
            following += 1
    for future in numbers:
        future.cancel()
    return sum(failures.values())


@right
def with_a_helper_that_unpacks(client, as_completed, task, arguments, insert, *, total, window, retries):
    def run(function, given, number):
        return function(*given, number)

    numbers, failures, arrivals = {}, Counter(), as_completed([])

    def submit(number):
        future = client.submit(run, task, arguments, number, pure=False)
        arrivals.add(future)
        numbers[future] = number

    for number in range(window):
        submit(number)
    left, following = total, window
    for future in arrivals:
        number = numbers.pop(future)
        if future.status != "finished" and failures[number] < retries:
            failures[number] += 1
            submit(number)
            continue
        if future.status != "finished":
            client.cancel(list(numbers))
        rollout = future.result()
        insert(rollout)
        left -= rollout.steps
        if left <= 0:
            client.cancel(list(numbers))
            return failures.total()
        submit(following)
        following += 1


@right
def with_numpy_numbers(client, as_completed, task, arguments, insert, *, total, window, retries):
    import numpy as np

    numbers, failures, arrivals = {}, np.zeros(1_000, int), as_completed([])

    def submit(number):
        future = client.submit(task, *arguments, number, pure=False)
        arrivals.add(future)
        numbers[future] = number

    for number in np.arange(window):
        submit(number)
    steps, following = np.int64(0), np.int64(window)
    for future in arrivals:
        number = numbers.pop(future)
        if future.status == "finished":
            rollout = future.result()
            insert(rollout)
            steps = steps + rollout.steps
            if steps >= total:
                break
            submit(following)
            following = following + 1
        elif failures[number] < retries:
            failures[number] += 1
            submit(number)
        else:
            client.cancel(list(numbers))
            future.result()
    client.cancel(list(numbers))
    return failures.sum()


def loop(
    *,
    start=lambda client, task, arguments, number: client.submit(task, *arguments, number, pure=False),
    first=lambda window: range(window),
    may_retry=lambda failures, number, retries: failures[number] < retries,
    enough=lambda inserted, total: inserted >= total,
    steps_of=lambda rollout: rollout.steps,
    put=lambda insert, rollout: insert(rollout),
    after_success=lambda submit, following, number: submit(following),
    after_failure=lambda submit, following, number: submit(number),
    at_the_end=lambda client, numbers: client.cancel(list(numbers)),
    give_up=lambda future: future.result(),
    answer=lambda failures, numbers: failures.total(),
    following=lambda window: window,
    finished=lambda future: future.status == "finished",
):
    """The loop with one place replaced."""

    def answer_of_a_reader(client, as_completed, task, arguments, insert, *, total, window, retries):
        numbers, failures, arrivals = {}, Counter(), as_completed([])

        def submit(number):
            future = start(client, task, arguments, number)
            numbers[future] = number
            arrivals.add(future)

        for number in first(window):
            submit(number)
        upcoming, inserted = following(window), 0
        for future in arrivals:
            number = numbers.pop(future, None)
            if finished(future):
                rollout = future.result()
                put(insert, rollout)
                inserted += steps_of(rollout)
                if enough(inserted, total):
                    break
                after_success(submit, upcoming, number)
                upcoming += 1
            elif may_retry(failures, number, retries):
                failures[number] += 1
                after_failure(submit, upcoming, number)
            else:
                at_the_end(client, numbers)
                give_up(future)
        at_the_end(client, numbers)
        return answer(failures, numbers)

    return answer_of_a_reader


def nothing(*_):
    return None


LOOPS = {
    "the wrong task": loop(start=lambda client, task, arguments, number: client.submit(print, number, pure=False)),
    "a task that ignores its number": loop(
        start=lambda client, task, arguments, number: client.submit(task, *arguments, 0, pure=False)
    ),
    "only the first argument": loop(
        start=lambda client, task, arguments, number: client.submit(task, arguments[0], number, pure=False)
    ),
    "arguments reversed": loop(
        start=lambda client, task, arguments, number: client.submit(task, *arguments[::-1], number, pure=False)
    ),
    "number and arguments in one tuple": loop(
        start=lambda client, task, arguments, number: client.submit(task, (*arguments, number), pure=False)
    ),
    "number + 1": loop(
        start=lambda client, task, arguments, number: client.submit(task, *arguments, number + 1, pure=False)
    ),
    "from 1": loop(first=lambda window: range(1, window + 1), following=lambda window: window + 1),
    "number as text": loop(
        start=lambda client, task, arguments, number: client.submit(task, *arguments, str(number), pure=False)
    ),
    "pure by default": loop(start=lambda client, task, arguments, number: client.submit(task, *arguments, number)),
    "called here too": loop(
        start=lambda client, task, arguments, number: (
            task(*arguments, number) and client.submit(task, *arguments, number, pure=False)
        )
    ),
    "window - 1": loop(first=lambda window: range(max(1, window - 1)), following=lambda window: max(1, window - 1)),
    "twice the window": loop(first=lambda window: range(2 * window), following=lambda window: 2 * window),
    "more than total": loop(enough=lambda inserted, total: inserted > total),
    "one more after total": loop(steps_of=lambda rollout: rollout.steps - 1),
    "two submitted for one": loop(
        after_success=lambda submit, following, number: (submit(following), submit(following + 1_000))
    ),
    "the next window skipped": loop(following=lambda window: window + 1),
    "retries at the end only": loop(after_failure=nothing),
    "retried and replaced": loop(after_failure=lambda submit, following, number: (submit(number), submit(following))),
    "without a limit": loop(may_retry=lambda failures, number, retries: True),
    "3 retries, whatever was said": loop(may_retry=lambda failures, number, retries: failures[number] < 3),
    "cancels nothing": loop(at_the_end=nothing),
    "another error's count": loop(answer=lambda failures, numbers: len(failures)),
    "returns steps": loop(answer=lambda failures, numbers: len(numbers)),
    "returns None": loop(answer=nothing),
    "gives up in silence": loop(give_up=nothing),
    "inserts the transitions only": loop(put=lambda insert, rollout: insert(rollout.sequence)),
    "never inserts": loop(put=nothing),
    "takes pending for failed": loop(finished=lambda future: future.status == "done"),
}


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_loop_passes(answer: Any) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("name", LOOPS)
def test_a_wrong_loop_fails(name: str, named: list[str]) -> None:
    result = verdict(EXERCISE, LOOPS[name])
    assert result.status == "wrong", result.text
    named.append(f"{name}: {result.mistake or '-'}")
