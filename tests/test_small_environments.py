"""The small environments of dqnkit: exact values by hand and by another method; steps agree with the arrays."""

from __future__ import annotations

import time

import numpy as np
import pytest

from dqnkit.environments import make_env
from dqnkit.small_environments import BlindCliffwalk, Catch, GridWorld, SlowCartPole, TabularEnv, TwoStateBias

UP, RIGHT, DOWN, LEFT = range(4)


def random_mdp(seed: int) -> TabularEnv:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(6), size=(6, 3))
    terminal = np.array([False] * 5 + [True])
    return TabularEnv(probabilities, rng.normal(size=(6, 3, 6)), terminal)


@pytest.mark.parametrize(
    "env",
    [
        GridWorld(5),
        GridWorld(4, slip=0.3, goals={(3, 3): 1.0, (1, 2): -1.0}, start=None),
        TwoStateBias(4),
        BlindCliffwalk(6),
        random_mdp(0),
        random_mdp(1),
    ],
    ids=lambda env: type(env).__name__,
)
@pytest.mark.parametrize("gamma", [0.5, 0.95])
def test_optimal_q_is_the_value_of_its_own_greedy_policy(env: TabularEnv, gamma: float) -> None:
    q = env.optimal_q(gamma)
    greedy, states = q.argmax(axis=1), np.arange(env.num_states)
    mean_rewards = (env.probabilities * env.rewards).sum(axis=2)
    # V = r + gamma P V of the greedy policy as one linear system; a terminal state has no future
    goes_on = ~env.terminal
    reward, continues = mean_rewards[states, greedy] * goes_on, env.probabilities[states, greedy] * goes_on[:, None]
    values = np.linalg.solve(np.eye(env.num_states) - gamma * continues, reward)
    exact = mean_rewards + gamma * env.probabilities @ values
    exact[env.terminal] = 0.0
    np.testing.assert_allclose(q, exact, atol=1e-8)  # the greedy policy's own values
    np.testing.assert_allclose(q.max(axis=1), values, atol=1e-8)  # no action is better


def test_optimal_q_of_a_room_of_four_squares_by_hand() -> None:
    q = GridWorld(2).optimal_q(0.5)
    np.testing.assert_allclose(q[0], [0.25, 0.5, 0.5, 0.25])  # a wall keeps the agent in place: half of the 0.5 there
    np.testing.assert_allclose(q[1], [0.5, 0.5, 1.0, 0.25])
    np.testing.assert_allclose(q[2], [0.25, 1.0, 0.5, 0.5])
    np.testing.assert_allclose(q[3], 0.0)


def test_optimal_q_with_slip_by_hand() -> None:
    # one row of the room is a line with the goal at its right end: x = P(reach) with every slip equally likely
    q = GridWorld(2, slip=1.0).optimal_q(0.5)
    # every action is random: v0 = 0.5 (v0 / 2 + v1 / 2), v1 = 1 / 4 + 0.5 (v1 / 2 + v0 / 4) with v2 = v1
    v0, v1 = np.linalg.solve([[0.75, -0.25], [-0.125, 0.75]], [0.0, 0.25])
    np.testing.assert_allclose(q[:3], np.array([[v0] * 4, [v1] * 4, [v1] * 4]), atol=1e-9)


def test_optimal_q_where_the_maximum_misleads() -> None:
    q = TwoStateBias(num_actions=4).optimal_q(0.9)
    np.testing.assert_allclose(q, [[0.0, -0.09, -0.09, -0.09], [-0.1] * 4, [0.0] * 4])


def test_optimal_q_of_the_cliff_walk() -> None:
    q = BlindCliffwalk(5).optimal_q(0.5)
    for state in range(5):
        assert q[state, state % 2] == pytest.approx(0.5 ** (4 - state))
        assert q[state, 1 - state % 2] == 0.0


def test_moves_in_the_grid_world() -> None:
    env = GridWorld(3)
    squares = []
    env.reset(seed=0)
    for action in (UP, LEFT, RIGHT, DOWN, DOWN, DOWN, RIGHT):
        state, reward, terminated, truncated, _ = env.step(np.int64(action))
        squares.append(divmod(int(state), 3))
        assert not truncated
        assert (reward, terminated) == ((1.0, True) if squares[-1] == (2, 2) else (0.0, False))
    assert squares == [(0, 0), (0, 0), (0, 1), (1, 1), (2, 1), (2, 1), (2, 2)]


