"""The command line: dqnkit train, resume, evaluate, certificates, plan, cloud, doctor, lab, course.

Every setting of `DQNConfig` is an option of ``train``.

Exit status: 2 after a mistake of the user's, which is told in one sentence; 130 after Ctrl-C; 3 when the budget is
reached. In the last two cases training stops between two steps and writes a checkpoint.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import signal
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

import dqnkit
from dqnkit.cli.cloud_commands import cloud, plan
from dqnkit.cli.cluster_options import ClusterChoice, cluster_options, needs_dask
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError, DivergedError, DQNKitError, InvalidDataError, MissingExtraError, RolloutError
from dqnkit.presets import names_of_presets, preset

if TYPE_CHECKING:
    from dqnkit.cli.cluster_options import Rollouts
    from dqnkit.runs import RunFolder
    from dqnkit.types import PolicyWeights, TrainStatus

INTERRUPTED = 130  # the exit status of a program that Ctrl-C ended
BUDGET_REACHED = 3


class _Group(click.Group):
    """Turns the kit's own errors into one sentence and exit status 2."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DQNKitError as error:
            message = str(error)
        except MemoryError:
            advice = "lower replay_capacity, num_envs or hidden_sizes"
            message = f"these settings need more memory than there is: {advice}"
        click.secho(f"dqnkit: {message}", fg="red", err=True)
        return context.exit(2)


class _Sizes(click.ParamType):
    """Whole numbers with commas between them."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """``"64,64" -> (64, 64)``."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(int(part) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers like 64,64", param, context)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(dqnkit.__version__)
def main() -> None:
    """Deep Q-Learning: train, look at what was learned, open the course."""
    sys.path.append(os.getcwd())  # so that my_module:MyEnv-v0 finds a module in the current folder


main.add_command(cloud)
main.add_command(plan)


def _config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one option for each setting, with its documentation and default."""
    hints = get_type_hints(DQNConfig)
    for spec in reversed(dataclasses.fields(DQNConfig)):
        if spec.name != "env_id":
            option = "--" + spec.name.replace("_", "-")
            kind = hints[spec.name]
            names = [f"{option}/--no{option[1:]}"] if kind is bool else [option]
            default = ",".join(map(str, spec.default)) if isinstance(spec.default, tuple) else spec.default
            command = click.option(
                *names,
                spec.name,
                type=_option_type(kind, spec.metadata["choices"]),
                default=None,
                help=f"{spec.metadata['help']}  [{default}]",
            )(command)
    return command


def _option_type(kind: Any, choices: tuple[str, ...] | None) -> Any:
    if choices:
        return click.Choice(choices)
    return _Sizes() if get_args(kind) else kind


TRAIN_HELP = f"""Train a DQN on ENV_ID, any Gymnasium environment with discrete actions.

An environment of your own is named with its module: my_module:MyEnv-v0.

