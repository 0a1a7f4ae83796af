"""How many tasks are in flight, and how long a task should be.

A task should be long enough to make Dask's overhead small, and short enough for its weights to be recent.
"""

from __future__ import annotations

from dqnkit.config import DQNConfig

WINDOW = 2  # tasks in flight for each worker thread: one runs, one waits
TASK_SECONDS = 0.2  # intended duration of a task: Dask's overhead of some milliseconds stays under 5 %
LONGEST_TASK = 2.0  # seconds
TASKS_A_SECOND = 50  # from all threads together: a task costs scheduler and driver 1 to 4 ms, which the learner needs
LARGEST_SHARE = 1 / 200  # of all steps of the run, in one task; with longer tasks CartPole learned from stale weights


def steps_of_a_task(config: DQNConfig, step_seconds: float, threads: int) -> int:
    """Steps of each copy of the environment in one task.

    A task does `TASK_SECONDS` of work, more if there are many threads, but only a small share of the run.

    Args:
        config: the run's settings.
        step_seconds: duration of one step of all copies; 0 if it is not known yet.
        threads: of all workers together.
    """
    most = int(config.total_steps * LARGEST_SHARE / config.num_envs)
    if step_seconds:
        seconds = min(max(TASK_SECONDS, threads / TASKS_A_SECOND), LONGEST_TASK)
        return max(1, min(int(seconds / step_seconds), most))
    return max(1, min(config.rollout_steps, most))
