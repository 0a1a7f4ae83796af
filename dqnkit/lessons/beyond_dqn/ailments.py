"""Small experiments: what ails DQN, each ailment on the smallest environment that has it, and what cures it.

All of it is DQN on a table: transitions go into a replay buffer, are drawn again, and move one value each. The table
keeps the network's own errors out of sight, and the exact Q* is known, so that what is seen is the part alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dqnkit.lessons.beyond_dqn.exercises.n_step_return import n_step_return as kits_n_step_return
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import BlindCliffwalk, GridWorld, TabularEnv, TwoStateBias
from dqnkit.types import Array, Transition

NStepReturn = Callable[[Sequence[float], Sequence[bool], float], tuple[float, float]]
MEASURE_EVERY = 50  # steps between two statuses


@dataclass(frozen=True)
class Parts:
    """Which of the four parts are switched on."""

    double: bool = False
    n_step: bool = False  # three rewards in a transition, not one
    prioritized: bool = False
    dueling: bool = False


class TableLearner:
    """Q-learning on a table, with the parts that change its update: double and dueling.

    Double: two tables, both start at 0; each update moves one, chosen by lot, towards a target for which it selects the
    next action and the other table values it (van Hasselt, 2010).

    Dueling: a value for each state and an advantage for each action, ``Q(s, a) = V(s) + A(s, a) - mean of A(s, .)``. A
    gradient step on V and A moves the other actions of the state too, by (N - 1) / (2 N - 1) of what it moves Q(s, a),
    for N actions: a little less than half. Written so, no V or A need be kept.
    """

    def __init__(self, shape: tuple[int, ...], parts: Parts, alpha: float, rng: np.random.Generator) -> None:
        num_states, num_actions = shape
        self.alpha = alpha
        self.shared = (num_actions - 1) / (2 * num_actions - 1) if parts.dueling else 0.0
        self._tables = np.zeros((2 if parts.double else 1, num_states, num_actions))
        self._rng = rng

    @property
    def q(self) -> Array:
        """The values by which it acts ``[S, A]``: with two tables their mean."""
        return self._tables.mean(axis=0)

    def next_values(self) -> Array:
        """What a target adds for each next state ``[S]``; with two tables the mean of both ways round."""
        states = np.arange(self._tables.shape[1])
        pairs = [(self._tables[0], self._tables[-1]), (self._tables[-1], self._tables[0])]
        return np.mean([values[states, selects.argmax(axis=1)] for selects, values in pairs], axis=0)

    def update(self, s: int, a: int, reward: float, discount: float, s_next: int, importance: float = 1.0) -> float:
        """Move Q(s, a) towards its target; the TD error before the move."""
        chosen = int(self._rng.integers(len(self._tables)))
        selects, values = self._tables[chosen], self._tables[-1 - chosen]  # one and the same where there is one
        target = reward + discount * values[s_next, selects[s_next].argmax()]
        td_error = float(target - selects[s, a])
        step = self.alpha * importance * td_error
        selects[s] += self.shared * step
        selects[s, a] += (1 - self.shared) * step
        return td_error


@dataclass(frozen=True)
class Ailment:
    """An environment that has one ailment and hardly another."""

    title: str
    part: str  # the field of `Parts` that is made for it
    story: str  # what is hard here, in a sentence or two
    env: TabularEnv
    gamma: float
    alpha: float
    steps: int = 4_000

    @cached_property
    def true_q(self) -> Array:
        """The exact Q* ``[S, A]``."""
        return self.env.optimal_q(self.gamma)


@dataclass(frozen=True)
class TableStatus:
    """Where learning on a table stands. Terminal states do not count: V is the number of all other Q-values."""

    step: int
    total: int
    learned: Array  # [V]
    true: Array  # [V]
    error: float  # root of their mean squared difference
    overestimation: float  # mean over states of what a target adds for them, less max_a Q*: above 0 it is too much


def similar_actions(length: int = 10, num_actions: int = 20) -> TabularEnv:
    """A corridor in which every action leads one square on, and the last one pays 1: which action is all the same."""
    probabilities = np.zeros((length + 1, num_actions, length + 1))
    rewards = np.zeros_like(probabilities)
    for state in range(length):
        probabilities[state, :, state + 1] = 1
    probabilities[length, :, length] = 1
    rewards[length - 1, :, length] = 1
    return TabularEnv(probabilities, rewards, np.arange(length + 1) == length)


def different_actions(num_actions: int = 10) -> TabularEnv:
    """One state, one step: each action pays another reward, from -1 to 1, which says nothing of the others."""
    probabilities = np.zeros((2, num_actions, 2))
    probabilities[:, :, 1] = 1
    rewards = np.zeros_like(probabilities)
    rewards[0, :, 1] = np.linspace(-1, 1, num_actions)[np.random.default_rng(0).permutation(num_actions)]
    return TabularEnv(probabilities, rewards, np.array([False, True]))


AILMENTS: dict[str, Ailment] = {
    "overestimation": Ailment(
        "Overestimation: two states, noisy rewards",
        "double",
        "Ten actions of the second state pay -0.1 on average, with a noise of 1. The largest of ten noisy estimates is "
        "too large.",
        TwoStateBias(),
        gamma=1.0,
        alpha=0.1,
    ),
    "slow news": Ailment(
        "Slow news: a room with one goal",
        "n_step",
        "The only reward is at the goal; with one-step targets the news of it travels one square for each update.",
        GridWorld(5),
        gamma=0.9,
        alpha=0.3,
    ),
    "rare events": Ailment(
        "Rare events: the blind cliff walk",
        "prioritized",
        "One of two actions ends the episode, so that the only reward is seen once in 256 episodes. Almost all that "
        "replay holds teaches nothing.",
        BlindCliffwalk(8),
        gamma=0.9,
        alpha=0.3,
    ),
    "similar actions": Ailment(
        "Similar actions: a corridor",
        "dueling",
        "Twenty actions all lead on. Without a value that they share, each must be learned by itself.",
        similar_actions(),
        gamma=0.9,
        alpha=0.1,
    ),
}


def learn(ailment: Ailment, parts: Parts, seed: int = 0) -> Iterator[TableStatus]:
    """DQN on a table: one random step into replay, one transition out of it, one update; a status now and then."""
    rng = np.random.default_rng(seed)
    env = ailment.env
    learner = TableLearner(ailment.true_q.shape, parts, ailment.alpha, rng)
    replay = PrioritizedReplayBuffer(ailment.steps) if parts.prioritized else ReplayBuffer(ailment.steps)
    window = _Window(3 if parts.n_step else 1, ailment.gamma, kits_n_step_return)
    state, _ = env.reset(seed=seed)
    for step in range(1, ailment.steps + 1):
        action = int(rng.integers(env.action_space.n))  # type: ignore[attr-defined]
        next_state, reward, terminated, _, _ = env.step(np.int64(action))
        for transition in window.add(state, action, reward, terminated, next_state):
            replay.add(_packed(transition))
        state = env.reset()[0] if terminated else next_state
        if len(replay):
            _replay_one(replay, learner, rng)
        if step % MEASURE_EVERY == 0:
            yield _status(step, learner, ailment)


RULES = {"one table": [(0, 0)], "two tables": [(0, 1), (1, 0)], "online and target": [(0, 1)]}
TARGET_PERIOD = 10  # episodes between copies of the online table to the target table


def overestimates(rule: str, seed: int, episodes: int = 300, alpha: float = 0.1) -> tuple[Array, Array]:
    """Learning in `TwoStateBias` without replay: a new draw for every update, random actions in the second state.

    Args:
        rule: one of `RULES`: Q-learning (one table), double Q-learning (van Hasselt, 2010), double DQN's way.
        seed: of the run.
        episodes: how many.
        alpha: step size.

    Returns:
        for each episode whether it went to the second state, which is wrong ``[episodes]``, and what the learner
        believed that state to be worth ``[episodes]``; its true value is -0.1.
    """
    rng = np.random.default_rng(seed)
    pairs = RULES[rule]
    tables = np.zeros((2, 3, 10))
    acting = [selects for selects, _ in pairs]
    went_on, believed = np.zeros(episodes, dtype=bool), np.zeros(episodes)
    for episode in range(episodes):
        if rule == "online and target" and episode % TARGET_PERIOD == 0:
            tables[1] = tables[0]
        first = _epsilon_greedy(tables[acting, 0].mean(axis=0), 0.1, rng)
        went_on[episode] = first != 0
        steps = [(0, first, 0.0, 2)]
        if went_on[episode]:
            steps = [(0, first, 0.0, 1), (1, int(rng.integers(10)), rng.normal(-0.1, 1.0), 2)]
        for s, a, reward, s_next in steps:
            selects, values = pairs[int(rng.integers(len(pairs)))]
            bootstrap = tables[values, s_next, tables[selects, s_next].argmax()]  # 0 in the terminal state 2
            tables[selects, s, a] += alpha * (reward + bootstrap - tables[selects, s, a])
        believed[episode] = np.mean([tables[values, 1, tables[selects, 1].argmax()] for selects, values in pairs])
    return went_on, believed


def off_policy_error(n: int, seed: int, steps: int = 20_000, n_step_return: NStepReturn = kits_n_step_return) -> Array:
    """n-step Q-learning in a 5 x 5 room from random actions alone, the largest error of any value against Q*.

    Returns:
        errors after every 500 steps ``[steps / 500]``.
    """
    env, gamma = GridWorld(5), 0.95
    true_q = env.optimal_q(gamma)
    run = _learn_online(env, n, gamma, alpha=0.1, epsilon=1.0, seed=seed, n_step_return=n_step_return)
    every_500 = itertools.islice(run, 499, steps, 500)
    return np.array([np.abs(q - true_q)[~env.terminal].max() for _, q in every_500])


def near_greedy_length(n: int, seed: int, episodes: int = 20, n_step_return: NStepReturn = kits_n_step_return) -> Array:
    """n-step Q-learning in an 8 x 8 room, acting by its own values with epsilon 0.1: steps to the goal.

    Returns:
        lengths of the episodes, and of one more that follows the learned values greedily (100 where it never
        arrives; the shortest way is 14) ``[episodes + 1]``.
    """
    env, gamma = GridWorld(8), 0.95
    run = _learn_online(env, n, gamma, alpha=0.1, epsilon=0.1, seed=seed, n_step_return=n_step_return)
    lengths = np.zeros(episodes + 1, dtype=int)
    q = np.zeros((env.num_states, 4))
    for episode, learned in itertools.takewhile(lambda moment: moment[0] < episodes, run):
        lengths[episode] += 1
        q = learned
    state = 0
    while not env.terminal[state] and lengths[-1] < 100:
        state = env.probabilities[state, q[state].argmax()].argmax()
        lengths[-1] += 1
    return lengths


def updates_needed(replay: ReplayBuffer, seed: int, n: int = 10, most: int = 100_000) -> tuple[Array, Array]:
    """Updates until the values of a blind cliff walk of ``n`` states are right, from a buffer that holds all there is.

    The buffer is filled with what all ``2**n`` sequences of actions would show, as in Schaul et al. (2016).

    Args:
        replay: an empty buffer; which transitions are drawn is its business.
        seed: of the run.
        n: states.
        most: updates after which it gives up.

    Returns:
        updates ``[T]`` and the root of the mean squared error against Q* after each ``[T]``; it ends below 0.03.
    """
    env, gamma, rng = BlindCliffwalk(n), 1 - 1 / n, np.random.default_rng(seed)
    true_q = env.optimal_q(gamma)
    learner = TableLearner(true_q.shape, Parts(), 0.25, rng)
    for transition in rng.permutation(_everything(env, gamma)):
        replay.add(_packed(tuple(transition)))
    updates, errors = [0], [_error(learner.q, true_q, env)]
    while errors[-1] > 0.03 and updates[-1] < most:
        for _ in range(100):
            _replay_one(replay, learner, rng)
        updates.append(updates[-1] + 100)
        errors.append(_error(learner.q, true_q, env))
    return np.array(updates), np.array(errors)


OneTransition = tuple[int, int, float, float, int]  # state, action, reward, discount, next state


class _Window:
    """The last steps of an episode, until n of them make a transition."""

    def __init__(self, n: int, gamma: float, n_step_return: NStepReturn) -> None:
        self._n, self._gamma, self._n_step_return = n, gamma, n_step_return
        self._steps: list[tuple[int, int, float, bool]] = []

    def add(self, state: int, action: int, reward: float, terminated: bool, next_state: int) -> Iterator[OneTransition]:
        """Take in a step; the transitions that are complete with it: at the end of an episode all that began."""
        self._steps.append((state, action, float(reward), terminated))
        while self._steps and (terminated or len(self._steps) == self._n):
            _, _, rewards, flags = zip(*self._steps, strict=True)
            total, discount = self._n_step_return(rewards, flags, self._gamma)
            first_state, first_action, _, _ = self._steps.pop(0)
            yield first_state, first_action, total, discount, next_state


def _learn_online(
    env: TabularEnv, n: int, gamma: float, *, alpha: float, epsilon: float, seed: int, n_step_return: NStepReturn
) -> Iterator[tuple[int, Array]]:
    """Q-learning on a table without replay; for every step the number of its episode, and Q after it ``[S, A]``."""
    rng = np.random.default_rng(seed)
    learner = TableLearner(env.probabilities.shape[:2], Parts(), alpha, rng)
    window = _Window(n, gamma, n_step_return)
    state, _ = env.reset(seed=seed)
    for episode in itertools.count():
        terminated = False
        while not terminated:
            action = _epsilon_greedy(learner.q[state], epsilon, rng)
            next_state, reward, terminated, _, _ = env.step(np.int64(action))
            for transition in window.add(state, action, reward, terminated, next_state):
                learner.update(*transition)
            state = next_state
            yield episode, learner.q
        state, _ = env.reset()


def _epsilon_greedy(q: Array, epsilon: float, rng: np.random.Generator) -> int:
    """Epsilon-greedy, but ties are broken by lot: in a table of zeros the first action is no better than the others."""
    if rng.random() < epsilon:
        return int(rng.integers(len(q)))
    return int(rng.choice(np.flatnonzero(q == q.max())))


def _everything(env: TabularEnv, gamma: float) -> Array:
    """The transitions that all sequences of n actions show, each as often as it would occur ``[M, 5]``."""
    rows = []
    for actions in itertools.product(range(2), repeat=env.num_states - 1):
        state = 0
        for action in actions:
            next_state = int(env.probabilities[state, action].argmax())
            ended = env.terminal[next_state]
            rows.append((state, action, env.rewards[state, action, next_state], 0.0 if ended else gamma, next_state))
            if ended:
                break
            state = next_state
    return np.array(rows)


def _packed(transition: OneTransition) -> Transition:
    """One transition as a batch of one."""
    s, a, reward, discount, s_next = transition
    return Transition(
        np.array([s], np.int64),
        np.array([a], np.int32),
        np.array([reward], np.float32),
        np.array([discount], np.float32),
        np.array([s_next], np.int64),
    )


def _replay_one(replay: ReplayBuffer, learner: TableLearner, rng: np.random.Generator) -> None:
    """Draw one transition, learn from it, tell replay how large its TD error was."""
    sample = replay.sample(1, 1, rng)
    s, a, reward, discount, s_next = (values[0, 0] for values in sample.transitions)
    td_error = learner.update(
        int(s), int(a), float(reward), float(discount), int(s_next), float(sample.importance[0, 0])
    )
    replay.update_priorities(sample.indices, np.array([[td_error]], np.float32))


def _error(q: Array, true_q: Array, env: TabularEnv) -> float:
    return float(np.sqrt(((q - true_q)[~env.terminal] ** 2).mean()))


def _status(step: int, learner: TableLearner, ailment: Ailment) -> TableStatus:
    goes_on, true_q = ~ailment.env.terminal, ailment.true_q
    promised = learner.next_values() - true_q.max(axis=1)
    return TableStatus(
        step,
        ailment.steps,
        learner.q[goes_on].ravel(),
        true_q[goes_on].ravel(),
        _error(learner.q, true_q, ailment.env),
        float(promised[goes_on].mean()),
    )
