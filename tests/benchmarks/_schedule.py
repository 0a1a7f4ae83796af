"""Shared by the two workers of solve.py: arguments, and regular evaluations while the clock is stopped."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import report


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the arguments that solve.py gives to a worker; by default those of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("env_id")
    for name in ("seed", "budget", "evaluate-every", "episodes", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args(words)


class Schedule:
    """Evaluates when training reaches each multiple of `evaluate_every` steps, and at the end of the budget.

    `evaluate(policy, seed)` returns the return of each episode. The seeds of evaluation are not used in training,
    differ between evaluations, and are the same for both sides.
    """

    def __init__(self, settings: argparse.Namespace, evaluate: Callable[[Any, int], Any]) -> None:
        self._settings = settings
        self._evaluate = evaluate
        self._due = min(settings.evaluate_every, settings.budget)
        self._clock = report.Stopwatch()

    def start(self) -> None:
        """Start the clock: call it after the imports and before the networks are built."""
        self._clock.start()

    def reached(self, step: int, policy: Any) -> bool:
        """Evaluate if an evaluation is due after `step` environment steps. Return whether training should continue."""
        if step < self._due:
            return True
        self._clock.stop()
        every, budget = self._settings.evaluate_every, self._settings.budget
        scheduled = min(step // every * every, budget)
        returns = self._evaluate(policy, 10_000_000 * (1 + self._settings.seed) + scheduled)
        assert len(returns) == self._settings.episodes, f"{len(returns)} episodes"
        report.emit(
            step=step,
            seconds=self._clock.seconds,
            cpu_seconds=self._clock.cpu_seconds,
            mean=float(returns.mean()),
            std=float(returns.std()),
        )
        if step >= budget:
            report.emit(versions=report.versions())
            return False
        self._due = min(scheduled + every, budget)
        self._clock.start()
        return True
