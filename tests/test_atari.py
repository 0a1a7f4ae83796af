"""Atari: ALE's own vector version plays the same games as Gymnasium's wrappers, and what is done about lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from toys import linear_policy

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env, make_vector_env
from dqnkit.errors import EnvironmentNotSupportedError
from dqnkit.evaluation import evaluate, play_episodes
from dqnkit.exploration import SelectAction
from dqnkit.types import Array, Rollout

pytest.importorskip("ale_py")
pytest.importorskip("cv2")

SEEDS = (3, 2**31 + 5, 4_000_000_000)  # one for each copy; larger ones than the emulator takes, too
FIRE = 1


def play_both(config: DQNConfig, steps: int) -> dict[str, int]:
    """Play the native vector version and single games with the same actions; see that all that they return is equal.

    How long a game idles at its beginning is drawn by different generators: the single games are told.

    Returns:
        how often a game ended, was truncated, and a life was lost.
    """
    envs, singles = make_vector_env(config, len(SEEDS)), [make_env(config) for _ in SEEDS]
    rng = np.random.default_rng(0)
    stacks, info = envs.reset(seed=np.array(SEEDS))  # type: ignore[arg-type]
    counts = {"ended": 0, "truncated": 0, "lives lost": 0}

    def begin(copy: int, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        return singles[copy].reset(seed=seed, options={"idle_frames": int(info["episode_frame_number"][copy])})

    for copy, seed in enumerate(SEEDS):
        np.testing.assert_array_equal(stacks[copy], begin(copy, seed)[0])
    done, lives = np.zeros(len(SEEDS), bool), info["lives"]
    for step in range(steps):
        actions = rng.integers(envs.single_action_space.n, size=len(SEEDS))  # type: ignore[attr-defined]
        stacks, rewards, terminated, truncated, info = envs.step(actions)
        for copy, single in enumerate(singles):
            if done[copy]:
                stack, of_single = begin(copy)
                told: tuple[Any, ...] = (0.0, False, False)
            else:
                stack, *told, of_single = single.step(actions[copy])  # type: ignore[assignment]
            assert tuple(told) == (rewards[copy], terminated[copy], truncated[copy]), (step, copy)
            np.testing.assert_array_equal(stacks[copy], stack, str((step, copy)))
            assert of_single["lives"] == info["lives"][copy]
        counts["lives lost"] += int((info["lives"] < lives).sum())
        done, lives = terminated | truncated, info["lives"]
        counts["ended"] += int(terminated.sum())
        counts["truncated"] += int(truncated.sum())
    for env in (envs, *singles):
        env.close()
    return counts


@pytest.mark.parametrize("game", ["Breakout", "Pong", "Seaquest"])
def test_the_native_vector_version_plays_the_same_games_cut_ones_too(game: str) -> None:
    config = DQNConfig(f"ALE/{game}-v5", frame_stack=4, max_episode_steps=25, fire_reset=True)
    counts = play_both(config, steps=60)
    assert counts["truncated"] >= 6


@pytest.mark.slow
@pytest.mark.parametrize("fire_reset", [False, True])
@pytest.mark.parametrize("game", ["Breakout", "Pong", "SpaceInvaders", "Seaquest", "Qbert", "MsPacman", "Freeway"])
def test_the_native_vector_version_plays_the_same_whole_games(game: str, fire_reset: bool) -> None:
    counts = play_both(DQNConfig(f"ALE/{game}-v5", frame_stack=4, fire_reset=fire_reset), steps=800)
    if game not in ("Pong", "Freeway"):
        assert counts["ended"] >= 1
        assert counts["lives lost"] >= 6


def test_without_a_stack_an_observation_is_one_picture() -> None:
    envs = make_vector_env("ALE/Pong-v5", 2)
    observation, _ = envs.reset(seed=0)
    assert observation.shape == (2, 84, 84)
    assert not isinstance(envs, gym.vector.SyncVectorEnv)
    envs.close()


def test_one_seed_stands_for_those_after_it_and_games_repeat() -> None:
    envs = make_vector_env("ALE/Breakout-v5", 2)
    first, _ = envs.reset(seed=7)
    second, _ = envs.reset(seed=np.array([7, 8]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(first, second)
    envs.close()


def test_the_idle_frames_of_a_beginning_are_up_to_thirty() -> None:
    env, envs = make_env("ALE/Breakout-v5"), make_vector_env("ALE/Breakout-v5", 2)
    env.reset(seed=0)
    envs.reset(seed=0)
    single = [env.reset()[1]["episode_frame_number"] for _ in range(40)]
    native = np.concatenate([envs.reset()[1]["episode_frame_number"] for _ in range(20)])
    env.close()
    envs.close()
    for idle in (np.array(single), native):
        assert set(idle) <= set(range(31))
        assert np.ptp(idle) > 15  # less in one of 10 ** 8 runs


class TestLives:
    """Breakout: five lives; the ball comes after FIRE only."""

    CONFIG = DQNConfig(
        "ALE/Breakout-v5", frame_stack=4, num_envs=2, rollout_steps=300, life_loss_ends=True, fire_reset=True
    )

    @staticmethod
    def rollout(config: DQNConfig, select_action: SelectAction | None = None) -> Rollout:
        """One rollout of an agent that stands still, or of the given choice."""
        still: SelectAction = lambda q, epsilon, rng: np.zeros(len(q), np.int32)  # noqa: E731
        actor = Actor(config, select_action=select_action or still)
        rollout = actor.rollout(linear_policy((config.frame_stack * 84 * 84,), 4), 0.0)
        actor.close()
        return rollout

    def test_a_lost_life_ends_for_the_learner_and_the_game_goes_on(self) -> None:
        rollout = self.rollout(self.CONFIG)
        lives = int((rollout.transitions.discount == 0).sum())
        games = len(rollout.episode_returns)
        assert games >= 2
        assert lives >= 5 * games
        plain = self.rollout(replace(self.CONFIG, life_loss_ends=False))
        assert int((plain.transitions.discount == 0).sum()) == games
        # the same games, step by step, and their returns and lengths are those of whole games
        np.testing.assert_array_equal(rollout.transitions.observation, plain.transitions.observation)
        np.testing.assert_array_equal(rollout.transitions.reward, plain.transitions.reward)
        np.testing.assert_array_equal(rollout.episode_returns, plain.episode_returns)
        np.testing.assert_array_equal(rollout.episode_lengths, plain.episode_lengths)
        assert rollout.steps == plain.steps

    def test_no_reward_beyond_a_lost_life_is_in_an_n_step_sum(self) -> None:
        one = self.rollout(self.CONFIG).transitions
        three = self.rollout(replace(self.CONFIG, n_step=3)).transitions
        both = np.flatnonzero(three.discount == 0)
        assert len(both) > len(np.flatnonzero(one.discount == 0))  # up to three begin before each end
        assert set(np.round(three.discount[three.discount > 0], 5)) <= {np.float32(round(0.99**3, 5))}

    def test_with_deterministic_rollouts_too(self) -> None:
        config = replace(self.CONFIG, deterministic=True, max_episode_steps=400)
        rollout, again = self.rollout(config), self.rollout(config)
        assert len(rollout.episode_returns) == 2
        assert int((rollout.transitions.discount == 0).sum()) > 2
        np.testing.assert_array_equal(rollout.transitions.reward, again.transitions.reward)

    def test_evaluation_plays_whole_games(self) -> None:
        weights = linear_policy((4 * 84 * 84,), 4)
        returns = evaluate(weights, self.CONFIG, 2, epsilon=1.0)
        np.testing.assert_array_equal(
            returns, evaluate(weights, replace(self.CONFIG, life_loss_ends=False), 2, epsilon=1.0)
        )

    def test_without_fire_no_ball_comes(self) -> None:
        waiting = self.rollout(replace(self.CONFIG, fire_reset=False, rollout_steps=100))
        assert not len(waiting.episode_returns)
        assert (waiting.transitions.discount > 0).all()


class TestEvaluation:
    def test_more_games_than_copies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dqnkit.evaluation.GAMES_AT_ONCE", 2)
        config = DQNConfig("ALE/Breakout-v5", frame_stack=4, fire_reset=True)
        *_, ended = play_episodes(linear_policy((4 * 84 * 84,), 4), config, 5, epsilon=1.0)
        assert (ended.ended, ended.cut) == (5, 0)
        assert len(ended.returns) == 5
        assert ended.returns.sum() > 0

    @pytest.mark.parametrize(("limit", "max_steps", "cut"), [(0, 10, 3), (10, 20, 0), (10, None, 0), (20, 10, 3)])
    def test_games_are_cut_where_asked(self, limit: int, max_steps: int | None, cut: int) -> None:
        config = DQNConfig("ALE/Pong-v5", max_episode_steps=limit)
        *_, ended = play_episodes(linear_policy((84 * 84,), 6), config, 3, max_steps=max_steps)
        assert (ended.ended, ended.cut, ended.steps) == (3, cut, 30)


def fire_of(env_id: str, fire_reset: bool) -> Array:
    """Pictures after one step of doing nothing, in two lives."""
    env = make_env(DQNConfig(env_id, fire_reset=fire_reset))
    env.reset(seed=1, options={"idle_frames": 3})
    picture = np.array(env.step(0)[0])
    env.close()
    return picture


def test_fire_is_pressed_whatever_was_chosen() -> None:
    assert not np.array_equal(fire_of("ALE/Breakout-v5", True), fire_of("ALE/Breakout-v5", False))
    np.testing.assert_array_equal(fire_of("ALE/Freeway-v5", True), fire_of("ALE/Freeway-v5", False))  # has no FIRE


@pytest.mark.parametrize("make", [make_env, lambda config: make_vector_env(config, 2)], ids=["single", "vector"])
@pytest.mark.parametrize("name", ["life_loss_ends", "fire_reset"])
@pytest.mark.parametrize("env_id", ["CartPole-v1", "dqnkit/Catch-v0"])
def test_environments_without_lives_are_refused(make: Callable[[DQNConfig], Any], name: str, env_id: str) -> None:
    settings: dict[str, Any] = {name: True}
    with pytest.raises(
        EnvironmentNotSupportedError, match=f"{name} is for Atari games.*{env_id} is none: set {name} to"
    ):
        make(DQNConfig(env_id, **settings))
