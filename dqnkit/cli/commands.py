"""The command line: dqnkit train, resume, evaluate, certificates, plan, cloud, class, doctor, lab, course.

Every setting of `DQNConfig` is an option of ``train``.

Exit status: 2 after a mistake of the user's, which is told in one sentence; 3 when the budget is reached; 130 after
Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. In the last four cases training stops between two steps and writes a
checkpoint.
"""

from __future__ import annotations

import dataclasses
import os
import re
import statistics
import sys
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

import dqnkit
from dqnkit.cli import signals
from dqnkit.cli.class_commands import class_
from dqnkit.cli.cloud_commands import cloud, plan
from dqnkit.cli.cluster_options import ClusterChoice, cluster_options, needs_dask
from dqnkit.cli.evaluating import EvaluationChoice, evaluation_options
from dqnkit.cli.running import import_tensorflow, restore_run, train_run
from dqnkit.cli.sections import SectionCommand, examples
from dqnkit.cli.setting_options import given, setting_options, unusual
from dqnkit.cli.streams import make_usable
from dqnkit.config import DQNConfig
from dqnkit.errors import DQNKitError
from dqnkit.exploration import schedule_changes
from dqnkit.presets import names_of_presets, preset


class _Group(click.Group):
    """Turns the kit's own errors into one sentence and exit status 2, and signals into an end in order."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        make_usable()
        return super().main(*arguments, **settings)

    def invoke(self, context: click.Context) -> Any:
        with signals.handled():
            return self._invoke(context)

    def _invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except DQNKitError as error:
            message = str(error)
        except signals.Ended:
            return context.exit(signals.exit_status())
        except MemoryError:
            advice = "lower replay_capacity, num_envs or hidden_sizes"
            message = f"these settings need more memory than there is: {advice}"
        click.secho(f"dqnkit: {message}", fg="red", err=True)
        return context.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(dqnkit.__version__)
def main() -> None:
    """Deep Q-Learning: train, look at what was learned, open the course."""
    sys.path.append(os.getcwd())  # so that my_module:MyEnv-v0 finds a module in the current folder


main.add_command(class_)
main.add_command(cloud)
main.add_command(plan)


# Names of environments have hyphens: click would break them there, and nobody could copy them.
KNOWN_SETTINGS = textwrap.fill(
    f"The kit has settings of its own for {names_of_presets()} (those of ALE/... were never trained to the end); give "
    "any setting to choose otherwise. The defaults in brackets are for all others. A run says at its start which "
    "settings differ from these.",
    76,
    break_on_hyphens=False,
)
TRAIN_HELP = f"""Train a DQN on ENV_ID, any Gymnasium environment with discrete actions, or with continuous ones cut
into bins (--action-bins).

An environment of your own is named with its module: my_module:MyEnv-v0.

