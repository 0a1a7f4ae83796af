"""Evaluation: whole greedy episodes, one for each copy, independent of training; and videos."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faulty_envs
import gymnasium as gym
import numpy as np
import pytest
import toys
from toys import linear_policy, small_config

from dqnkit import evaluation
from dqnkit.actor import Actor
from dqnkit.errors import ConfigError, MissingExtraError
from dqnkit.evaluation import evaluate
from dqnkit.policy import Dense
from dqnkit.types import PolicyWeights
from dqnkit.videos import record_video

Tried = Callable[[int, str, str], None]
if "test/PlainCartPole-v1" not in gym.registry:  # the same, without Gymnasium's native vector version
    gym.register("test/PlainCartPole-v1", gym.spec("CartPole-v1").entry_point, max_episode_steps=500)


def cartpole_policy(lean: list[float]) -> PolicyWeights:
    """Pushes to the right where ``observation . lean`` is above 0."""
    kernel = np.stack([np.zeros(4), lean], axis=1).ravel()
    return PolicyWeights(0, (Dense(4, 2, False),), np.append(kernel, [0.0, 0.0]).astype(np.float32))


GOOD, POOR = cartpole_policy([0.1, 0.3, 3.0, 1.0]), cartpole_policy([0.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("env_id", ["CartPole-v1", "test/PlainCartPole-v1"])
def test_a_policy_made_by_hand_gets_every_point(env_id: str) -> None:
    returns = evaluate(GOOD, small_config(env_id), episodes=5)
    assert returns.dtype == np.float32
    np.testing.assert_array_equal(returns, 500.0)


def test_with_and_without_the_native_vector_version_the_returns_are_alike() -> None:
    native, plain = (evaluate(POOR, small_config(name), 300) for name in ("CartPole-v1", "test/PlainCartPole-v1"))
    assert 20 < plain.mean() < 100
    standard_error = np.hypot(native.std(), plain.std()) / np.sqrt(300)
    assert abs(native.mean() - plain.mean()) < 4 * standard_error


def test_one_episode_of_each_copy_so_that_long_ones_count_too() -> None:
    returns = evaluate(linear_policy((1,), 2), small_config("test/RandomLength-v0"), episodes=200)
    assert returns.shape == (200,)
    assert set(returns) == {1.0, 21.0}
    assert (returns == 21.0).mean() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "test/PlainCartPole-v1", "test/RandomLength-v0"])
def test_the_seed_decides_which_episodes(env_id: str) -> None:
    config = small_config(env_id)
    weights = linear_policy((1,), 2) if "Random" in env_id else POOR
    first, again = (evaluate(weights, config, 30, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, evaluate(weights, config, 30, seed=4))
    assert not np.array_equal(first, evaluate(weights, small_config(env_id, seed=1), 30, seed=3))
    np.testing.assert_array_equal(evaluate(weights, config, 30), evaluate(weights, config, 30))
    assert len(np.unique(first)) > 1  # the episodes of the copies differ


@pytest.mark.parametrize("deterministic", [False, True])
def test_no_seed_of_training_is_used_again(deterministic: bool) -> None:
    config = small_config("test/RandomLength-v0", deterministic=deterministic, max_episode_steps=50)
    seen = toys.RandomLength.seeds_seen
    seen.clear()
    actor = Actor(config)
    for sequence in range(10):
        actor.rollout(linear_policy((1,), 2), 1.0, sequence)
    training = set(seen)
    seen.clear()
    for seed in (None, 0, 1, 2):
        evaluate(linear_policy((1,), 2), config, 100, seed=seed)
    assert len(set(seen)) >= 300
    assert training
    assert not training & set(seen)


def test_it_is_greedy() -> None:
    """Broken-v0 gives NaN for action 1, so a single random step would be noticed."""
    kernel = PolicyWeights(0, (Dense(2, 2, False),), np.array([0, 0, 0, 0, 1, 0], np.float32))
    np.testing.assert_array_equal(evaluate(kernel, small_config("test/Broken-v0"), 20), 0.0)


@pytest.mark.parametrize("settings", [{"frame_stack": 3}, {"max_episode_steps": 2}])
def test_the_environment_is_the_configured_one(settings: dict[str, Any]) -> None:
    config = small_config("test/TinyVideo-v0", **settings)
    returns = evaluate(linear_policy((config.frame_stack * 20,), 2), config, 20)
    assert (returns <= (2 if "max_episode_steps" in settings else 6)).all()


def test_the_native_time_limit_is_the_configured_one() -> None:
    np.testing.assert_array_equal(evaluate(GOOD, small_config(max_episode_steps=30), 5), 30.0)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "test/PlainCartPole-v1"])
def test_an_episode_that_never_ends_is_cut(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_STEPS", 40)
    with pytest.warns(evaluation.EpisodesCutWarning, match="3 of 3 episodes were cut after 40 steps"):
        np.testing.assert_array_equal(evaluate(GOOD, small_config(env_id), 3), 40.0)


def test_as_many_copies_as_can_exist_and_as_there_are_episodes(monkeypatch: pytest.MonkeyPatch, tried: Tried) -> None:
    faulty_envs.Once.there = 0
    weights, config = linear_policy((3,), 2), small_config("faulty_envs:Once-v0")
    alone = evaluate(weights, config, 12)
    assert faulty_envs.Once.there == 0
    np.testing.assert_array_equal(alone, evaluate(weights, replace(config, env_id="faulty_envs:Sound-v0"), 12))
    tried(22, "an environment that exists once, 12 episodes", f"one copy plays all: {len(alone)} returns")
    made: list[str] = []
    original = evaluation.make_env
    monkeypatch.setattr(evaluation, "make_env", lambda env_id, **kw: made.append(env_id) or original(env_id, **kw))  # type: ignore[func-returns-value]
    for episodes, copies in ((3, 3), (250, 100)):
        made.clear()
        assert len(evaluate(linear_policy((1,), 2), small_config("test/RandomLength-v0"), episodes)) == episodes
        assert len(made) == copies
        tried(22, f"{episodes} episodes", f"{copies} copies of the environment are made")


def test_few_copies_play_the_same_episodes_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("test/PlainCartPole-v1")
    many = evaluate(POOR, config, 20)
    monkeypatch.setattr(evaluation, "MOST_COPIES", 3)
    np.testing.assert_array_equal(evaluate(POOR, config, 20), many)


def test_an_environment_without_a_time_limit_is_cut_and_it_is_said(tried: Tried) -> None:
    with pytest.warns(evaluation.EpisodesCutWarning, match="2 of 2 episodes were cut after 5,000 steps") as caught:
        returns = evaluate(linear_policy((3,), 2), small_config("faulty_envs:Endless-v0"), 2)
    np.testing.assert_array_equal(returns, 5_000.0)
    tried(22, "episodes that never end, no time limit", str(caught[0].message))
    with pytest.warns(evaluation.EpisodesCutWarning, match="after 7 steps"):
        assert evaluate(GOOD, small_config(), 2, max_steps=7).tolist() == [7, 7]


def test_an_episode_that_ends_in_the_last_allowed_step_is_not_cut() -> None:
    for name in ("CartPole-v1", "test/PlainCartPole-v1"):
        *_, last = evaluation.play_episodes(GOOD, small_config(name), 2, max_steps=500)
        assert (last.cut, last.ended, last.steps, last.warning()) == (0, 2, 1_000, "")


@pytest.mark.parametrize("env_id", ["CartPole-v1", "test/PlainCartPole-v1"])
def test_epsilon_explores_and_is_seeded(env_id: str, tried: Tried) -> None:
    config = small_config(env_id)
    first, again = (evaluate(GOOD, config, 20, epsilon=1.0) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.mean() < 60  # of a policy that gets 500
    tried(22, f"evaluation with epsilon 1 instead of 0, {env_id}", f"mean {first.mean():.1f} instead of 500")


def test_how_far_it_is_is_known_after_every_step() -> None:
    seen = [(e.ended, e.steps) for e in evaluation.play_episodes(GOOD, small_config(max_episode_steps=10), 4)]
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 40)
    assert len(seen) == 10


@pytest.mark.parametrize("wrong", [{"episodes": 0}, {"epsilon": 1.5}, {"epsilon": float("nan")}, {"max_steps": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} takes .*(of at least 1|from 0 to 1), not"):
        evaluate(GOOD, small_config(), **wrong)


needs_pillow = pytest.mark.skipif(find_spec("PIL") is None, reason="Pillow is not installed")
needs_pygame = pytest.mark.skipif(find_spec("pygame") is None, reason="pygame is not installed")
needs_minatar = pytest.mark.skipif(find_spec("minatar") is None, reason="minatar is not installed")
VIDEOS = [
    pytest.param("CartPole-v1", (4,), 2, marks=needs_pygame),
    pytest.param("MinAtar/Breakout-v1", (10, 10, 4), 3, marks=needs_minatar),
    ("dqnkit/Catch-v0", (8, 6, 1), 3),
]


@needs_pillow
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize(("env_id", "shape", "num_actions"), VIDEOS)
def test_a_video_is_a_small_animation(
    env_id: str, shape: tuple[int, ...], num_actions: int, suffix: str, tmp_path: Path
) -> None:
    from PIL import Image

    config = small_config(env_id, max_episode_steps=60)
    weights = GOOD if env_id == "CartPole-v1" else linear_policy(shape, num_actions)
    path = record_video(weights, config, tmp_path / f"video{suffix}", width=240).path
    assert path == tmp_path / f"video{suffix}"
    assert 1_000 < path.stat().st_size < 1_000_000
    with Image.open(path) as video:
        assert video.format == suffix[1:].upper()
        assert video.size[0] == 240
        assert 2 < video.n_frames <= 61  # type: ignore[attr-defined]
        first = np.asarray(video.convert("RGB"))
        video.seek(video.n_frames - 1)  # type: ignore[attr-defined]
        assert not np.array_equal(first, np.asarray(video.convert("RGB")))


@needs_pillow
@needs_pygame
def test_a_long_episode_is_shown_up_to_max_frames(tmp_path: Path) -> None:
    from PIL import Image

    path = record_video(GOOD, small_config(), tmp_path / "video.gif", max_frames=300).path
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as video:
        assert video.n_frames <= 300  # type: ignore[attr-defined]
        assert video.size == (320, 213)


@needs_pillow
def test_a_notebook_shows_the_video_inline_with_its_description(tmp_path: Path) -> None:
    video = record_video(None, small_config("dqnkit/Catch-v0"), tmp_path / "video.gif")
    html = video._repr_html_()
    assert 'alt="a random policy in dqnkit/Catch-v0, one episode of 7 steps"' in html
    assert base64.b64encode(video.path.read_bytes()).decode() in html


@needs_pillow
@pytest.mark.parametrize("trained", [True, False])
def test_the_same_seed_gives_the_same_video(trained: bool, tmp_path: Path) -> None:
    config = small_config("dqnkit/Catch-v0")
    weights = linear_policy((8, 6, 1), 3) if trained else None
    first, again = (record_video(weights, config, tmp_path / f"{i}.gif", seed=5).path.read_bytes() for i in range(2))
    assert first == again
    assert first != record_video(weights, config, tmp_path / "other.gif", seed=6).path.read_bytes()


def test_without_pillow_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"Pillow.*pip install .dqnkit\[course\]"):
        record_video(GOOD, small_config(), tmp_path / "video.gif")


@needs_pillow
def test_without_what_draws_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtraError, match=r"what draws CartPole-v1 is not .*pip install .dqnkit\[course\]"):
        record_video(GOOD, small_config(), tmp_path / "video.gif")


@needs_pillow
@pytest.mark.parametrize("name", ["OneChannel", "Grey", "FourChannels", "WordyRate"])
def test_unusual_pictures_are_drawn(name: str, tmp_path: Path, tried: Tried) -> None:
    path = record_video(linear_policy((3,), 2), small_config(f"faulty_envs:{name}-v0"), tmp_path / "video.gif").path
    assert path.stat().st_size > 100
    tried(8, f"a video of {name}", "is drawn")
