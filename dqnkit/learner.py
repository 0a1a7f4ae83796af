"""The learner: gradient steps on the Q-network, many of them in one compiled call.

This file is written for one replica. What several replicas under a `tf.distribute` strategy do differently is in
`dqnkit.replicas`, which a first reading can skip.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from dqnkit.autograph_ready import autograph_ready
from dqnkit.backend import first_call, keras, keras_defaults, prepare_xla, tf
from dqnkit.config import DQNConfig
from dqnkit.environments import network_spaces
from dqnkit.errors import ConfigError, DivergedError
from dqnkit.network_layers import Normalization, policy_layers
from dqnkit.networks import build_q_network, flat_parameters, update_target
from dqnkit.policy import Dimensions, Normalize, Rescale
from dqnkit.replicas import Replicas
from dqnkit.running_statistics import RunningStatistics
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition
from dqnkit.value_learning import Loss, best_value, double_q_learning, dqn_loss, q_learning

Tensor = Any


class Learner:
    """Online network, target network and optimizer; the target starts equal to the online network.

    Args:
        config: the run's settings.
        strategy: a `tf.distribute` strategy; the default one if None. The batch is shared out over its replicas.
            With a `MultiWorkerMirroredStrategy`, each process calls `update` with its own part of the batches.
        loss: the algorithm: a function like the one that `dqn_loss` returns, which is used if None. The networks that
            it gets are Keras models, the batch is a `Transition` of tensors ``[B, ...]``.
        td_error: the update rule inside `dqn_loss`: a function like `q_learning`, or like `double_q_learning` with
            ``config.double_q``.
        network: builds the two networks from ``(observation_space, num_actions, config)``; `build_q_network` if None.
            The last layer must give Q-values ``[B, A]``; ``loss`` may look at the layers before it.
        sync: moves the target network: a function like `update_target`, which is used if None.
        reduce: makes one gradient of those of several replicas: a function like `dqnkit.replicas.reduce_gradients`.
            If None, `Replicas.apply` does so itself. One replica has nothing to reduce.

    Raises:
        ConfigError: the batch size does not divide by the number of replicas; ``loss`` is given together with
            ``td_error``; the actors cannot compute the priorities (``config.actor_priorities``); or ``loss`` is given
            where the network has no Q-values ``[B, A]`` (``config.decoupled``).
    """

    def __init__(
        self,
        config: DQNConfig,
        strategy: Any = None,
        *,
        loss: Loss | None = None,
        td_error: Callable[..., Tensor] | None = None,
        network: Callable[..., Any] | None = None,
        sync: Callable[..., None] | None = None,
        reduce: Callable[[list[Tensor], float], list[Tensor]] | None = None,
    ) -> None:
        _check_rules(config, loss, td_error)
        self.config = config
        self.strategy = strategy or tf.distribute.get_strategy()
        self._replicas = Replicas(self.strategy, config.batch_size, reduce)
        self.num_replicas = self._replicas.number
        build, spaces = network or build_q_network, network_spaces(config)
        with self.strategy.scope(), keras_defaults():
            self.online, self.target = (build(*spaces, config) for _ in range(2))
            self.target.set_weights(self.online.get_weights())
            self.optimizer = keras.optimizers.Adam(config.learning_rate, epsilon=config.adam_epsilon)
            self.optimizer.build(self.online.trainable_variables)
        self.updates = 0
        self._loss, self._has_own_loss = loss or dqn_loss(config, td_error), bool(loss or td_error)
        self._sync, self._has_own_sync = autograph_ready(sync) if sync else update_target, bool(sync)
        self._statistics = RunningStatistics(tuple(spaces[0].shape or ())) if config.normalize_observations else None
        self._normalized = 0  # observations in the mean and the deviation that the networks have
        self._layers = policy_layers(self.online)
        if loss is not None and isinstance(self._layers[-1], Dimensions):
            raise ConfigError(_NO_JOINT_VALUES)
        if config.normalize_observations and not isinstance(self._layers[0], Normalize):
            raise ConfigError(
                "with normalize_observations the first layer of a network must be a "
                "dqnkit.network_layers.Normalization: begin yours with one, or set normalize_observations to False"
            )
        self._scale = next((layer.scale for layer in self._layers if isinstance(layer, Rescale)), 1.0)
        self._scale_before = 1 / 255 if spaces[0].dtype == np.uint8 else 1.0  # of versions that looked at the type
        self._parameters = flat_parameters(self.online)  # [P]
        self._use_xla = config.xla and self.num_replicas == 1
        if self._use_xla:
            prepare_xla()
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
            importance: weight of each transition in the loss, ``[K, B]``; 1 if None.
            learning_rate, target_period: for this call, in place of those of the configuration.

        Raises:
            DivergedError: a loss became NaN or infinite. Networks and optimizer are as they were before the call.
        """
        if importance is None:
            importance = np.ones(transitions.reward.shape, np.float32)
        self._normalize()
        # NumPy's numbers, because TensorFlow keeps a tensor for each number of Python's that it ever saw.
        numbers = (
            np.int64(self.updates),
            np.float32(self.config.learning_rate if learning_rate is None else learning_rate),
            np.int64(self.config.target_period if target_period is None else target_period),
        )
        arguments = tuple(tf.convert_to_tensor(values) for values in (*transitions, importance, *numbers))
        shape = transitions.reward.shape  # (K, B)
        program = self._programs.get(shape)
        if program is None:
            # The program is kept here, because tf.function takes 0.3 ms a call to find it again.
            self._programs[shape], results = first_call(self._trace, arguments)
        else:
            results = program(*arguments)
        priorities, losses, max_q, parameters, kept = results
        losses, max_q, parameters = losses.numpy(), float(max_q.numpy()), parameters.numpy()  # [K], a number, [P]
        # The loss is taken before the step: the harm of the last step shows in the parameters only.
        finite = [*np.isfinite(losses), np.isfinite(parameters).all() and np.isfinite(max_q)]
        if not all(finite):
            self._put_back(kept)
            bad = finite.index(False)
            raise DivergedError(
                f"the loss became {[*losses, np.nan][bad]} in update {self.updates + bad + 1}: the values explode. "
                "The weights from before it were kept. Look at learning_rate (lower), target_period (longer), "
                f"max_gradient_norm (lower) and the size of the rewards (here up to {_largest(transitions.reward)}) "
                f"and of the observations (up to {_largest(transitions.observation)})"
            )
        self.updates += len(losses)
        self._parameters = parameters
        return LearnerResult(priorities.numpy(), losses, max_q)

    def observe(self, observations: Array) -> None:
        """Take observations ``[B, ...]`` into the mean and the deviation by which the networks normalize them.

        The networks get the new ones at the next `update`, both the same. Without ``config.normalize_observations``
        there is nothing to do.
        """
        if self._statistics is not None:
            self._statistics.add(observations)

    def get_weights(self, version: int = 0) -> PolicyWeights:
        """The online network for actors."""
        return PolicyWeights(version, self._layers, self._parameters)

    def state(self) -> dict[str, Array]:
        """Everything that the learner needs to go on, as plain arrays by name."""
        state = {f"{name}/{i}": np.asarray(value) for name, i, value in self._variables()}
        statistics = {} if self._statistics is None else self._statistics.state()
        return {**state, **statistics, "updates": np.array(self.updates), "observation_scale": np.array(self._scale)}

    def load_state(self, state: dict[str, Array]) -> None:
        """Go on from what `state` returned.

        Raises:
            ConfigError: the arrays belong to another network, or to one that was trained on observations scaled by
                another number.
        """
        scale = float(state.get("observation_scale", self._scale_before))
        if not np.isclose(scale, self._scale):
            raise ConfigError(
                f"the saved network learned from observations divided by {1 / scale:g}, and those of "
                f"{self.config.env_id} are now divided by {1 / self._scale:g}, because of the bounds of their space: "
                "its values would be wrong. Start a new run"
            )
        for name, i, variable in self._variables():
            values = state.get(f"{name}/{i}")
            if values is None or values.shape != tuple(variable.shape):
                raise ConfigError(
                    f"the saved {name} network does not fit this configuration: array {i} has the shape "
                    f"{None if values is None else values.shape}, not {tuple(variable.shape)}"
                )
            variable.assign(values)
        if self._statistics is not None:
            self.load_statistics(state)
        self.updates = int(state["updates"])
        self._parameters = flat_parameters(self.online)

    def load_statistics(self, state: dict[str, Array]) -> None:
        """Take over, from what `state` returned, only the mean and the deviation of observations."""
        assert self._statistics is not None
        self._statistics.load_state(state)
        self._normalized = 0

    def _normalize(self) -> None:
        """Give both networks the newest mean and deviation of observations."""
        if self._statistics is None or self._normalized == self._statistics.count:
            return
        self._normalized = self._statistics.count
        for layer in (*self.online.layers, *self.target.layers):
            if isinstance(layer, Normalization):
                layer.set(self._statistics.mean, self._statistics.deviation)

    def _trace(self, *arguments: Tensor) -> Any:
        """The program of `_many_updates` for arguments of these shapes."""
        traced = tf.function(self._many_updates, jit_compile=self._use_xla, autograph=False)
        return traced.get_concrete_function(*arguments)

    def _many_updates(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """K updates as one program. It also returns the new parameters, and all variables as they were before.

        The loop is a `tf.while_loop`, because converting a Python loop takes tf.function longer than all other tracing.
        """
        *fields, importance, before, learning_rate, target_period = arguments
        kept = _flat(self._learned())  # one array, because each array that a compiled call returns costs microseconds
        self.optimizer.learning_rate.assign(learning_rate)
        update_once = self._replicas.share_out(self._update_once)
        num_batches, batch_size = importance.shape
        shapes: tuple[list[int], ...] = ([batch_size], [], [])
        results = tuple(tf.TensorArray(tf.float32, num_batches, element_shape=shape) for shape in shapes)

        def body(k: Tensor, *results: Tensor) -> tuple[Tensor, ...]:
            batch = Transition._make(values[k] for values in fields)
            values = update_once(batch, importance[k], before + tf.cast(k, tf.int64) + 1, target_period)
            return (k + 1, *(array.write(k, value) for array, value in zip(results, values, strict=True)))

        _, *results = tf.while_loop(lambda k, *_: k < num_batches, body, (tf.constant(0), *results))
        priorities, losses, max_qs = (array.stack() for array in results)  # [K, B], [K], [K]
        losses, max_qs = self._replicas.sum_over_processes(losses, max_qs)
        return priorities, losses, tf.reduce_mean(max_qs), _flat(self.online.weights), kept

    def _update_once(
        self, batch: Transition, importance: Tensor, update: Tensor, target_period: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One update, the ``update``-th, with a batch (or a replica's share of it).

        Returns:
            priorities ``[b]``, loss and mean max Q.
        """
        priorities, loss, max_q, gradients = self._gradients(batch, importance)
        variables = self.online.trainable_variables
        self._replicas.apply(self.optimizer, gradients, variables, self.config.max_gradient_norm)

        def sync_target(update: Tensor, period: Tensor) -> None:
            online, target = self.online.trainable_variables, self.target.trainable_variables
            self._sync(online, target, update, period, self.config.target_tau)

        (_converted(sync_target) if self._has_own_sync else sync_target)(update, target_period)
        return priorities, loss, max_q

    def _gradients(self, batch: Transition, importance: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Priorities ``[b]``, loss, mean max Q and gradients of a batch (or of a replica's share of it).

        The losses are summed and divided by the size of the whole batch, so that the sum over replicas is its mean.
        """

        def loss_of(batch: Transition) -> tuple[Tensor, Tensor, Tensor]:
            return self._loss(self.online, self.target, batch)

        variables = [variable.value for variable in self.online.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for variable in variables:
                tape.watch(variable)
            outputs = (_converted(loss_of) if self._has_own_loss else loss_of)(batch)
            _check_outputs(outputs, batch.reward.shape[0])
            losses, priorities, q_values = outputs  # [b], [b], [b, A] or [b, D, N]
            loss = tf.reduce_sum(importance * losses) / self.config.batch_size
        max_q = tf.reduce_sum(best_value(q_values)) / self.config.batch_size
        return priorities, loss, max_q, tape.gradient(loss, variables)

    def _variables(self) -> list[tuple[str, int, Any]]:
        groups = {"online": self.online.weights, "target": self.target.weights, "optimizer": self.optimizer.variables}
        return [(name, i, variable) for name, group in groups.items() for i, variable in enumerate(group)]

    def _learned(self) -> list[Any]:
        """The variables that an update changes, without the optimizer's counter, which follows from ``updates``."""
        return [variable for _, _, variable in self._variables() if tf.as_dtype(variable.dtype).is_floating]

    def _put_back(self, kept: Tensor) -> None:
        """Assign the variables that `_many_updates` kept, one flat array, and the optimizer's counter."""
        learned = self._learned()
        parts = tf.split(kept, [prod(variable.shape) for variable in learned])
        for variable, values in zip(learned, parts, strict=True):
            variable.assign(tf.reshape(values, variable.shape))
        self.optimizer.iterations.assign(self.updates)


_NO_JOINT_VALUES = (
    "a loss of your own gets Q-values [B, A], and this decoupled network has too many actions: it gives the values of "
    "each dimension's bins. Set fewer action_bins; or give td_error instead, which is used for each dimension"
)


def _converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, where a reader's own code that it calls may use Python's ``if`` and ``for`` on tensors.

    AutoGraph rewrites those as TensorFlow's. (tf.function would do it too, but a function that is compiled apart and
    reads the networks' variables made an update 500 times slower.) The package's own functions do without.
    """
    return tf.autograph.to_graph(function)


def _check_rules(config: DQNConfig, loss: Loss | None, td_error: Callable[..., Tensor] | None) -> None:
    if loss is not None and td_error is not None:
        raise ConfigError("td_error is a part of the package's own loss: give either loss or td_error, not both")
    is_own = loss is not None or td_error not in (None, q_learning, double_q_learning)
    if config.actor_priorities and is_own:
        raise ConfigError(
            "with actor_priorities, actors compute the first priorities as TD errors of Q-learning in NumPy "
            f"(dqnkit.actor_priorities.td_errors), which are not those of your {'loss' if loss else 'td_error'}: set "
            "actor_priorities to False, and new transitions begin with the largest priority so far"
        )


def _check_outputs(outputs: tuple[Tensor, ...], batch_size: int) -> None:
    """Refuse, above all, losses that are averaged already: the importance ``[b]`` would broadcast against them."""
    shapes = [tuple(values.shape) for values in outputs]
    if [len(shape) for shape in shapes] not in ([1, 1, 2], [1, 1, 3]) or {shape[0] for shape in shapes} != {batch_size}:
        raise ConfigError(
            "the loss must return losses [B], priorities [B] and Q-values [B, A], "
            f"here with B = {batch_size}, not the shapes {', '.join(map(str, shapes))}"
        )


def _largest(values: Array) -> str:
    return f"{np.abs(values).max():g}"


def _flat(variables: list[Any]) -> Tensor:
    return tf.concat([tf.reshape(variable.value, [-1]) for variable in variables], axis=0)
