"""Atari games: one, or many that step together in ALE's own vector version. Both are the same game, frame by frame.

What is around the emulator is that of Mnih et al. (2015): each action is held for 4 frames; of the last two frames the
brighter pixels are kept, because some games draw a thing in every second frame only; the picture is grey and 84 x 84; a
game begins after at most 30 frames in which nothing is done.

One thing differs: how many those frames are. ALE's vector version draws the number as its C++ library does, which is
another one on each system; the single game draws it from Gymnasium's generator. The range is the same.
"""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils import seeding

from dqnkit.types import Array

FRAMES_PER_STEP = 4  # frames for which an action is held
IDLE_FRAMES = 30  # at the beginning of a game, at most
LARGEST_SEED = 2**31 - 1  # of the emulator
STEPS_OF_GAME = 27_000  # half an hour: longer games are cut, as in Machado et al. (2018)
# Arguments of `gymnasium.make` that the vector version takes as well
VECTOR_ARGUMENTS = frozenset({"repeat_action_probability", "full_action_space"})


def make_atari(
    spec: gym.envs.registration.EnvSpec,
    *,
    max_episode_steps: int | None = None,
    fire_reset: bool = False,
    **kwargs: Any,
) -> gym.Env[Any, Any]:
    """One game.

    Args:
        spec: Gymnasium's entry for it.
        max_episode_steps: a game is cut after so many steps of 4 frames; half an hour unless given.
        fire_reset: whether the first action of a game and of each life is FIRE, whatever was chosen.
        kwargs: for `gymnasium.make`.
    """
    # frames are skipped and counted here; the emulator's own picture, which nobody looks at, is the cheaper kind
    env = gym.make(spec, frameskip=1, max_num_frames_per_episode=None, obs_type="grayscale", **kwargs)
    env = _BeginsAsVector(_FrameLimit(env, _frames(max_episode_steps)))
    meanings = env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
    return _FireFirst(env, meanings.index("FIRE")) if fire_reset and "FIRE" in meanings else env


