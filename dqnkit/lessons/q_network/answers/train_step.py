"""The answers to `train_step`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.q_network.exercises.train_step import Model
from dqnkit.types import Transition

Tensor = Any


def train_step(online: Model, target: Model, optimizer: Any, batch: Transition) -> Tensor:
    """One gradient step on the mean of half the squared TD errors; returns the loss before the step."""
    from dqnkit.backend import tf

    q_next = target(batch.next_observation)  # [B, A]
    y = tf.stop_gradient(batch.reward + batch.discount * tf.reduce_max(q_next, axis=1))  # [B]
    with tf.GradientTape() as tape:
        q = online(batch.observation)  # [B, A]
        taken = tf.gather(q, batch.action, axis=1, batch_dims=1)  # [B]
        loss = tf.reduce_mean(0.5 * (y - taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss


def _bootstrap(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + batch.discount * tf.reduce_max(target(batch.next_observation), axis=1)


def _bootstrap_from_online(online: Model, target: Model, batch: Transition) -> Tensor:
    return _bootstrap(target, online, batch)


def _bootstrap_after_termination(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + tf.reduce_max(batch.discount) * tf.reduce_max(target(batch.next_observation), axis=1)


def _no_bootstrap(online: Model, target: Model, batch: Transition) -> Tensor:
    return batch.reward


def _no_discount(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + tf.reduce_max(target(batch.next_observation), axis=1)


def _bootstrap_with_the_gamma_of_the_notebook(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + 0.8 * tf.reduce_max(target(batch.next_observation), axis=1)


def _bootstrap_mean(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + batch.discount * tf.reduce_mean(target(batch.next_observation), axis=1)


def _bootstrap_kept_axis(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + batch.discount * tf.reduce_max(target(batch.next_observation), axis=1, keepdims=True)


def _bootstrap_of_the_observation(online: Model, target: Model, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    return batch.reward + batch.discount * tf.reduce_max(target(batch.observation), axis=1)


def _taken(q: Tensor, action: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.gather(q, action, axis=1, batch_dims=1)


def _taken_without_batch_dims(q: Tensor, action: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.gather(q, action, axis=1)


def _taken_in_a_column(q: Tensor, action: Tensor) -> Tensor:
    return _taken(q, action)[:, None]


def _best(q: Tensor, action: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_max(q, axis=1)


def _loss(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(0.5 * td_error**2)


def _summed(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_sum(0.5 * td_error**2)


def _without_half(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(td_error**2)


def _mean_error(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(td_error)


def _not_averaged(td_error: Tensor) -> Tensor:
    return 0.5 * td_error**2


def _absolute(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(tf.abs(td_error))


def _huber(td_error: Tensor) -> Tensor:
    from dqnkit.backend import tf
    from dqnkit.value_learning import huber

    return tf.reduce_mean(huber(td_error))


def _move(online: Model, target: Model, optimizer: Any, gradients: list[Tensor]) -> None:
    optimizer.apply(gradients, online.trainable_variables)


def _no_move(online: Model, target: Model, optimizer: Any, gradients: list[Tensor]) -> None:
    pass


def _move_both(online: Model, target: Model, optimizer: Any, gradients: list[Tensor]) -> None:
    optimizer.apply(gradients, online.trainable_variables)
    for mine, its in zip(online.trainable_variables, target.trainable_variables, strict=True):
        its.assign(mine)


def _by_hand(online: Model, target: Model, optimizer: Any, gradients: list[Tensor]) -> None:
    for parameter, gradient in zip(online.trainable_variables, gradients, strict=True):
        parameter.assign(parameter - optimizer.learning_rate * gradient)


def _uphill(online: Model, target: Model, optimizer: Any, gradients: list[Tensor]) -> None:
    optimizer.apply([-gradient for gradient in gradients], online.trainable_variables)


def _variant(
    bootstrap: Callable[..., Tensor] = _bootstrap,
    taken: Callable[..., Tensor] = _taken,
    loss_of: Callable[..., Tensor] = _loss,
    move: Callable[..., None] = _move,
    stop: bool = True,
) -> Callable[..., Tensor]:
    """The training step with one part changed."""

    def step(online: Model, target: Model, optimizer: Any, batch: Transition) -> Tensor:
        from dqnkit.backend import tf

        with tf.GradientTape() as tape:
            y = bootstrap(online, target, batch)
            y = tf.stop_gradient(y) if stop else y
            loss = loss_of(y - taken(online(batch.observation), batch.action))
        move(online, target, optimizer, tape.gradient(loss, online.trainable_variables))
        return loss

    return step


def _returns_the_td_error(online: Model, target: Model, optimizer: Any, batch: Transition) -> Tensor:
    td_error = _bootstrap(online, target, batch) - _taken(online(batch.observation), batch.action)
    train_step(online, target, optimizer, batch)
    return td_error


def _returns_nothing(online: Model, target: Model, optimizer: Any, batch: Transition) -> None:
    train_step(online, target, optimizer, batch)


def _returns_a_number(online: Model, target: Model, optimizer: Any, batch: Transition) -> float:
    return float(train_step(online, target, optimizer, batch))


def _loss_after_the_tape(online: Model, target: Model, optimizer: Any, batch: Transition) -> Tensor:
    from dqnkit.backend import tf

    with tf.GradientTape() as tape:
        y = _bootstrap(online, target, batch)
    loss = _loss(y - _taken(online(batch.observation), batch.action))
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


ANSWERS = Answers(
    solution=train_step,
    mistakes=[
        Mistake(
            "gather without batch_dims",
            _variant(taken=_taken_without_batch_dims),
            "tf.gather without batch_dims=1 picks every action of the batch from every row: [B, B] in place of [B]. "
            "Each target is then compared with the values of all the observations in the batch, not with its own.",
        ),
        Mistake(
            "gradient through the target",
            _variant(stop=False),
            "The gradient also flows through the target, so the step moves the target towards the value, not only the "
            "value towards the target. Put tf.stop_gradient around the target, or compute it before the tape.",
        ),
        Mistake(
            "bootstraps from the online network",
            _variant(bootstrap=_bootstrap_from_online),
            "The next values come from `online`: each step then also moves the target that it is aiming at. They come "
            f"from `target`. (Here both may be the same network; {reference('target_network')} is about why they "
            "should not be.)",
        ),
        Mistake(
            "the bootstrap survives termination",
            _variant(bootstrap=_bootstrap_after_termination),
            "A value is bootstrapped where the episode terminated. Use batch.discount row by row: it is 0 there.",
        ),
        Mistake(
            "the best action in place of the one taken",
            _variant(taken=_best),
            "The target is compared with the largest Q-value of the observation. The reward followed the action that "
            "was taken, so only that action's value may move: pick it with tf.gather.",
        ),
        Mistake(
            "the loss sums",
            _variant(loss_of=_summed),
            "The loss is the sum over the batch, so a batch twice as large takes a step twice as long. Take the mean: "
            "then the learning rate means the same for every batch size.",
        ),
        Mistake(
            "without the half",
            _variant(loss_of=_without_half),
            "The loss lacks the factor 1/2, which makes every gradient twice as long. With it, the gradient of the "
            "loss by Q(s, a) is just minus the TD error: the Q-update.",
        ),
        Mistake(
            "the TD error is not squared",
            _variant(loss_of=_mean_error),
            "The loss is the mean of the TD errors themselves. It has no lowest point: the step would raise Q(s, a) "
            "for ever. Half the square is lowest where the error is 0.",
        ),
        Mistake(
            "the absolute error",
            _variant(loss_of=_absolute),
            "The loss is the mean of the absolute TD errors. Its gradient has the same size for a small error as for a "
            "large one, so the values never come to rest. Here the loss is half the square, as in the formula.",
        ),
        Mistake(
            "not averaged",
            _variant(loss_of=_not_averaged),
            "The loss is still [B], a number for each transition. TensorFlow then adds up their gradients, so a batch "
            "twice as large takes a step twice as long. Take the mean: tf.reduce_mean.",
        ),
        Mistake(
            "the TD error is returned",
            _returns_the_td_error,
            "The step is right, but the TD errors [B] are returned in place of the loss: the mean of half their "
            "squares, one number.",
        ),
        Mistake(
            "nothing is returned",
            _returns_nothing,
            "Nothing is returned. End with `return loss`, so that whoever calls the step can watch it.",
        ),
        Mistake(
            "cannot be compiled",
            _returns_a_number,
            "Run by itself it is right, but TensorFlow cannot compile it: `.numpy()`, `float()`, NumPy, `predict` and "
            "an `if` on a value need numbers, and while TensorFlow compiles there are none yet. Use TensorFlow's "
            "operations, and return the loss as it is. (The line is below, under what your code printed.)",
        ),
        Mistake(
            "computed outside the tape",
            _loss_after_the_tape,
            "The tape recorded nothing that leads from the parameters to the loss, so there is no gradient. Compute "
            "`online(batch.observation)`, the values of the actions taken and the loss inside `with "
            "tf.GradientTape()`.",
        ),
        Mistake(
            "no bootstrap",
            _variant(bootstrap=_no_bootstrap),
            "The target is the reward alone, so the values would know nothing of what comes later. Where the episode "
            "went on, the target is `r + discount * max Q(s', a')`: td_target computes it.",
        ),
        Mistake(
            "discount left out",
            _variant(bootstrap=_no_discount),
            "The discount is not used: the next value is added in full, even where the episode terminated. Use "
            "batch.discount, which is gamma, or 0 there.",
        ),
        Mistake(
            "GAMMA in place of the discount",
            _variant(bootstrap=_bootstrap_with_the_gamma_of_the_notebook),
            "`GAMMA` is used in place of `batch.discount`, so a value is bootstrapped even where the episode "
            "terminated. batch.discount is 0 there.",
        ),
        Mistake(
            "mean over the next actions",
            _variant(bootstrap=_bootstrap_mean),
            "The mean over the next actions is used. That is the value of acting at random from there on; Q-learning "
            "asks for the best action: tf.reduce_max, as in td_target.",
        ),
        Mistake(
            "bootstraps from the observation before",
            _variant(bootstrap=_bootstrap_of_the_observation),
            "The target uses the values of `batch.observation`, where the agent was. What comes after the action is "
            "`batch.next_observation`.",
        ),
        Mistake(
            "targets in a table [B, B]",
            _variant(bootstrap=_bootstrap_kept_axis),
            "The targets are [B, B]: a column [B, 1] (keepdims) met a row [B]. So every value is compared with the "
            "targets of all transitions. The maximum over actions has the shape [B] without keepdims.",
        ),
        Mistake(
            "taken values in a column",
            _variant(taken=_taken_in_a_column),
            "The values of the actions taken are a column [B, 1], the targets a row [B]; their difference is broadcast "
            "to [B, B] without a word, every value against every target. Both must be [B].",
        ),
        Mistake(
            "the optimizer is not used",
            _variant(move=_by_hand),
            "The weights are moved by hand, by the learning rate times the gradient. That is right for SGD only; Adam "
            "and other optimizers take other steps. Leave it to optimizer.apply(gradients, "
            "online.trainable_variables).",
        ),
        Mistake(
            "Huber's loss",
            _variant(loss_of=_huber),
            "This is Huber's loss, whose gradient stops growing where the error is larger than 1. DQN often uses it; "
            "here the loss is half the square, whose gradient is the whole TD error, as in the formula.",
        ),
        Mistake(
            "no step",
            _variant(move=_no_move),
            "The loss is right but the online network did not move: the gradients were not applied. "
            "optimizer.apply(gradients, online.trainable_variables) takes the step.",
        ),
        Mistake(
            "uphill",
            _variant(move=_uphill),
            "The step goes up the gradient, so the loss grows. The optimizer already goes down: give it the gradients "
            "as they are.",
        ),
        Mistake(
            "the target network changed",
            _variant(move=_move_both),
            "The target network changed too. A training step moves the online network only; when the target follows is "
            f"a matter of its own ({reference('target_network')}).",
        ),
    ],
)
