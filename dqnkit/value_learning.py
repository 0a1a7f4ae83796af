"""Update rules as pure functions: the TD errors of a batch, their losses, and the loss of DQN made of both.

``_tm1`` is time t-1, ``_t`` is time t. The discount is 0 where the episode terminated, so no rule needs a "done".
Ranks and types are checked first, because a ``[B, 1]`` and a ``[B]`` silently broadcast to ``[B, B]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.action_values import bins_of
from dqnkit.backend import tf
from dqnkit.config import DQNConfig
from dqnkit.types import Transition

Tensor = Any  # tf.Tensor has no useful static type
Network = Callable[[Tensor], Tensor]  # [B, ...] -> [B, A], or [B, D, N] (see dqnkit.action_values)
Loss = Callable[[Network, Network, Transition], tuple[Tensor, Tensor, Tensor]]  # see dqn_loss


def dqn_loss(config: DQNConfig, td_error: Callable[..., Tensor] | None = None) -> Loss:
    """The loss of DQN: a function ``(online, target, batch) -> (losses, priorities, q_values)``.

    Another algorithm is another function of this kind: ``Learner(config, loss=...)``. The `Learner` averages the losses
    ``[B]``, replay draws by the priorities ``[B]`` (here the TD errors), and the Q-values of the observations
    ``[B, A]`` are shown as mean max Q.

    Args:
        config: ``double_q`` and ``loss``.
        td_error: the update rule; if None, `double_q_learning` with ``double_q``, else `q_learning`. Of values of
            dimensions ``[B, D, N]`` it is used as `mean_over_dimensions` says.
    """
    rule = td_error or (double_q_learning if config.double_q else q_learning)
    size = {"huber": huber, "squared": squared}[config.loss]

    def loss(online: Network, target: Network, batch: Transition) -> tuple[Tensor, Tensor, Tensor]:
        q_tm1 = online(batch.observation)  # [B, A]
        q_t = target(batch.next_observation)  # [B, A]
        selector = [online(batch.next_observation)] if config.double_q else []  # [B, A]
        rule_here = rule if q_tm1.shape.rank == 2 else mean_over_dimensions(rule)
        td_errors = rule_here(q_tm1, batch.action, batch.reward, batch.discount, q_t, *selector)  # [B]
        return size(td_errors), td_errors, q_tm1

    return loss


def q_learning(q_tm1: Tensor, a_tm1: Tensor, r_t: Tensor, discount_t: Tensor, q_t: Tensor) -> Tensor:
    """TD errors of Q-learning, ``r + discount * max_a q_t[a] - q_tm1[a_tm1]`` (Watkins, 1989; Mnih et al., 2015).

    Args:
        q_tm1: values of the online network at t-1, ``[B, A]``.
        a_tm1: actions taken at t-1, ``[B]`` integers.
        r_t: rewards, ``[B]``.
        discount_t: gamma ** n where the episode went on, 0 where it terminated, ``[B]``.
        q_t: values of the target network at t, ``[B, A]``.

    Returns:
        TD errors ``[B]``. No gradient flows through the target.

    Raises:
        ValueError: a rank or type other than these.
    """
    _check_ranks(q_tm1=(q_tm1, 2), a_tm1=(a_tm1, 1), r_t=(r_t, 1), discount_t=(discount_t, 1), q_t=(q_t, 2))
    _check_integers(a_tm1=a_tm1)
    target = r_t + discount_t * tf.reduce_max(q_t, axis=1)  # [B]
    q_taken = tf.gather(q_tm1, a_tm1, axis=1, batch_dims=1)  # [B]
    return tf.stop_gradient(target) - q_taken


def double_q_learning(
    q_tm1: Tensor, a_tm1: Tensor, r_t: Tensor, discount_t: Tensor, q_t_value: Tensor, q_t_selector: Tensor
) -> Tensor:
    """TD errors of double Q-learning, ``r + discount * q_t_value[argmax_a q_t_selector[a]] - q_tm1[a_tm1]``.

    One network selects the next action and the other values it, so that an error which makes an action look good
    is not also the estimate of how good it is (van Hasselt et al., 2016, eq. 4).

    Args:
        q_tm1, a_tm1, r_t, discount_t: as for `q_learning`.
        q_t_value: values of the target network at t, ``[B, A]``.
        q_t_selector: values of the online network at t, ``[B, A]``.

    Returns:
        TD errors ``[B]``. No gradient flows through the target, nor through the selection.

    Raises:
        ValueError: a rank or type other than these.
    """
    _check_ranks(q_tm1=(q_tm1, 2), a_tm1=(a_tm1, 1), r_t=(r_t, 1), discount_t=(discount_t, 1))
    _check_ranks(q_t_value=(q_t_value, 2), q_t_selector=(q_t_selector, 2))
    _check_integers(a_tm1=a_tm1)
    next_action = tf.argmax(q_t_selector, axis=1, output_type=tf.int32)  # [B]
    target = r_t + discount_t * tf.gather(q_t_value, next_action, axis=1, batch_dims=1)  # [B]
    q_taken = tf.gather(q_tm1, a_tm1, axis=1, batch_dims=1)  # [B]
    return tf.stop_gradient(target) - q_taken


def mean_over_dimensions(rule: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same rule for values of dimensions ``[B, D, N]``: the mean of what it gives for each dimension by itself.

    The value of an action is the mean of the values of its bins, and the largest one the mean of the largest of each
    dimension (Seyde et al., 2022). Reward and discount are the same for all dimensions. So the TD error of the action
    is the mean of those of its bins; the same holds for double Q-learning, and for every rule that takes means apart
    in this way.
    """

    def averaged(q_tm1: Tensor, a_tm1: Tensor, r_t: Tensor, discount_t: Tensor, *q_t: Tensor) -> Tensor:
        _, dimensions, num_bins = q_tm1.shape

        def apart(values: Tensor) -> Tensor:  # [B, D, N] -> [B * D, N]: a row for each dimension
            return tf.reshape(values, [-1, num_bins])

        bins = tf.reshape(bins_of(a_tm1, dimensions, num_bins), [-1])  # [B * D]
        r_t, discount_t = (tf.repeat(values, dimensions) for values in (r_t, discount_t))  # [B * D]
        td_errors = rule(apart(q_tm1), bins, r_t, discount_t, *map(apart, q_t))  # [B * D]
        return tf.reduce_mean(tf.reshape(td_errors, [-1, dimensions]), axis=1)

    return averaged


