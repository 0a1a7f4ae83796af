"""The commands that concern machines in a cloud: dqnkit plan, dqnkit cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dqnkit.cli.cluster_options import needs_dask
from dqnkit.cli.finite_range import FiniteRange
from dqnkit.cli.sections import SectionCommand, examples
from dqnkit.cli.setting_options import given, setting_options
from dqnkit.cloud import CLOUDS
from dqnkit.errors import ClusterError, DQNKitError
from dqnkit.files import write_whole
from dqnkit.presets import preset

if TYPE_CHECKING:
    from dqnkit.cloud.leftovers import Leftover


@click.command(
    cls=SectionCommand,
    short_help="Time and cost of a run in a cloud, before you buy.",
    epilog=examples("dqnkit plan CartPole-v1", "dqnkit plan MinAtar/Breakout-v1 --cloud aws --spot --budget 5"),
)
@click.argument("env_id")
@click.option("--steps", type=click.IntRange(1), help="environment steps in all, as --total-steps")
@click.option("--seconds", type=FiniteRange(5), default=60.0, show_default=True, help="for measuring here")
@click.option("--cloud", type=click.Choice([*CLOUDS, "all"]), default="all", show_default=True)
@click.option("--spot/--no-spot", default=None, help="only spot machines, or none  [both]")
@click.option("--budget", type=FiniteRange(0, min_open=True), metavar="USD", help="the most that it may cost")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="draw time against cost into a PNG file")
@setting_options
def plan(
    env_id: str,
    steps: int | None,
    seconds: float,
    cloud: str,
    spot: bool | None,
    budget: float | None,
    save: Path | None,
    **settings: Any,
) -> None:
    """Measure this computer for a minute, then say how long training on ENV_ID would take in a cloud, and its cost.

    Nothing is started there, and no account is needed. The settings are those of dqnkit train.
    """
    config = preset(env_id, **given({**settings, **({} if steps is None else {"total_steps": steps})}))
    from dqnkit.environments import make_env

    make_env(config).close()
    with needs_dask():
        from dqnkit.cloud.prices import dated, offers
        from dqnkit.cluster import plan as planning
        from dqnkit.cluster.measure import measure
    found = offers(CLOUDS if cloud == "all" else (cloud,), (False, True) if spot is None else (spot,))
    measured = measure(config, seconds, click.echo)
    made = planning.plan(config, measured, found, threads=1, budget=budget, notes=[f"Prices: {dated()}."])
    click.echo(f"\n{made}")
    if save is not None:
        from dqnkit.plots.plan import time_and_cost

        write_whole(save, time_and_cost(made).png)
        click.echo(f"  {save}")


@click.group(short_help="What is left on a cloud, and what an account must allow.")
def cloud() -> None:
    """Find and remove what clusters have left on a cloud; see what an account must allow."""


def _cloud_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--cloud", "which", type=click.Choice(CLOUDS), default="aws", show_default=True),
        click.option("--place", metavar="REGION", help="a region of aws, a project of gcp  [as configured there]"),
    ):
        command = option(command)
    return command


@cloud.command(name="list", short_help="Machines and firewalls of dqnkit that are there.")
@_cloud_options
def list_(which: str, place: str | None) -> None:
    """Every machine and firewall that a cluster of dqnkit has on a cloud: whose it is, and when it ends."""
    account = _account(which, place)
    found = account.find()
    if found:
        from dqnkit.cloud.leftovers import table

        click.echo(table(found))
        click.echo("Remove them: dqnkit cloud stop CLUSTER, or dqnkit cloud stop --mine")
    else:
        click.echo(f"Nothing of dqnkit is on {which}, {account.place}")


@cloud.command(short_help="Remove what a cluster has left.")
@_cloud_options
@click.argument("cluster", nargs=-1)
@click.option("--mine", is_flag=True, help="all clusters that you have started on this computer")
@click.option("--of-others", is_flag=True, help="also a CLUSTER that somebody else has started")
def stop(cluster: tuple[str, ...], which: str, place: str | None, mine: bool, of_others: bool) -> None:
    """End all machines of CLUSTERs, as dqnkit cloud list names them, and remove their firewalls."""
    if bool(cluster) == mine or (mine and of_others):
        raise click.UsageError("say which: CLUSTER, as dqnkit cloud list names it, or --mine")
    account = _account(which, place)
    found, me = account.find(), account.identity() or _this_computer()
    names: Iterable[str] = cluster
    if mine:
        names = sorted({each.cluster for each in found if (each.owner, each.computer) == (me, _this_computer())})
        _tell_of_others([each for each in found if each.cluster not in names], me)
    refused = {} if of_others else {name: text for name in names if (text := _not_yours(name, found, me))}
    removed = False
    for name in names:
        if name in refused:
            continue
        try:
            for each in account.remove(name):
                removed = True
                click.echo(f"removed: {each.kind} {each.id} of cluster {each.cluster}")
        except DQNKitError as error:  # the others all the same
            refused[name] = str(error)
    if refused:
        raise ClusterError("not removed: " + "; ".join(f"cluster {name}: {why}" for name, why in refused.items()))
    if not removed:
        click.echo(f"There is nothing to remove on {which}, {account.place}")


def _this_computer() -> str:
    from dqnkit.cloud.owners import this_computer

    return this_computer()


def _not_yours(cluster: str, found: list[Leftover], me: str) -> str:
    """Why a cluster is not removed unless --of-others is given; empty if it is one's own."""
    others = {each.computer or each.owner for each in found if each.cluster == cluster and each.owner not in (me, "")}
    if not others:
        return ""
    return f"somebody else has started it ({', '.join(sorted(others))}); --of-others removes it all the same"


def _tell_of_others(found: list[Leftover], me: str) -> None:
    """Clusters that could be the reader's own, too: of the same account or of the same computer, but not of both."""
    near = [each for each in found if each.owner == me or each.computer == _this_computer()]
    for name, computer in sorted({(each.cluster, each.computer) for each in near}):
        click.echo(f"left: cluster {name}, started by {computer or me}. If it is yours: dqnkit cloud stop {name}")


@cloud.command(short_help="See whether the account allows what is needed.")
@_cloud_options
def check(which: str, place: str | None) -> None:
    """Ask the cloud, without starting anything, whether this account may do what a cluster needs."""
    account = _account(which, place)
    if missing := account.lacking():
        click.secho(f"This account may not: {', '.join(missing)}", fg="red")
        click.echo("These permissions are needed:")
        click.echo(account.permissions())
        raise SystemExit(1)
    click.echo(f"The account may do what can be asked about on {which}, {account.place}.")
    if account.unasked:
        click.echo(f"Not asked, as there is no cluster to ask about: {', '.join(account.unasked)}")


def _account(which: str, place: str | None) -> Any:
    """The account on a cloud, a `dqnkit.cloud.accounts.Account`."""
    with needs_dask():
        from dqnkit.cloud.accounts import account
    return account(which, place)
