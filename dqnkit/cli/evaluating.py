"""Evaluation from the command line: its options, its progress bar, what is said of episodes that were cut."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import click

from dqnkit.cli.finite_range import FiniteRange
from dqnkit.cli.sections import SectionOption

if TYPE_CHECKING:
    from dqnkit.config import DQNConfig
    from dqnkit.evaluation import Evaluation
    from dqnkit.types import PolicyWeights

SECTION = "The evaluation"
BAR_SECONDS = 0.2  # between two pictures of a progress bar
LOG_SECONDS = 10  # the same where nobody looks on


@dataclass(frozen=True, kw_only=True)
class EvaluationChoice:
    """The values of the options that `evaluation_options` defines."""

    episodes: int
    evaluation_steps: int | None
    evaluation_epsilon: float

    @property
    def kind(self) -> str:
        """Of the episodes, in words."""
        return f"episodes with epsilon {self.evaluation_epsilon:g}" if self.evaluation_epsilon else "greedy episodes"

    def play(self, weights: PolicyWeights, config: DQNConfig, seed: int | None = None) -> Evaluation:
        """Play the episodes with a progress bar.

        Args:
            weights: the policy.
            config: for the environment.
            seed: which episodes.
        """
        from tqdm import tqdm

        from dqnkit.evaluation import play_episodes

        playing = play_episodes(
            weights, config, self.episodes, seed, epsilon=self.evaluation_epsilon, max_steps=self.evaluation_steps
        )
        with closing(playing), tqdm(total=self.episodes, desc="evaluation", unit=" episodes", **bar_style()) as bar:
            for evaluation in playing:
                bar.set_postfix_str(f"{evaluation.steps:,} steps", refresh=False)
                bar.update(evaluation.ended - bar.n)
        return evaluation

    def warn(self, evaluation: Evaluation) -> None:
        """Say how many episodes were cut, if any, and the option that lets them run on."""
        if sentence := evaluation.warning():
            click.secho(
                f"{sentence}. Give a larger --evaluation-steps, or --max-episode-steps in training", fg="yellow"
            )


def evaluation_options(*short_names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of an evaluation. The command gets them as ``evaluation``, an `EvaluationChoice`.

    Args:
        short_names: more names of the option that says how many episodes.
    """
    option = partial(click.option, cls=SectionOption, section=SECTION)
    options = (
        option(
            *(*short_names, "--evaluation-episodes", "episodes"),
            type=click.IntRange(1),
            default=100,
            help="whole episodes to play  [100]",
        ),
        option(
            "--evaluation-steps",
            type=click.IntRange(1),
            help="an episode is cut after so many  [the environment's time limit; 5000 where it has none]",
        ),
        option("--evaluation-epsilon", type=FiniteRange(0, 1), default=0.0, help="exploration rate  [0: greedy]"),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def collected(**values: Any) -> Any:
            names = EvaluationChoice.__dataclass_fields__
            return command(evaluation=EvaluationChoice(**{name: values.pop(name) for name in names}), **values)

        for add in reversed(options):
            collected = add(collected)
        return collected

    return decorate


def bar_style() -> dict[str, Any]:
    """Settings of every progress bar: it is drawn often where somebody looks on, seldom in a file."""
    # miniters: the numbers beside a bar change where the bar itself stands still
    return {"mininterval": BAR_SECONDS if sys.stderr.isatty() else LOG_SECONDS, "miniters": 0, "smoothing": 0.1}
