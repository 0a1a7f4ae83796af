"""What the notebook on the parts beyond DQN says beside its outputs, held against the runs that it shows."""

from __future__ import annotations

from itertools import takewhile

import numpy as np
import pytest

from dqnkit.classroom.recordings import load_recording
from dqnkit.lessons.beyond_dqn import ailments
from dqnkit.lessons.beyond_dqn.ailments import AILMENTS, Parts, learn, near_greedy_length
from dqnkit.lessons.beyond_dqn.questions import ALL_ZERO, FALLING, ONE_ZERO, QUESTIONS
from dqnkit.lessons.beyond_dqn.recordings import name_of_parts, with_parts
from dqnkit.small_environments import BlindCliffwalk, GridWorld

FOUR = ("double", "n_step", "prioritized", "dueling")
GAMMA = with_parts().gamma
COPIES = 12


def recorded(*parts: str):
    return load_recording(name_of_parts(parts))


def scores(*parts: str) -> np.ndarray:
    return np.nanmean(recorded(*parts).returns, axis=1)


def reach(n: int) -> float:
    """What a table could hold at most after all copies of the target network."""
    return (1 - GAMMA ** (n * (COPIES + 1))) / (1 - GAMMA)


def test_values_with_one_step_end_close_to_a_tables_bound_and_those_with_three_further_below_theirs() -> None:
    for parts in ((), ("double",)):
        ends = recorded(*parts).mean_max_q[:, -1]
        assert (np.abs(ends / reach(1) - 1) < 0.08).all()
    ends = recorded("n_step").mean_max_q[:, -1]
    assert (ends > 2 * reach(1)).all()
    assert (ends / reach(3) < 0.92).all()
    assert reach(1) == pytest.approx(sum(GAMMA**k for k in range(13)))
    assert reach(3) == pytest.approx(sum(GAMMA**k for k in range(39)))


def test_the_target_network_is_copied_twelve_times() -> None:
    config = with_parts()
    assert config.target_period == 200
    updates = (config.total_steps - config.learning_starts) * config.samples_per_insert / config.batch_size
    assert updates // config.target_period == COPIES


def test_only_3_step_is_clear_of_the_band_and_one_seed_of_double_lies_within() -> None:
    band = scores()
    assert scores("n_step").min() > band.max()
    assert (scores("double") < band.max()).sum() == 1
    for part in ("prioritized", "dueling"):
        assert scores(part).min() < band.max()


def test_without_prioritized_replay_the_run_is_better_than_with_all_four() -> None:
    assert scores("double", "n_step", "dueling").min() > scores(*FOUR).max()


def test_double_changes_the_values_little() -> None:
    plain, double = (np.median(recorded(*parts).mean_max_q[:, 10:], axis=0) for parts in ((), ("double",)))
    assert np.max(np.abs(plain - double)) < 1


def test_the_blind_cliff_walk_has_2046_transitions_and_one_reward() -> None:
    walk = ailments._everything(BlindCliffwalk(10), 0.9)
    assert len(walk) == 2_046
    assert np.count_nonzero(walk[:, 2]) == 1


def test_late_in_the_corridor_dueling_promises_too_much() -> None:
    runs = [[*learn(AILMENTS["similar actions"], Parts(dueling=True), seed)] for seed in range(2)]
    plain = [*learn(AILMENTS["similar actions"], Parts(), 0)]
    for run in runs:
        assert all(status.overestimation > 0 for status in run[len(run) // 2 :])
    half = next(status.step for status in plain if status.error < 0.4)
    assert half > 3 * next(status.step for status in runs[0] if status.error < 0.4)


def test_with_one_step_the_news_has_not_reached_the_start_and_the_greedy_policy_stands_at_the_wall() -> None:
    room = GridWorld(8)
    for seed in range(10):
        how = {"alpha": 0.1, "epsilon": 0.1, "seed": seed, "n_step_return": ailments.summed_rewards}
        run = ailments._learn_online(room, 1, 0.95, **how)
        *_, (_, q) = takewhile(lambda moment: moment[0] < 20, run)
        lengths = near_greedy_length(1, seed)
        assert (lengths[-1] == 100) == (not q[0].any())  # argmax takes the first of equal values: up
        assert lengths[:2].mean() > 2 * lengths[-6:-1].mean()  # and yet its episodes become short
    assert room.probabilities[0, 0, 0] == 1


def test_with_two_tables_the_believed_value_sinks_slowly_to_the_truth() -> None:
    believed = np.median([ailments.two_state_run("two tables", seed)[1] for seed in range(20)], axis=0)
    assert believed[0] == 0
    assert believed[20] > -0.03
    assert believed[-50:].mean() == pytest.approx(-0.1, abs=0.03)


def test_in_the_corridor_the_error_of_dueling_falls_no_further_for_a_while_and_even_rises() -> None:
    runs = [[status.error for status in learn(AILMENTS["similar actions"], Parts(dueling=True), s)] for s in range(4)]
    median = np.median(runs, axis=0)
    assert median[25:35].min() < median[45:60].max() - 0.02


@pytest.mark.parametrize(
    ("errors", "answer"),
    [
        ({1: 0.004, 3: 0.39, 10: 0.66}, ONE_ZERO),
        ({1: 0.02, 3: 0.01, 10: 0.03}, ALL_ZERO),
        ({1: 0.3, 3: 0.2, 10: 0.1}, FALLING),
        ({1: 0.91, 3: 0.93, 10: 0.90}, None),  # a run that was stopped: nothing is near 0 yet
    ],
)
def test_errors_off_policy_are_called_near_0_only_where_they_are(errors: dict[int, float], answer: str | None) -> None:
    assert QUESTIONS["off-policy"].outcome(errors) == answer  # type: ignore[union-attr]