\b
{KNOWN_SETTINGS}
"""
TRAIN_EXAMPLES = examples(
    "dqnkit train CartPole-v1",
    "dqnkit train my_module:MyEnv-v0 --total-steps 20000 --seed 1 --run-dir runs/mine",
    "dqnkit train MinAtar/Breakout-v1 --workers 4",
    "dqnkit train Pendulum-v1 --action-bins 5",
    "dqnkit train highway-fast-v0 --env-arg config.vehicles_count=12 --env-arg config.lanes_count=4",
    "dqnkit train MiniGrid-Empty-5x5-v0 --wrapper minigrid.wrappers:ImgObsWrapper",
    "dqnkit train CartPole-v1 --on aws --workers 8 --spot --budget 2",
)


@main.command(cls=SectionCommand, short_help="Train a DQN on an environment.", help=TRAIN_HELP, epilog=TRAIN_EXAMPLES)
@click.argument("env_id")
@click.option("--run-dir", type=click.Path(path_type=Path), help="where the run is kept  [runs/ENV_ID-TIME]")
@click.option("--video/--no-video", default=True, help="record an episode at the end")
@click.option("--show", is_flag=True, help="open the learning curve and the video at the end")
@setting_options
@evaluation_options()
@cluster_options
def train(
    env_id: str,
    run_dir: Path | None,
    video: bool,
    show: bool,
    evaluation: EvaluationChoice,
    cluster: ClusterChoice,
    **settings: Any,
) -> None:
    config = preset(env_id, **given(settings))
    description = _try_environment(config)
    from dqnkit.runs import RunFolder, new_folder
    from dqnkit.training import check_learns

    check_learns(config)

    name = re.sub("[/:]", "-", env_id)
    with cluster.rollouts() as rollouts:
        import_tensorflow()
        from dqnkit.default_parts import make_learner
        from dqnkit.training import train as train_loop

        learner = make_learner(config)  # first: a network that cannot be built must leave no folder behind
        path = run_dir or new_folder(Path("runs"), f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")
        with RunFolder.create(path, config) as run:
            click.echo(f"Training on {env_id} for {config.total_steps:,} steps; the run is kept in {path}")
            click.echo(description)
            if settings_in_words := unusual(config):
                click.echo(f"Settings besides the defaults of --help: {settings_in_words}")
            statuses = train_loop(config, rollouts=rollouts.source, learner=learner)
            train_run(run, statuses, rollouts, evaluation, video=video)
    if show:
        for picture in ("learning_curve.png", "video.gif"):
            if (path / picture).exists():
                click.launch(str(path / picture))


@main.command(
    cls=SectionCommand,
    short_help="Go on with a run.",
    epilog=examples("dqnkit resume runs/mine", "dqnkit resume runs/mine --total-steps 100000 --workers 4"),
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--total-steps", type=int, help="a new end, in environment steps")
@click.option("--video/--no-video", default=True, help="record an episode at the end")
@evaluation_options()
@cluster_options
def resume(
    run: Path,
    total_steps: int | None,
    video: bool,
    evaluation: EvaluationChoice,
    cluster: ClusterChoice,
) -> None:
    """Go on with RUN, the folder of a run, from its last whole checkpoint, with a cluster or without."""
    from dqnkit.run_lock import RunLock
    from dqnkit.runs import RunFolder, read_config

    config = before = read_config(run)
    if total_steps is not None:
        config = dataclasses.replace(config, total_steps=total_steps)
    description = _try_environment(config)
    with RunLock(run), cluster.rollouts() as rollouts, ExitStack() as stack:
        import_tensorflow()
        from dqnkit.training import check_learns
        from dqnkit.training import train as train_loop

        state = restore_run(run, config) if list((run / "checkpoints").glob("step-*")) else None
        step = state.counters.step if state else 0  # 0: the run was stopped before its first checkpoint
        if state is None or state.learner.updates == 0:
            check_learns(config)
        folder = stack.enter_context(RunFolder.open(run, config, step))
        if state and step >= config.total_steps and folder.evaluated:
            click.echo(f"The run is complete ({step:,} steps); --total-steps sets a new end")
            return
        click.echo(f"Going on from step {step:,} of {config.total_steps:,}")
        click.echo(description)
        if config.total_steps != before.total_steps:
            for sentence in schedule_changes(before, config, step):
                click.echo(f"  {sentence}")
        weights = state.learner.get_weights() if state else None
        statuses = train_loop(config, rollouts=rollouts.source, state=state)
        train_run(folder, statuses, rollouts, evaluation, video=video, first_step=step, weights=weights)


@main.command(
    cls=SectionCommand,
    short_help="Evaluate a run's policy.",
    epilog=examples("dqnkit evaluate runs/mine", "dqnkit evaluate runs/mine --episodes 20 --evaluation-epsilon 0.05"),
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0), help="which episodes  [those of the run's seed]")
@evaluation_options("--episodes")
def evaluate(run: Path, seed: int | None, evaluation: EvaluationChoice) -> None:
    """Play episodes with the newest policy of RUN and print their returns."""
    from dqnkit.runs import read_config

    config = read_config(run)
    import_tensorflow()
    state = restore_run(run, config, set_aside=False)
    result = evaluation.play(state.learner.get_weights(), config, seed)
    returns = result.returns
    click.echo(f"{config.env_id} after {state.counters.step:,} steps, {len(returns)} {evaluation.kind}:")
    click.echo(f"  mean {returns.mean():.1f}   standard deviation {returns.std():.1f}")
    click.echo(
        f"  lowest {returns.min():.1f}   median {statistics.median_high(returns):.1f}   highest {returns.max():.1f}"
    )
    evaluation.warn(result)


@main.command(
    short_help="Make TLS certificates for a cluster.", epilog=examples("dqnkit certificates cluster-tls.yaml")
)
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


@main.command(
    short_help="Open the course in JupyterLab.", epilog=examples("dqnkit lab", "dqnkit lab my-course --port 9000")
)
@click.option("--port", type=click.IntRange(1, 65535), default=8888, show_default=True)
@click.option("--browser/--no-browser", default=None, help="open a browser window  [where there is one]")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def lab(port: int, browser: bool | None, folder: Path | None) -> None:
    """Open JupyterLab at the course. With FOLDER, or installed from a wheel, it is at a copy there [dqnkit-course]."""
    from dqnkit.lab import open_lab

    sys.exit(open_lab(port=port, browser=browser, folder=folder))


@main.command(short_help="Copy the course, or bring a copy up to date.", epilog=examples("dqnkit course my-course"))
@click.argument("folder", type=click.Path(path_type=Path))
def course(folder: Path) -> None:
    """Put the notebooks into FOLDER, or bring those there up to date; what you have changed stays as it is."""
    from dqnkit.lab import bring_course

    bring_course(folder)


def _try_environment(config: DQNConfig) -> str:
    """Make the environment and take one step, so that what never works is said at once and leaves no folder behind.

    Returns:
        how the network reads observations, in one line; with ``action_bins`` also what each action does.

    Raises:
        DQNKitError: the environment cannot be used, or replay has no room in memory.
    """
    from dqnkit.action_bins import action_table
    from dqnkit.cli.memory import check_memory
    from dqnkit.environments import make_env
    from dqnkit.observations import describe

    env = make_env(config)
    check_memory(config, env.observation_space)
    env.reset(seed=config.seed)
    env.step(0)
    env.close()
    lines = [str(describe(env.observation_space, config.frame_stack, config.normalize_observations))]
    if config.action_bins:
        lines.append(str(action_table(env)))
    return "\n".join(lines)
