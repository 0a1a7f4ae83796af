"""How long a task shall be: long enough for Dask's overhead, short enough for the weights to be young."""

from __future__ import annotations

from dqnkit.config import DQNConfig

TASK_SECONDS = 0.2  # that a task shall take: Dask's overhead of some milliseconds stays under 5 %
LONGEST_TASK = 2.0  # seconds
TASKS_A_SECOND = 50  # from all threads together: each costs scheduler and driver 4 ms, which the learner wants, too
LARGEST_SHARE = 1 / 200  # of all steps of the run, in one task: with longer ones CartPole learned from weights too old


def steps_of_a_task(config: DQNConfig, step_seconds: float, threads: int) -> int:
    """Steps of each copy: `TASK_SECONDS` of work, more for many threads, a small share of the run.

    Args:
        config: the run's settings.
        step_seconds: of one step of all copies; 0 where that is not known yet.
        threads: that take tasks, in the whole cluster.
    """
    most = int(config.total_steps * LARGEST_SHARE / config.num_envs)
    if step_seconds:
        seconds = min(max(TASK_SECONDS, threads / TASKS_A_SECOND), LONGEST_TASK)
        return max(1, min(int(seconds / step_seconds), most))
    return max(1, min(config.rollout_steps, most))
