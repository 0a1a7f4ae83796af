"""What the lesson asks its reader to predict, and what it says to each answer."""

from __future__ import annotations

from dqnkit.classroom.question import Choice, Number, Question, Reply

DOCKER, DRIVER, DASK, OWN_END = "install Docker", "call the driver", "start Dask", "set the machine's own end"
ERROR, HALF, REPLACED, WAITS = (
    "training ends with an error",
    "it goes on at half the pace to the end",
    "it goes on at half the pace until a new machine has booted, then as before",
    "it waits for the new machine",
)
AT_ONCE, FOR_EVER, BY_THEMSELVES = (
    "they end at once: their connection to the driver is gone",
    "they run until somebody ends them",
    "they end by themselves, when their lifetime is over or before",
)


def _first_command(script: str) -> str:
    """From the script that a machine runs when it boots."""
    commands = script.partition("runcmd:")[2]
    places = {OWN_END: "shutdown -P +", DOCKER: "apt-get", DASK: "docker run"}
    found = {option: commands.find(words) for option, words in places.items()}
    return min((option for option in found if found[option] >= 0), key=lambda option: found[option])


def _after_spot(came: bool) -> str | None:
    """From whether a new machine came before the run was over."""
    return REPLACED if came else None


def _orphans(alive: int) -> str | None:
    """From how many machines were left in the end."""
    return None if alive else BY_THEMSELVES


QUESTIONS: dict[str, Question] = {
    "weekend": Number(
        "Friday, 18:00. Eight workers and a scheduler, each a c7i.large on demand, run a test of ten minutes. Then "
        "the laptop is closed, and nobody thinks of the machines until Monday, 9:00. What does the test cost?",
        unit="US dollars",
        range=(0, 100_000),
        replies={
            (
                0,
                5,
            ): "That would be the price of the test itself. A machine is billed whether it works or waits, until "
            "somebody ends it: 63 hours, not ten minutes.",
            (
                200,
                100_000,
            ): "These are small machines, of about ten cents an hour each. Machines with a GPU could cost that much.",
        },
    ),
    "knee": Number(
        "The plan tries 1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128 and more workers. Which is the first number at which "
        "something other than the workers is the limit, so that each further one saves less?",
        unit="workers",
        range=(1, 10_000),
        replies={
            (
                64,
                10_000,
            ): "So many workers need a computer whose learner keeps up with them: it makes its updates one after the "
            "other, and every task needs a little of the driver's time.",
            (
                1,
                1,
            ): "One worker makes its steps far more slowly than the learner could learn from them: the learner would "
            "wait for most of the time.",
        },
    ),
    "first": Choice(
        "When a machine boots it runs a script. What is the first command in it?",
        {
            DOCKER: Reply(
                wrong="That comes second. If it failed or hung, a machine without an end would be left, billed by "
                "the second."
            ),
            DRIVER: Reply(
                wrong="It never does. Workers call the scheduler, and the driver calls the scheduler too. No port of "
                "this computer has to be open."
            ),
            DASK: Reply(
                wrong="Dask is last but one. Something may go wrong before it, like an image that does not exist, and "
                "that must not leave a machine behind."
            ),
            OWN_END: Reply(right="Whatever fails or hangs after it, the machine ends, and with it the bill."),
        },
        _first_command,
    ),
    "spot": Choice(
        "Half of the workers are taken back in the middle of training. What happens?",
        {
            ERROR: Reply(
                wrong="A task is plain and runs again elsewhere; a machine is no more than a place for tasks."
            ),
            HALF: Reply(
                wrong="That would be so if nobody watched. The cluster asks the cloud every few seconds which machines "
                "are there, and orders a new one for each that is gone."
            ),
            REPLACED: Reply(
                right="The other worker works on, since a stream has no barrier. The cluster asks the cloud every "
                "few seconds which machines are there, and orders a new one for each that is gone."
            ),
            WAITS: Reply(wrong="The other worker is still there, and a stream has no barrier."),
        },
        _after_spot,
    ),
    "orphan": Choice(
        "The program that started the cluster is killed. What becomes of its machines?",
        {
            AT_ONCE: Reply(
                wrong="A driver may lose its connection for a moment, and another client may use the cluster. So the "
                "scheduler waits for the idle time-out, ten minutes."
            ),
            FOR_EVER: Reply(
                wrong="That is so with machines that were started by hand. These had set their own end before they "
                "did anything else."
            ),
            BY_THEMSELVES: Reply(
                right="Each machine had set its own end before it did anything else. And a scheduler that nobody has "
                "used for ten minutes ends itself, and its workers with it."
            ),
        },
        _orphans,
    ),
}
