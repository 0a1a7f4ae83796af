"""Small experiments: four problems of DQN, each in a small environment that has it, and the part that helps.

All of them are DQN on a table: transitions go into a replay buffer, are drawn at random, and each updates one value. A
table has no approximation error and the exact Q* is known, so the experiments show the effect of one part alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import BlindCliffwalk, GridWorld, TabularEnv, TwoStateBias
from dqnkit.types import Array, Transition

NStepReturn = Callable[[Any, Any, float], tuple[float, float]]  # rewards [n] and flags [n] are arrays
MEASURE_EVERY = 50  # steps between two statuses


@dataclass(frozen=True)
class Parts:
    """Which of the four parts of DQN are on."""

    double: bool = False
    n_step: bool = False  # a transition sums three rewards
    prioritized: bool = False
    dueling: bool = False


class TableLearner:
    """Q-learning on a table, with the parts that change its update: double and dueling.

    Double (van Hasselt, 2010): two tables, both start at 0. Each update moves one of them, chosen at random; this table
    selects the next action of the target, the other table gives its value.

    Dueling: a value for each state and an advantage for each action, ``Q(s, a) = V(s) + A(s, a) - mean of A(s, .)``. A
    gradient step on V and A that moves Q(s, a) moves each other action of the state too, with N actions
    (N - 1) / (2 N - 1) times as far. So the update needs no stored V or A.

    Args:
        shape: of the table, ``(S, A)``.
        parts: only ``double`` and ``dueling`` are used.
        alpha: step size.
        rng: chooses the table to update.
    """

    def __init__(self, shape: tuple[int, ...], parts: Parts, alpha: float, rng: np.random.Generator) -> None:
        num_states, num_actions = shape
        self.alpha = alpha
        self.shared = (num_actions - 1) / (2 * num_actions - 1) if parts.dueling else 0.0
        self._tables = np.zeros((2 if parts.double else 1, num_states, num_actions))
        self._rng = rng

    @property
    def q(self) -> Array:
        """The Q-values that the learner acts on ``[S, A]``: the table, or the mean of two."""
        return self._tables.mean(axis=0)

    def next_values(self) -> Array:
        """The value that a target uses for each next state ``[S]``; with two tables, the mean over their two roles."""
        states = np.arange(self._tables.shape[1])
        pairs = [(self._tables[0], self._tables[-1]), (self._tables[-1], self._tables[0])]
        return np.mean([values[states, selects.argmax(axis=1)] for selects, values in pairs], axis=0)

    def update(self, s: int, a: int, reward: float, discount: float, s_next: int, importance: float = 1.0) -> float:
        """Move Q(s, a) towards its target; returns the TD error before the move."""
        chosen = int(self._rng.integers(len(self._tables)))
        selects, values = self._tables[chosen], self._tables[-1 - chosen]  # the same table if there is only one
        target = reward + discount * values[s_next, selects[s_next].argmax()]
        td_error = float(target - selects[s, a])
        step = self.alpha * importance * td_error
        selects[s] += self.shared * step
        selects[s, a] += (1 - self.shared) * step
        return td_error


@dataclass(frozen=True)
class Ailment:
    """An environment that shows one problem of DQN, and hardly any other."""

    title: str
    part: str  # the field of `Parts` that is made for it
    story: str  # one or two sentences about the problem
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
    """The state of learning on a table. Terminal states are left out: V counts the Q-values of all other states."""

    step: int
    total: int
    learned: Array  # [V]
    true: Array  # [V]
    error: float  # root mean squared difference of the two
    overestimation: float  # mean over states of (next value in a target) - max_a Q*(s, a); above 0: too high


def similar_actions(length: int = 10, num_actions: int = 20) -> TabularEnv:
    """A corridor where every action moves one square on; the last step pays 1. All actions have the same value."""
    probabilities = np.zeros((length + 1, num_actions, length + 1))
    rewards = np.zeros_like(probabilities)
    for state in range(length):
        probabilities[state, :, state + 1] = 1
    probabilities[length, :, length] = 1
    rewards[length - 1, :, length] = 1
    return TabularEnv(probabilities, rewards, np.arange(length + 1) == length)


def different_actions(num_actions: int = 10) -> TabularEnv:
    """One state and one step; each action pays its own reward between -1 and 1, so no action tells about another."""
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
        "The only reward is at the goal; with one-step targets the news of it travels one move with each update.",
        GridWorld(5),
        gamma=0.9,
        alpha=0.3,
    ),
    "rare events": Ailment(
        "Rare events: the blind cliff walk",
        "prioritized",
        "In each state one of two actions ends the episode, so only one random episode in 256 gets the reward. Almost "
        "everything in replay teaches nothing.",
        BlindCliffwalk(8),
        gamma=0.9,
        alpha=0.3,
    ),
    "similar actions": Ailment(
        "Similar actions: a corridor",
        "dueling",
        "All of the twenty actions lead one state on. Without a value that they share, each is learned by itself.",
        similar_actions(),
        gamma=0.9,
        alpha=0.1,
    ),
}


def summed_rewards(rewards: Any, terminated: Any, gamma: float) -> tuple[float, float]:
    """The return of a `_Window` and the discount of its bootstrap value; an episode ends with one, never within."""
    total = 0.0
    for reward in reversed(rewards):
        total = float(reward) + gamma * total
    return total, 0.0 if terminated[-1] else gamma ** len(rewards)


def learn(ailment: Ailment, parts: Parts, seed: int = 0) -> Iterator[TableStatus]:
    """DQN on a table. In each step: one random action, one transition added to replay, one drawn, one update.

    Yields:
        the state of learning, every `MEASURE_EVERY` steps.
    """
    rng = np.random.default_rng(seed)
    env = ailment.env
    learner = TableLearner(ailment.true_q.shape, parts, ailment.alpha, rng)
    replay = PrioritizedReplayBuffer(ailment.steps) if parts.prioritized else ReplayBuffer(ailment.steps)
    window = _Window(3 if parts.n_step else 1, ailment.gamma, summed_rewards)
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


# Name -> pairs of tables: the first selects the action of the bootstrap and is updated, the second gives its value.
RULES = {"one table": [(0, 0)], "two tables": [(0, 1), (1, 0)], "online and target": [(0, 1)]}
TARGET_PERIOD = 10  # episodes between copies of the online table to the target table


def two_state_run(rule: str, seed: int, episodes: int = 300, alpha: float = 0.1) -> tuple[Array, Array]:
    """Learn in `TwoStateBias` without replay; actions in the second state are random.

    Args:
        rule: one of `RULES`: Q-learning (one table), double Q-learning (two tables; van Hasselt, 2010), double DQN
            (online and target).
        seed: of the run.
        episodes: how many.
        alpha: step size.

    Returns:
        for each episode, whether it went to the second state, which is wrong ``[episodes]``, and the learned value of
        that state ``[episodes]``; its true value is -0.1.
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


