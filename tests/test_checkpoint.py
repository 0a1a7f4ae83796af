"""A run on disk is valid at every moment, resumes exactly, and reports damage."""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import small_config

from dqnkit import checkpoint
from dqnkit.checkpoint import Checkpointer, DamagedCheckpointWarning, restore, save
from dqnkit.config import DQNConfig
from dqnkit.default_parts import make_learner
from dqnkit.errors import CheckpointError, ConfigError
from dqnkit.replay import ReplayBuffer
from dqnkit.training import TrainState, train
from dqnkit.types import TrainStatus, Transition

SMALL: dict[str, Any] = {
    "deterministic": True,
    "num_envs": 4,
    "total_steps": 1_500,
    "learning_starts": 100,
    "samples_per_insert": 4,
    "batch_size": 16,
    "updates_per_call": 4,
    "hidden_sizes": (16,),
    "replay_capacity": 700,  # shorter than the run, so that old transitions and their segments are removed
    "epsilon_steps": 500,
    "xla": False,
}

VARIANTS: list[dict[str, Any]] = [
    {"env_id": "CartPole-v1"},
    {"env_id": "CartPole-v1", "replay": "prioritized", "n_step": 3, "double_q": True},
    {"env_id": "CartPole-v1", "replay": "prioritized", "actor_priorities": True},
    {"env_id": "CartPole-v1", "normalize_observations": True, "xla": True},
    {"env_id": "dqnkit/Catch-v0", "frame_stack": 1, "conv_filters": (4,)},
    # joint values, and values of dimensions
    {"env_id": "test/Forces-v0", "action_bins": 3, "decoupled": True, "target_tau": 0.5, "target_period": 3},
    {"env_id": "test/Forces-v0", "action_bins": 17, "decoupled": True, "double_q": True},
]


def small(**settings: Any) -> DQNConfig:
    return DQNConfig(**{**SMALL, **settings})


def run_to(config: DQNConfig, step: int, state: TrainState | None = None) -> TrainStatus:
    """Train up to a step, then leave the loop."""
    status = None
    with_loop = train(config, state=state)
    for status in with_loop:
        if status.step >= step:
            break
    with_loop.close()
    assert status is not None
    return status


@pytest.mark.parametrize(
    "settings", VARIANTS, ids=lambda s: s["env_id"] + str(s.get("replay", s.get("action_bins", "")))
)
def test_a_resumed_run_ends_as_the_uninterrupted_one(tmp_path: Path, settings: dict[str, Any]) -> None:
    config = small(**settings)
    whole = run_to(config, config.total_steps + 1)
    save(run_to(config, 600).state, tmp_path)
    second = run_to(config, 1_100, restore(tmp_path))  # stopped a second time
    save(second.state, tmp_path)
    resumed = run_to(config, config.total_steps + 1, restore(tmp_path))
    assert resumed.updates == whole.updates
    assert resumed.episodes == whole.episodes
    np.testing.assert_array_equal(resumed.weights.values, whole.weights.values)


def test_stacked_frames_survive_with_what_was_evicted(tmp_path: Path) -> None:
    config = small(
        env_id="test/TinyVideo-v0", frame_stack=3, conv_filters=(4,), replay_capacity=400, max_episode_steps=30
    )
    status = run_to(config, 1_000)
    save(status.state, tmp_path)
    back = restore(tmp_path)
    assert len(back.replay) == len(status.state.replay)
    ours = back.replay.sample(4, 16, np.random.default_rng(0))
    theirs = status.state.replay.sample(4, 16, np.random.default_rng(0))
    for name, a, b in zip(ours.transitions._fields, ours.transitions, theirs.transitions, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_only_the_last_two_checkpoints_and_their_segments_are_kept(tmp_path: Path) -> None:
    config = small(env_id="CartPole-v1")
    loop = train(config)
    steps = []
    for status in itertools.islice(loop, 0, 400, 20):
        save(status.state, tmp_path)
        steps.append((status.step, status.updates))
    loop.close()
    kept = sorted(path.name for path in tmp_path.glob("step-*"))
    assert kept == sorted({f"step-{step:012d}-{updates:012d}" for step, updates in steps})[-2:]
    segments = sorted(path.name for path in (tmp_path / "replay").iterdir())
    named = {
        name for folder in kept for name in json.loads((tmp_path / folder / "manifest.json").read_text())["segments"]
    }
    assert set(segments) == named
    assert int(segments[0].split("-")[1].removesuffix(".npz")) > status.state.replay.store.oldest - 700
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "replay"}


