"""Checkpoints: a training run on disk, complete at every moment, so that a killed process loses little.

    checkpoints/
      replay/000000000000-000000004096.npz     segments of the replay buffer, each written once
      step-000000004096-000000000512/          one checkpoint: environment steps, updates
        learner.npz  replay.npz  counters.json
        manifest.json                          checksums of these files and of the segments that belong to it; whose
                                               it is: the calls of `dqnkit.training.train` that led to it

A checkpoint is written under another name, its manifest last, synced to the disk and then renamed: a directory called
``step-...`` is complete. Arrays are plain (no pickle), the rest is JSON. The last two checkpoints are kept. A folder
belongs to one run: checkpoints of another are refused, and so are those of a run that somebody else has continued.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import time
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from dqnkit.config import DQNConfig
from dqnkit.default_parts import check_learner, make_learner, make_replay
from dqnkit.errors import CheckpointError
from dqnkit.files import read_object
from dqnkit.replay import Replay
from dqnkit.run_lock import NAME as LOCK
from dqnkit.run_lock import RunLock
from dqnkit.training import Counters, Lineage, TrainState
from dqnkit.types import Array, TrainStatus

CHECKPOINTS_KEPT = 2  # the newest, and the one before it in case the newest is damaged


@runtime_checkable
class SavedReplay(Protocol):
    """What a replay buffer needs so that it can be saved; a reader's own may have just these two methods."""

    def state(self) -> dict[str, Array]:
        """All that it needs to go on, as plain arrays by name."""
        ...

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` gave, into an empty buffer."""
        ...


@runtime_checkable
class ReplayInPieces(Protocol):
    """A buffer whose transitions are written once, when they are new, and not again with each checkpoint."""

    @property
    def inserted(self) -> int:
        """Transitions put in so far, dropped ones included."""
        ...

    @property
    def oldest(self) -> int:
        """Number of the oldest transition still kept."""
        ...

    def read(self, start: int) -> dict[str, Array]:
        """The transitions from number ``start`` on that are still kept."""
        ...

    def state(self) -> dict[str, Array]:
        """All else that it needs to go on."""
        ...

    def load_state(self, state: dict[str, Array], pieces: Iterable[dict[str, Array]] = ()) -> None:
        """Take over, into an empty buffer, what `state` and `read` gave."""
        ...


class DamagedCheckpointWarning(UserWarning):
    """A checkpoint could not be read, and the one before it was used."""


def save(state: TrainState, directory: str | Path) -> Path:
    """Write a checkpoint below ``directory`` and remove all but the last two.

    Args:
        state: from `TrainStatus.state`.
        directory: the run's checkpoints; made if it is not there.

    Returns:
        the new checkpoint's own directory.

    Raises:
        CheckpointError: it could not be written, for instance because the disk is full; older checkpoints stay as they
            are. Or the replay buffer cannot be saved. Or the folder belongs to another run, or another process holds
            it; then nothing is changed.
    """
    with _held(Path(directory)):
        check_can_be_saved(state, directory)
        return _save(state, Path(directory))


def _save(state: TrainState, root: Path) -> Path:
    final = root / f"step-{state.counters.step:012d}-{state.learner.updates:012d}"
    if final in _checkpoints(root):
        return final  # nothing has been learned or seen since it was written
    temporary = root / f"writing-{os.getpid()}"
    try:
        (root / "replay").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        segments = _write_segment(state.replay, root)
        _write_npz(temporary / "learner.npz", state.learner.state())
        _write_npz(temporary / "replay.npz", state.replay.state())  # type: ignore[attr-defined] # checked above
        counters = {
            "counters": asdict(state.counters),
            "replay_rng": state.replay_rng,
            "config": state.config.to_dict(),
        }
        _write_json(temporary / "counters.json", counters)
        files = {name: _checksum(temporary / name) for name in ("learner.npz", "replay.npz", "counters.json")}
        manifest = {
            "files": files,
            "segments": segments,
            "replay": type(state.replay).__name__,
            "lineage": state.lineage,
            "inserted": state.counters.inserted,
        }
        _write_json(temporary / "manifest.json", {**manifest, "checksum": _json_checksum(manifest)})
        _sync(temporary)
        os.replace(temporary, final)
        _sync(root)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        for segment in (root / "replay").glob("writing-*"):
            segment.unlink(missing_ok=True)
        what = "the disk is full: free some space" if error.errno == errno.ENOSPC else str(error)
        raise CheckpointError(f"the checkpoint of step {state.counters.step} was not written: {what}") from error
    with suppress(OSError):  # the new one is whole; what could not be removed is tried again after the next
        _remove_old(root)
    return final


def check_can_be_saved(state: TrainState, directory: str | Path) -> None:
    """Find out, before a run is lost, whether it can be saved there.

    Raises:
        CheckpointError: the replay buffer lacks what `SavedReplay` names; or the folder has checkpoints of another run,
            or of this one after somebody else has continued it.
    """
    if not isinstance(state.replay, SavedReplay):
        raise CheckpointError(
            f"the replay buffer ({type(state.replay).__name__}) cannot be saved in a checkpoint: give it the methods "
            "state() -> dict of arrays and load_state(state), or train without checkpoints"
        )
    newest = _newest(Path(directory))
    if newest is None:
        return
    checkpoint, manifest = newest
    theirs = _lineage(manifest)
    if state.lineage[:1] != theirs[:1]:
        raise CheckpointError(
            f"{directory} has checkpoints of another run ({checkpoint.name}): name another folder, or remove that one"
        )
    same, after = state.lineage[: len(theirs)] == theirs, state.lineage[len(theirs) :]
    if not same or (after and after[0][1] < manifest["inserted"]):
        raise CheckpointError(
            f"the run in {directory} was continued by another training ({checkpoint.name}) after this one began: name "
            "another folder"
        )


@contextmanager
def _held(root: Path) -> Iterator[None]:
    """Hold the run folder to which these checkpoints belong, if they belong to one.

    Raises:
        CheckpointError: another process holds it.
    """
    if not (root.parent / LOCK).exists():
        yield
        return
    with RunLock(root.parent):
        yield


def restore(
    directory: str | Path,
    config: DQNConfig | None = None,
    *,
    learner: Any = None,
    replay: Replay | None = None,
    set_aside: bool = True,
) -> TrainState:
    """Read the newest complete checkpoint below ``directory``: what `dqnkit.training.train` takes as ``state``.

    A damaged checkpoint is passed over, with a `DamagedCheckpointWarning`, for the one before it.

    Args:
        directory: as for `save`.
        config: go on with these settings rather than the saved ones; a given learner's own unless given.
        learner: takes over the saved networks; a new `dqnkit.learner.Learner` unless given.
        replay: an empty buffer that takes over the saved one; what ``config`` asks for unless given. A reader's own
            must be given.
        set_aside: move damaged checkpoints out of the way, so that what is written next does not build on them (unless
            another process holds the folder). False only reads.

    Raises:
        CheckpointError: there is none, or none that is complete; or it belongs to another environment, to settings of
            replay that ``config`` changes, or to another kind of replay buffer.
        ConfigError: the network of ``config`` is another one, or the learner has other settings.
    """
    if learner is not None:
        config = config or learner.config
        check_learner(learner, config)
    damage: dict[Path, str] = {}
    for checkpoint in reversed(_checkpoints(Path(directory))):
        try:
            state = _read(checkpoint, config, learner, replay)
        except _DamagedError as error:
            damage[checkpoint] = f"{checkpoint.name} is damaged ({error})"
            continue
        if damage:
            message = f"{'; '.join(damage.values())}: going on from {checkpoint.name}"
            warnings.warn(message, DamagedCheckpointWarning, stacklevel=2)
        if set_aside and damage:
            with suppress(OSError), _held(Path(directory)):
                for bad in damage:
                    os.replace(bad, bad.with_name(f"removing-{bad.name}"))
        return state
    if damage:
        raise CheckpointError(f"no checkpoint in {directory} is whole: {'; '.join(damage.values())}")
    raise CheckpointError(f"there is no checkpoint in {directory}: train first, or name another folder")


AT_MOST = 30.0  # seconds of training that a kill may cost
SLOW_DISK = 10.0  # or so many times what writing a checkpoint takes, where that is longer
NEVER_MORE = 300.0  # seconds, on the slowest disk
BOUND = (
    f"A kill costs at most the last {AT_MOST:.0f} s of training, and at most half of the time since this run began. "
    f"On a slow disk it may cost {SLOW_DISK:.0f} times what a checkpoint takes to write, at most {NEVER_MORE:.0f} s."
)


class Checkpointer:
    """Saves before the learner is compiled, and then now and then: as often as costs at most ``cost`` of the time.

    It saves more often where else a kill would cost more than `BOUND` says. That is counted from one status to another:
    what a single step of `dqnkit.training.train` takes comes on top.

    Args:
        directory: as for `save`.
        cost: share of the time that writing may take.
        first_after: seconds before the first checkpoint.
    """

    def __init__(self, directory: str | Path, cost: float = 0.02, first_after: float = 1.0) -> None:
        self.directory = Path(directory)
        self._cost = cost
        self._wait = first_after
        self._began = self._last = time.perf_counter()
        self._checked = self._before_compiling = False

    def offer(self, status: TrainStatus) -> bool:
        """Save if it is time to; says whether it did.

        Raises:
            CheckpointError: as `save`; the first call finds out whether the run can be saved at all.
        """
        if not self._checked:
            check_can_be_saved(status.state, self.directory)
            self._checked = True
        compiles_now = status.compiles_next and not self._before_compiling
        if time.perf_counter() - self._last < self._wait and not compiles_now:
            return False
        self._before_compiling |= status.compiles_next
        self.save(status)
        return True

    def save(self, status: TrainStatus) -> None:
        """Save now."""
        began = time.perf_counter()
        save(status.state, self.directory)
        self._last = time.perf_counter()
        took, since_start = self._last - began, self._last - self._began
        most = max(min(AT_MOST, since_start), SLOW_DISK * took)
        self._wait = min(took / self._cost, most, NEVER_MORE)


# The settings that the transitions in a replay buffer, or their slots, depend on
REPLAY_SETTINGS = (
    *("env_args", "wrappers", "action_bins", "reward_clip", "life_loss_ends"),
    *("replay", "replay_capacity", "frame_stack", "n_step", "gamma", "max_episode_steps"),
)


class _DamagedError(Exception):
    """A checkpoint cannot be read; the message names the file."""


def _read(checkpoint: Path, config: DQNConfig | None, learner: Any, replay: Any) -> TrainState:
    manifest = _read_manifest(checkpoint)
    for name, checksum in manifest["files"].items():
        _verify(checkpoint / name, checksum)
    saved = _read_json(checkpoint / "counters.json")
    saved_config = DQNConfig.from_dict(saved["config"])
    if config is not None and config.env_id != saved_config.env_id:
        raise CheckpointError(
            f"{checkpoint} belongs to {saved_config.env_id}, not to {config.env_id}: name the folder of another run"
        )
    config = config or saved_config
    for setting in REPLAY_SETTINGS:
        before, now = getattr(saved_config, setting), getattr(config, setting)
        if before != now:
            raise CheckpointError(
                f"{checkpoint} was written with {setting} {before}, not {now}: what is in its replay buffer depends "
                "on that. Keep the setting, or start a new run"
            )
    replay = make_replay(config) if replay is None else replay
    kind = manifest.get("replay", type(replay).__name__)  # older checkpoints do not name it
    if kind != type(replay).__name__:
        raise CheckpointError(
            f"the replay buffer in {checkpoint} is a {kind}, not a {type(replay).__name__}: give restore an empty one, "
            f"restore(..., replay={kind}(...))"
        )
    segments = checkpoint.parent / "replay"
    for name, checksum in manifest["segments"].items():
        _verify(segments / name, checksum)
    learner = learner or make_learner(config)
    lineage = _lineage(manifest)
    learner.load_state(_read_npz(checkpoint / "learner.npz"))
    replay_state = _read_npz(checkpoint / "replay.npz")
    if isinstance(replay, ReplayInPieces):
        replay.load_state(replay_state, (_read_npz(segments / name) for name in sorted(manifest["segments"])))
    else:
        replay.load_state(replay_state)
    return TrainState(config, Counters(**saved["counters"]), learner, replay, saved["replay_rng"], lineage)


def _write_segment(replay: Replay, root: Path) -> dict[str, str]:
    """Write what came into replay since the last segment; the segments of this checkpoint with their checksums."""
    if not isinstance(replay, ReplayInPieces):
        return {}  # all of it is in its state
    newest = _newest(root)  # segments on disk that it does not name belong to no checkpoint, and are written again
    segments = dict(newest[1]["segments"]) if newest else {}
    stops = [_segment_range(name)[1] for name in segments]
    start, stop = max([*stops, replay.oldest]), replay.inserted
    if stop > start:
        name = f"{start:012d}-{stop:012d}.npz"
        writing = root / "replay" / f"writing-{os.getpid()}.npz"
        _write_npz(writing, {**replay.read(start), "stop": np.array(stop)})
        os.replace(writing, root / "replay" / name)
        _sync(root / "replay")
        segments[name] = _checksum(root / "replay" / name)
    return {name: checksum for name, checksum in segments.items() if _segment_range(name)[1] > replay.oldest}


def _newest(root: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint whose manifest can be read, and that manifest."""
    for checkpoint in reversed(_checkpoints(root)):
        try:
            return checkpoint, _read_manifest(checkpoint)
        except _DamagedError:
            continue
    return None


def _lineage(manifest: dict[str, Any]) -> Lineage:
    return tuple((name, inserted) for name, inserted in manifest["lineage"])


def _remove_old(root: Path) -> None:
    """Keep the last two checkpoints and the segments that they name; also clear what a killed process left."""
    checkpoints = _checkpoints(root)
    for checkpoint in checkpoints[:-CHECKPOINTS_KEPT]:
        # renamed first: a checkpoint of which only a part is left must not look complete
        os.replace(checkpoint, root / f"removing-{checkpoint.name}")
    needed = set()
    for checkpoint in checkpoints[-CHECKPOINTS_KEPT:]:
        try:
            needed |= set(_read_manifest(checkpoint)["segments"])
        except _DamagedError:
            continue
    for segment in (root / "replay").glob("*.npz"):  # other things there belong to others: .ipynb_checkpoints, .nfs0001
        if segment.is_file() and segment.name not in needed:
            segment.unlink()
    for leftover in [*root.glob("removing-*"), *root.glob("writing-*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _checkpoints(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("step-*") if re.fullmatch(r"step-\d{12}-\d{12}", path.name))


def _segment_range(name: str) -> tuple[int, int]:
    start, stop = name.removesuffix(".npz").split("-")
    return int(start), int(stop)


def _write_npz(path: Path, arrays: dict[str, Array]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _DamagedError(f"{path.name}: {error}") from error


def _write_json(path: Path, values: dict[str, Any]) -> None:
    with path.open("w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except (OSError, ValueError) as error:
        raise _DamagedError(f"{path.name}: {error}") from error


def _read_manifest(checkpoint: Path) -> dict[str, Any]:
    manifest = _read_json(checkpoint / "manifest.json")
    checksum = manifest.pop("checksum", None)
    if checksum != _json_checksum(manifest):
        raise _DamagedError("manifest.json is not what was written: its checksum differs")
    stops = [_segment_range(name)[1] for name in manifest["segments"]]
    # older checkpoints lack these two
    as_before = {"lineage": [(f"unnamed-{checksum}", 0)], "inserted": max(stops, default=0)}
    return {**as_before, **manifest}


def _json_checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verify(path: Path, checksum: str) -> None:
    try:
        actual = _checksum(path)
    except OSError as error:
        raise _DamagedError(f"{path.name}: {error}") from error
    if actual != checksum:
        raise _DamagedError(f"{path.name} is not what was written: its checksum differs")


def _sync(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk, too. Windows has no such call and needs none.

    Many file systems refuse it (VirtualBox's shared folders, old CIFS, WSL). The files themselves are on the disk then.
    """
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
                raise
        finally:
            os.close(descriptor)
