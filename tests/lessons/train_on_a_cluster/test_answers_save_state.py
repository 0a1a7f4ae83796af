"""Right and wrong checkpoints of a small run, as readers write them."""
# ruff: noqa: C408
# mypy: disable-error-code="no-untyped-def,return"

from __future__ import annotations

import json
from copy import copy, deepcopy

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("save_state")
FIELDS = ("online", "target", "velocity", "replay", "step", "updates", "rng")


def with_copies(run):
    return dict(
        online=run.online.copy(),
        target=run.target.copy(),
        velocity=run.velocity.copy(),
        replay=run.replay.copy(),
        step=run.step,
        updates=run.updates,
        rng=run.rng.bit_generator.state,
    )


def with_tuples(run):
    saved = with_copies(run)
    saved["replay"] = tuple(run.replay)
    return saved


def with_lists(run):
    saved = {name: getattr(run, name).tolist() for name in ("online", "target", "velocity")}
    saved |= {"replay": [list(row) for row in run.replay], "step": run.step, "updates": run.updates}
    saved["rng"] = dict(run.rng.bit_generator.state)
    return saved


def with_deepcopy(run):
    saved = {}
    for name in FIELDS[:-1]:
        saved[name] = deepcopy(getattr(run, name))
    saved["rng"] = deepcopy(run.rng.bit_generator.state)
    return saved


def with_vars(run):
    saved = {name: copy(value) for name, value in vars(run).items() if name not in ("client", "rng")}
    saved["rng"] = run.rng.bit_generator.state
    return saved


def with_numpy_arrays(run):
    arrays = {name: np.array(getattr(run, name)) for name in ("online", "target", "velocity", "replay")}
    return {**arrays, "step": np.int64(run.step), "updates": np.int64(run.updates), "rng": run.rng.bit_generator.state}


def with_slices(run):
    return {
        "online": run.online + 0,
        "target": run.target * 1.0,
        "velocity": np.copy(run.velocity),
        "replay": run.replay[:],
        "step": int(run.step),
        "updates": int(run.updates),
        "rng": run.rng.bit_generator.state,
    }


def through_json(run):
    saved = with_copies(run)
    for name in ("online", "target", "velocity"):
        saved[name] = saved[name].tolist()
    return json.loads(json.dumps(saved))


def with_an_import(run):
    import copy as module

    saved = module.deepcopy({name: value for name, value in run.__dict__.items() if name != "client"})
    saved["rng"] = saved["rng"].bit_generator.state
    return saved


def with_setdefault(run):
    saved = {}
    for name in FIELDS:
        value = getattr(run, name)
        if name == "rng":
            value = value.bit_generator.state
        elif isinstance(value, np.ndarray):
            value = value.copy()
        elif isinstance(value, list):
            value = list(value)
        saved.setdefault(name, value)
    return saved


RIGHT = {
    answer.__name__: answer
    for answer in (
        *(with_copies, with_tuples, with_lists, with_deepcopy, with_vars, with_numpy_arrays, with_slices),
        *(through_json, with_an_import, with_setdefault),
    )
}


def but(**fields):
    """All that is needed, but for some fields: a function of the run, or None for a field that is left out."""

    def save(run):
        saved = with_copies(run)
        for name, value in fields.items():
            if value is None:
                saved.pop(name)
            else:
                saved[name] = value(run)
        return saved

    return save


def clears(run):
    saved = with_copies(run)
    run.replay.clear()
    return saved


def keeps_the_newest_ten(run):
    run.replay = run.replay[-10:]
    return with_copies(run)


def draws(run):
    saved = with_copies(run)
    saved["rng"] = run.rng.bit_generator.state
    run.rng.normal(size=3)
    return saved


def new_generator(run):
    run.rng = np.random.default_rng(0)
    return with_copies(run)


def counts_the_save_as_a_step(run):
    run.step += 1
    return with_copies(run)


def copies_the_target_first(run):
    run.target[:] = run.online
    return with_copies(run)


def zeroes_the_velocity(run):
    saved = with_copies(run)
    run.velocity[:] = 0
    return saved


def rounds_in_place(run):
    run.online = run.online.round(2)
    return with_copies(run)


def in_another_order(run):
    run.replay.sort()
    return with_copies(run)


WRONG = {
    "without online": but(online=None),
    "without target": but(target=None),
    "without velocity": but(velocity=None),
    "without replay": but(replay=None),
    "without step": but(step=None),
    "without updates": but(updates=None),
    "without rng": but(rng=None),
    "weights only": but(velocity=None, replay=None, step=None, updates=None, rng=None),
    "without velocity and rng": but(velocity=None, rng=None),
    "online itself": but(online=lambda run: run.online),
    "a view of online": but(online=lambda run: run.online[:]),
    "replay itself": but(replay=lambda run: run.replay),
    "generator": but(rng=lambda run: run.rng),
    "copy of the generator": but(rng=lambda run: deepcopy(run.rng)),
    "bit generator": but(rng=lambda run: run.rng.bit_generator),
    "seed": but(rng=lambda run: 0),
    "float32": but(online=lambda run: run.online.astype(np.float32)),
    "rounded": but(online=lambda run: run.online.round(2), target=lambda run: run.target.round(2)),
    "target from online": but(target=lambda run: run.online.copy()),
    "half of the replay": but(replay=lambda run: run.replay[len(run.replay) // 2 :]),
    "replay reversed": but(replay=lambda run: run.replay[::-1]),
    "step + 1": but(step=lambda run: run.step + 1),
    "updates for step": but(updates=lambda run: run.updates // 7),
    "shape only": but(velocity=lambda run: np.zeros_like(run.velocity)),
    "client too": lambda run: {**with_copies(run), "client": run.client},
    "everything": lambda run: dict(vars(run)),
    "a list": lambda run: [run.online.copy(), run.target.copy()],
    "the run": lambda run: run,
    "as text": lambda run: json.dumps({"online": run.online.tolist()}),
    "other names": lambda run: {f"run.{name}": value for name, value in with_copies(run).items()},
    **{
        answer.__name__: answer
        for answer in (
            *(clears, keeps_the_newest_ten, draws, new_generator, counts_the_save_as_a_step),
            *(copies_the_target_first, zeroes_the_velocity, rounds_in_place, in_another_order),
        )
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes(name: str) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, RIGHT[name], seed)
        assert result.passed, result.text


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails(name: str, named: list[str]) -> None:
    result = verdict(EXERCISE, WRONG[name])
    assert result.status == "wrong", result.text
    named.append(f"{name}: {result.mistake or '-'}")