def test_slip_goes_in_every_direction_alike() -> None:
    env = GridWorld(3, slip=0.4, start=(1, 1))
    env.reset(seed=0)
    arrivals = []
    for _ in range(20_000):
        env.state = 4
        arrivals.append(int(env.step(np.int64(UP))[0]))
    shares = np.bincount(arrivals, minlength=9) / 20_000
    np.testing.assert_allclose(shares[[1, 5, 7, 3]], [0.7, 0.1, 0.1, 0.1], atol=0.02)
    np.testing.assert_allclose(env.probabilities.sum(axis=2), 1.0)


def test_goals_and_starts() -> None:
    env = GridWorld(3, goals={(0, 2): 2.0, (2, 0): -1.0}, start=None)
    starts = {env.reset(seed=seed)[0] for seed in range(200)}
    assert starts == {0, 1, 3, 4, 5, 7, 8}  # never in a goal
    env.state = 1
    assert env.step(np.int64(RIGHT))[1:3] == (2.0, True)
    env.state = 3
    assert env.step(np.int64(DOWN))[1:3] == (-1.0, True)


def test_grid_world_observations() -> None:
    env = GridWorld(3, observation="xy", start=(2, 1))
    observation, _ = env.reset()
    assert observation in env.observation_space
    np.testing.assert_array_equal(observation, [0.0, 1.0])
    everything = env.all_observations()
    assert everything.shape == (9, 2)
    np.testing.assert_array_equal(everything[[0, 2, 6]], [[-1, -1], [1, -1], [-1, 1]])
    np.testing.assert_array_equal(GridWorld(3).all_observations(), np.arange(9))
    with pytest.raises(ValueError, match="'index' or 'xy', not 'colour'"):
        GridWorld(3, observation="colour")


def test_the_reward_in_the_misleading_state_is_noise_around_a_loss() -> None:
    env = TwoStateBias(3)
    env.reset(seed=0)
    rewards = []
    for _ in range(20_000):
        env.state = 1
        _, reward, terminated, _, _ = env.step(np.int64(2))
        assert terminated
        rewards.append(reward)
    assert np.mean(rewards) == pytest.approx(-0.1, abs=0.03)
    assert np.std(rewards) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("rows", "columns"), [(8, 6), (4, 3)])
def test_catch(rows: int, columns: int) -> None:
    env = Catch(rows, columns)
    for seed, aim in ((seed, aim) for seed in range(10) for aim in (0, 1)):
        picture, _ = env.reset(seed=seed)
        ball = int(picture[0].argmax())
        goal = ball if aim else (ball + columns // 2 + 1) % columns
        for step in range(1, rows):
            assert picture.sum() == 2 * 255
            paddle = int(picture[-1].argmax())
            picture, reward, terminated, _, _ = env.step(np.int64(1 + np.sign(goal - paddle)))
            assert terminated == (step == rows - 1)
        assert reward == (1.0 if aim else -1.0)


@pytest.mark.parametrize("env", [GridWorld(3), TwoStateBias(), BlindCliffwalk(4), Catch()])
def test_pictures_show_where_the_agent_is(env: GridWorld) -> None:
    env.reset(seed=0)
    before = env.render()
    assert before.dtype == np.uint8
    env.step(np.int64(1))
    assert not np.array_equal(before, env.render())


def test_the_best_policy_has_the_optimal_value_and_others_have_less():
    env = GridWorld(4, slip=0.3)
    best = env.optimal_q(0.9)
    np.testing.assert_allclose(env.policy_value(best.argmax(axis=1), 0.9), best.max(axis=1), atol=1e-8)
    into_the_wall = env.policy_value(np.zeros(16, dtype=int), 0.9)
    assert (into_the_wall[~env.terminal] < best.max(axis=1)[~env.terminal]).all()
    assert GridWorld(4).policy_value(np.zeros(16, dtype=int), 0.9).max() == 0
    with pytest.raises(ValueError, match="below 1"):
        env.policy_value(best.argmax(axis=1), 1.0)


def test_slow_cartpole_is_cartpole_that_waits() -> None:
    slow, plain = SlowCartPole(), make_env("CartPole-v1")
    slow.reset(seed=3)
    plain.reset(seed=3)
    for action in (0, 1, 1, 0):
        began = time.perf_counter()
        ours, theirs = slow.step(action), plain.step(action)
        assert time.perf_counter() - began >= slow.SECONDS
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]
