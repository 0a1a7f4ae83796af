"""The answers to `save_state`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.train_on_a_cluster.small_run import SAVED_FIELDS, SmallRun


def save_state(run: SmallRun) -> dict[str, Any]:
    """The state that a new process needs to continue this run exactly."""
    return {
        "online": run.online.copy(),
        "target": run.target.copy(),
        "velocity": run.velocity.copy(),
        "replay": list(run.replay),
        "step": run.step,
        "updates": run.updates,
        "rng": run.rng.bit_generator.state,
    }


def without(*names: str) -> Callable[[SmallRun], dict[str, Any]]:
    """A wrong solution that does not save these fields."""

    def forgetful(run: SmallRun) -> dict[str, Any]:
        return {name: value for name, value in save_state(run).items() if name not in names}

    return forgetful


def by_reference(run: SmallRun) -> dict[str, Any]:
    arrays = {"online": run.online, "target": run.target, "velocity": run.velocity, "replay": run.replay}
    return {**save_state(run), **arrays}


def replay_by_reference(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "replay": run.replay}


def arrays_by_reference(run: SmallRun) -> dict[str, Any]:
    return {**by_reference(run), "replay": list(run.replay)}


def generator_itself(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "rng": run.rng}


def everything(run: SmallRun) -> dict[str, Any]:
    return dict(vars(run))


def client_too(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "client": run.client}


def only_the_newest(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "replay": run.replay[-4:]}


def target_from_online(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "target": run.online.copy()}


FORGETS_A_FIELD = (
    Mistake(
        "only the online network",
        without(*SAVED_FIELDS[1:]),
        "Only the online network was saved. That is enough to act, not to go on learning: the target, the optimizer's "
        "memory, the data, the counters and the random state all begin anew.",
    ),
    Mistake(
        "online network forgotten",
        without("online"),
        "The online network is not in it: all that was learned is gone, and the resumed run begins with random values.",
    ),
    Mistake(
        "target forgotten",
        without("target"),
        "The target network is not in it. The resumed run learns towards the random values of a new target, until the "
        "next copy.",
    ),
    Mistake(
        "target taken from online",
        target_from_online,
        "The target was saved as a copy of the online network. It is an older one: between two copies they differ, and "
        "the resumed run learns towards other numbers.",
    ),
    Mistake(
        "optimizer forgotten",
        without("velocity"),
        "The optimizer's memory (`velocity`) is not in it. Momentum and Adam step by a mean over many gradients; from "
        "nothing, the first steps after a resume go elsewhere.",
    ),
    Mistake(
        "replay forgotten",
        without("replay"),
        "The replay buffer is not in it. The resumed run draws its first batches from a handful of new transitions, "
        f"alike and all of one policy: {reference('replay')} all over again.",
    ),
    Mistake(
        "only the newest transitions",
        only_the_newest,
        "Only a few of the transitions were saved. Batches are drawn from the whole replay buffer.",
    ),
    Mistake(
        "step forgotten",
        without("step"),
        "The count of environment steps is not in it, and epsilon falls with that count: the resumed run explores as "
        "if it knew nothing.",
    ),
    Mistake(
        "updates forgotten",
        without("updates"),
        "The count of updates is not in it: the target network is copied at other moments than in the first run.",
    ),
    Mistake(
        "counters forgotten",
        without("step", "updates"),
        "The counters `step` and `updates` are not in it. epsilon begins at 1 again, and the target network is copied "
        "at other moments.",
    ),
    Mistake(
        "random state forgotten",
        without("rng"),
        "The random generator's state is not in it. The run goes on well, but as another one: other actions, other "
        "batches. Then nobody can repeat it, nor test that the rest of the checkpoint is right.",
    ),
)


SAVES_THE_WRONG_THING = (
    Mistake(
        "saved by reference",
        by_reference,
        "What you saved went on changing: it holds the run's own arrays and list, not copies, so training after the "
        "save changed the save. Use `.copy()` for arrays and `list(...)` for the replay buffer.",
    ),
    Mistake(
        "arrays by reference",
        arrays_by_reference,
        "The arrays in your save are the run's own, and training changes them in place: use `.copy()`.",
    ),
    Mistake(
        "replay by reference",
        replay_by_reference,
        "The replay buffer in your save is the run's own list, which grew as training went on: use `list(run.replay)`.",
    ),
    Mistake(
        "generator itself",
        generator_itself,
        "`rng` holds the generator, a living object: it cannot be written to a file without pickle, and it moves on as "
        "the run trains. Save its state: `run.rng.bit_generator.state`, a dict of numbers.",
    ),
    Mistake(
        "everything",
        everything,
        "You saved all that the run has, its connection to the cluster too. A connection, an environment, a future "
        "belong to a process and end with it: they are made anew. Name the parts one by one, with copies.",
    ),
    Mistake(
        "the client too",
        client_too,
        "`client` is a connection to a cluster. It ends with the process; the new one makes its own, perhaps to "
        "another cluster. Leave it out.",
    ),
)


ANSWERS = Answers(
    solution=save_state,
    mistakes=(*FORGETS_A_FIELD, *SAVES_THE_WRONG_THING),
)
