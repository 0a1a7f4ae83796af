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

For the CartPole preset (K = 16, B = 64, o = 16, P = 898) and two processes: 49 kB there, 4 kB back, 230 kB between the
processes. Dask's part passes the scheduler, so its network carries it twice; all in all 401 kB were measured on the
loopback, in calls of 53 ms (a `Learner` takes 2 ms). What limits it there is not bytes but waiting: even a small
all-reduce takes 1.5 ms between two processes on one computer, and there are two for each update; through Dask go
5 ms for a call. Pictures are another matter: 84 x 84 x 4 bytes with the same K and B are 58 MB a call, half a second at
the 100 MB a second that go through Dask and the pipe.

So several processes pay only where the gradient of a part takes much longer than that: large networks and batches, a
machine or a GPU for each. On the two cores of one computer, which a `Learner` uses both, they never do: with two layers
of 1024 units and B = 2048 the two are even. See ``tests/benchmarks/multiworker_update.py``.

A process takes all GPUs that its worker sees. Where several workers share a machine with GPUs, start each with its own
``CUDA_VISIBLE_DEVICES``.

Security. TensorFlow's gRPC between the processes knows neither TLS nor passwords, and listens on every interface of
the machine, also where the address is 127.0.0.1. So it is started only if all workers have loopback or private
addresses, or if asked for by name (``insecure=True``). Whoever reaches these ports, from the private network too, can
read and change what is computed: a firewall belongs around them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

import numpy as np
from distributed import Client
from distributed.comm.addressing import get_address_host

import dqnkit
from dqnkit import policy
from dqnkit.cluster.ask import ask
from dqnkit.cluster.gang import Answer, Gang
from dqnkit.cluster.messages import pack
from dqnkit.config import DQNConfig
from dqnkit.errors import (
    ClusterError,
    ConfigError,
    DivergedError,
    EnvironmentNotSupportedError,
    MissingExtraError,
)
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition

NO_TENSORFLOW = "does not have TensorFlow"
WHAT_IS_THERE = """(
    __import__("dqnkit").__version__ if __import__("importlib.util").util.find_spec("dqnkit") else "",
    __import__("importlib.util").util.find_spec("tensorflow") is not None,
)"""


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
        self._gang: Gang | None = None
        self.restart()

    def restart(self) -> None:
        """Start anew with fresh processes, on other workers if need be, and with the initial weights."""
        self.close()
        self.updates = 0
        self.workers = choose_workers(self.client, self.num_processes)
        check_network([get_address_host(address) for address in self.workers], self.insecure)
        self._parameters: FloatArray | None = None  # those of the latest update, once they were asked for
        self._compiled: set[tuple[int, ...]] = set()  # shapes
        self._gang = Gang(self.client, self.workers, self.lease)
        try:
            answers = _checked(self._gang.start(self.config.to_dict(), self.start_timeout))
        except BaseException:
            self.close()
            raise
        versions = {header["tensorflow"] for header, _ in answers}
        if len(versions) > 1:
            self.close()
            raise ClusterError(f"the workers have different versions of TensorFlow: {', '.join(sorted(versions))}")
        header, _ = answers[0]
        self._layers = tuple(getattr(policy, name)(*settings) for name, *settings in header["layers"])

    def close(self) -> None:
        """Kill the processes. May be called more than once."""
        if self._gang:
            self._gang.close()

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
        messages = {}
        for rank in range(self.num_processes):
            part = slice(rank * share, (rank + 1) * share)
            messages[rank] = pack(settings, {name: values[:, part] for name, values in fields.items()})
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
            [(_, arrays)] = self._ask({0: pack({"operation": "parameters"})}, self.timeout)
            self._parameters = arrays["parameters"]
        return PolicyWeights(version, self._layers, self._parameters)

    def state(self, rank: int = 0) -> dict[str, Array]:
        """All that the learner would need to go on, see `Learner.state`.

        Args:
            rank: the process that is asked; all have the same.

        Raises:
            LearnerLostError: see `update`.
        """
        [(_, arrays)] = self._ask({rank: pack({"operation": "state"})}, self.timeout)
        return arrays

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` gave, or `Learner.state`.

        Raises:
            ConfigError: the arrays are those of another network.
            LearnerLostError: see `update`.
        """
        message = pack({"operation": "load_state"}, state)
        self._parameters = None
        self._ask(dict.fromkeys(range(self.num_processes), message), self.timeout)

    def _ask(self, messages: dict[int, bytes], limit: float) -> list[Answer]:
        """The answers of the processes to messages, by rank."""
        assert self._gang is not None
        answers = self._gang.ask(messages, limit)
        self.updates = answers[0][0]["updates"]
        return _checked(answers)


def choose_workers(client: Client, count: int) -> list[str]:
    """Addresses of so many workers that can run a learner process.

    Raises:
        ClusterError: there are too few.
        MissingExtraError: there would be enough if all had TensorFlow.
    """
    there = list(client.nthreads())
    answers = ask(client, WHAT_IS_THERE, there)
    faults = {address: _fault(*answers[address]) if address in answers else "does not answer" for address in there}
    able = [address for address, fault in faults.items() if not fault]
    if len(able) >= count:
        return able[:count]
    lacking = [address for address, fault in faults.items() if fault == NO_TENSORFLOW]
    if len(able) + len(lacking) >= count:
        raise MissingExtraError(f"TensorFlow, which learner processes need, on worker {', '.join(lacking)}", "learner")
    others = "".join(f"; {address} {fault}" for address, fault in faults.items() if fault)
    raise ClusterError(
        f"{count} learner processes need as many Dask workers, each its own, and this cluster has {len(able)} that can "
        f"run one{others}. Start more, and wait for them: client.wait_for_workers({count})"
    )


def _fault(version: str, has_tensorflow: bool) -> str:
    """What keeps a worker from running a learner process; nothing where nothing does."""
    if not version:
        return "does not have dqnkit"
    if version != dqnkit.__version__:
        return f"has dqnkit {version}, not {dqnkit.__version__} as here"
    return "" if has_tensorflow else NO_TENSORFLOW


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


def _checked(answers: list[Answer]) -> list[Answer]:
    """The answers, if none of them is an error of the kit's own."""
    kinds = {kind.__name__: kind for kind in (ConfigError, DivergedError, EnvironmentNotSupportedError)}
    for header, _ in answers:
        if "error" in header:
            raise kinds.get(header["error"], ClusterError)(header["message"])
    return answers
