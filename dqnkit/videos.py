"""A video of one episode, as a small animated picture that a browser plays."""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cloudpickle
import gymnasium as gym
import numpy as np

from dqnkit import opengl
from dqnkit.action_values import greedy_actions
from dqnkit.config import DQNConfig
from dqnkit.environments import find_environment, make_env
from dqnkit.errors import DQNKitError, EnvironmentNotSupportedError, needs
from dqnkit.own_process import Failed, run_python
from dqnkit.policy import q_values
from dqnkit.types import Array, PolicyWeights

FRAMES_PER_SECOND = 30.0  # where an environment does not say how many
SECONDS = 600.0  # time limit of the process that records a robot


@dataclass(frozen=True)
class Animation:
    """A video file that a notebook shows inline, as the value of a cell."""

    path: Path
    description: str  # for readers who cannot see it

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.path.read_bytes()).decode()
        return f'<img alt="{escape(self.description)}" src="data:image/{self.path.suffix[1:]};base64,{data}">'


def record_video(
    weights: PolicyWeights | None,
    config: DQNConfig,
    path: str | Path,
    *,
    seed: int = 0,
    max_frames: int = 300,
    width: int = 320,
) -> Animation:
    """A small animation of one greedy episode. It needs no display server and no ffmpeg.

    Args:
        weights: the policy; None acts at random, for comparison.
        config: for the environment.
        path: where it goes; the ending decides the format: .gif or .webp.
        seed: which episode.
        max_frames: a longer episode is cut here.
        width: pixels; wider pictures are scaled down, small ones up.

    Returns:
        the animation, which a notebook shows inline.

    Raises:
        MissingExtraError: Pillow, or what the environment draws with, is not installed.
        EnvironmentNotSupportedError: the environment draws no pictures.
        RolloutError, InvalidDataError: it raised an error or returned what it must not.
    """
    with needs("Pillow, which writes videos,", "course", "PIL"):
        from PIL import Image  # noqa: F401
    env = make_env(config)
    is_robot = opengl.is_drawn_by_mujoco(env)
    with suppress(DQNKitError):
        env.close()
    record = _record_apart if is_robot else _record
    return record(weights, config, Path(path), seed, max_frames, width)


def _record_apart(
    weights: PolicyWeights | None, config: DQNConfig, path: Path, seed: int, max_frames: int, width: int
) -> Animation:
    """`_record` in a process of its own.

    OpenGL without a GPU (Mesa) compiles with LLVM, and TensorFlow has an LLVM of its own: a process that loads both,
    in whichever order, is ended by the system.
    """
    opengl.choose_way_to_draw(config.env_id)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "request"
        arguments = (weights, config, path.absolute(), seed, max_frames, width)
        try:
            file.write_bytes(cloudpickle.dumps((find_environment(config.env_id), arguments)))
            code = f"import sys; sys.path[:] = {sys.path!r}; from dqnkit.videos import answer; answer({str(file)!r})"
            run_python(code, SECONDS)
        except (Failed, TypeError, pickle.PicklingError) as error:
            raise EnvironmentNotSupportedError(
                f"{config.env_id} cannot be drawn in a process of its own: {error}"
            ) from error
        result: Animation | DQNKitError = pickle.loads(file.read_bytes())
    if isinstance(result, DQNKitError):
        raise result
    return replace(result, path=path)


def answer(file: str) -> None:
    """Do what `_record_apart` has written into a file, and write the result, or the error, in its place."""
    spec, arguments = pickle.loads(Path(file).read_bytes())
    gym.registry.setdefault(spec.id, spec)  # one that the other process has registered by itself
    try:
        result: Animation | DQNKitError = _record(*arguments)
    except DQNKitError as error:
        result = error
    Path(file).write_bytes(pickle.dumps(result))


def _record(
    weights: PolicyWeights | None, config: DQNConfig, path: Path, seed: int, max_frames: int, width: int
) -> Animation:
    from PIL import Image

    def scaled(frame: Array) -> Any:
        picture = Image.fromarray(frame)
        how = Image.Resampling.NEAREST if picture.width < width else Image.Resampling.BILINEAR
        return picture.resize((width, max(1, round(width * picture.height / picture.width))), how)

    pictures, frames_per_second = _render_episode(weights, config, seed, max_frames, scaled)
    if path.suffix == ".gif":
        # one palette for all, so that nothing flickers and the file stays small
        palette = pictures[len(pictures) // 2].quantize(64)
        pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=max(20, round(1000 / frames_per_second)),
        loop=0,
        optimize=True,
    )
    who = "a random policy" if weights is None else f"the policy of weights version {weights.version}"
    return Animation(path, f"{who} in {config.env_id}, one episode of {len(pictures) - 1} steps")


def _render_episode(
    weights: PolicyWeights | None,
    config: DQNConfig,
    seed: int,
    max_frames: int,
    scaled: Callable[[Array], Any],
) -> tuple[list[Any], float]:
    """The frames of an episode, and how many are shown in a second.

    Each frame is scaled as soon as it is drawn: 300 large ones take half a gigabyte.
    """
    env = make_env(config, render=True)
    rng = config.generator("video", seed)
    try:
        observation, _ = env.reset(seed=int(config.seed_sequence("video", seed).generate_state(1)[0]))
        frames = [scaled(as_picture(env.render(), config.env_id))]
        for _ in range(max_frames - 1):
            if weights is None:
                action = rng.integers(env.action_space.n)  # type: ignore[attr-defined]
            else:
                action = greedy_actions(q_values(weights, np.asarray(observation)[None]))[0]
            observation, _, terminated, truncated, _ = env.step(action)
            frames.append(scaled(as_picture(env.render(), config.env_id)))
            if terminated or truncated:
                break
    finally:
        with suppress(DQNKitError):  # the pictures are there, or another error is told
            env.close()
    return frames, frames_per_second(env.metadata)


def frames_per_second(metadata: dict[str, Any]) -> float:
    """What the environment says, where that is a number."""
    given = metadata.get("render_fps")
    known = isinstance(given, int | float) and 0 < given < float("inf")
    return float(given) if known else FRAMES_PER_SECOND  # type: ignore[arg-type]


def as_picture(frame: Any, env_id: str) -> Array:
    """What an environment drew as uint8 ``[H, W, 3]``, or ``[H, W]`` where it is grey.

    MinAtar draws numbers between 0 and 1.
    """
    picture = np.asarray(frame)
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    is_color = picture.ndim == 3 and picture.shape[2] in (3, 4)  # 4: with transparency, which a video has not
    if not (is_color or picture.ndim == 2) or picture.size == 0 or picture.dtype.kind not in "buif":
        what = f"an array of the shape {picture.shape}" if picture.ndim else type(frame).__name__
        raise EnvironmentNotSupportedError(f"{env_id} draws no pictures: render() gave {what}")
    if picture.dtype.kind in "bf":
        picture = np.nan_to_num(picture) * (255 if picture.max() <= 1 else 1)
    return np.clip(picture[..., :3] if is_color else picture, 0, 255).astype(np.uint8)
