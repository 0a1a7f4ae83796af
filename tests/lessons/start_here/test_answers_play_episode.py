"""Right and wrong answers to `play_episode` as readers write them: each gets its verdict, most wrong ones a name."""

from __future__ import annotations

import numpy as np
import pytest
from answers import Answer, collected, collected_with_names, verdict

from dqnkit.classroom.course import find_exercise

RIGHT, right = collected()
WRONG, wrong = collected_with_names()  # of the mistake that is named, or ""


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes_whatever_its_style(answer: Answer) -> None:
    for seed in range(3):
        result = verdict(find_exercise("play_episode"), answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize(("answer", "named"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_answer_fails_and_is_named_where_it_can_be(answer: Answer, named: str) -> None:
    for seed in range(3):
        result = verdict(find_exercise("play_episode"), answer, seed)
        assert result.status == "wrong", "it passed"
        assert result.mistake == named, result.text


@right
def names_both_ends_in_the_condition(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total, terminated, truncated = 0, False, False
    while not (terminated or truncated):
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
    return total


@right
def keeps_one_flag(env, policy, seed):
    obs, _ = env.reset(seed=seed)
    done, rewards = False, []
    while not done:
        obs, reward, terminated, truncated, _ = env.step(policy(obs))
        rewards.append(reward)
        done = terminated or truncated
    return sum(rewards)


@right
def takes_the_parts_by_their_place(env, policy, seed):
    observation = env.reset(seed=seed)[0]
    total = 0.0
    while True:
        result = env.step(policy(observation))
        observation = result[0]
        total = total + result[1]
        if result[2] or result[3]:
            break
    return total


@right
def breaks_out_of_a_loop_with_a_limit(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    for _ in range(10_000):
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            break
    return total


@right
def chooses_the_next_action_at_the_end_of_the_round(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    action, total, over = policy(observation), 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(action)
        total += reward
        over = terminated or truncated
        action = policy(observation)
    return total


@right
def calls_itself(env, policy, seed):
    def rest(observation):
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        return reward if terminated or truncated else reward + rest(observation)

    return rest(env.reset(seed=seed)[0])


@right
def returns_a_numpy_sum(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    rewards = np.zeros(0)
    while True:
        observation, reward, *ends, _ = env.step(policy(observation))
        rewards = np.append(rewards, reward)
        if any(ends):
            return rewards.sum()


@right
def goes_on_while_neither(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    goes_on, total = True, np.float32(0)
    while goes_on:
        action = int(policy(observation))
        observation, reward, terminated, truncated, _ = env.step(action)
        total += reward
        goes_on = not terminated and not truncated
    return total


@right
def resets_once_more_when_it_is_over(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            env.reset()
            return total


@right
def returns_inside_the_loop_and_closes(env, policy, seed):
    import itertools

    observation, _ = env.reset(seed=seed)
    total = 0.0
    for _ in itertools.count():
        observation, reward, terminated, truncated, _ = env.step(policy(np.asarray(observation)))
        total += float(reward)
        if terminated | truncated:
            env.close()
            return total
    raise AssertionError


@wrong("does not end when truncated")
def calls_terminated_done(env, policy, seed):
    state, _ = env.reset(seed=seed)
    done, score = False, 0
    while not done:
        state, reward, done, _, _ = env.step(policy(state))
        score += reward
    return score


@wrong("does not end when terminated")
def looks_at_the_clock_only(env, policy, seed):
    state, _ = env.reset(seed=seed)
    score = 0
    while True:
        state, reward, _, truncated, _ = env.step(policy(state))
        score += reward
        if truncated:
            return score


@wrong("waits for both")
def ends_at_both(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    terminated = truncated = False
    total = 0.0
    while not (terminated and truncated):
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
    return total


@wrong("negates the first only")
def forgets_the_brackets(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    terminated, truncated, rewards = False, False, []
    while not terminated or truncated:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        rewards.append(reward)
    return sum(rewards)


@wrong("takes no step")
def runs_while_both(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    terminated, truncated, total = False, False, 0.0
    while terminated or truncated:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
    return total


@wrong("keeps the pair of reset")
def forgets_that_reset_returns_a_pair(env, policy, seed):
    observation = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        over = terminated or truncated
    return total


@wrong("unpacks four things")
def writes_for_the_old_gym(env, policy, seed):
    observation = env.reset(seed=seed)
    done, total = False, 0.0
    while not done:
        action = policy(observation)
        observation, reward, done, _ = env.step(action)
        total += reward
    return total


@wrong("seed by position")
def gives_the_seed_without_its_name(env, policy, seed):
    observation, _ = env.reset(seed)
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return reward


@wrong("seed ignored")
def forgets_the_seed(env, policy, seed):
    observation, _ = env.reset()
    total = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            return total


@wrong("never resets")
def begins_with_zeros(env, policy, seed):
    observation, total = np.zeros(4), 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            return total


@wrong("resets in the loop")
def resets_in_every_round(env, policy, seed):
    total = 0.0
    while True:
        observation, _ = env.reset(seed=seed)
        action = policy(observation)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += reward
        if terminated or truncated:
            break
    return total


@wrong("never looks again")
def calls_the_next_one_by_another_name(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    while True:
        _next, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            return total


@wrong("asks the policy once")
def chooses_before_the_loop(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    action = policy(observation)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(action)
        total += reward
        over = terminated or truncated
    return total


@wrong("policy ignored")
def acts_at_random(env, policy, seed):
    env.reset(seed=seed)
    total = 0.0
    while True:
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        total += reward
        if terminated or truncated:
            return total


@wrong("last reward left out")
def breaks_before_it_adds(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            break
        total += reward
    return total


@wrong("returns the last reward")
def assigns_in_place_of_adding(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total = reward
        over = terminated or truncated
    return total


@wrong("counts steps")
def counts_the_rounds(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0
    while True:
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        total += 1
        if terminated or truncated:
            return total


@wrong("takes one step")
def returns_in_the_first_round(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        over = terminated or truncated
        return total
    return None


@wrong("last reward left out")
def forgets_the_seed_and_the_last_reward(env, policy, seed):
    observation, _ = env.reset()
    total = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return total
        total += reward


@wrong("seed ignored")
def resets_again_without_the_seed(env, policy, seed):
    env.reset(seed=seed)
    observation, _ = env.reset()
    total = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            return total


@wrong("keeps the pair of reset")
def keeps_the_pair_and_counts(env, policy, seed):
    observation = env.reset(seed=seed)
    steps = 0
    while True:
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        steps += 1
        if terminated or truncated:
            return steps


@wrong("")
def prints_the_return(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        over = terminated or truncated
    print(total)


@wrong("")
def returns_all_rewards(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    rewards = []
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        rewards.append(reward)
        if terminated or truncated:
            return rewards


@wrong("")
def stops_after_ten_steps(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    for _ in range(10):
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            break
    return total


@wrong("")
def discounts(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total, steps = 0.0, 0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        total += 0.99**steps * reward
        steps += 1
        if terminated or truncated:
            return total


@wrong("")
def swaps_observation_and_reward(env, policy, seed):
    observation, _ = env.reset(seed=seed)
    total = 0.0
    while True:
        reward, observation, terminated, truncated, _ = env.step(policy(observation))
        total += reward
        if terminated or truncated:
            return total


@wrong("")
def forgets_the_name_of_the_environment(env, policy, seed):
    observation, _ = enviroment.reset(seed=seed)  # type: ignore[name-defined]  # noqa: F821
    return policy(observation)