Settings known to work are used for {names_of_presets()}; give any of them to choose otherwise. The defaults in brackets
are for all others.
"""


@main.command(short_help="Train a DQN on an environment.", help=TRAIN_HELP)
@click.argument("env_id")
@click.option("--run-dir", type=click.Path(path_type=Path), help="where the run is kept  [runs/ENV_ID-TIME]")
@click.option("--video/--no-video", default=True, help="record an episode at the end")
@click.option("--show", is_flag=True, help="open the learning curve and the video at the end")
@cluster_options
@_config_options
def train(
    env_id: str,
    run_dir: Path | None,
    video: bool,
    show: bool,
    cluster: ClusterChoice,
    **settings: Any,
) -> None:
    config = preset(env_id, **{name: value for name, value in settings.items() if value is not None})
    from dqnkit.environments import make_env

    make_env(env_id, max_episode_steps=config.max_episode_steps, frame_stack=config.frame_stack).close()
    from dqnkit.runs import RunFolder

    name = re.sub("[/:]", "-", env_id)
    path = run_dir or Path("runs") / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    with cluster.rollouts() as rollouts:
        _import_tensorflow()
        from dqnkit.default_parts import make_learner
        from dqnkit.training import train as train_loop

        learner = make_learner(config)  # first: a network that cannot be built must leave no folder behind
        run = RunFolder.create(path, config)
        click.echo(f"Training on {env_id} for {config.total_steps:,} steps; the run is kept in {path}")
        _train(run, train_loop(config, rollouts=rollouts.source, learner=learner), video, rollouts)
    if show:
        for picture in ("learning_curve.png", "video.gif"):
            if (path / picture).exists():
                click.launch(str(path / picture))


@main.command(short_help="Go on with a run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--total-steps", type=int, help="a new end, in environment steps")
@click.option("--video/--no-video", default=True, help="record an episode at the end")
@cluster_options
def resume(
    run: Path,
    total_steps: int | None,
    video: bool,
    cluster: ClusterChoice,
) -> None:
    """Go on with RUN, the folder of a run, from its last whole checkpoint, with a cluster or without."""
    from dqnkit.runs import RunFolder, read_config

    config = read_config(run)
    if total_steps is not None:
        config = dataclasses.replace(config, total_steps=total_steps)
    with cluster.rollouts() as rollouts:
        _import_tensorflow()
        from dqnkit.training import train as train_loop

        state = _restore(run, config) if list((run / "checkpoints").glob("step-*")) else None
        step = state.counters.step if state else 0  # 0: the run was stopped before its first checkpoint
        folder = RunFolder.open(run, config, step)
        if state and step >= config.total_steps and folder.evaluated:
            click.echo(f"The run is complete ({step:,} steps); --total-steps sets a new end")
            return
        click.echo(f"Going on from step {step:,} of {config.total_steps:,}")
        weights = state.learner.get_weights() if state else None
        _train(
            folder,
            train_loop(config, rollouts=rollouts.source, state=state),
            video,
            rollouts,
            step,
            weights,
        )


@main.command(short_help="Evaluate a run's policy.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--episodes", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(0), help="which episodes  [those of the run's seed]")
def evaluate(run: Path, episodes: int, seed: int | None) -> None:
    """Play greedy episodes with the newest policy of RUN and print their returns."""
    from dqnkit.evaluation import evaluate as evaluate_policy
    from dqnkit.runs import read_config

    config = read_config(run)
    _import_tensorflow()
    state = _restore(run, config, set_aside=False)
    returns = evaluate_policy(state.learner.get_weights(), config, episodes, seed)
    click.echo(f"{config.env_id} after {state.counters.step:,} steps, {episodes} greedy episodes:")
    click.echo(f"  mean {returns.mean():.1f}   standard deviation {returns.std():.1f}")
    click.echo(
        f"  lowest {returns.min():.1f}   median {statistics.median_high(returns):.1f}   highest {returns.max():.1f}"
    )


@main.command(short_help="Make TLS certificates for a cluster.")
@click.argument("file", type=click.Path(path_type=Path))
def certificates(file: Path) -> None:
    """Write certificates for the scheduler, the workers and the clients of one cluster to FILE.

    Whoever has a copy can join the cluster and run code on it.
    """
    with needs_dask():
        from dqnkit.cluster.security import write_certificates
    write_certificates(file)
    click.echo(f"Copy {file} to each machine of the cluster, and start every command there with DASK_CONFIG={file}")


@main.command(short_help="Look at this computer.")
def doctor() -> None:
    """Versions, cores, memory, what is missing and the command that mends it."""
    from dqnkit.doctor import examine

    findings = examine()
    click.echo(str(findings))
    sys.exit(1 if any(finding.status == "problem" for finding in findings) else 0)


@main.command(short_help="Open the course in JupyterLab.")
@click.option("--port", type=click.IntRange(1, 65535), default=8888, show_default=True)
@click.option("--browser/--no-browser", default=None, help="open a browser window  [where there is one]")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def lab(port: int, browser: bool | None, folder: Path | None) -> None:
    """Open JupyterLab at the course; installed from a wheel, it is first copied to FOLDER [dqnkit-course]."""
    from dqnkit.lab import open_lab

    sys.exit(open_lab(port=port, browser=browser, folder=folder))


@main.command(short_help="Copy the course, or bring a copy up to date.")
@click.argument("folder", type=click.Path(path_type=Path))
def course(folder: Path) -> None:
    """Put the notebooks into FOLDER, or bring those there up to date; what you have changed stays as it is."""
    from dqnkit.lab import bring_course

    bring_course(folder)


def _train(
    run: RunFolder,
    statuses: Generator[TrainStatus, None, None],
    video: bool,
    rollouts: Rollouts,
    first_step: int = 0,
    weights: PolicyWeights | None = None,
) -> None:
    """Train with a progress bar until the end, Ctrl-C or the budget; keep the run, and evaluate its policy at the end.

    A run that is resumed begins at ``first_step`` with these ``weights``.
    """
    from tqdm import tqdm

    status, total, out_of_budget = None, run.config.total_steps, False
    interval = 0.2 if sys.stderr.isatty() else 10
    with (
        _interruptible() as interrupted,
        tqdm(total=total, initial=first_step, unit=" steps", mininterval=interval, smoothing=0.1) as bar,
    ):
        try:
            for status in statuses:
                run.record(status)
                bar.update(min(status.step, total) - bar.n)
                bar.set_postfix_str(_progress(status, rollouts), refresh=False)
                out_of_budget = rollouts.must_end()
                if interrupted() or out_of_budget:
                    break
        except (DivergedError, InvalidDataError, ClusterError, RolloutError) as error:
            if status is not None:
                run.finish(status)  # what was learned before the error is sound
                _draw(run.draw_curve)
                if isinstance(error, ClusterError):
                    go_on = f"Run {run.path} is saved at step {status.step:,}. Go on with: dqnkit resume {run.path}"
                    raise ClusterError(f"{error}. {go_on} --workers 2, or with another cluster") from error
            raise
        finally:
            statuses.close()
    if status is not None:
        run.finish(status)
        rollouts.release()  # machines cost money, and the evaluation does not need them
        weights, seconds = status.weights, max(status.seconds, 1e-9)
        speed = (status.step - first_step) / seconds
        click.echo(f"Trained for {seconds:.1f} s ({speed:,.0f} steps a second, {status.updates:,} updates in all)")
    if (interrupted() or out_of_budget) and status is not None:
        _draw(run.draw_curve)
        why = "The budget is reached: stopped" if out_of_budget else "Stopped"
        click.echo(f"{why} at step {status.step:,}; nothing is lost. Go on with: dqnkit resume {run.path}")
        sys.exit(BUDGET_REACHED if out_of_budget else INTERRUPTED)
    assert weights is not None  # a run with nothing left to do comes with its weights
    _show_result(run, weights, video)


def _progress(status: TrainStatus, rollouts: Rollouts) -> str:
    """The numbers to the right of the progress bar."""
    return f"return {status.episode_return:.1f}, loss {status.loss:.3g}{rollouts.progress(status.policy_lag)}"


def _show_result(run: RunFolder, weights: PolicyWeights, video: bool) -> None:
    from dqnkit.evaluation import evaluate as evaluate_policy

    returns = evaluate_policy(weights, run.config)
    _draw(run.draw_curve)
    if video:
        _draw(lambda: run.draw_video(weights))
    run.write_evaluation(returns)  # last: this file marks the run as complete
    click.echo(f"Mean return over {len(returns)} greedy episodes: {returns.mean():.1f} (std {returns.std():.1f})")
    click.echo(f"All of it is in {run.path}")


def _draw(draw: Callable[[], Path]) -> None:
    """Draw a picture of the run. Where that is not possible the run is still complete, and a line says why."""
    try:
        click.echo(f"  {draw()}")
    except (DQNKitError, OSError) as error:
        click.secho(f"  no picture: {error}", fg="yellow", err=True)


def _restore(run: Path, config: DQNConfig, *, set_aside: bool = True) -> Any:
    from dqnkit.checkpoint import DamagedCheckpointWarning, restore

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DamagedCheckpointWarning)
        state = restore(run / "checkpoints", config, set_aside=set_aside)
    for warning in caught:
        click.secho(f"dqnkit: {warning.message}", fg="yellow", err=True)
    return state


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C or SIGTERM stops at the next status, where a checkpoint is possible; a second Ctrl-C stops at once."""
    asked = False

    def ask(signal_number: int, frame: Any) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("\nStopping after this step; once more to stop at once", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _import_tensorflow() -> None:
    """Import what the learner needs, so that a missing package is noticed before anything is written."""
    for package, name in (("dqnkit.backend", "TensorFlow"), ("tensorboard", "TensorBoard"), ("tqdm", "tqdm")):
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"{name}, which training needs,", "learner") from error