def test_nothing_on_disk_is_pickled(tmp_path: Path) -> None:
    save(run_to(small(env_id="CartPole-v1", replay="prioritized"), 600).state, tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".npz", ".json"}
    for path in files:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(array.dtype != object for array in arrays.values())


@pytest.fixture
def two_checkpoints(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A folder with its older and its newer checkpoint."""
    config = small(env_id="CartPole-v1")
    save(run_to(config, 400).state, tmp_path)
    save(run_to(config, 900, restore(tmp_path)).state, tmp_path)
    older, newer = sorted(tmp_path.glob("step-*"))
    return tmp_path, older, newer


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("spoil", [truncate, flip_a_bit, Path.unlink], ids=["truncated", "bit flipped", "missing"])
@pytest.mark.parametrize("name", ["learner.npz", "replay.npz", "counters.json", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over(two_checkpoints: tuple[Path, Path, Path], name: str, spoil: Any) -> None:
    folder, older, newer = two_checkpoints
    spoil(newer / name)
    with pytest.warns(DamagedCheckpointWarning, match=f"{newer.name} is damaged .*going on from {older.name}"):
        state = restore(folder)
    assert state.counters.step == int(older.name.split("-")[1])


def test_a_damaged_segment_is_passed_over_and_never_built_on(two_checkpoints: tuple[Path, Path, Path]) -> None:
    folder, _, _ = two_checkpoints
    newest_segment = max((folder / "replay").iterdir())
    flip_a_bit(newest_segment)
    with pytest.warns(DamagedCheckpointWarning, match=newest_segment.name):
        state = restore(folder)
    config = small(env_id="CartPole-v1")
    resumed = run_to(config, config.total_steps + 1, state)
    save(resumed.state, folder)
    whole = run_to(config, config.total_steps + 1)
    np.testing.assert_array_equal(restore(folder).learner.get_weights().values, whole.weights.values)
    np.testing.assert_array_equal(
        restore(folder).replay.sample(2, 8, np.random.default_rng(0)).transitions.observation,
        whole.state.replay.sample(2, 8, np.random.default_rng(0)).transitions.observation,
    )


def test_when_no_checkpoint_is_whole_the_error_names_each(two_checkpoints: tuple[Path, Path, Path]) -> None:
    folder, older, newer = two_checkpoints
    truncate(older / "learner.npz")
    truncate(newer / "learner.npz")
    with pytest.raises(CheckpointError, match=rf"no checkpoint .* whole.*{newer.name}.*{older.name}"):
        restore(folder)


def test_an_empty_folder_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no checkpoint in .*: train first"):
        restore(tmp_path)


def test_a_checkpoint_of_another_environment_is_refused(two_checkpoints: tuple[Path, Path, Path]) -> None:
    with pytest.raises(CheckpointError, match="belongs to CartPole-v1, not to Acrobot-v1"):
        restore(two_checkpoints[0], small(env_id="Acrobot-v1"))


def test_a_full_disk_leaves_the_older_checkpoint_whole(
    two_checkpoints: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, newer = two_checkpoints
    state = run_to(small(env_id="CartPole-v1"), 1_200, restore(folder)).state

    def no_space(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.np, "savez", no_space)
    with pytest.raises(CheckpointError, match="the disk is full: free some space"):
        save(state, folder)
    monkeypatch.undo()
    assert restore(folder).counters.step == int(newer.name.split("-")[1])
    assert not list(folder.glob("writing-*"))


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_does_not_sync_folders_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, tried: Callable[[int, str, str], None]
) -> None:
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(checkpoint.os, "fsync", only_files)
    *_, status = train(small_config(total_steps=96))
    checkpoint.save(status.state, tmp_path)
    assert checkpoint.restore(tmp_path).counters.step == status.step
    tried(13, f"fsync of a folder fails: {errno.errorcode[number]}", "the checkpoint is written and restored")


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints", ".nfs000000000001", "000000000000-000000000001.npz", "notes.txt"]
)
def test_what_others_put_among_the_segments_harms_no_checkpoint(
    tmp_path: Path, name: str, tried: Callable[[int, str, str], None]
) -> None:
    run = train(small_config())
    checkpoint.save(next(run).state, tmp_path)
    (tmp_path / "replay" / name).mkdir()
    *_, status = run
    checkpoint.save(status.state, tmp_path)
    assert checkpoint.restore(tmp_path).counters.step == status.step
    assert (tmp_path / "replay" / name).is_dir()
    tried(13, f"a folder {name} in checkpoints/replay", "left alone; the checkpoint is written and restored")


def test_what_cannot_be_removed_is_no_failure_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Callable[[int, str, str], None]
) -> None:
    replace_file = os.replace

    def keeps_the_old(source: Any, target: Any) -> None:
        if "removing-" in str(target):
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        replace_file(source, target)

    monkeypatch.setattr(checkpoint.os, "replace", keeps_the_old)
    for status in train(small_config(total_steps=300)):
        last = checkpoint.save(status.state, tmp_path)
    assert last.is_dir()
    assert len(list(tmp_path.glob("step-*"))) > 2
    assert checkpoint.restore(tmp_path).counters.step == status.step
    tried(13, "an old checkpoint cannot be removed", "the new one is written and restored")


def test_checkpoints_cost_no_more_than_their_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0.0, 0.5)  # each look at the clock is half a second later, so a save takes that long
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(checkpoint, "save", lambda state, directory: None)
    checkpointer = Checkpointer(tmp_path, cost=0.02, first_after=1.0)
    status = run_to(small(env_id="CartPole-v1"), 100)
    saved = [checkpointer.offer(status) for _ in range(2_000)]
    assert 0 < sum(saved) * 0.5 <= 0.02 * (next(clock) + 100)


@pytest.mark.parametrize("content", ["null", "[1]", '{"filez": {}}', "{"])
def test_a_manifest_that_says_something_else_is_damage(two_checkpoints: tuple[Path, Path, Path], content: str) -> None:
    folder, older, newer = two_checkpoints
    (newer / "manifest.json").write_text(content)
    with pytest.warns(DamagedCheckpointWarning, match=f"going on from {older.name}"):
        restore(folder, set_aside=False)
    assert newer.exists()  # it is only read


@pytest.mark.parametrize(
    "settings", [{"replay_capacity": 5_000}, {"replay": "prioritized"}, {"n_step": 2}, {"action_bins": 3}]
)
def test_settings_that_the_stored_transitions_depend_on_cannot_change(
    two_checkpoints: tuple[Path, Path, Path], settings: dict[str, Any]
) -> None:
    (name,) = settings
    with pytest.raises(CheckpointError, match=f"was written with {name} "):
        restore(two_checkpoints[0], small(env_id="CartPole-v1", **settings))


def test_several_saves_at_one_step_are_several_checkpoints(tmp_path: Path) -> None:
    loop = train(small(env_id="CartPole-v1", samples_per_insert=16))
    by_step: dict[int, int] = {}
    for status in itertools.islice(loop, 60):
        by_step[status.step] = by_step.get(status.step, 0) + 1
        path = save(status.state, tmp_path)
        assert path == save(status.state, tmp_path)
        assert len(list(tmp_path.glob("step-*"))) == min(2, sum(by_step.values()))
    loop.close()
    assert max(by_step.values()) > 1


class Minimal:
    """A reader's own buffer with only what the loop needs, around a buffer of dqnkit."""

    def __init__(self) -> None:
        self.kept = ReplayBuffer(5_000)
        self.add_rollout, self.sample = self.kept.add_rollout, self.kept.sample
        self.update_priorities, self.set_progress = self.kept.update_priorities, self.kept.set_progress

    def __len__(self) -> int:
        return len(self.kept)


class Savable(Minimal):
    """The same, with the two methods that checkpoints need."""

    def state(self) -> dict[str, Any]:
        return self.kept.store.get(np.arange(len(self)))._asdict()

    def load_state(self, state: dict[str, Any]) -> None:
        self.kept.add(Transition(**state))


def test_a_readers_own_buffer_is_saved_by_its_state(tmp_path: Path) -> None:
    config = small(env_id="CartPole-v1", replay_capacity=5_000)
    *_, whole = train(config, replay=Savable())
    for status in train(config, replay=Savable()):
        if status.step >= 600:
            break
    save(status.state, tmp_path)
    assert list((tmp_path / "replay").iterdir()) == []
    state = restore(tmp_path, replay=Savable())
    assert isinstance(state.replay, Savable)
    *_, resumed = train(config, state=state)
    np.testing.assert_array_equal(resumed.weights.values, whole.weights.values)


def test_a_buffer_of_another_kind_or_size_is_refused(tmp_path: Path) -> None:
    config = small(env_id="CartPole-v1")
    save(next(train(config, replay=Savable())).state, tmp_path / "own")
    with pytest.raises(CheckpointError, match=r"is a Savable, not a ReplayBuffer: give .*replay=Savable"):
        restore(tmp_path / "own")
    save(next(train(config, replay=ReplayBuffer(50))).state, tmp_path / "small")
    with pytest.raises(CheckpointError, match="of capacity 50, this one has 700"):
        restore(tmp_path / "small")
    assert len(restore(tmp_path / "small", replay=ReplayBuffer(50)).replay) == 50


def test_a_buffer_that_cannot_be_saved_is_refused_before_training_is_lost(tmp_path: Path) -> None:
    status = next(train(small(env_id="CartPole-v1"), replay=Minimal()))
    message = r"\(Minimal\) cannot be saved in a checkpoint: give it the methods state\(\).*load_state\(state\)"
    with pytest.raises(CheckpointError, match=message):
        save(status.state, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(CheckpointError, match=message):  # at the first call, although it is not yet time to save
        Checkpointer(tmp_path, first_after=1_000.0).offer(status)
    assert train_to_the_end(small(env_id="CartPole-v1", total_steps=200), Minimal()) >= 200


def train_to_the_end(config: DQNConfig, replay: Any) -> int:
    """Train a whole run without checkpoints; returns the number of its steps."""
    *_, status = train(config, replay=replay)
    return int(status.step)


def test_a_checkpoint_from_before_the_buffer_was_named_is_read(two_checkpoints: tuple[Path, Path, Path]) -> None:
    folder, _, newer = two_checkpoints
    manifest = json.loads((newer / "manifest.json").read_text())
    del manifest["replay"], manifest["checksum"]
    manifest["checksum"] = checkpoint._json_checksum(manifest)
    (newer / "manifest.json").write_text(json.dumps(manifest))
    assert restore(folder).counters.step == int(newer.name.split("-")[1])


def test_a_learner_with_other_settings_takes_over_no_checkpoint(two_checkpoints: tuple[Path, Path, Path]) -> None:
    config = small(env_id="CartPole-v1")
    learner = make_learner(small(env_id="CartPole-v1", hidden_sizes=(8,)))
    with pytest.raises(ConfigError, match=r"made with hidden_sizes \(8,\), the run has hidden_sizes \(16,\)"):
        restore(two_checkpoints[0], config, learner=learner)
    longer = small(env_id="CartPole-v1", total_steps=9_000)
    assert restore(two_checkpoints[0], longer, learner=make_learner(config)).config == longer


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("step", [100, 400, 900, 1_400])
def test_a_folder_of_another_run_is_refused_and_left_as_it_is(
    two_checkpoints: tuple[Path, Path, Path], tried: Any, step: int
) -> None:
    folder, _, _ = two_checkpoints
    before = contents(folder)
    other = run_to(small(env_id="CartPole-v1"), step)  # the same settings, so even the names of its files are the same
    with pytest.raises(CheckpointError, match=r"has checkpoints of another run .*: name another folder") as refused:
        save(other.state, folder)
    assert contents(folder) == before
    with pytest.raises(CheckpointError, match="of another run"):  # at once, not after an hour of training
        Checkpointer(folder, first_after=1_000.0).offer(other)
    now = str(refused.value).replace(str(folder), "FOLDER")
    tried(9, f"checkpoint.save of step {step} into a folder of another run", f"{now}; nothing is removed")


def test_a_run_that_two_have_continued_is_not_mixed(two_checkpoints: tuple[Path, Path, Path], tried: Any) -> None:
    folder, _, _ = two_checkpoints
    config = small(env_id="CartPole-v1")
    mine, theirs = restore(folder), restore(folder)
    save(run_to(config, 1_200, theirs).state, folder)
    before = contents(folder)
    with pytest.raises(CheckpointError, match=r"was continued by another training .* after this one began"):
        save(run_to(config, 1_000, mine).state, folder)
    assert contents(folder) == before
    tried(9, "two notebooks restored one checkpoint, and both save", "the second: was continued by another training")


def test_one_that_trained_on_is_not_mixed_with_one_that_restored_before(tmp_path: Path) -> None:
    config = small(env_id="CartPole-v1")
    loop = train(config)
    for status in loop:
        if status.step >= 400:
            break
    save(status.state, tmp_path)
    restored = restore(tmp_path)
    for status in loop:
        if status.step >= 600:
            break
    save(status.state, tmp_path)
    with pytest.raises(CheckpointError, match="was continued by another training"):
        save(run_to(config, 500, restored).state, tmp_path)
    loop.close()
    save(run_to(config, 800, restore(tmp_path)).state, tmp_path)  # who goes on from the newest may


def test_a_folder_from_before_runs_had_ids_can_be_resumed_and_belongs_to_its_run(
    two_checkpoints: tuple[Path, Path, Path], tried: Any
) -> None:
    folder, older, newer = two_checkpoints
    for each in (older, newer):
        manifest = json.loads((each / "manifest.json").read_text())
        del manifest["lineage"], manifest["inserted"], manifest["checksum"]
        manifest["checksum"] = checkpoint._json_checksum(manifest)
        (each / "manifest.json").write_text(json.dumps(manifest))
    config = small(env_id="CartPole-v1")
    with pytest.raises(CheckpointError, match="of another run"):
        save(run_to(config, 400).state, folder)
    save(run_to(config, 1_200, restore(folder)).state, folder)
    assert restore(folder).counters.step >= 1_200
    tried(9, "a run folder without ids, from before", "is resumed; another run's checkpoint is refused")


def test_nobody_saves_into_a_run_that_another_process_holds(tmp_path: Path, tried: Any) -> None:
    from test_run_lock import held_by_another

    config = small(env_id="CartPole-v1")
    folder = tmp_path / "checkpoints"
    save(run_to(config, 200).state, folder)
    going_on = run_to(config, 400, restore(folder))
    with held_by_another(tmp_path), pytest.raises(CheckpointError, match="is in use by process"):
        save(going_on.state, folder)
    save(going_on.state, folder)
    tried(9, "checkpoint.save into a run that dqnkit resume trains", "is in use by process ...; the training goes on")


def test_there_is_a_checkpoint_before_the_learner_is_compiled(tmp_path: Path, tried: Any) -> None:
    checkpointer = Checkpointer(tmp_path, first_after=1_000.0)
    for status in train(small(env_id="CartPole-v1")):
        if saved := checkpointer.offer(status):
            break
    assert saved
    assert status.compiles_next
    state = restore(tmp_path)
    assert (state.counters.step, state.learner.updates) == (status.step, 0)
    tried(12, "killed in the first compilation", f"all {status.step} steps before it are kept")


@pytest.mark.parametrize(
    ("takes", "run", "at_most"),
    [(0.01, 600, 1.2), (0.5, 30, 15.2), (1.0, 600, 31.0), (2.0, 600, 31.0), (6.0, 600, 61.0), (60.0, 3_600, 301.0)],
)
def test_the_time_between_two_checkpoints_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Any, takes: float, run: float, at_most: float
) -> None:
    now = 0.0

    def slow_save(state: TrainState, directory: Path) -> None:
        nonlocal now
        now += takes

    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now)
    monkeypatch.setattr(checkpoint, "save", slow_save)
    checkpointer = Checkpointer(tmp_path)
    status = run_to(small(env_id="CartPole-v1"), 50)
    last, lost, shares = 0.0, [], []
    while now < run:
        now += 0.1
        before = now
        if checkpointer.offer(status):
            lost.append(before - last)
            shares.append((before - last) / before)
            last = before
    assert max(lost) - takes <= at_most
    assert max(shares[3:], default=0.0) <= 0.55 or max(lost) <= 10 * takes + takes + 0.2
    tried(12, f"a checkpoint takes {takes:g} s to write", f"at most {max(lost) - takes:.1f} s between two")
