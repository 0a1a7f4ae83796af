"""`MultiWorkerLearner`: has the same methods as `dqnkit.learner.Learner` and passes them on to learner processes."""

from __future__ import annotations

import numpy as np
from distributed import Client

from dqnkit import policy
from dqnkit.checked_numbers import number, whole_number
from dqnkit.cluster.multiworker.messages import pack
from dqnkit.cluster.multiworker.process_group import Answer, ProcessGroup
from dqnkit.cluster.multiworker.workers import choose_workers
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError, ConfigError, DivergedError, EnvironmentNotSupportedError
from dqnkit.running_statistics import RunningStatistics
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition

EXPOSED = (
    "the learner processes talk over TensorFlow's gRPC, which has neither encryption nor passwords, and listens on "
    "every network interface of the workers' machines, also where all of them are this computer. If nobody else "
    "reaches them (a firewall, a network of your own), ask for it by name: MultiWorkerLearner(..., insecure=True)"
)


class MultiWorkerLearner:
    """A `Learner` over several processes: ``train(config, learner=MultiWorkerLearner(client, config, 2))``.

    `train` does not close it: use it in a ``with`` statement, or call `close`. If a process is lost, all are stopped
    and the call raises `LearnerLostError`. Then call `restart` and continue from the last checkpoint:

        with MultiWorkerLearner(client, config, 2) as learner:
            ...
            learner.restart()
            state = checkpoint.restore(directory, learner=learner)
            for status in train(config, state=state):
                ...

    Args:
        client: of a cluster with a worker for each process; each worker needs ``pip install "dqnkit[learner]"``.
        config: the run's settings.
        num_processes: n, at least 2.
        insecure: must be True: you know that TensorFlow's connections have no protection. See the text of the package.
        start_timeout: seconds within which all processes must have arrived.
        compile_timeout: seconds for the first `update` of a shape, which compiles it.
        timeout: seconds for every other request to the processes.
        lease: seconds after which the processes end if no message has come from here, because the driver was killed.

    Attributes:
        updates: gradient steps so far.
        workers: address of the worker of each process.

    Raises:
        ConfigError: fewer than 2 processes, a batch size that is not a multiple of them, an asynchronous client.
        ClusterError: ``insecure`` is not said, too few workers, or workers with another version.
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
        if whole_number("num_processes", num_processes) < 2:
            raise ConfigError(f"num_processes must be at least 2, not {num_processes}; for one, take a Learner")
        for limit in (start_timeout, compile_timeout, timeout, lease):
            number("each time limit, in seconds,", limit, above=0)
        if config.batch_size % num_processes:
            raise ConfigError(f"batch_size {config.batch_size} does not divide by {num_processes} processes")
        if not insecure:
            raise ClusterError(EXPOSED)
        self.client = client
        self.config = config
        self.num_processes = num_processes
        self.start_timeout, self.compile_timeout, self.timeout = start_timeout, compile_timeout, timeout
        self.lease = lease
        self.updates = 0
        self.workers: list[str] = []
        self._group: ProcessGroup | None = None
        self._layers: tuple[policy.Layer, ...] = ()
        self._parameters: FloatArray | None = None  # of the newest weights, once they have been fetched
        self._statistics: RunningStatistics | None = None  # of observations, from the first that `observe` was given
        self._sent = 0  # observations in the statistics that the processes have
        self._compiled: set[tuple[int, ...]] = set()  # shapes of batches that `update` has been called with
        self.restart()

    def restart(self) -> None:
        """Start new processes with the initial weights, on other workers if necessary."""
        self.close()
        self.updates = self._sent = 0
        self.workers = choose_workers(self.client, self.num_processes)
        self._parameters = self._statistics = None
        self._compiled = set()
        self._group = ProcessGroup(self.client, self.workers, self.lease)
        try:
            answers = _checked(self._group.start(self.config.to_dict(), self.start_timeout))
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
        """Kill the processes. It may be called more than once."""
        if self._group:
            self._group.close()

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
            learning_rate, target_period: replace the configured ones in this call.

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
        self._send_statistics()
        self._parameters = None
        answers = self._request(messages, self.timeout if shape in self._compiled else self.compile_timeout)
        self._compiled.add(shape)
        priorities = np.concatenate([arrays["priorities"] for _, arrays in answers], axis=1)  # [K, B]
        header, arrays = answers[0]
        return LearnerResult(priorities, arrays["losses"], header["mean_max_q"])

    def observe(self, observations: Array) -> None:
        """Take observations ``[B, ...]`` into their mean and deviation, see `Learner.observe`.

        The sums are made here. The processes get them before the next update.
        """
        if self._statistics is None:
            self._statistics = RunningStatistics(observations.shape[1:])
        self._statistics.add(observations)

    def get_weights(self, version: int = 0) -> PolicyWeights:
        """The online network for actors. It is fetched at most once after each update.

        Raises:
            LearnerLostError: see `update`.
        """
        if self._parameters is None:
            [(_, arrays)] = self._request({0: pack({"operation": "parameters"})}, self.timeout)
            self._parameters = arrays["parameters"]
        return PolicyWeights(version, self._layers, self._parameters)

    def state(self, rank: int = 0) -> dict[str, Array]:
        """All that is needed to continue, see `Learner.state`.

        Args:
            rank: the process to read it from; all have the same state.

        Raises:
            LearnerLostError: see `update`.
        """
        self._send_statistics()
        [(_, arrays)] = self._request({rank: pack({"operation": "state"})}, self.timeout)
        return arrays

    def load_state(self, state: dict[str, Array]) -> None:
        """Load what `state`, or `Learner.state`, returned.

        Raises:
            ConfigError: the arrays are those of another network.
            LearnerLostError: see `update`.
        """
        message = pack({"operation": "load_state"}, state)
        self._parameters = None
        self._request(dict.fromkeys(range(self.num_processes), message), self.timeout)
        if self.config.normalize_observations:
            self._statistics = RunningStatistics(())
            self._statistics.load_state(state)
            self._sent = self._statistics.count

    def _send_statistics(self) -> None:
        """Give the processes the mean and the deviation of observations, if there are newer ones."""
        if self._statistics is None or self._sent == self._statistics.count:
            return
        message = pack({"operation": "load_statistics"}, self._statistics.state())
        self._request(dict.fromkeys(range(self.num_processes), message), self.timeout)
        self._sent = self._statistics.count

    def _request(self, messages: dict[int, bytes], timeout: float) -> list[Answer]:
        """Send messages to processes, by rank, and return their answers."""
        assert self._group is not None
        answers = self._group.request(messages, timeout)
        self.updates = answers[0][0]["updates"]
        return _checked(answers)


def _checked(answers: list[Answer]) -> list[Answer]:
    """Return the answers, or raise the error that one of them carries."""
    kinds = {kind.__name__: kind for kind in (ConfigError, DivergedError, EnvironmentNotSupportedError)}
    for header, _ in answers:
        if "error" in header:
            raise kinds.get(header["error"], ClusterError)(header["message"])
    return answers
