"""The learner: gradient steps on the Q-network, many in one compiled call, under any `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dqnkit.backend import keras, prepare_xla, tf
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.errors import ConfigError, DivergedError
from dqnkit.networks import build_q_network, flat_parameters, policy_layers, update_target
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition
from dqnkit.value_learning import double_q_learning, huber, q_learning, squared

Tensor = Any


class _Settings(NamedTuple):
    """What may change from call to call without compiling again."""

    learning_rate: Tensor
    target_period: Tensor


class Learner:
    """Online network, target network and optimizer; the target starts equal to the online network.

    Args:
        config: the run's settings.
        strategy: a `tf.distribute` strategy; the default one if None. The batch is shared out over its replicas.
            With a `MultiWorkerMirroredStrategy`, each process calls `update` with its own part of the batches.
        td_error: the update rule: a function like `q_learning`, or like `double_q_learning` with
            ``config.double_q``; the package's own unless given.
        sync: how the target follows: a function like `update_target`, which is used unless given.
        reduce: how several replicas' gradients become one: a function like `reduce_gradients`, which is used unless
            given. One replica has nothing to reduce.

    Raises:
        ConfigError: the batch size does not divide by the number of replicas.
    """

    def __init__(
        self,
        config: DQNConfig,
        strategy: Any = None,
        td_error: Callable[..., Tensor] | None = None,
        sync: Callable[..., None] | None = None,
        reduce: Callable[[list[Tensor], float], list[Tensor]] | None = None,
    ) -> None:
        self.config = config
        self.strategy = strategy or tf.distribute.get_strategy()
        self.num_replicas = int(self.strategy.num_replicas_in_sync)
        if config.batch_size % self.num_replicas:
            raise ConfigError(f"batch_size {config.batch_size} does not divide by {self.num_replicas} replicas")
        # those in this process, whose part of the batches `update` is given
        self.num_local_replicas = len(self.strategy.extended.worker_devices) if self.num_replicas > 1 else 1
        # tf.function, so that what a reader injects may use Python's if and for on tensors; ours need no conversion
        own_rule: Callable[..., Tensor] = double_q_learning if config.double_q else q_learning
        self._td_error = tf.function(td_error) if td_error else own_rule
        self._sync = sync or update_target
        # (not tf.function, inside of which the replicas could not meet)
        self._reduce = tf.autograph.to_graph(reduce) if reduce else reduce_gradients
        observation_shape, dtype, num_actions = _spaces(config)
        with self.strategy.scope():
            self.online = build_q_network(observation_shape, dtype, num_actions, config)
            self.target = build_q_network(observation_shape, dtype, num_actions, config)
            self.target.set_weights(self.online.get_weights())
            self.optimizer = keras.optimizers.Adam(config.learning_rate, epsilon=config.adam_epsilon)
            self.optimizer.build(self.online.trainable_variables)
        self.updates = 0
        self._layers = policy_layers(self.online)
        self._parameters = flat_parameters(self.online)  # [P]
        one_replica = self.num_replicas == 1
        use_xla = config.xla and one_replica
        if use_xla:
            prepare_xla()
        update = self._update_fused if one_replica else self._update_replicated

        def flat(*arguments: Tensor) -> tuple[Tensor, ...]:
            *transitions, importance, before, learning_rate, target_period = arguments
            return update(Transition(*transitions), importance, before, _Settings(learning_rate, target_period))

        self._compiled = tf.function(flat, jit_compile=use_xla, autograph=False)
        self._programs: dict[tuple[int, ...], Any] = {}

    def update(
        self,
        transitions: Transition,
        importance: FloatArray | None = None,
        *,
        learning_rate: float | None = None,
        target_period: int | None = None,
    ) -> LearnerResult:
        """One gradient step for each of K batches, in one compiled call.

        Args:
            transitions: fields ``[K, B, ...]``; with several processes this one's part, ``[K, B / processes, ...]``.
            importance: weight of each transition in the loss, ``[K, B]``; 1 unless given.
            learning_rate, target_period: instead of the configured ones, for this call.

        Raises:
            DivergedError: a loss became NaN or infinite. Networks and optimizer are as they were before the call.
        """
        if importance is None:
            importance = np.ones(transitions.reward.shape, np.float32)
        arguments = (
            *(tf.convert_to_tensor(values) for values in (*transitions, importance)),
            tf.constant(self.updates, tf.int64),
            tf.constant(self.config.learning_rate if learning_rate is None else learning_rate, tf.float32),
            tf.constant(self.config.target_period if target_period is None else target_period, tf.int64),
        )
        shape = transitions.reward.shape  # (K, B)
        if shape not in self._programs:
            # the program itself: to look it up through tf.function costs 0.3 ms a call
            self._programs[shape] = self._compiled.get_concrete_function(*arguments)
        td_errors, losses, max_q, parameters, kept = self._programs[shape](*arguments)
        losses, parameters = losses.numpy(), parameters.numpy()  # [K], [P]
        finite = [*np.isfinite(losses), np.isfinite(parameters).all()]  # the last update's harm shows in the weights
        if not all(finite):
            self._put_back(kept)
            bad = finite.index(False)
            raise DivergedError(
                f"the loss became {[*losses, np.nan][bad]} in update {self.updates + bad + 1}: the values explode. "
                "The weights from before it were kept. Look at learning_rate (lower), target_period (longer), "
                "max_gradient_norm (lower) and the size of the rewards"
            )
        self.updates += len(losses)
        self._parameters = parameters
        return LearnerResult(td_errors.numpy(), losses, float(max_q.numpy()))

    def get_weights(self, version: int = 0) -> PolicyWeights:
        """The online network for actors."""
        return PolicyWeights(version, self._layers, self._parameters)

    def state(self) -> dict[str, Array]:
        """All that the learner would need to go on, as plain arrays by name."""
        state = {f"{name}/{i}": np.asarray(value) for name, i, value in self._variables()}
        return {**state, "updates": np.array(self.updates)}

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` gave.

        Raises:
            ConfigError: the arrays are those of another network.
        """
        for name, i, variable in self._variables():
            values = state.get(f"{name}/{i}")
            if values is None or values.shape != tuple(variable.shape):
                raise ConfigError(
                    f"the saved {name} network does not fit this configuration: array {i} has the shape "
                    f"{None if values is None else values.shape}, not {tuple(variable.shape)}"
                )
            variable.assign(values)
        self.updates = int(state["updates"])
        self._parameters = flat_parameters(self.online)

    def _variables(self) -> list[tuple[str, int, Any]]:
        groups = {"online": self.online.weights, "target": self.target.weights, "optimizer": self.optimizer.variables}
        return [(name, i, variable) for name, group in groups.items() for i, variable in enumerate(group)]

    def _learned(self) -> list[Any]:
        """The variables that an update changes; counters, which Keras keeps as integers, follow from ``updates``."""
        return [variable for _, _, variable in self._variables() if tf.as_dtype(variable.dtype).is_floating]

    def _put_back(self, kept: Tensor) -> None:
        """Assign what `_loop` kept ``[all parameters]``, and the counter that goes with it."""
        learned = self._learned()
        parts = tf.split(kept, [prod(variable.shape) for variable in learned])
        for variable, values in zip(learned, parts, strict=True):
            variable.assign(tf.reshape(values, variable.shape))
        self.optimizer.iterations.assign(self.updates)

    def _update_fused(
        self, batches: Transition, importance: Tensor, before: Tensor, settings: _Settings
    ) -> tuple[Tensor, ...]:
        """The whole loop over K as one program, for one replica."""

        def step(k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            batch = Transition._make(values[k] for values in batches)
            td_error, loss, max_q, gradients = self._gradients(batch, importance[k], self.config.batch_size)
            self._apply(_clip(gradients, self.config.max_gradient_norm))
            self._sync_target(before + tf.cast(k, tf.int64) + 1, settings)
            return td_error, loss, max_q

        return self._loop(step, batches, settings)

    def _loop(
        self, step: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], batches: Transition, settings: _Settings
    ) -> tuple[Tensor, ...]:
        """Call ``step`` for each of the K batches; also return the new parameters, and all variables as they were.

        The loop is spelled out because tf.function's own conversion of Python loops takes longer than all of the rest
        of tracing.
        """
        kept = _flat(self._learned())  # one array: each array that a compiled call returns costs some microseconds
        self.optimizer.learning_rate.assign(settings.learning_rate)
        num_batches, batch_size = batches.reward.shape
        shapes: tuple[list[int], ...] = ([batch_size], [], [])
        results = tuple(tf.TensorArray(tf.float32, num_batches, element_shape=shape) for shape in shapes)

        def body(k: Tensor, *results: Tensor) -> tuple[Tensor, ...]:
            return (k + 1, *(array.write(k, value) for array, value in zip(results, step(k), strict=True)))

        _, *results = tf.while_loop(lambda k, *_: k < num_batches, body, (tf.constant(0), *results))
        td_errors, losses, max_qs = (array.stack() for array in results)
        return td_errors, losses, tf.reduce_mean(max_qs), _flat(self.online.weights), kept

    def _gradients(
        self, batch: Transition, importance: Tensor, global_batch_size: int
    ) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """TD errors ``[b]``, loss, mean max Q and gradients of a batch, or of a replica's share of one.

        The losses are summed and divided by the size of the whole batch, so that the sum over replicas is its mean.
        """
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in self.online.trainable_variables:
                tape.watch(variable.value)
            q_tm1 = self.online(batch.observation)  # [b, A]
            q_t = self.target(batch.next_observation)  # [b, A]
            selector = [self.online(batch.next_observation)] if self.config.double_q else []  # [b, A]
            td_error = self._td_error(q_tm1, batch.action, batch.reward, batch.discount, q_t, *selector)  # [b]
            losses = huber(td_error) if self.config.loss == "huber" else squared(td_error)  # [b]
            loss = tf.reduce_sum(importance * losses) / global_batch_size
        gradients = tape.gradient(loss, [variable.value for variable in self.online.trainable_variables])
        max_q = tf.reduce_sum(tf.reduce_max(q_tm1, axis=1)) / global_batch_size
        return td_error, loss, max_q, gradients

    def _apply(self, gradients: list[Tensor]) -> None:
        self.optimizer.apply(gradients, self.online.trainable_variables)

    def _sync_target(self, update: Tensor, settings: _Settings) -> None:
        def follow(update: Tensor, period: Tensor) -> None:
            online, target = self.online.trainable_variables, self.target.trainable_variables
            self._sync(online, target, update, period, self.config.target_tau)

        # the reader's own is converted too; the variables come by closure, for tf.function refuses those of Keras
        (follow if self._sync is update_target else tf.function(follow))(update, settings.target_period)

    def _update_replicated(
        self, batches: Transition, importance: Tensor, before: Tensor, settings: _Settings
    ) -> tuple[Tensor, ...]:
        """The loop over K around `strategy.run`, for several replicas.

        Only each replica's gradient may be XLA: a loop inside the replica's function, or XLA around the whole, is
        refused by TensorFlow.
        """

        def step(k: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            batch = Transition._make(values[k] for values in batches)
            update = before + tf.cast(k, tf.int64) + 1
            shares = self.strategy.run(self._replica_step, (batch, importance[k], update, settings))
            td_errors, losses, max_qs = (self.strategy.experimental_local_results(share) for share in shares)
            return tf.concat(td_errors, axis=0), tf.add_n(losses), tf.add_n(max_qs)

        td_errors, losses, max_q, *others = self._loop(step, batches, settings)
        if self.num_local_replicas < self.num_replicas:
            # each process judges by the whole loss whether it is finite: all go on, or none does
            sums = self.strategy.run(self._sum_over_processes, (losses, max_q))
            losses, max_q = (self.strategy.experimental_local_results(total)[0] for total in sums)
        return td_errors, losses, max_q, *others

    def _sum_over_processes(self, *values: Tensor) -> list[Tensor]:
        """The sum of what each process has, called on every replica."""
        shares = [value / self.num_local_replicas for value in values]
        return list(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, shares))

    def _replica_step(
        self, batch: Transition, importance: Tensor, update: Tensor, settings: _Settings
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One replica's share of one update."""
        context = tf.distribute.get_replica_context()
        share = self.config.batch_size // self.num_replicas
        first = context.replica_id_in_sync_group % self.num_local_replicas * share
        mine = Transition._make(values[first : first + share] for values in batch)
        td_error, loss, max_q, gradients = self._gradients(
            mine, importance[first : first + share], self.config.batch_size
        )
        self._apply(self._reduce(gradients, self.config.max_gradient_norm))
        self._sync_target(update, settings)
        return td_error, loss, max_q


def reduce_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """What each replica gives to `optimizer.apply`, called on every replica with the gradients of its own share.

    Keras' optimizer clips before it sums the gradients over the replicas. So: sum, clip, and divide by the number of
    replicas, for the optimizer sums again.

    Args:
        gradients: of the summed losses of the replica's share, divided by the size of the whole batch.
        max_norm: length to which a longer sum is scaled down; 0: never.
    """
    context = tf.distribute.get_replica_context()
    gradients = _clip(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients), max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


def _flat(variables: list[Any]) -> Tensor:
    return tf.concat([tf.reshape(variable.value, [-1]) for variable in variables], axis=0)


def _clip(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    return tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients


def _spaces(config: DQNConfig) -> tuple[tuple[int, ...], Any, int]:
    env = make_env(config.env_id, max_episode_steps=config.max_episode_steps, frame_stack=config.frame_stack)
    shape, dtype = env.observation_space.shape, env.observation_space.dtype
    num_actions = int(env.action_space.n)  # type: ignore[attr-defined]
    env.close()
    assert shape is not None
    return shape, dtype, num_actions
