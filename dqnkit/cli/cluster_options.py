"""Options of the command line for clusters: they say where ``train`` and ``resume`` make their rollouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dqnkit.cli import signals
from dqnkit.cli.finite_range import FiniteRange
from dqnkit.cli.sections import SectionOption
from dqnkit.cloud import CLOUDS
from dqnkit.errors import needs

if TYPE_CHECKING:
    from dqnkit.cloud.meter import Meter
    from dqnkit.cluster.rollouts import ClusterRollouts

USD = FiniteRange(0, min_open=True)
KINDS = ("local", "ssh", *CLOUDS)  # of clusters that --on can make


@dataclass(frozen=True)
class Rollouts:
    """The source of rollouts, and what it costs."""

    source: ClusterRollouts | None = None  # None: rollouts are made in this process
    meter: Meter | None = None  # None: it costs nothing
    release: Callable[[], None] = lambda: None  # ends the cluster before the `with` block ends

    def progress(self, policy_lag: int) -> str:
        """Text for the end of the progress bar."""
        if self.source is None:
            return ""
        workers = sum(not worker.lost for worker in self.source.traffic.workers.values())
        return f", workers {workers}, policy lag {policy_lag}" + (f", {self.meter.text()}" if self.meter else "")

    def must_end(self) -> bool:
        """Whether the budget is used up."""
        return self.meter is not None and self.meter.reached()


@dataclass(frozen=True, kw_only=True)
class ClusterChoice:
    """The values of the options that `cluster_options` defines."""

    workers: int | None
    where: str
    host: tuple[str, ...]
    scheduler: str | None
    insecure: bool
    send_package: bool
    spot: bool
    budget: float | None
    machine: str | None
    lifetime: str | None
    yes: bool

    @contextmanager
    def rollouts(self) -> Iterator[Rollouts]:
        """Start a cluster, connect to one that is already running, or use this process."""
        self._check()
        if not self.workers and not self.scheduler:
            yield Rollouts()
            return
        with needs_dask():
            from dqnkit import deploy
            from dqnkit.cluster.dashboard import dashboard_link
            from dqnkit.cluster.rollouts import ClusterRollouts
        with ExitStack() as stack:
            if self.scheduler:
                cluster = None
                client = stack.enter_context(deploy.connect(self.scheduler, insecure=self.insecure))
            else:
                # Dask cannot give up a local cluster that has half started; that takes seconds, a cloud's minutes
                with signals.deferred() if self.where == "local" else nullcontext():
                    cluster = stack.enter_context(deploy.make_cluster(self.where, self.workers, **self._options()))
                signals.check()
                client = stack.enter_context(cluster.get_client())
            if self.send_package or self.where == "ssh":
                deploy.send_package(client)
            deploy.check_workers(client)
            click.echo(f"Workers: {len(client.nthreads())}. Dask's dashboard: {dashboard_link(client) or 'none'}")
            meter = getattr(cluster, "meter", None)
            try:
                yield Rollouts(ClusterRollouts(client, insecure=self.insecure), meter, stack.close)
            finally:
                with signals.deferred():  # machines are removed to the end
                    stack.close()

    def _check(self) -> None:
        """Check that the options can be combined."""
        if self.workers and self.scheduler:
            raise click.UsageError("--workers makes a cluster, --scheduler uses another: give one of them")
        if (self.insecure or self.send_package) and not self.scheduler:
            raise click.UsageError("--insecure and --send-package go with --scheduler")
        if self.where != "local" and not self.workers:
            raise click.UsageError(f"--on {self.where} needs --workers")
        if (self.where == "ssh") != bool(self.host):
            raise click.UsageError("--on ssh and --host go together")
        paid = [self.spot, self.budget is not None, self.machine is not None, self.lifetime is not None, self.yes]
        if any(paid) and self.where not in CLOUDS:
            raise click.UsageError("--spot, --budget, --machine, --lifetime and --yes go with --on aws or --on gcp")

    def _options(self) -> dict[str, Any]:
        """Keyword arguments of `make_cluster`."""
        if self.where == "ssh":
            return {"hosts": list(self.host), "progress": click.echo}
        if self.where not in CLOUDS:
            return {}
        options = {"spot": self.spot, "budget": self.budget, "machine": self.machine, "lifetime": self.lifetime}
        said = {name: value for name, value in options.items() if value is not None}
        return {**said, "progress": click.echo, "confirm": None if self.yes else _confirm}


def _confirm(cost: str) -> bool:
    return click.confirm("Start these machines?")


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where rollouts are made. The command gets them as ``cluster``, a `ClusterChoice`."""
    option = partial(click.option, cls=SectionOption, section="Rollouts on a cluster")
    paid = partial(click.option, cls=SectionOption, section="Machines of a cloud (--on aws, --on gcp)")
    options = (
        option("--workers", type=click.IntRange(1), help="make rollouts in so many worker processes"),
        option(
            "--on",
            "where",
            type=click.Choice(KINDS),
            default="local",
            show_default=True,
            help="where --workers run: here, on computers that ssh reaches, on machines of a cloud",
        ),
        option("--host", multiple=True, help="for --on ssh, once for each; the scheduler runs on the first"),
        option("--scheduler", metavar="ADDRESS", help="make rollouts on a Dask cluster, like tls://HOST:8786"),
        option("--insecure", is_flag=True, help="use a cluster without TLS beyond this computer"),
        option("--send-package", is_flag=True, help="give the cluster's workers this dqnkit"),
        paid("--spot", is_flag=True, help="machines that are cheaper and may be taken back"),
        paid("--budget", type=USD, metavar="USD", help="the most that it may cost"),
        paid("--machine", metavar="TYPE", help="of each worker, like c7i.large"),
        paid("--lifetime", metavar="TIME", help="the machines end after it  [2 hours]"),
        paid("--yes", is_flag=True, help="do not ask before machines are paid for"),
    )
    names = ClusterChoice.__dataclass_fields__

    def collected(**values: Any) -> Any:
        choice = ClusterChoice(**{name: values.pop(name) for name in names})
        return command(cluster=choice, **values)

    collected.__doc__ = command.__doc__
    collected.__name__ = command.__name__
    wrapped: Callable[..., Any] = collected
    if hasattr(command, "__click_params__"):  # options of decorators that were applied before
        wrapped.__click_params__ = command.__click_params__  # type: ignore[attr-defined]
    for add in reversed(options):
        wrapped = add(wrapped)
    return wrapped


def needs_dask() -> AbstractContextManager[None]:
    """In its ``with`` block, a Dask that is missing raises a `MissingExtraError`, which says what to install."""
    return needs("Dask, which a cluster needs,", "cluster", "dask", "distributed")
