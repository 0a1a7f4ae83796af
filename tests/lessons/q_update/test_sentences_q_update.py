"""What the text of the notebook says of its runs is true of them. The code is that of its cells."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jupytext")
pytest.importorskip("ipywidgets")

import jupytext

from dqnkit.authoring.source import sized, with_solution
from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.q_update.answers.epsilon_greedy import epsilon_greedy
from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.plots.grid import greedy_moves
from dqnkit.small_environments import GridWorld

GAMMA, FAR_GAMMA = 0.9, 0.95
ROOM = GridWorld()
EXACT = ROOM.optimal_q(GAMMA)
SLIPPERY = GridWorld(slip=0.3)
TWO_GOALS = GridWorld(size=6, goals={(0, 2): 0.2, (5, 5): 1.0})


@cache
def cell(text: str) -> str:
    """The source of the code cell that holds this text."""
    cells = jupytext.read(find_notebooks() / "source" / "q_update.py", fmt="py:percent").cells
    (found,) = (cell.source for cell in cells if cell.cell_type == "code" and text in cell.source)
    return sized(with_solution(found), fast=False)


def run(text: str, **names: Any) -> dict[str, Any]:
    """Run the cell that holds this text; return its names."""
    exec(cell(text), names)
    return names


LEARN = run("def learn(", np=np, use=lambda name, mine: mine, epsilon_greedy=epsilon_greedy, q_update=q_update)["learn"]


def learned(*arguments: Any) -> tuple[Any, Any]:
    """The last table and all errors of a run of the notebook's `learn`."""
    reached = list(LEARN(*arguments))
    return reached[-1][1], np.array([error for _, _, error in reached])


def test_the_exact_values_solve_the_bellman_optimality_equation() -> None:
    for env in (ROOM, SLIPPERY):
        q = env.optimal_q(GAMMA)
        follows = np.where(env.terminal, 0.0, q.max(axis=1))  # [S]
        expected = (env.probabilities * (env.rewards + GAMMA * follows)).sum(axis=2)  # [S, A]
        np.testing.assert_allclose(q[~env.terminal], expected[~env.terminal], atol=1e-9)


def test_the_goal_is_eight_steps_away_and_the_quiz_reads_its_values_off_the_table() -> None:
    assert EXACT[0].max() == pytest.approx(GAMMA**7)
    assert np.round(EXACT[0], 2).tolist() == [0.43, 0.48, 0.48, 0.43]  # up and left bump into walls


def test_mean_rewards_know_the_last_step_only() -> None:
    def error(q: Any, q_star: Any) -> float:
        return float(np.abs(q - q_star)[~ROOM.terminal].max())

    names = run("sums, counts =", np=np, room=GridWorld(), error=error, exact=EXACT)
    table = names["mean_rewards"]
    assert names["counts"][~ROOM.terminal].min() > 0
    assert error(table, EXACT) == pytest.approx(0.9)
    assert sum(len(set(row)) > 1 for row in table[~ROOM.terminal]) == 2


def test_a_gamma_of_one_half_makes_the_values_in_the_upper_left_smaller_than_0_01() -> None:
    assert ROOM.optimal_q(0.5)[0].max() < 0.01


def test_the_table_begins_next_to_0_and_not_with_ties() -> None:
    _, q, _ = next(iter(LEARN(ROOM, 0, 0.5, GAMMA, 0.5)))
    assert 0 < q.max() < 1e-6
    assert all(len(greedy_moves(row, tolerance=0)) == 1 for row in q)


def test_half_exploring_finds_a_shortest_way_and_leaves_moves_off_it_untried() -> None:
    for seed in range(3):
        q, errors = learned(ROOM, 6_000, 0.5, GAMMA, 0.5, seed)
        square, steps = 0, 0
        while not ROOM.terminal[square]:
            square, steps = int(ROOM.probabilities[square, q[square].argmax()].argmax()), steps + 1
            assert steps <= 8
        assert steps == 8
        assert (q < 0.5 * EXACT)[~ROOM.terminal].any()
        assert 0.5 < errors[-1] < 0.9


def test_where_every_move_is_tried_the_error_goes_to_0_and_the_largest_alpha_is_fastest() -> None:
    def updates_needed(alpha: float, seed: int) -> int:
        _, errors = learned(ROOM, 6_000, alpha, GAMMA, 1.0, seed)
        return int(np.argmax(errors < 0.05)) or len(errors)

    for seed in range(2):
        needed = [updates_needed(alpha, seed) for alpha in (1.0, 0.5, 0.1)]
        assert needed == sorted(needed)
        assert needed[0] < needed[1] < 120


