"""Several replicas of the learner under a `tf.distribute` strategy. A first reading of DQN can skip this file.

Each replica holds the whole network and takes its share of every batch. In every update the replicas sum their
gradients, so that all take the same step, which is the one that a single replica takes with the whole batch. Keras 3
sums the gradients too, inside `optimizer.apply`: `Replicas.apply` goes around that, and `reduce_gradients` undoes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
        reduce: a reader's own function like `reduce_gradients`, used where there are several replicas.

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
        self._reduce: Reduce | None = None
        if self.number > 1 and reduce:
            # it may use Python's if on tensors; in a tf.function of its own all_reduce would not be allowed
            self._reduce = tf.autograph.to_graph(reduce)

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

    def apply(self, optimizer: Any, gradients: list[Tensor], variables: list[Any], max_norm: float) -> None:
        """On each replica: one step of the optimizer with the sum of all replicas' gradients, clipped as a whole.

        Keras would clip before it sums, so the sum is made here. `optimizer.apply` would sum once more, and between
        processes that sum takes as long as the first. So the optimizer is asked for its step, variable by variable.

        Args:
            optimizer: of Keras.
            gradients: of the summed losses of the replica's share, divided by the size of the whole batch.
            variables: of the network, one for each gradient.
            max_norm: length to which a longer gradient is scaled down; 0: never.
        """
        if self.number == 1:
            optimizer.apply(clip_gradients(gradients, max_norm), variables)
        elif self._reduce:
            optimizer.apply(self._reduce(gradients, max_norm), variables)
        else:
            total = sum_gradients(gradients, max_norm)
            tf.distribute.get_replica_context().merge_call(partial(apply_to_all, optimizer, variables), total)

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

    The division undoes the optimizer's own sum, which adds the same gradient once for each replica. This is the form
    that readers write; `Replicas.apply` makes the same step with one sum.

    Args:
        gradients: of the summed losses of the replica's share, divided by the size of the whole batch.
        max_norm: length to which a longer sum is scaled down; 0: never.
    """
    number = tf.distribute.get_replica_context().num_replicas_in_sync
    return [gradient / number for gradient in sum_gradients(gradients, max_norm)]


def sum_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """On each replica: the sum of all replicas' gradients, clipped as a whole."""
    context = tf.distribute.get_replica_context()
    return clip_gradients(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients), max_norm)


def apply_to_all(optimizer: Any, variables: list[Any], strategy: Any, *total: Tensor) -> None:
    """One step of Keras' optimizer on all replicas of this process, with the same gradient on each."""

    def step(variable: Any, gradient: Tensor) -> None:
        optimizer.update_step(gradient, variable, optimizer.learning_rate)

    for variable, gradient in zip(variables, total, strict=True):
        strategy.extended.update(variable.value, step, (gradient,), group=False)
    optimizer.iterations.assign_add(1)


def clip_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """Gradients scaled down together to the length ``max_norm`` if they are longer; 0: never."""
    return list(tf.clip_by_global_norm(gradients, max_norm)[0]) if max_norm > 0 else gradients