def off_policy_error(n: int, seed: int, steps: int = 20_000, n_step_return: NStepReturn = summed_rewards) -> Array:
    """The largest error of n-step Q-learning against Q* in a 5 x 5 room, when all actions are random.

    Returns:
        the largest ``|Q - Q*|`` after every 500 steps ``[steps / 500]``.
    """
    env, gamma = GridWorld(5), 0.95
    true_q = env.optimal_q(gamma)
    run = _learn_online(env, n, gamma, alpha=0.1, epsilon=1.0, seed=seed, n_step_return=n_step_return)
    every_500 = itertools.islice(run, 499, steps, 500)
    return np.array([np.abs(q - true_q)[~env.terminal].max() for _, q in every_500])


def near_greedy_length(n: int, seed: int, episodes: int = 20, n_step_return: NStepReturn = summed_rewards) -> Array:
    """Episode lengths of n-step Q-learning in an 8 x 8 room, when actions are epsilon-greedy with epsilon 0.1.

    Returns:
        the lengths of the episodes, then that of one greedy episode with the learned values: 100 if it does not reach
        the goal, 14 by the shortest way ``[episodes + 1]``.
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
    """How many updates a buffer needs to learn the blind cliff walk of ``n`` states (Schaul et al., 2016, section 3.1).

    The buffer is filled with the transitions of all ``2**n`` sequences of actions; nothing is added while it learns.

    Args:
        replay: an empty buffer; its way to draw transitions is what the experiment compares.
        seed: of the run.
        n: number of states.
        most: stop after this many updates.

    Returns:
        updates ``[T]`` and the root mean squared error against Q* after each ``[T]``. The last error is at most 0.03,
        unless ``most`` updates were made.
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
    """The newest steps of an episode, of which n make one transition."""

    def __init__(self, n: int, gamma: float, n_step_return: NStepReturn) -> None:
        self._n, self._gamma, self._n_step_return = n, gamma, n_step_return
        self._steps: list[tuple[int, int, float, bool]] = []

    def add(self, state: int, action: int, reward: float, terminated: bool, next_state: int) -> Iterator[OneTransition]:
        """Add a step; yields the transitions that it completes. The end of an episode completes all of them."""
        self._steps.append((state, action, float(reward), terminated))
        while self._steps and (terminated or len(self._steps) == self._n):
            _, _, rewards, flags = zip(*self._steps, strict=True)
            total, discount = self._n_step_return(np.array(rewards), np.array(flags), self._gamma)
            first_state, first_action, _, _ = self._steps.pop(0)
            yield first_state, first_action, total, discount, next_state


def _learn_online(
    env: TabularEnv, n: int, gamma: float, *, alpha: float, epsilon: float, seed: int, n_step_return: NStepReturn
) -> Iterator[tuple[int, Array]]:
    """Q-learning on a table without replay; yields after each step the number of its episode, and Q ``[S, A]``."""
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
    """Epsilon-greedy with random ties: in a table of zeros, the first action must not always win."""
    if rng.random() < epsilon:
        return int(rng.integers(len(q)))
    return int(rng.choice(np.flatnonzero(q == q.max())))


def _everything(env: TabularEnv, gamma: float) -> Array:
    """The transitions of all sequences of n actions, repeated as often as they occur ``[M, 5]``."""
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
    """Draw one transition, learn from it, and set its priority to the TD error."""
    sample = replay.sample(1, 1, rng)
    s, a, reward, discount, s_next = (values[0, 0] for values in sample.transitions)
    td_error = learner.update(
        int(s), int(a), float(reward), float(discount), int(s_next), float(sample.importance[0, 0])
    )
    replay.update_priorities(sample.indices, np.array([[td_error]], np.float32))


def _error(q: Array, true_q: Array, env: TabularEnv) -> float:
    """Root mean squared error over all states that are not terminal."""
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