@cache
def on_the_slippery_floor(alpha: float, updates: int = 20_000) -> tuple[float, float]:
    """Error at the end, and the worth of the greedy policy, of one seed."""
    q, errors = learned(SLIPPERY, updates, alpha, GAMMA, 1.0, 0)
    return errors[-1], SLIPPERY.policy_value(q.argmax(axis=1), GAMMA)[0]


def test_alpha_weighs_new_against_old() -> None:
    best = SLIPPERY.optimal_q(GAMMA)[0].max()
    (large, bad), (middle, _), (small, good) = (on_the_slippery_floor(alpha) for alpha in (1.0, 0.1, 0.01))
    assert middle < large < small
    assert bad < 0.6 * best
    assert good > 0.95 * best


@pytest.mark.slow
def test_the_smallest_alpha_is_nearest_with_ten_times_as_many_steps() -> None:
    assert on_the_slippery_floor(0.01, 200_000)[0] < on_the_slippery_floor(0.1)[0]


class Arrivals(GridWorld):
    """The room with two goals; counts the rewards of its episodes."""

    def __init__(self) -> None:
        super().__init__(size=6, goals=TWO_GOALS.goals)
        self.rewards_of_ends: list[float] = []

    def step(self, action: Any) -> Any:
        result = super().step(action)
        if result[2]:
            self.rewards_of_ends.append(result[1])
        return result


@pytest.mark.parametrize("seed", [0, 1])
def test_with_little_exploration_the_far_goal_is_met_too_rarely(seed: int) -> None:
    best = TWO_GOALS.optimal_q(FAR_GAMMA)[0].max()
    worth, far = {}, {}
    for epsilon in (0.1, 0.5, 1.0):
        env = Arrivals()
        q, _ = learned(env, 20_000, 0.3, FAR_GAMMA, epsilon, seed)
        worth[epsilon] = env.policy_value(q.argmax(axis=1), FAR_GAMMA)[0]
        far[epsilon] = np.mean(np.array(env.rewards_of_ends) == 1.0)
    assert worth[0.1] < 0.35 * best
    assert worth[0.5] < 0.35 * best
    assert worth[1.0] > 0.9 * best
    assert far[0.1] < 0.01
    assert far[0.5] < 0.01
    assert far[1.0] > 0.1
    if seed == 0:  # the tables that the notebook draws
        assert far[0.1] > 0


def test_the_walks_to_the_two_goals_are_worth_the_same_at_a_gamma_of_0_82() -> None:
    assert abs(0.2 ** (1 / 8) - 0.82) < 0.005
    names = run("near_only =", np=np, GridWorld=GridWorld)
    assert round(float(names["gammas"][names["far"] > names["near"]][0]), 2) == 0.82
    np.testing.assert_allclose(names["near"], 0.2 * names["gammas"])
    np.testing.assert_allclose(names["far"], names["gammas"] ** 9)
    assert round(0.7**9, 2) == 0.04


def test_with_little_exploration_the_squares_whose_values_are_all_0_were_rarely_entered() -> None:
    class Visits(GridWorld):
        def __init__(self) -> None:
            super().__init__(size=6, goals=TWO_GOALS.goals)
            self.visits = np.zeros(36)

        def step(self, action: Any) -> Any:
            result = super().step(action)
            self.visits[result[0]] += 1
            return result

    env = Visits()
    q, _ = learned(env, 20_000, 0.3, FAR_GAMMA, 0.1, 0)
    at_0 = (q.max(axis=1) < 0.005) & ~env.terminal
    assert at_0.sum() > 10
    assert env.visits[at_0].max() < env.visits.sum() / 200


@pytest.mark.slow
def test_of_the_three_epsilons_only_1_is_enough_and_0_7_would_be() -> None:
    best = TWO_GOALS.optimal_q(FAR_GAMMA)[0].max()
    q, _ = learned(GridWorld(size=6, goals=TWO_GOALS.goals), 20_000, 0.3, FAR_GAMMA, 0.7, 0)
    assert TWO_GOALS.policy_value(q.argmax(axis=1), FAR_GAMMA)[0] > 0.9 * best  # so no text says "only at random"
