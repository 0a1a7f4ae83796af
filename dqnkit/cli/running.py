"""A run from the command line: the training loop with its progress bar, and what comes at its end."""

from __future__ import annotations

import importlib
import math
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dqnkit.cli import signals
from dqnkit.cli.evaluating import EvaluationChoice, bar_style
from dqnkit.errors import ClusterError, DivergedError, DQNKitError, InvalidDataError, RolloutError, needs

if TYPE_CHECKING:
    from dqnkit.cli.cluster_options import Rollouts
    from dqnkit.config import DQNConfig
    from dqnkit.runs import RunFolder
    from dqnkit.types import PolicyWeights, TrainStatus

BUDGET_REACHED = 3


@signals.deferred()
def train_run(
    run: RunFolder,
    statuses: Generator[TrainStatus, None, None],
    rollouts: Rollouts,
    evaluation: EvaluationChoice,
    *,
    video: bool,
    first_step: int = 0,
    weights: PolicyWeights | None = None,
) -> None:
    """Train with a progress bar until the end, a signal or the budget; keep the run; at its end evaluate its policy.

    Args:
        run: where it is kept.
        statuses: from `dqnkit.training.train`.
        rollouts: the source of the rollouts.
        evaluation: what is played at the end.
        video: whether an episode is recorded at the end.
        first_step: where a run that is resumed begins.
        weights: the policy of a run that is resumed.
    """
    from tqdm import tqdm

    from dqnkit.checkpoint import BOUND

    click.echo(BOUND)
    status, total, out_of_budget = None, run.config.total_steps, False
    with tqdm(total=total, initial=first_step, unit=" steps", **bar_style()) as bar:
        try:
            for status in statuses:
                run.record(status)
                bar.update(min(status.step, total) - bar.n)
                bar.set_postfix_str(_progress(status, run.config, rollouts), refresh=False)
                out_of_budget = rollouts.must_end()
                if signals.asked() or out_of_budget:
                    break
            statuses.close()
        except (DivergedError, InvalidDataError, ClusterError, RolloutError) as error:
            if status is not None:
                run.finish(status)  # what was learned before the error is sound
                _draw(run.draw_curve)
                if isinstance(error, ClusterError):
                    go_on = f"Run {run.path} is saved at step {status.step:,}. Go on with: dqnkit resume {run.path}"
                    raise ClusterError(f"{error}. {go_on} --workers 2, or with another cluster") from error
                click.echo(f"Stopped by an error at step {status.step:,}. Mend it, then: dqnkit resume {run.path}")
            raise
        finally:
            statuses.close()
    if status is not None:
        run.finish(status)
        rollouts.release()  # machines cost money, and the evaluation does not need them
        weights, seconds = status.weights, max(status.seconds, 1e-9)
        speed = (status.step - first_step) / seconds
        click.echo(f"Trained for {seconds:.1f} s ({speed:,.0f} steps a second, {status.updates:,} updates in all)")
    if (signals.asked() or out_of_budget) and status is not None:
        _draw(run.draw_curve)
        why = "The budget is reached: stopped" if out_of_budget else "Stopped"
        click.echo(f"{why} at step {status.step:,}; nothing is lost. Go on with: dqnkit resume {run.path}")
        sys.exit(BUDGET_REACHED if out_of_budget else signals.exit_status())
    assert weights is not None  # a run with nothing left to do comes with its weights
    try:
        with signals.at_once():
            _show_result(run, weights, evaluation, video)
    except signals.Ended:
        if not run.evaluated:
            click.echo(f"Stopped while evaluating; the training is complete. Evaluate with: dqnkit resume {run.path}")
        raise


def _progress(status: TrainStatus, config: DQNConfig, rollouts: Rollouts) -> str:
    """The numbers to the right of the progress bar, those that are known."""
    numbers = [] if math.isnan(status.episode_return) else [f"return {status.episode_return:.1f}"]
    if math.isnan(status.loss):
        numbers.append(f"learning starts at {config.learning_starts:,}")
    else:
        numbers.append(f"loss {status.loss:.3g}")
    return ", ".join(numbers) + rollouts.progress(status.policy_lag)


def _show_result(
    run: RunFolder,
    weights: PolicyWeights,
    evaluation: EvaluationChoice,
    video: bool,
) -> None:
    """Evaluate the policy, say and keep the result; the pictures, which may fail in any way, come last."""
    result = evaluation.play(weights, run.config)
    returns = result.returns
    try:
        click.echo(f"Mean return over {len(returns)} {evaluation.kind}: {returns.mean():.1f} (std {returns.std():.1f})")
    finally:  # also where nobody reads what is said
        run.write_evaluation(returns, result.epsilon)  # this file marks the run as complete
    evaluation.warn(result)
    _draw(run.draw_curve)
    if video:
        _draw(lambda: run.draw_video(weights))
    click.echo(f"All of it is in {run.path}")


def _draw(draw: Callable[[], Path]) -> None:
    """Draw a picture of the run. Where that is not possible the run is still complete, and a line says why.

    Pictures are made by the environment, by what it draws with and by other packages, so every error is possible here.
    """
    try:
        click.echo(f"  {draw()}")
    except (Exception, SystemExit) as error:
        first_line = (str(error).strip() or "without a message").splitlines()[0]
        why = first_line if isinstance(error, DQNKitError) else f"{type(error).__name__}: {first_line}"
        click.secho(f"  no picture: {why}", fg="yellow", err=True)


def restore_run(run: Path, config: DQNConfig, *, set_aside: bool = True) -> Any:
    """The newest whole checkpoint of a run; what was damaged is said."""
    from dqnkit.checkpoint import DamagedCheckpointWarning, restore

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DamagedCheckpointWarning)
        state = restore(run / "checkpoints", config, set_aside=set_aside)
    for warning in caught:
        click.secho(f"dqnkit: {warning.message}", fg="yellow", err=True)
    return state


@contextmanager
def _as_if_missing(*packages: str) -> Iterator[None]:
    """Keras imports these where they are installed, for tools that a command never uses: a fifth of its seconds."""
    absent: list[str] = [package for package in packages if package not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(absent))  # Python takes None for a package that cannot be imported
    try:
        yield
    finally:
        for package in absent:
            del modules[package]


def import_tensorflow() -> None:
    """Import what the learner needs, so that a missing package is noticed before anything is written."""
    click.echo("Loading TensorFlow, which takes some seconds ...", err=True)
    for module, name in (("dqnkit.backend", "TensorFlow"), ("tensorboard", "TensorBoard"), ("tqdm", "tqdm")):
        try:
            with (
                _as_if_missing("IPython", "matplotlib", "pandas"),
                needs(f"{name}, which training needs,", "learner", name.lower(), "keras"),
            ):
                importlib.import_module(module)
        except ImportError as error:
            if isinstance(error, DQNKitError):
                raise
            raise DQNKitError(f"{name} is installed, and cannot be imported: {error}. Install it again") from error
