"""Several replicas of the learner under a `tf.distribute` strategy. A first reading of DQN can skip this file.

Each replica holds the whole network and takes its share of every batch. In every update the replicas sum their
gradients, so that all take the same step, which is the one that a single replica takes with the whole batch. Keras
3 sums the gradients too, inside `optimizer.apply`; `reduce_gradients` says what follows from that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.backend import tf
from dqnkit.errors import ConfigError
from dqnkit.types import Transition

Tensor = Any
Step = Callable[..., tuple[Tensor, Tensor, Tensor]]  # -> priorities [B], loss, mean max Q
Reduce = Callable[[list[Tensor], float], list[Tensor]]


class Replicas:
    """The replicas of a strategy. With one, `share_out` and `sum_over_processes` return what they are given.

    Args:
        strategy: a `tf.distribute` strategy.
        batch_size: transitions in a batch, over all replicas.
        reduce: instead of `reduce_gradients`.

    Raises:
        ConfigError: the batch size does not divide by the number of replicas.
    """

    def __init__(self, strategy: Any, batch_size: int, reduce: Reduce | None = None) -> None:
        self.number = int(strategy.num_replicas_in_sync)
        if batch_size % self.number:
            raise ConfigError(f"batch_size {batch_size} does not divide by {self.number} replicas")
        self._strategy = strategy
        self._share = batch_size // self.number  # transitions
        self._number_here = len(strategy.extended.worker_devices) if self.number > 1 else 1  # in this process
        if self.number == 1:
            self.reduce: Reduce = clip_gradients
        elif reduce is None:
            self.reduce = reduce_gradients
        else:  # a reader's own, which may use Python's if on tensors; inside tf.function all_reduce is not allowed
            self.reduce = tf.autograph.to_graph(reduce)

    def share_out(self, step: Step) -> Step:
        """A step that takes the whole batch and lets each replica make ``step`` with its share.

        A loop over batches goes around this step: TensorFlow refuses a loop inside the function of a replica, and XLA
        around all replicas.

        Args:
            step: a function of a `Transition` ``[b, ...]``, its importance ``[b]``, and what all replicas are given.
        """
        if self.number == 1:
            return step

        def step_of_one(batch: Transition, importance: Tensor, *others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            index = tf.distribute.get_replica_context().replica_id_in_sync_group % self._number_here
            mine = slice(index * self._share, (index + 1) * self._share)
            return step(Transition._make(values[mine] for values in batch), importance[mine], *others)

        def step_of_all(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
            results = self._strategy.run(step_of_one, arguments)
            priorities, losses, max_qs = (self._strategy.experimental_local_results(result) for result in results)
            return tf.concat(priorities, axis=0), tf.add_n(losses), tf.add_n(max_qs)

        return step_of_all

    def sum_over_processes(self, *values: Tensor) -> tuple[Tensor, ...]:
        """The sums of what the processes have, each of its own replicas.

        With the loss of the whole batch, all processes agree whether it is finite: all go on, or none does.
        """
        if self._number_here == self.number:
            return values

        def sum_on_replica(*values: Tensor) -> list[Tensor]:
            parts = [value / self._number_here for value in values]  # every replica of a process adds the same
            return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, parts))

        sums = self._strategy.run(sum_on_replica, values)
        return tuple(self._strategy.experimental_local_results(total)[0] for total in sums)


def reduce_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """What each replica gives to `optimizer.apply`: sum over the replicas, clip, divide by the number of replicas.

    Keras' optimizer would clip before it sums over the replicas. So the sum is made here, and clipped; the division
    undoes the optimizer's own sum, which adds the same gradient once for each replica.

    Args:
        gradients: of the summed losses of the replica's share, divided by the size of the whole batch.
        max_norm: length to which a longer sum is scaled down; 0: never.
    """
    context = tf.distribute.get_replica_context()
    gradients = clip_gradients(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients), max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


def clip_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """Gradients scaled down together to the length ``max_norm`` if they are longer; 0: never."""
    return list(tf.clip_by_global_norm(gradients, max_norm)[0]) if max_norm > 0 else gradients
