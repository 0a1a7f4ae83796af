"""The notebooks of the course, in their order: what each is about, and how long it takes."""

from __future__ import annotations

from typing import NamedTuple


class Chapter(NamedTuple):
    """One notebook."""

    name: str  # of its file, without the ending
    idea: str  # the one new idea
    minutes: int

    @property
    def title(self) -> str:
        """The name as a reader sees it: ``01 · Q-update``."""
        number, _, words = self.name.partition("_")
        words = words.replace("_", " ").replace("q ", "Q-").replace("dqn", "DQN").replace("dask", "Dask")
        return f"{number} · {words[:1].upper()}{words[1:]}"


COURSE = (
    Chapter("00_start_here", "agent, environment, return; the loop", 20),
    Chapter("01_q_update", "the Q-update formula on a table", 40),
    Chapter("02_q_network", "the table becomes a network; the gradient step", 50),
    Chapter("03_replay", "the replay buffer; correlated data; terminated and truncated", 40),
    Chapter("04_target_network", "the target network; complete DQN solves CartPole", 50),
    Chapter("05_beyond_dqn", "double Q-learning, n-step returns, prioritized replay, dueling networks", 50),
    Chapter("06_rollouts_on_dask", "rollouts as tasks on a Dask cluster; throughput, Amdahl's law, policy lag", 45),
    Chapter(
        "07_strategy_learner", "a learner of several replicas under `tf.distribute`; their gradients become one", 40
    ),
    Chapter(
        "08_train_on_a_cluster", "rollouts and learner together, live; a worker is killed; resume from a checkpoint", 45
    ),
    Chapter("09_cloud", "the same on cloud machines: cost, limits, safety; a dry run for those without an account", 40),
)
