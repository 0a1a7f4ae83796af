"""The commands that concern machines in a cloud: dqnkit plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dqnkit.config import preset
from dqnkit.errors import MissingExtraError
from dqnkit.files import write_whole


@contextmanager
def needs_dask() -> Iterator[None]:
    """Around imports: say how to install Dask where it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise MissingExtraError("Dask, which a cluster needs,", "cluster") from error


@click.command(short_help="Time and cost of a run in a cloud, before you buy.")
@click.argument("env_id")
@click.option("--steps", type=click.IntRange(1), help="environment steps in all  [as training would take]")
@click.option("--seconds", type=click.FloatRange(5), default=60.0, show_default=True, help="for measuring here")
@click.option("--cloud", type=click.Choice(["aws", "gcp", "all"]), default="all", show_default=True)
@click.option("--spot/--no-spot", default=None, help="only spot machines, or none  [both]")
@click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="USD", help="the most that it may cost")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="draw time against cost into a PNG file")
def plan(
    env_id: str,
    steps: int | None,
    seconds: float,
    cloud: str,
    spot: bool | None,
    budget: float | None,
    save: Path | None,
) -> None:
    """Measure this computer for a minute, then say how long training on ENV_ID would take in a cloud, and its cost.

    Nothing is started there, and no account is needed.
    """
    config = preset(env_id, **({} if steps is None else {"total_steps": steps}))
    from dqnkit.environments import make_env

    make_env(env_id, max_episode_steps=config.max_episode_steps, frame_stack=config.frame_stack).close()
    with needs_dask():
        from dqnkit.cluster import plan as planning
        from dqnkit.cluster.cloud.order import CLOUDS
        from dqnkit.cluster.cloud.prices import dated, offers
        from dqnkit.cluster.measure import measure
    found = offers(CLOUDS if cloud == "all" else (cloud,), (False, True) if spot is None else (spot,))
    measured = measure(config, seconds, click.echo)
    made = planning.plan(config, measured, found, budget=budget, notes=[f"Prices: {dated()}."])
    click.echo(f"\n{made}")
    if save is not None:
        from dqnkit.plots.plan import time_and_cost

        write_whole(save, time_and_cost(made).png)
        click.echo(f"  {save}")