def make_atari_vector(
    spec: gym.envs.registration.EnvSpec,
    num_envs: int,
    *,
    max_episode_steps: int | None = None,
    fire_reset: bool = False,
    **kwargs: Any,
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Many games that step together, in ALE's own vector version. A step after the end of a game resets it.

    Args:
        spec: Gymnasium's entry for the game.
        num_envs: copies of the game.
        max_episode_steps, fire_reset: as for one game.
        kwargs: of `VECTOR_ARGUMENTS`.
    """
    from ale_py import Action, AtariVectorEnv

    given = {name: value for name, value in spec.kwargs.items() if name in VECTOR_ARGUMENTS}
    envs = AtariVectorEnv(
        spec.kwargs["game"],
        num_envs,
        num_threads=int(os.environ.get("OMP_NUM_THREADS") or 0),  # as many as NumPy may use; 0: one for each core
        frameskip=FRAMES_PER_STEP,
        noop_max=IDLE_FRAMES + 1,  # it draws from 0 to one less
        max_num_frames_per_episode=_frames(max_episode_steps),  # without the idle ones
        stack_num=1,  # it fills the rest of a first stack with zeros, the kit with the first frame
        reward_clipping=False,
        episodic_life=False,  # it would begin a new game where a life is lost
        use_fire_reset=False,  # it presses FIRE for one frame, and not after a lost life
        **{**given, **kwargs},
    )
    action_set = envs.ale.get_action_set()
    fire = action_set.index(Action.FIRE) if fire_reset and Action.FIRE in action_set else None
    return _AtariVector(envs, fire)


def _frames(steps: int | None) -> int:
    return FRAMES_PER_STEP * (steps or STEPS_OF_GAME)


class _FrameLimit(gym.Wrapper[Any, Any, Any, Any]):
    """Truncates a game after so many frames since `begin`."""

    def __init__(self, env: gym.Env[Any, Any], frames: int) -> None:
        super().__init__(env)
        self._frames = frames
        self.begin()

    def begin(self) -> None:
        """Count from here on."""
        self._seen = 0

    def step(self, action: Any) -> Any:
        frame, reward, terminated, truncated, info = self.env.step(action)
        self._seen += 1
        return frame, reward, terminated, truncated or (self._seen >= self._frames and not terminated), info


class _BeginsAsVector(gym.wrappers.AtariPreprocessing):
    """Gymnasium's preprocessing. A game begins as in ALE's vector version, so that the same seed gives the same game.

    The idle frames of a beginning may be given: ``reset(options={"idle_frames": 7})``.
    """

    def __init__(self, env: _FrameLimit) -> None:
        super().__init__(env, noop_max=0, frame_skip=FRAMES_PER_STEP)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        game: Any = self.unwrapped
        if seed is not None:
            game.np_random, _ = seeding.np_random(seed)
            game.ale.setInt("random_seed", seed & LARGEST_SEED)
            game.load_game()  # the emulator reads its seed then
        observation, info = super().reset()
        idle = (options or {}).get("idle_frames")
        if idle is None:
            idle = int(game.np_random.integers(IDLE_FRAMES + 1))
        for _ in range(idle):
            _, _, terminated, _, _ = self.env.step(0)
            if terminated:
                self.env.reset()
        if idle:
            game.ale.getScreenGrayscale(self.obs_buffer[0])
            self.obs_buffer[1].fill(0)
            observation, info = self._get_obs(), game._get_info()
        self.env.begin()  # type: ignore[attr-defined]
        return observation, info


class _FireFirst(gym.Wrapper[Any, Any, Any, Any]):
    """The first action of a game and of each life is FIRE, whatever was chosen: some games wait for it for ever."""

    def __init__(self, env: gym.Env[Any, Any], fire: int) -> None:
        super().__init__(env)
        self._fire = fire

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**kwargs)
        self._lives, self._is_first = info["lives"], True
        return observation, info

    def step(self, action: Any) -> Any:
        result = self.env.step(self._fire if self._is_first else action)
        lives = result[4]["lives"]
        self._lives, self._is_first = lives, lives < self._lives
        return result


class _AtariVector(gym.vector.VectorWrapper):
    """ALE's own vector version as the kit needs it: observations ``[N, 84, 84]``, any seeds, FIRE where asked for.

    Args:
        envs: ALE's, with one frame in an observation.
        fire: number of the action FIRE, which is the first of a game and of each life; None: the chosen one is.
    """

    def __init__(self, envs: gym.vector.VectorEnv[Any, Any, Any], fire: int | None) -> None:
        super().__init__(envs)
        one = envs.single_observation_space
        self.single_observation_space = gym.spaces.Box(0, 255, one.shape[1:], np.uint8)  # type: ignore[index]
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, envs.num_envs)
        self._fire = fire

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Reset all games; a single seed stands for itself and those after it, one for each copy."""
        if seed is not None:
            seeds = seed + np.arange(self.num_envs) if np.ndim(seed) == 0 else np.asarray(seed)  # [N]
            seed = seeds & LARGEST_SEED
        frames, info = self.env.reset(seed=seed, options=options)  # [N, 1, 84, 84]
        self._lives = info["lives"]
        self._was_done = np.zeros(self.num_envs, bool)
        self._is_first = ~self._was_done
        return frames[:, 0], info

    def step(self, actions: Any) -> Any:
        if self._fire is not None:
            actions = np.where(self._is_first, self._fire, actions)
        frames, rewards, terminated, truncated, info = self.env.step(np.asarray(actions, np.int32))
        self._is_first = self._was_done | (info["lives"] < self._lives)
        self._lives, self._was_done = info["lives"], terminated | truncated
        return frames[:, 0], rewards.astype(np.float64), terminated, truncated, info
