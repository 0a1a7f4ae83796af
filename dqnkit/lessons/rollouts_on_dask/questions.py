"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dqnkit.classroom.question import Choice, Number, Question, Reply

THREE, ONE, ERROR = "three different sums", "the same sum three times", "an error: it was submitted before"
EVERYTHING, DATA_TOO, RESULT, NOTHING = (
    "all of them",
    "the scattered data and the result",
    "only the task's result",
    "none of them",
)
ROUNDS, TRANSFERS, TOO_SHORT, ONE_SLOW = (
    "in 1 data from elsewhere, in 2 a barrier",
    "in 1 a barrier, in 2 data from elsewhere",
    "in both tasks that are too short",
    "in both one slow worker",
)
BOTH, FAST_ONLY, SLOW_ONLY, NEITHER = (
    "both about 4 times",
    "CartPole about 4 times, SlowCartPole less: it is slow",
    "SlowCartPole about 4 times, CartPole less: there are not enough cores",
    "neither: Dask costs more than it brings",
)
SHORT, SOME, LONG, NEVER = (
    "500 steps",
    "some thousand steps",
    "20,000 steps: half of the run",
    "never: Q-learning is off-policy",
)


def _sums(sums: Sequence[int]) -> str:
    return ONE if len(set(sums)) == 1 else THREE


def _survived(survived: Mapping[str, bool]) -> str:
    """From whether the Actor object, the scattered data and the task's result could still be had, in this order."""
    _, data, result = survived.values()
    return EVERYTHING if all(survived.values()) else DATA_TOO if data and result else RESULT if result else NOTHING


def _faster(times: Sequence[float]) -> str | None:
    """From how many times faster 4 workers were: CartPole, SlowCartPole. None where other programs used the cores."""
    cartpole, slow = times
    if min(cartpole, slow) > 3:
        return BOTH
    return SLOW_ONLY if slow > 2 and slow > 1.3 * cartpole else None


def _waits(recordings: Sequence[Mapping[str, float]]) -> str | None:
    """From the shares of the workers' time in the two recordings: what kept them from working in each."""
    first, second = (max(("white", "transfer"), key=lambda what: shares[what]) for shares in recordings)
    return {("white", "transfer"): TRANSFERS, ("transfer", "white"): ROUNDS}.get((first, second))


def _harmful_lag(lag: int) -> str:
    """From the shortest lag that did harm; 0 if none did."""
    return NEVER if not lag else SHORT if lag <= 500 else SOME if lag < 20_000 else LONG


QUESTIONS: dict[str, Question] = {
    "dice": Choice(
        "We submit `throw_dice(100)` three times, with the same argument. What comes back?",
        {
            THREE: Reply(
                right="Dask ran all three: it was told that the function is not pure.",
                wrong="Dask did not run the second and the third. It saw the same function with the same argument, "
                "and took the sum that it had.",
            ),
            ONE: Reply(
                right="Dask saw the same function with the same argument, ran it once, and gave its result to all "
                "three.",
                wrong="This would happen if Dask took the function for pure. Here it ran all three.",
            ),
            ERROR: Reply(wrong="This is no error: Dask has the result already and returns it."),
        },
        _sums,
    ),
    "survives": Choice(
        "The worker is killed. Which of the three can still be had a moment later?",
        {
            EVERYTHING: Reply(
                wrong="What was only on the dead worker is gone. Dask can bring back only what it knows how to make."
            ),
            DATA_TOO: Reply(
                wrong="The scheduler does not know how scattered data came about, so it cannot make it again. It "
                "knows the task, so it ran `hold` once more, on another worker."
            ),
            RESULT: Reply(
                right="The scheduler keeps the recipe of every task whose result somebody holds a future of, and ran "
                "it again on another worker. The other two have no recipe."
            ),
            NOTHING: Reply(
                wrong="The scheduler keeps the recipe of every task whose result somebody holds a future of, and "
                "runs it again elsewhere."
            ),
        },
        _survived,
    ),
    "stream": Choice(
        "What keeps the three workers from working?",
        {
            ROUNDS: Reply(
                wrong="It is the other way round. A worker that waits for data shows a red bar, one that waits for "
                "the others in its round shows white."
            ),
            TRANSFERS: Reply(
                right="In recording 1 three tasks begin together, and whoever is done first waits in white for the "
                "longest. In recording 2 a red transfer stands before the work: each task needs an array that lies on "
                "another worker."
            ),
            TOO_SHORT: Reply(
                wrong="Tasks that are too short show as thin bars with white between them, even where no worker waits "
                "for another. Here the tasks of recording 1 begin together, in rounds, and the time of recording 2 is "
                "red, not white."
            ),
            ONE_SLOW: Reply(
                wrong="A slow worker would have the longest bars in its row, again and again. Here the longest bars of "
                "recording 1 are on another worker in each round."
            ),
        },
        _waits,
    ),
    "throughput": Choice(
        "With 4 workers instead of one on this computer, how many times more steps of each come in?",
        {
            BOTH: Reply(
                right="On this computer there are enough cores for four that compute.",
                wrong="Four processes on fewer free cores take turns. Only those that wait can all do so at once.",
            ),
            FAST_ONLY: Reply(
                wrong="That it is slow is no obstacle: it waits, and waiting needs no core. With a slow simulator "
                "several workers pay, even on one computer."
            ),
            SLOW_ONLY: Reply(
                right="Waiting needs no core, so four wait at once. Computing needs one each, and four processes "
                "take turns on fewer.",
                wrong="On this computer there are enough cores for four that compute.",
            ),
            NEITHER: Reply(wrong="It costs some milliseconds a task, and these tasks take 200: section 7 measures it."),
        },
        _faster,
    ),
    "amdahl": Number(
        "With a barrier (one rollout for each worker, then the driver works on all of them), how many times faster "
        "are 4 workers than one?",
        unit="times",
        range=(0, 100),
        replies={
            (3.5, 100): "The rollouts got four times faster. The driver's fifth did not: 1 / (0.2 + 0.8 / 4) = 2.5.",
            (0, 1.6): "Four fifths of the work are divided by four: 1 / (0.2 + 0.8 / 4) = 2.5.",
        },
    ),
    "lag": Choice(
        "From which lag on does the newest network get clearly worse? (The whole run has 40,000 steps.)",
        {
            SHORT: Reply(
                right="In this recording even a short lag did harm.",
                wrong="Replay is full of transitions that are much older than that, and learning from them works.",
            ),
            SOME: Reply(
                right="That is a large part of the time in which CartPole is learned: the newest policy goes where "
                "older ones never were, and data about its errors there arrives much later.",
                wrong="In this recording a lag of some thousand steps did no clear harm.",
            ),
            LONG: Reply(
                right="In this recording only a lag of half the run did harm.",
                wrong="Harm begins earlier: CartPole is learned in about 26,000 steps, and a lag of several thousand "
                "is a large part of that.",
            ),
            NEVER: Reply(
                right="In this recording no lag did clear harm.",
                wrong="It may learn from any data, but only about what the data shows. The newest policy goes where "
                "older ones never were; if its values are wrong there, no data corrects them while the lag lasts.",
            ),
        },
        _harmful_lag,
    ),
}
