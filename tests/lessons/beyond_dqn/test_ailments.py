"""The small experiments of the lesson on the parts beyond DQN: each problem shows, and its part helps; the bench."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from dqnkit.lessons.beyond_dqn import ailment_bench, ailments
from dqnkit.lessons.beyond_dqn.ailments import AILMENTS, RULES, Parts, TableLearner, learn
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer

PLAIN = Parts()


def last_of(name: str, parts: Parts, seeds: int = 4) -> tuple[float, float]:
    """Error and overestimation at the end of a run, mean over seeds."""
    ends = [[*learn(AILMENTS[name], parts, seed)][-1] for seed in range(seeds)]
    return np.mean([end.error for end in ends]), np.mean([end.overestimation for end in ends])


def test_one_table_overestimates_two_do_not_and_a_copy_hardly_helps() -> None:
    believed, wrong = {}, {}
    for rule in RULES:
        runs = [ailments.two_state_run(rule, seed) for seed in range(20)]
        wrong[rule] = np.mean([went_on for went_on, _ in runs])
        believed[rule] = np.mean([values[100:] for _, values in runs])
    assert believed["one table"] > 0.1
    assert believed["two tables"] == pytest.approx(-0.1, abs=0.08)
    assert believed["online and target"] > 0.1
    assert wrong["one table"] > 0.9
    assert wrong["two tables"] < 0.5


def test_n_steps_are_faster_near_greedy_and_biased_off_policy() -> None:
    arrived = {n: sum(ailments.near_greedy_length(n, seed)[-1] < 100 for seed in range(6)) for n in (1, 3)}
    assert arrived[1] <= 2
    assert arrived[3] == 6
    errors = {n: ailments.off_policy_error(n, seed=0)[-1] for n in (1, 3, 10)}
    assert errors[1] < 0.02
    assert 0.2 < errors[3] < errors[10]


def test_a_length_counts_every_step_of_its_episode() -> None:
    lengths = ailments.near_greedy_length(3, seed=0, episodes=4)
    assert len(lengths) == 5
    assert (lengths >= 14).all()  # the shortest way through a room of 8 x 8


def test_the_readers_n_step_return_is_the_one_that_is_used() -> None:
    seen = []

    def n_step_return(rewards, terminated, gamma):
        seen.append(len(rewards))
        return 0.0, 0.0

    ailments.off_policy_error(3, seed=0, steps=500, n_step_return=n_step_return)
    assert max(seen) == 3
    assert 450 < len(seen) <= 500


def test_priorities_save_most_updates_of_a_blind_cliff_walk() -> None:
    uniform, errors = ailments.updates_needed(ReplayBuffer(4096), seed=0)
    prioritized, _ = ailments.updates_needed(PrioritizedReplayBuffer(4096), seed=0)
    assert 4 * prioritized[-1] < uniform[-1] < 100_000
    assert errors[-1] < 0.03 < errors[-2]
    updates, errors = ailments.updates_needed(ReplayBuffer(4096), seed=0, most=200)
    assert updates.tolist() == [0, 100, 200]
    assert len(errors) == 3


@pytest.mark.parametrize("name", AILMENTS)
def test_the_part_made_for_an_ailment_helps_there(name: str) -> None:
    part = AILMENTS[name].part
    plain = [status.error for status in learn(AILMENTS[name], PLAIN, seed=1)]
    cured = [status.error for status in learn(AILMENTS[name], dataclasses.replace(PLAIN, **{part: True}), seed=1)]
    # n-step targets are biased, see below: compare their early errors
    early = slice(len(plain) // 3) if part == "n_step" else slice(len(plain) // 2, None)
    assert np.mean(cured[early]) < np.mean(plain[early])


def test_the_other_sides() -> None:
    assert last_of("overestimation", Parts(prioritized=True))[1] > last_of("overestimation", Parts(double=True))[1]
    assert last_of("slow news", Parts(n_step=True))[0] > last_of("slow news", PLAIN)[0]  # biased: actions are random
    # each of the two tables sees half of the updates
    assert last_of("slow news", Parts(double=True))[0] > last_of("slow news", PLAIN)[0]
    unlike = dataclasses.replace(AILMENTS["similar actions"], env=ailments.different_actions(), steps=300)
    errors = {parts: [*learn(unlike, parts)][-1].error for parts in (PLAIN, Parts(dueling=True))}
    assert errors[Parts(dueling=True)] > 2 * errors[PLAIN]


def test_dueling_on_a_table_is_a_gradient_step_on_value_and_advantages() -> None:
    learner = TableLearner((2, 4), Parts(dueling=True), 0.1, np.random.default_rng(0))
    learner.update(0, 2, reward=1.0, discount=0.0, s_next=1)
    direction = np.eye(4)[2] - 1 / 4  # of the advantages
    q = 1.0 + direction - direction.mean()
    np.testing.assert_allclose(learner.q[0], 0.1 * q / q[2])
    assert (learner.q[1] == 0).all()


def test_double_moves_one_table_and_values_with_the_other() -> None:
    learner = TableLearner((2, 2), Parts(double=True), 1.0, np.random.default_rng(0))
    learner._tables[:, 1] = [[5.0, 3.0], [1.0, 2.0]]
    td_error = learner.update(0, 0, reward=0.0, discount=1.0, s_next=1)
    # the first table selects action 0, which the second values at 1; the second selects action 1, valued at 3
    assert td_error in (1.0, 3.0)
    assert np.count_nonzero(learner._tables[:, 0]) == 1
    np.testing.assert_allclose(learner.next_values()[1], (1.0 + 3.0) / 2)


def test_a_run_is_the_same_with_the_same_seed_and_ends_at_its_end() -> None:
    short = dataclasses.replace(AILMENTS["rare events"], steps=300)
    one, other = ([*learn(short, Parts(prioritized=True, n_step=True), 3)] for _ in range(2))
    assert [status.step for status in one] == [50, 100, 150, 200, 250, 300]
    np.testing.assert_array_equal(one[-1].learned, other[-1].learned)
    assert one[-1].learned.shape == one[-1].true.shape == (8 * 2,)


def test_in_the_corridor_all_actions_are_worth_the_same_and_more_towards_its_end() -> None:
    true = AILMENTS["similar actions"].true_q
    assert np.ptp(true, axis=1).max() == 0
    assert all(earlier < later for earlier, later in pairwise(true[:-1, 0]))


def final_error(bench: ailment_bench.AilmentBench) -> float:
    assert (bench.state, bench.newest["steps"][-1]) == ("finished", bench.newest["total"])
    return float(bench.newest["errors"][-1])


def test_the_bench_runs_compares_and_starts_anew() -> None:
    pytest.importorskip("anywidget")

    async def run() -> None:
        bench = ailment_bench.bench()
        assert (bench.newest["label"], bench.newest["total"]) == ("no part, seed 0", 4_000)
        bench.hear({"do": "begin", "problem": "similar actions"})
        plain = final_error(bench)
        bench.clock._seconds = 0.0
        bench.hear({"do": "run", "parts": ["dueling"], "seed": 0})
        while bench.clock.running:
            await asyncio.sleep(0.01)
        assert final_error(bench) < plain / 2
        assert [run["label"] for run in (*bench.earlier, bench.newest)] == ["no part, seed 0", "dueling, seed 0"]
        assert "learned" not in bench.earlier[0]
        for seed in range(5):
            bench.run([], seed)
        assert [run["label"] for run in bench.earlier] == [f"no part, seed {seed}" for seed in (1, 2, 3)]
        bench.hear({"do": "begin", "problem": "similar actions"})
        assert (bench.earlier, bench.newest["label"]) == ([], "no part, seed 4")

    asyncio.run(run())


def test_a_run_of_the_bench_is_stopped_and_keeps_what_it_has_learned() -> None:
    pytest.importorskip("anywidget")

    async def run() -> None:
        bench = ailment_bench.bench()
        bench.hear({"do": "run", "parts": ["double", "n_step"], "seed": 7})
        assert (bench.state, bench.parts, bench.newest["label"]) == (
            "running",
            ["double", "n_step"],
            "double + 3-step, seed 7",
        )
        while len(bench.newest["steps"]) < 3:
            await asyncio.sleep(0.01)
        bench.hear({"do": "stop"})
        reached = bench.newest["steps"][-1]
        await asyncio.sleep(0.2)
        assert not bench.clock.running
        assert (bench.state, bench.newest["steps"][-1]) == ("stopped", reached)
        bench.run([], 0)
        ailment_bench.bench()  # the cell is run again
        assert bench.state == "stopped"

    asyncio.run(run())


def test_the_bench_without_widgets_is_a_picture_with_and_without_the_cure() -> None:
    pytest.importorskip("anywidget")
    shown, _ = ailment_bench.bench()._repr_mimebundle_()
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(shown)
    assert "no part:" in shown["text/plain"]
    assert "double:" in shown["text/plain"]
