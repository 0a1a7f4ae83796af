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


def online_by_reference(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "online": run.online}


def generator_itself(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "rng": run.rng}


def everything(run: SmallRun) -> dict[str, Any]:
    return dict(vars(run))


def client_too(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "client": run.client}


def only_the_newest(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "replay": run.replay[-4:]}


def clears_the_replay(run: SmallRun) -> dict[str, Any]:
    saved = save_state(run)
    run.replay.clear()
    return saved


def truncates_the_replay(run: SmallRun) -> dict[str, Any]:
    del run.replay[:-4]
    return save_state(run)


def draws(run: SmallRun) -> dict[str, Any]:
    run.rng.random()
    return save_state(run)


def draws_after_saving(run: SmallRun) -> dict[str, Any]:
    saved = save_state(run)
    run.rng.random()
    return saved


def trains(run: SmallRun) -> dict[str, Any]:
    run.train(1)
    return save_state(run)


def rounded(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "online": run.online.round(3)}


def a_random_number(run: SmallRun) -> dict[str, Any]:
    return {**save_state(run), "rng": 0}


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
        f"which are all alike, of one policy: what {reference('replay')} showed to harm.",
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
        "in its first steps.",
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
        "online by reference",
        online_by_reference,
        "`online` in your save is the run's own array, and training changes it in place: use `run.online.copy()`.",
    ),
    Mistake(
        "replay by reference",
        replay_by_reference,
        "The replay buffer in your save is the run's own list, which grew as training went on: use `list(run.replay)`.",
    ),
    Mistake(
        "generator itself",
        generator_itself,
        "`rng` holds the generator itself, an object that cannot be written to a file without pickle. Save its state: "
        "`run.rng.bit_generator.state`, a dict of numbers.",
    ),
    Mistake(
        "rounded",
        rounded,
        "`online` was saved with fewer digits. The resumed run begins a little beside the one that was saved, and "
        "learning makes the difference larger. Save every array as it is: `run.online.copy()`.",
    ),
    Mistake(
        "a number for the random state",
        a_random_number,
        "`rng` holds a number (a seed, or one that was drawn). A seed says where the generator began, not where it is "
        "now. Save its state: `run.rng.bit_generator.state`.",
    ),
    Mistake(
        "everything",
        everything,
        "You saved all that the run has, its connection to the cluster too. A connection, an environment and a future "
        "end with their process, and a new process makes its own. Name the parts one by one, with copies.",
    ),
    Mistake(
        "the client too",
        client_too,
        "`client` is a connection to a cluster. It ends with the process; a new process makes its own, perhaps to "
        "another cluster. Leave it out.",
    ),
)


CHANGES_THE_RUN = (
    Mistake(
        "clears the replay buffer",
        clears_the_replay,
        "The save is complete, but it empties the run's replay buffer. The run goes on after the save and draws its "
        "next batches from a few new transitions. A save only reads.",
    ),
    Mistake(
        "truncates the replay buffer",
        truncates_the_replay,
        "The save removes transitions from the run's own buffer, and the run goes on with fewer. A save only reads: "
        "`list(run.replay)` makes a copy of all of them.",
    ),
    Mistake(
        "draws from the generator",
        draws,
        "The save draws from the run's generator, or puts another one in its place. From then on the run draws other "
        "numbers than one that was not saved, so its result depends on how often you save. Only read: "
        "`run.rng.bit_generator.state`.",
    ),
    Mistake(
        "draws after saving",
        draws_after_saving,
        "The state of the generator was saved, and then something was drawn from it: the run goes on with other "
        "numbers than the resumed one. A save only reads.",
    ),
    Mistake(
        "trains",
        trains,
        "The save trains the run a step further. A run that is saved often would then be another run. A save only "
        "reads.",
    ),
)


ANSWERS = Answers(
    solution=save_state,
    mistakes=(*FORGETS_A_FIELD, *SAVES_THE_WRONG_THING, *CHANGES_THE_RUN),
)
