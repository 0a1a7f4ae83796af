"""A learner over several processes, each on a Dask worker of its own, for the same loop that takes one in this process.

    driver                                Dask worker r                    learner process r (TensorFlow)
    replay.sample -> [K, B]
      part r of it, [K, B/n] -----------> supervisor ---- pipe ----------> Learner.update
                                                                             K times: gradients, summed over all
      TD errors [K, B/n], losses [K] <--- supervisor <--- pipe ---------   processes (TensorFlow's own gRPC)
      parameters [P], when asked for <--- supervisor of r = 0

Replay stays with the driver. A process is given its n-th part of each batch and all compute the same update, so that
they hold equal weights at every moment: those that one learner would have, to float tolerance. Messages are a header
in JSON and plain arrays (`dqnkit.cluster.messages`), and travel over Dask's connections, through the scheduler, with
TLS where the cluster has it.

What it costs. Bytes for a call of `update`, with observations of ``o`` bytes, n processes and P parameters:

    driver to all processes        K B (2 o + 16)                  observations; action, reward, discount, importance
    all processes to the driver    4 K B + 4 K n                   TD errors, losses
    each process to its next       2 x K 2 (n - 1) / n 4 P         two ring all-reduces for each of the K updates
    process 0 to the driver        4 P                             once for a version of the weights

For the CartPole preset (K = 16, B = 64, o = 16, P = 898) and two processes: 49 kB there, 4 kB back, 115 kB from each
process to the other. What limits it is not bytes but waiting: each all-reduce waits for the slowest process, some
milliseconds even on one machine, and there are two for each update. Several processes pay where computing the
gradient of a part takes much longer than that: large networks, large batches, a GPU for each process. For CartPole a
`Learner` in the driver is faster by far; see ``tests/benchmarks/multiworker_update.py``.

Security. TensorFlow's gRPC between the processes knows neither TLS nor passwords, and listens on every interface of
the machine, also where the address is 127.0.0.1. So it is started only if all workers have loopback or private
addresses, or if asked for by name (``insecure=True``). Whoever reaches these ports, from the private network too, can
read and change what is computed: a firewall belongs around them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import uuid
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import numpy as np
from distributed import Client
from distributed.comm.addressing import get_address_host

from dqnkit import policy
from dqnkit.cluster import supervisor
from dqnkit.cluster.deploy import check_workers
from dqnkit.cluster.messages import pack, unpack
from dqnkit.cluster.supervisor import Ended
from dqnkit.config import DQNConfig
from dqnkit.errors import (
    ClusterError,
    ConfigError,
    DivergedError,
    DQNKitError,
    EnvironmentNotSupportedError,
    LearnerLostError,
    MissingExtraError,
)
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition

PATIENCE = 20.0  # seconds for what a worker does at once; a little more than supervisors wait for a killed process
KEEP_ALIVES = 4  # sent in the time of one lease

Answer = tuple[dict[str, Any], dict[str, Array]]
_T = TypeVar("_T")


class MultiWorkerLearner:
    """A `Learner` over several processes: ``train(config, learner=MultiWorkerLearner(client, config, 2))``.

    `train` does not close it: use it in ``with``, or call `close`. When a process is lost, all are stopped and the call
    raises `LearnerLostError`. Then `restart`, and go on from the last checkpoint:

        with MultiWorkerLearner(client, config, 2) as learner:
            ...
            learner.restart()
            state = checkpoint.restore(directory, learner=learner)
            for status in train(config, state=state):
                ...

    Args:
        client: of a cluster with a worker for each process; what workers need is ``pip install "dqnkit[learner]"``.
        config: the run's settings.
        num_processes: n, at least 2.
        insecure: start although some worker has an address that is not private, see the module's text.
        start_timeout: seconds within which all processes must have arrived.
        compile_timeout: seconds for the first `update` of a shape, which compiles it.
        timeout: seconds for everything else that is asked of the processes.
        lease: seconds that the processes live on when they hear nothing from here, because the driver was killed.

    Attributes:
        updates: gradient steps so far.
        workers: address of the worker of each process.

    Raises:
        ConfigError: fewer than 2 processes, a batch size that does not divide by them, an asynchronous client.
        ClusterError: too few workers, workers with another version, or addresses that are not private.
        MissingExtraError: too few workers have TensorFlow.
        LearnerLostError: the processes did not all arrive in time.
    """

    def __init__(
        self,
        client: Client,
        config: DQNConfig,
        num_processes: int,
        *,
        insecure: bool = False,
        start_timeout: float = 60.0,
        compile_timeout: float = 300.0,
        timeout: float = 60.0,
        lease: float = 30.0,
    ) -> None:
        if client.asynchronous:
            raise ConfigError("MultiWorkerLearner needs a client with asynchronous=False: the loop waits for updates")
        if num_processes < 2:
            raise ConfigError(f"num_processes must be at least 2, not {num_processes}; for one, take a Learner")
        if config.batch_size % num_processes:
            raise ConfigError(f"batch_size {config.batch_size} does not divide by {num_processes} processes")
        self.client = client
        self.config = config
        self.num_processes = num_processes
        self.insecure = insecure
        self.start_timeout, self.compile_timeout, self.timeout = start_timeout, compile_timeout, timeout
        self.lease = lease
        self._lost = "it was closed"  # why nothing can be asked; empty while the processes run
        self.restart()

    def restart(self) -> None:
        """Start anew with fresh processes, on other workers if need be, and with the initial weights."""
        self.close()
        self.updates = 0
        self.workers = choose_workers(self.client, self.num_processes)
        check_network([get_address_host(address) for address in self.workers], self.insecure)
        run = uuid.uuid4().hex
        self._names = [f"learner-{run}-{rank}" for rank in range(self.num_processes)]
        self._parameters: FloatArray | None = None  # those of the latest update, once they were asked for
        self._compiled: set[tuple[int, ...]] = set()  # shapes
        self._lock = asyncio.Lock()  # one question at a time, also after a Ctrl-C during the last
        self._lost = ""
        try:
            header, _ = self._run(self._start)
        except BaseException:
            self.close()
            raise
        if "error" in header:
            self.close()
            raise _error(header)
        self._layers = tuple(getattr(policy, name)(*settings) for name, *settings in header["layers"])

    def close(self) -> None:
        """Kill the processes. May be called more than once."""
        if not self._lost:
            self._lost = "it was closed"
            self._run(self._stop)

    def __enter__(self) -> MultiWorkerLearner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(
        self,
        transitions: Transition,
        importance: FloatArray | None = None,
        *,
        learning_rate: float | None = None,
        target_period: int | None = None,
    ) -> LearnerResult:
        """One gradient step for each of K batches, see `Learner.update`.

        Args:
            transitions: fields ``[K, B, ...]``.
            importance: weight of each transition in the loss, ``[K, B]``; 1 unless given.
            learning_rate, target_period: instead of the configured ones, for this call.

        Raises:
            DivergedError: a loss became NaN or infinite. Networks and optimizers are as they were before the call.
            LearnerLostError: a process ended, or did not answer in time. All were stopped.
        """
        shape = transitions.reward.shape
        if shape[1] != self.config.batch_size:
            raise ConfigError(f"the batches have {shape[1]} transitions, not batch_size {self.config.batch_size}")
        if importance is None:
            importance = np.ones(shape, np.float32)
        settings = {
            "operation": "update",
            "learning_rate": None if learning_rate is None else float(learning_rate),
            "target_period": None if target_period is None else int(target_period),
        }
        fields = {**transitions._asdict(), "importance": importance}
        share = self.config.batch_size // self.num_processes
        messages = [
            pack(settings, {name: values[:, first : first + share] for name, values in fields.items()})
            for first in range(0, self.config.batch_size, share)
        ]
        self._parameters = None
        answers = self._ask(messages, self.timeout if shape in self._compiled else self.compile_timeout)
        self._compiled.add(shape)
        td_errors = np.concatenate([arrays["td_errors"] for _, arrays in answers], axis=1)  # [K, B]
        header, arrays = answers[0]
        return LearnerResult(td_errors, arrays["losses"], header["mean_max_q"])

    def get_weights(self, version: int = 0) -> PolicyWeights:
        """The online network for actors; fetched once after each update at most.

        Raises:
            LearnerLostError: see `update`.
        """
        if self._parameters is None:
            [(_, arrays)] = self._ask([pack({"operation": "parameters"})], self.timeout)
            self._parameters = arrays["parameters"]
        return PolicyWeights(version, self._layers, self._parameters)

    def state(self, rank: int = 0) -> dict[str, Array]:
        """All that the learner would need to go on, see `Learner.state`.

        Args:
            rank: the process that is asked; all have the same.

        Raises:
            LearnerLostError: see `update`.
        """
        [(_, arrays)] = self._ask([pack({"operation": "state"})], self.timeout, first=rank)
        return arrays

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` gave, or `Learner.state`.

        Raises:
            ConfigError: the arrays are those of another network.
            LearnerLostError: see `update`.
        """
        self._parameters = None
        self._ask([pack({"operation": "load_state"}, state)] * self.num_processes, self.timeout)

    # ------------------------------------------------------------------------------- what runs in the client's loop

    def _run(self, work: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
        """Run in the client's loop what must not be left half done: Ctrl-C ends the wait for it, not the work."""

        async def shielded() -> _T:
            return await asyncio.shield(asyncio.create_task(work(*arguments)))

        return self.client.sync(shielded)

    def _ask(self, messages: list[bytes], limit: float, first: int = 0) -> list[Answer]:
        """The answers of processes ``first``, ``first`` + 1, ..., to a message for each, sent at the same time."""
        arguments = {first + i: (self._names[first + i], message) for i, message in enumerate(messages)}
        answers = self._run(self._exchange, arguments, limit)
        for header, _ in answers:
            if "error" in header:
                raise _error(header)
        return answers

    async def _start(self) -> Answer:
        """Start all processes; the answer of the first, when all have arrived."""
        ranks = range(self.num_processes)
        async with self._lock:
            self._beat = asyncio.create_task(self._keep_alive(self._names))
            ports = await self._together(supervisor.free_port, dict.fromkeys(ranks, ()), PATIENCE)
            hosts = [get_address_host(address) for address in self.workers]
            bracketed = [f"[{host}]" if ":" in host else host for host in hosts]  # IPv6
            group = {"worker": [f"{host}:{port}" for host, port in zip(bracketed, ports, strict=True)]}
            config = pack({"config": self.config.to_dict()})
            arguments = {}
            for rank in ranks:
                tf_config = {"cluster": group, "task": {"type": "worker", "index": rank}}
                arguments[rank] = (self._names[rank], tf_config, config, self.lease)
            answers = await self._together(supervisor.start, arguments, self.start_timeout)
            return unpack(answers[0])

    async def _exchange(self, arguments: dict[int, tuple[Any, ...]], limit: float) -> list[Answer]:
        """Ask processes, each by its rank; their answers in the same order."""
        async with self._lock:
            if self._lost:
                raise LearnerLostError(f"this learner has no processes: {self._lost}")
            messages = await self._together(supervisor.ask, arguments, limit)
            answers = [unpack(message) for message in messages]
            if len({header["updates"] for header, _ in answers}) > 1:
                await self._lose({rank: f"is at update {answers[rank][0]['updates']}" for rank in arguments})
            self.updates = answers[0][0]["updates"]
            return answers

    async def _together(
        self, function: Callable[..., Any], arguments: dict[int, tuple[Any, ...]], limit: float
    ) -> list[Any]:
        """Call a function on the workers of these ranks at the same time: the collectives wait for each other."""
        calls = {rank: asyncio.create_task(self._on(rank, function, *given)) for rank, given in arguments.items()}
        _, late = await asyncio.wait(calls.values(), timeout=limit, return_when=asyncio.FIRST_EXCEPTION)
        troubles = {rank: str(call.exception()) for rank, call in calls.items() if call.done() and call.exception()}
        if troubles or late:
            for call in late:
                call.cancel()
            await self._lose(
                troubles or {rank: f"did not answer within {limit:g} s" for rank, call in calls.items() if call in late}
            )
        return [call.result() for call in calls.values()]

    async def _on(self, rank: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function returns on the worker of a rank.

        Raises:
            LearnerLostError: the process has ended, or the worker is gone; the text says how.
        """
        address = self.workers[rank]
        try:
            found = (await self.client.run(function, *arguments, workers=[address]))[address]
        except Exception as error:  # of whatever kind: connections, Dask's, those of a package that is missing there
            raise LearnerLostError(f"cannot be reached on its worker ({type(error).__name__}: {error})") from error
        if isinstance(found, Ended):
            raise LearnerLostError(found.how)
        return found

    async def _lose(self, troubles: dict[int, str]) -> NoReturn:
        """Stop all processes, and say why.

        Args:
            troubles: what happened, by rank.
        """
        self._lost = "another is being stopped"
        ends = await self._stop()
        for rank, end in enumerate(ends):
            if isinstance(end, Ended) and end.how not in ("was running", "is not there"):
                troubles[rank] = end.how
        stories = [f"learner process {rank} on {self.workers[rank]} {how}" for rank, how in sorted(troubles.items())]
        self._lost = "; ".join(stories)
        logs = [
            f"\nThe end of the log of process {rank}:\n{end.log.strip()}"
            for rank, end in enumerate(ends)
            if rank in troubles and isinstance(end, Ended)
        ]
        raise LearnerLostError(
            f"{self._lost}. All were stopped. Go on from the last checkpoint: learner.restart(), then "
            f"checkpoint.restore(directory, learner=learner){''.join(logs)}"
        )

    async def _stop(self) -> list[Ended | BaseException]:
        """Kill all processes: how each of them was."""
        calls = [
            asyncio.wait_for(self.client.run(supervisor.stop, name, workers=[address]), PATIENCE)
            for name, address in zip(self._names, self.workers, strict=True)
        ]
        found = await asyncio.gather(*calls, return_exceptions=True)
        return [end if isinstance(end, BaseException) else next(iter(end.values())) for end in found]

    async def _keep_alive(self, names: list[str]) -> None:
        """Say to the processes of these names that the driver lives, and notice when one ended by itself."""
        while self._names is names and not self._lost:
            await asyncio.sleep(self.lease / KEEP_ALIVES)
            calls = [self._on(rank, supervisor.keep, name) for rank, name in enumerate(names)]
            found = await asyncio.gather(
                *(asyncio.wait_for(call, self.lease) for call in calls), return_exceptions=True
            )
            troubles = {rank: str(error) for rank, error in enumerate(found) if isinstance(error, LearnerLostError)}
            if troubles and not self._lock.locked() and self._names is names and not self._lost:
                async with self._lock:
                    with suppress(LearnerLostError):  # the next question raises it
                        await self._lose(troubles)


def choose_workers(client: Client, count: int) -> list[str]:
    """Addresses of so many workers that can run a learner process.

    Raises:
        ClusterError: there are too few workers, or they have another version of the package.
        MissingExtraError: too few of them have TensorFlow.
    """
    there = list(client.scheduler_info()["workers"])
    if len(there) < count:
        raise ClusterError(
            f"{count} learner processes need as many Dask workers, each its own, and this cluster has {len(there)}. "
            f"Start more, and wait for them: client.wait_for_workers({count})"
        )
    check_workers(client)
    has_tensorflow = client.run(supervisor.has_tensorflow, on_error="ignore")
    able = [address for address in there if has_tensorflow.get(address)]
    if len(able) < count:
        unable = ", ".join(address for address in there if address not in able)
        raise MissingExtraError(f"TensorFlow, which {count} workers need for learner processes, on {unable}", "learner")
    return able[:count]


def check_network(hosts: Iterable[str], insecure: bool) -> None:
    """See that TensorFlow's connections, which anybody may read and write, stay in a private network.

    Raises:
        ClusterError: they would not, and nobody asked for it by name.
    """
    public = [host for host in hosts if not _is_private(host)]
    if public and not insecure:
        raise ClusterError(
            f"the learner processes on {', '.join(public)} would talk over a network that is not private, and "
            "TensorFlow's connections have neither encryption nor passwords. Use workers with private addresses, or, "
            "if a firewall keeps others out, say MultiWorkerLearner(..., insecure=True)"
        )


def _is_private(host: str) -> bool:
    """Whether an address, or all those of a name, are the loopback's or a private network's."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_private for address in found)


def _error(header: dict[str, Any]) -> DQNKitError:
    """The error that a process answered with."""
    kinds = {kind.__name__: kind for kind in (ConfigError, DivergedError, EnvironmentNotSupportedError)}
    return kinds.get(header["error"], ClusterError)(header["message"])