def best_value(q_values: Tensor) -> Tensor:
    """The largest value of each row of ``[B, A]`` or ``[B, D, N]``, ``[B]``."""
    best = tf.reduce_max(q_values, axis=-1)
    return best if q_values.shape.rank == 2 else tf.reduce_mean(best, axis=1)


def huber(td_error: Tensor, delta: float = 1.0) -> Tensor:
    """Half the square up to ``delta``, a straight line beyond it, so that the slope is never more than ``delta``.

    Its gradient is that of the square with the TD error clipped to between -1 and 1, as Mnih et al. (2015, methods)
    have it (Huber, 1964).

    Args:
        td_error: any shape.
        delta: where the line begins.

    Returns:
        losses of the same shape.
    """
    size = tf.abs(td_error)
    quadratic = tf.minimum(size, delta)
    return 0.5 * quadratic**2 + delta * (size - quadratic)


def squared(td_error: Tensor) -> Tensor:
    """Half the square of the TD error, in the same shape."""
    return 0.5 * td_error**2


def _check_ranks(**expected: tuple[Tensor, int]) -> None:
    for name, (tensor, rank) in expected.items():
        shape = tf.convert_to_tensor(tensor).shape
        if shape.rank != rank:
            letters = "[B, A]" if rank == 2 else "[B]"
            raise ValueError(f"{name} must have rank {rank}, {letters}, not the shape {tuple(shape)}")


def _check_integers(**tensors: Tensor) -> None:
    for name, tensor in tensors.items():
        dtype = tf.convert_to_tensor(tensor).dtype
        if not dtype.is_integer:
            raise ValueError(f"{name} must hold integers, not {dtype.name}")
