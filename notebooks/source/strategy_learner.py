# ---
# jupyter:
#   dqnkit:
#     idea: "a learner under `tf.distribute`; gradients reduced over replicas"
#     run_seconds: 70
# ---

# %% [markdown]
# # [[number]] · A learner of several replicas
# <!-- badges -->
#
# In [[rollouts_on_dask]] the *actors* became many. Now it is the learner's turn: several copies of the network share
# one batch, and after every update they must hold exactly the same weights. How their gradients become one is three
# short steps. Each of them is easy to get wrong, and you make each mistake once, to see how it shows.
#
# **After this notebook you will be able to**
#
# - say what a strategy and a replica are, and run one function on several devices;
# - reduce the gradients of several replicas to one by hand: what is summed, what is divided by what, when it is clipped;
# - write the same for `tf.distribute` and Keras, and test it so that a mistake shows;
# - measure what several replicas cost on a computer, and say when they pay;
# - say what a straggler costs a synchronous learner, and what an asynchronous one pays instead.
#
# **Time:** about [[minutes]] minutes. **You need** the gradient step ([[q_network]]), replay ([[replay]]) and the target network ([[target_network]]). Nothing is
# carried over from their kernels; [[rollouts_on_dask]] is not needed.

# %%
from dqnkit.plots import ring

ring("learner")

# %% [markdown]
# Of the five operations (initialise, select, execute, **update**, evaluate) only *update* changes here: the gradient
# step on the formula that you know, with $\theta$ the weights of the online network, $\theta'$ those of the target
# network, $\alpha$ the step size, $r$ the reward, $\gamma$ the discount factor, $s, a$ the state and the action, $s'$
# the next state and $a'$ an action there:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, [\, r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a) \,]$$
#
# ## 1. Replicas
#
# A **device** is what TensorFlow computes on: a CPU or a GPU. A **strategy** (`tf.distribute.Strategy`) decides on which
# devices a learner lives. `MirroredStrategy` puts a whole copy of the network on each of its devices: each copy is a
# **replica**. Replicas share the work and not the network: every replica computes the gradient of its **share** of the
# batch.

# %%
from dqnkit.lessons.strategy_learner.replica_pictures import clipping_order, replicas
from dqnkit.lessons.strategy_learner.update_times_chart import update_times_chart

replicas()

# %% [markdown]
# You need no second computer for this. TensorFlow can take one processor for two **logical CPUs**, two devices that
# compute in the same place. All the arithmetic is that of two GPUs. TensorFlow must be told **before it starts**, so it
# is the first thing that this notebook does:
#
#     cpu = tf.config.list_physical_devices("CPU")[0]
#     tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
#     strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
#
# `mirrored_cpus(2)` does just that. If it says that TensorFlow has already started, choose *Kernel*, *Restart Kernel*
# and run the notebook from its first cell.

# %%
from dqnkit.lessons.strategy_learner.logical_cpus import mirrored_cpus, use_sgd
from dqnkit.lessons.strategy_learner.update_timing import seconds_per_update

strategy = mirrored_cpus(2)  # before anything else computes with TensorFlow
print(f"{strategy.num_replicas_in_sync} replicas on", *strategy.extended.worker_devices)

# %% [markdown]
# Two calls are all that a strategy needs. What is made inside `strategy.scope()` exists once on every device.
# `strategy.run(f)` calls `f` on every replica; there, the **replica context** says which one it is.

# %%
from dataclasses import replace

import numpy as np
from IPython.display import display

from dqnkit.backend import keras, tf  # TensorFlow, as in [[q_network]]
from dqnkit.classroom import check, compare, download_progress, hints, predict, progress, use
from dqnkit.plots import error_curves

with strategy.scope():
    x = tf.Variable(3.0)


def x_plus_my_number():
    context = tf.distribute.get_replica_context()
    return x + tf.cast(context.replica_id_in_sync_group, tf.float32)


@tf.function  # compiled: the calls for all replicas become one program
def run():
    return strategy.run(x_plus_my_number)


of_each = strategy.experimental_local_results  # a tuple: what each replica has
copies, results = of_each(x), of_each(run())
for copy, result in zip(copies, results):
    print(f"{copy.device[-5:]} holds x = {copy.numpy():g}; the function returned {result.numpy():g} there")

# %% [markdown]
# One function, called twice: each call saw its own copy of `x` and its own number, 0 or 1.
#
# ## 2. The gradient of a batch, in shares
#
# The data for the whole notebook: 8,000 moves of CartPole at random, and batches of 64 from them, always the same.

# %%
from dqnkit.actor import Actor
from dqnkit.learner import Learner
from dqnkit.presets import preset
from dqnkit.replay import ReplayBuffer
from dqnkit.types import Transition
from dqnkit.value_learning import q_learning, squared

BATCH = 64
config = preset(
    "CartPole-v1",
    batch_size=BATCH,
    hidden_sizes=(64, 64),  # the network of [[q_network]]
    loss="squared",  # half the square of the TD error
    double_q=False,
    n_step=1,
    learning_rate=1e-3,
    target_period=50,
    max_gradient_norm=0.5,  # longer gradients are clipped: scaled down to this length
    num_envs=16,
    rollout_steps=500,  # 16 copies of CartPole x 500 moves = 8,000
    xla=False,  # compiled more quickly; pays for short runs
)
plain = Learner(config)  # without a strategy: one replica
start = plain.get_weights().values  # all weights in one array
replay = ReplayBuffer(8_000)
replay.add_rollout(Actor(config).rollout(plain.get_weights(), epsilon=1.0))
batch = replay.sample(1, BATCH, np.random.default_rng(0)).transitions  # fields [1, B, ...]
batch = Transition._make(values[0] for values in batch)  # fields [B, ...]
print(f"{len(start):,} weights, {len(replay):,} transitions (a step that only resets an episode is none)")

# %% [markdown]
# Here is the gradient, written as in [[q_network]], with one difference: the losses of the transitions are **summed**, not
# averaged. And here is the batch in two shares of 32.


# %%
def summed_gradient(batch):
    """The gradient of the sum of the losses: one array for each variable."""
    with tf.GradientTape() as tape:
        q_tm1, q_t = plain.online(batch.observation), plain.target(batch.next_observation)  # both [B, actions]
        td_error = q_learning(q_tm1, batch.action, batch.reward, batch.discount, q_t)  # [B]
        loss = tf.reduce_sum(squared(td_error))
    return [gradient.numpy() for gradient in tape.gradient(loss, plain.online.trainable_variables)]


def in_shares(batch, n):
    """The batch in n shares of equal size."""
    return [Transition._make(parts) for parts in zip(*(np.split(values, n) for values in batch))]


whole = summed_gradient(batch)
shares = [summed_gradient(share) for share in in_shares(batch, 2)]
print("shape of each variable's gradient:", *[gradient.shape for gradient in whole])
LAST_KERNEL = 4  # look at three numbers of this one
print("whole batch:", whole[LAST_KERNEL][:3, 0].round(3))
print("share 0:    ", shares[0][LAST_KERNEL][:3, 0].round(3))
print("share 1:    ", shares[1][LAST_KERNEL][:3, 0].round(3))

# %% [markdown]
# Add up the rows of the two shares: you get the first row. **The gradient of a sum is the sum of the gradients.** That is the
# whole reason why a batch can be shared out at all.
#
# But a learner descends the *mean* loss of the batch. Suppose that each replica does what one learner does: it computes
# the gradient of the mean loss of **its 32** transitions, and then these two are **added up**.

# %% [markdown]
# **Predict.** [[question.sum]]

# %%
predict("strategy_learner-sum")

# %%
sum_of_means = [a / 32 + b / 32 for a, b in zip(*shares)]
ratio = sum_of_means[LAST_KERNEL][0, 0] / (whole[LAST_KERNEL][0, 0] / BATCH)
print(f"sum of the two means / mean over the batch = {ratio:.3f}")
compare("strategy_learner-sum", ratio)

# %% [markdown]
# So there is one division, by the size of the **whole** batch (the *global* batch size), no matter where the shares are.
# With 8 replicas the mistake would make every step 8 times too long: a learning rate that changes with the number of
# devices.
#
# ### When to clip
#
# One step remains. The kit's learner **clips**: where the gradient is longer than `max_norm`, it is scaled down to that
# length, so that one bad batch cannot throw the network about. Before the sum, each share by itself? Or after it? Look at
# two shares that nearly cancel out, as arrows; with only two parameters, so that they can be drawn. The second arrow begins
# where the first ends: that is how arrows are added.

# %%
clipping_order(
    [[4.0, 1.0], [-3.4, 0.6]],
    max_norm=2.0,
    what="left, the two shares together are short: there is nothing to clip. Right, both were cut to the circle first: what "
    "is applied has another length and even another direction.",
)

# %% [markdown]
# One learner with the whole batch sees only the sum. So the replicas must do the same: **sum, divide, then clip**.
#
# ### Your turn: `gradient_reduction` (8 minutes, difficulty 2 of 3)
#
# `shares[i]` is what replica `i` gives: a list of NumPy arrays, one for each variable, the gradient of the **sum** of the
# losses of its share. Return the gradient of the **mean** loss of the whole batch of `batch_size` transitions, as a list
# of arrays, no longer than `max_norm`. The length of a gradient counts all its numbers, of all variables:
# $\lVert g \rVert = \sqrt{\sum g_i^2}$. A `max_norm` of 0 means: never clip.


# %%
def gradient_reduction(shares, batch_size, max_norm):
    """Lists of arrays, one list for each replica -> one list of arrays: sum, divide, clip."""
    ### BEGIN SOLUTION
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares)]
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    if max_norm > 0 and norm > max_norm:
        gradients = [gradient * (max_norm / norm) for gradient in gradients]
    return gradients
    ### END SOLUTION


check("gradient_reduction", gradient_reduction)

# %%
hints("gradient_reduction")

# %% [markdown]
# Does the number of replicas matter now? The same batch in 1, 2, 4 and 8 shares:

# %%
gradient_reduction = use("gradient_reduction", gradient_reduction)
for max_norm in (0.0, 0.5):
    one = gradient_reduction([whole], BATCH, max_norm)
    for n in (1, 2, 4, 8):
        reduced = gradient_reduction([summed_gradient(share) for share in in_shares(batch, n)], BATCH, max_norm)
        length = np.sqrt(sum((gradient**2).sum() for gradient in reduced))
        difference = max(np.abs(a - b).max() for a, b in zip(one, reduced))
        print(f"max_norm {max_norm}, {n} replicas: length {length:.3f}, differs from one replica by {difference:.0e}")

# %% [markdown]
# What is left is rounding. A 32-bit number holds about seven digits, and a sum in another order ends otherwise in the
# last of them. So "equal" means here: **equal to rounding**, never bit for bit.
#
# ## 3. Under the strategy
#
# With `tf.distribute` nobody holds all the shares in a list. The same function runs on every replica, knows only its own
# gradient, and meets the others in one call, **all-reduce**: everyone gives a tensor, everyone gets the sum.
#
#     context = tf.distribute.get_replica_context()
#     total = context.all_reduce(tf.distribute.ReduceOp.SUM, mine)
#
# Then each replica hands the total to its optimizer. Before you write that: what does Keras' optimizer do with the
# gradients of two replicas? Ask it. One weight, 0 at first; plain gradient descent (SGD) with step size 1; each replica
# says "the gradient is 1".

# %% [markdown]
# **Predict.** [[question.apply]]

# %%
predict("strategy_learner-apply")

# %%
with strategy.scope():
    weight = keras.Variable(0.0)
    sgd = keras.optimizers.SGD(1.0)
    sgd.build([weight])


def step():
    with tf.GradientTape() as tape:
        loss = 1.0 * weight  # its gradient is 1
    sgd.apply(tape.gradient(loss, [weight]), [weight])


@tf.function
def step_on_each():
    strategy.run(step)


step_on_each()
print(f"the weight is now {weight.numpy():g}")
compare("strategy_learner-apply", weight.numpy())

# %% [markdown]
# **Keras' optimizer sums over the replicas by itself.** That is meant kindly: whoever does not clip need not call
# all-reduce at all. But Keras also clips (`global_clipnorm=`) *before* that sum, each share by itself, which you have
# just seen to be wrong. So we have to sum and clip ourselves, and then Keras sums once more: every replica holds the
# whole gradient, and $n$ of them are added up. The way out: give it the $n$-th part.
#
# ### Your turn: `replica_gradients` (6 minutes, difficulty 2 of 3)
#
# It runs on every replica. `gradients` is the list of this replica's own gradients, one for each variable, already divided
# by the size of the whole batch. Return the list that this replica must hand to `optimizer.apply`. You have
#
# - `context`, the replica context: `context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)` takes and returns a list,
#   and `context.num_replicas_in_sync` is $n$;
# - `tf.clip_by_global_norm(gradients, max_norm)`: it returns two things, the clipped list and the length before. With a
#   `max_norm` of 0 leave it out: nothing is clipped.


# %%
def replica_gradients(gradients, max_norm, context):
    """On every replica: its own gradients -> what it hands to Keras' optimizer."""
    ### BEGIN SOLUTION
    gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]
    ### END SOLUTION


check("replica_gradients", replica_gradients)

# %%
hints("replica_gradients")

# %% [markdown]
# The rest of an update you know. This is all of it, for one batch, and your function is in the middle. Each replica takes
# its share by its number, and nothing else tells the replicas apart.

# %%
replica_gradients = use("replica_gradients", replica_gradients)


def replica_step(batch):
    """One replica's part of one update; the target network stands still."""
    context = tf.distribute.get_replica_context()
    size = BATCH // context.num_replicas_in_sync
    first = context.replica_id_in_sync_group * size
    share = Transition._make(values[first : first + size] for values in batch)
    with tf.GradientTape() as tape:
        q_tm1, q_t = mine(share.observation), target(share.next_observation)
        td_error = q_learning(q_tm1, share.action, share.reward, share.discount, q_t)
        loss = tf.reduce_sum(squared(td_error)) / BATCH  # the whole batch's size, not the share's
    gradients = tape.gradient(loss, mine.trainable_variables)
    adam.apply(replica_gradients(gradients, config.max_gradient_norm, context), mine.trainable_variables)


# %% [markdown]
# Is that what the package's learner does? Three learners see the same 20 batches: yours, the package's under the strategy,
# and the package's without one.

# %%
with strategy.scope():
    mine = keras.models.clone_model(plain.online)  # the same layers, on both devices
    mine.set_weights(plain.online.get_weights())  # and the same weights
    adam = keras.optimizers.Adam(config.learning_rate)
    adam.build(mine.trainable_variables)


@tf.function
def update(batch):
    strategy.run(replica_step, (batch,))


mirrored, single = Learner(config, strategy), Learner(config)
target = mirrored.target  # as it was at the start: it is copied after 50 updates, we make 20
rng = np.random.default_rng(0)
for _ in range(20):
    batches = replay.sample(1, BATCH, rng).transitions  # [1, B, ...]
    update(Transition._make(tf.constant(values[0]) for values in batches))
    mirrored.update(batches)
    single.update(batches)


def flat(network):
    return np.concatenate([values.ravel() for values in network.get_weights()])


def apart(one, other):
    return f"{np.abs(one - other).max():.1e}"


two, one = mirrored.get_weights().values, single.get_weights().values
kernels = [copy.numpy() for copy in of_each(mirrored.online.weights[0].value)]
print("20 updates moved the weights by up to", apart(one, start))
print("yours and the package's, two replicas:", apart(flat(mine), two))
print("the package's, two replicas and one:  ", apart(two, one))
print("its replica 0 and its replica 1:      ", apart(*kernels))

# %% [markdown]
# The first number is how far the weights have moved; against it the others are rounding (`3.0e-08` is 0.00000003) or
# nothing at all. From here on we use the package's: `Learner(config, strategy)`. Nothing else in the ring needs to know about it.
#
# ## 4. Mistakes, made on purpose
#
# How does a mistake in it show? Let us make them all: forget the division, divide once too often, clip each share, use
# one replica only. `Learner(..., reduce=...)` takes any function in the place of yours. Each learner gets the same 200
# batches, once with Adam, which the kit uses, and once with plain SGD.


# %%
def correct(gradients, max_norm):
    """Yours if it passed its check, else the kit's; the learner calls it on every replica."""
    return replica_gradients(gradients, max_norm, tf.distribute.get_replica_context())


def not_divided(gradients, max_norm):  # the optimizer's own sum is forgotten: twice too large
    return [2 * gradient for gradient in correct(gradients, max_norm)]


def divided_again(gradients, max_norm):  # a mean over replicas where a sum is due: half as large
    return [gradient / 2 for gradient in correct(gradients, max_norm)]


def clipped_shares(gradients, max_norm):  # what Keras' global_clipnorm does
    return tf.clip_by_global_norm(gradients, max_norm)[0]


def one_replica_only(gradients, max_norm):  # the other one's work is thrown away; twice the first, so the size is right
    is_first = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group == 0, tf.float32)
    return correct([2 * is_first * gradient for gradient in gradients], max_norm)


REDUCTIONS = {
    "right": correct,
    "not divided": not_divided,
    "divided again": divided_again,
    "clipped shares": clipped_shares,
    "one replica only": one_replica_only,
}

# %% [markdown]
# **Predict.** [[question.optimizer]]

# %%
predict("strategy_learner-optimizer")

# %%
UPDATES = 200  # fast: 20
OPTIMIZERS = {"SGD": replace(config, learning_rate=0.02), "Adam": config}


def learn(optimizer, strategy=None, reduce=None):
    """Losses [UPDATES] and weights [UPDATES, P] after every update."""
    learner = Learner(OPTIMIZERS[optimizer], strategy, reduce=reduce)
    if optimizer == "SGD":
        use_sgd(learner)
    rng = np.random.default_rng(1)
    losses, weights = [], []
    for _ in range(UPDATES):
        losses.append(learner.update(replay.sample(1, BATCH, rng).transitions).losses[0])
        weights.append(learner.get_weights().values)
    return np.array(losses), np.array(weights)


alone = {optimizer: learn(optimizer) for optimizer in OPTIMIZERS}  # one replica, no strategy
runs = {(o, name): learn(o, strategy, reduce) for o in OPTIMIZERS for name, reduce in REDUCTIONS.items()}

# %%
updates = np.arange(1, UPDATES + 1)
for optimizer in OPTIMIZERS:
    picture = error_curves(
        {name: runs[optimizer, name][0] for name in ("right", "not divided", "divided again")},
        x=updates,
        ylabel="loss\n(mean over the batch)",
        title=f"{optimizer}: the loss",
        what="how many lines can you tell apart? (The teeth of the saw: after every 50 updates the target is copied.)",
    )
    display(picture)

# %%
shows = {}
for optimizer in OPTIMIZERS:
    right, wrong = runs[optimizer, "right"][0], runs[optimizer, "not divided"][0]
    shows[optimizer] = np.abs(wrong - right).max() / right.max()
    print(f"{optimizer}: the two loss curves differ by at most {shows[optimizer]:.1%} of the largest loss")
seen = [optimizer for optimizer in OPTIMIZERS if shows[optimizer] > 0.05]
compare("strategy_learner-optimizer", seen)

# %% [markdown]
# Adam's step is $\alpha \, m / (\sqrt{v} + \epsilon)$, with $m$ a running mean of the gradients, $v$ one of their
# squares, and $\epsilon$ a tiny number against division by 0. Multiply every gradient by a constant, and $m$ and
# $\sqrt{v}$ grow alike: the constant cancels, but for $\epsilon$. Adam **forgives a wrong scale**, and so a whole class of mistakes trains
# along unnoticed, until somebody changes the optimizer, the clipping or the number of devices.
#
# So how does one test a reduction? Not by the loss, not by the return, but **by the weights, against one replica**. Below
# is how far each learner is from that one, in shares of the way it has come:
# $\lVert \theta - \theta_1 \rVert / \lVert \theta_1 - \theta_0 \rVert$, with $\theta_1$ the weights of the learner with
# one replica and $\theta_0$ those at the start.

# %%
ends = []
for optimizer in OPTIMIZERS:
    one = alone[optimizer][1]
    way = np.linalg.norm(one - start, axis=1)
    distances = {name: np.linalg.norm(runs[optimizer, name][1] - one, axis=1) / way for name in REDUCTIONS}
    picture = error_curves(
        distances,
        x=updates,
        ylabel="distance from one replica\n(share of the way it has come)",
        log=True,
        title=f"{optimizer}: how far the weights are from those of one replica",
        what="the lowest line is rounding. Every mistake lies far above it, also those that the loss hid.",
    )
    display(picture)
    ends.append(f"{optimizer}: " + ", ".join(f"{name} {curve[-1]:.2g}" for name, curve in distances.items()))
print(f"after {UPDATES} updates", *ends, sep="\n")

# %% [markdown]
# With Adam a wrong scale moves the weights a few percent aside: nothing in a loss curve, and little enough to be taken
# for noise. With SGD it is plain from the first update on: 1, that is 100 %. *Clipped shares* and *one replica only* are
# wrong in direction, not only in scale, and that Adam does not forgive. Two rules for testing whatever is distributed:
# **compare the weights**, to rounding, and **test with SGD as well**. The kit's own tests do both.
#
# ## 5. What it costs, what it buys
#
# An update of $B$ transitions by $n$ replicas: each computes for $B / n$ transitions, then all of them exchange
# gradients. The first part shrinks with $n$, the second is new. How long is each on this computer?

# %% [markdown]
# **Predict.** [[question.speed]]

# %%
predict("strategy_learner-speed")

# %%
SIZES = (64, 256, 1_024, 4_096)  # fast: (64, 256)


def job(size, where):
    """A learner under a strategy (None: without one), and batches for four updates in one call."""
    return Learner(replace(config, batch_size=size), where), replay.sample(4, size, rng).transitions


rng = np.random.default_rng(2)
jobs = [job(size, where) for where in (None, strategy) for size in SIZES]
ROUNDS = 40  # fast: 3
seconds = seconds_per_update(jobs, rounds=ROUNDS)  # they take turns; for each the quickest call counts
one_replica, two_replicas = np.reshape(seconds, (2, len(SIZES)))
exchange = two_replicas[0] - one_replica[0]  # the computing is the same, in the same place
own = np.interp(np.array(SIZES) / 2, SIZES, one_replica) + exchange  # half the computing each, in two places
update_times_chart(
    SIZES,
    {"one replica": one_replica, "two, on this processor": two_replicas},
    calculated={"two, a processor each (calculated)": own},
    title="One update, by batch size",
    what="where the dashed and the dotted line lie beside the dark one, on the left and on the right.",
)

# %%
print(f"a batch of 64: one replica {1e3 * one_replica[0]:.2f} ms, two {1e3 * two_replicas[0]:.2f} ms")
ratio = one_replica[0] / two_replicas[0]
compare("strategy_learner-speed", ratio)

# %%
print(f"the strategy and the exchange take {1e3 * exchange:.2f} ms in every update")
for size, measured, calculated in zip(SIZES, one_replica, own):
    print(f"a batch of {size:5,}: with two processors {measured / calculated:.2f} times as fast (calculated)")

# %% [markdown]
# Honestly: **on one processor two replicas gain nothing**. They compute the same amount in the same place; and to start
# the work on each device and bring the gradients together takes some hundred microseconds, longer than the gradient of a
# network of 4,610 weights itself. Logical CPUs are for learning how it is done, and for testing. (If your dashed line falls
# below the dark one at large batches, your computer has cores that one replica left idle.)
#
# The dotted line is what two processors would do, each with half of the batch and with the same exchange (between two
# computers the network adds its own time). It pays where computing half a batch takes longer than the exchange: **large
# batches, large networks, GPUs**. The CartPole learner is not such a case, and no number of machines makes it one. That
# is worth knowing *before* renting them: in this course the actors gain from many machines ([[rollouts_on_dask]]), the learner seldom does.
#
# ### What travels
#
# Each replica's gradient has as many numbers as the network has weights, $P$, at 4 bytes. In a **ring all-reduce**
# (Patarasu and Yuan, 2009; made popular for training by Horovod: Sergeev and Del Balso, 2018) each of the $n$ replicas
# passes pieces to its neighbour, twice around, and so sends
#
# $$\text{bytes in one update} = 4 P \cdot \frac{2 (n - 1)}{n}$$
#
# which hardly depends on $n$: never more than $8 P$. No replica holds everybody's gradients, as yours did in section 2.


# %%
def bytes_sent(weights, n):
    """What each of n replicas sends in one update, by a ring all-reduce."""
    return 4 * weights * 2 * (n - 1) / n


NETWORKS = {"CartPole, 64-64": len(start), "Atari (Mnih et al., 2015)": 1_690_000, "a large one": 100_000_000}
print(f"{'network':28}{'weights':>13}{'n':>4}{'sent in an update':>21}{'at 1 Gbit/s':>14}{'at 100 Gbit/s':>15}")
for name, weights in NETWORKS.items():
    for n in (2, 8, 64):
        sent = bytes_sent(weights, n)
        slow, fast = (1e3 * sent / (gigabits * 1e9 / 8) for gigabits in (1, 100))
        print(f"{name:28}{weights:13,}{n:4}{sent / 1e6:18.3f} MB{slow:11.2f} ms{fast:12.3f} ms")

# %% [markdown]
# Look at the middle rows: over an ordinary office network the gradient of an Atari network takes about as long as a
# hundred updates of our small one. That is why learners stand close together, and actors may be far away: an actor
# fetches weights now and then, a replica exchanges gradients in **every** update.
#
# ## 6. A meeting in every update
#
# All-reduce is a meeting: nobody leaves before everyone has come. This is called **synchronous** training. Who comes late
# is a **straggler**: a machine that is shared with others, a garbage collection, a hot processor.
#
# Eight replicas. Each needs 10 ms for its share *on average*: always 8 ms, and on top a time that is chance, 2 ms in the
# mean (exponentially distributed: mostly short, now and then long). The exchange itself shall take no time.

# %% [markdown]
# **Predict.** [[question.straggler]]

# %%
predict("strategy_learner-straggler")

# %%
rng = np.random.default_rng(3)
for n in (1, 2, 4, 8, 16):
    times = 8 + rng.exponential(2, size=(100_000, n))  # [updates, replicas], in ms
    longest = times.max(axis=1).mean()
    if n == 8:
        eight = longest
    print(f"{n:2} replicas: each {times.mean():5.2f} ms, an update {longest:5.2f} ms: they wait {1 - 10 / longest:.0%}")

# %%
compare("strategy_learner-straggler", round(float(eight), 1))

# %% [markdown]
# The slowest decides. Try it. What happens when one replica is always slower than the others: does it help to add
# faster ones? And what when they do *not* wait for each other?

# %%
from dqnkit.lessons.strategy_learner.stragglers_view import stragglers

stragglers(replicas=8, spread=2.0)

# %% [markdown]
# Without waiting it is **asynchronous** training: each replica applies its gradient to shared weights whenever it is
# ready. Nobody waits, and the updates come much faster. The price: while a replica computes, the others change the
# weights, so its gradient belongs to weights that are no longer there. It is **stale**, by about $n - 1$ updates. Early
# distributed DQN was like that (Nair et al., 2015). Learners of today are mostly synchronous, this one too: the result
# does not depend on who was fast, and so it can be tested as you did in section 4.
#
# The actors of [[rollouts_on_dask]] *are* asynchronous. They act with stale weights, and replay forgives it: old transitions are what it
# holds anyway. An old gradient has no such excuse.
#
# ## 7. CartPole, with two replicas
#
# The whole ring as in [[target_network]], with a learner of two replicas; the settings are the kit's for CartPole. If you wrote
# `replica_gradients`, your own code decides every step of it. It takes half a minute to a minute.

# %%
from dqnkit.training import train
from dqnkit.types import LiveSettings
from dqnkit.widgets import live

cartpole = preset("CartPole-v1", seed=7, total_steps=50_000)  # fast: preset("CartPole-v1", seed=7, total_steps=1_500)
learner = Learner(cartpole, strategy, reduce=correct)
settings = LiveSettings()
status = await live(
    train(cartpole, learner=learner, live=settings),
    settings=settings,
    title="CartPole, a learner of two replicas",
    q_bound=1 / (1 - cartpole.gamma),
)

# %%
from dqnkit.evaluation import evaluate

returns = evaluate(status.weights, cartpole, episodes=100)  # fast: evaluate(status.weights, cartpole, episodes=5)
print(f"{status.updates:,} updates of two replicas; {len(returns)} greedy episodes: mean return {np.mean(returns):.0f}")

# %% [markdown]
# The curve looks like any other DQN's on CartPole, and it should: the learner does the same arithmetic. (One run, one
# seed; [[target_network]] says what that is worth.)
#
# ## 8. Devices in other places
#
# **A computer with GPUs.** Change one line. Without names `MirroredStrategy` takes all GPUs that there are:
#
#     strategy = tf.distribute.MirroredStrategy()     # in place of mirrored_cpus(2)
#     learner = Learner(config, strategy)
#
# With one GPU you need no strategy at all: TensorFlow uses it by itself. And measure first, as in section 5: a network as
# small as this one leaves a GPU waiting for work most of the time, and may well be faster on the CPU.
#
# **Several computers.** `MultiWorkerMirroredStrategy` puts the replicas into processes that talk over the network. Each
# process runs the same program; an environment variable, `TF_CONFIG`, tells it who is there and which one it is. It must
# be set before TensorFlow starts, as with the logical CPUs:
#
#     os.environ["TF_CONFIG"] = json.dumps({
#         "cluster": {"worker": ["10.0.0.4:2222", "10.0.0.5:2222"]},  # the same in every process
#         "task": {"type": "worker", "index": 0},                     # 0 in the first, 1 in the second
#     })
#     strategy = tf.distribute.MultiWorkerMirroredStrategy()          # waits here until all have come
#
# Your `replica_gradients` is right there too: `context` has the same two things in it. What is hard are the processes:
# one that dies leaves the others waiting in the all-reduce. `MultiWorkerLearner(client, config, num_processes)` starts them
# on the workers of a Dask cluster (`client` is a connection to it), gives each its share of every batch, watches them,
# and ends all when one is lost. In `train` it stands where the other learners stand.
#
# The next cell makes the 20 updates of section 3 once more, in two processes on this computer. It is **switched off**, for
# each process loads TensorFlow: about half a minute, and 1.5 GB of memory that Binder does not have.

# %%
SEVERAL_PROCESSES = False

if SEVERAL_PROCESSES:
    from dqnkit.cluster.multiworker import MultiWorkerLearner
    from dqnkit.deploy import make_cluster

    rng = np.random.default_rng(0)  # the same batches as there
    with (
        make_cluster(n_workers=2) as cluster,
        cluster.get_client() as client,
        MultiWorkerLearner(client, config, 2, insecure=True) as learner,
    ):
        for _ in range(20):
            learner.update(replay.sample(1, BATCH, rng).transitions)
        print("two processes and the two replicas of section 3:", apart(learner.get_weights().values, two))

# %% [markdown]
# TensorFlow's connections between such processes are **not encrypted and ask for no password**, and they listen on every
# network interface of the computer, even if all processes are on one. Whoever reaches their ports can change what is
# learned. No setting of TensorFlow changes this, so the kit starts them only if you say `insecure=True`: where a firewall or
# a network of your own keeps others out, and never over the internet.
#
# ## What we built
#
# The same ring; the box of the learner now has an inside. Shares in, one gradient out, the same weights everywhere.

# %%
ring("learner")

# %% [markdown]
# ### Quiz
#
# <details><summary>A batch of 256 on 4 replicas. Each computes the mean loss of its 64 transitions and its gradient. What must
# all-reduce do, sum or mean?</summary>
# Mean: four means over shares of equal size have the batch's mean as their mean. Or divide each sum by 256 and then
# sum. What must not be mixed is one half of each: the sum of the means is 4 times too large.</details>
#
# <details><summary>You train with the same seed, once with one replica and once with two. After 3,000 updates the episodes
# are different ones. Is the reduction wrong?</summary>
# Not for that reason. The weights differ by rounding from the first update on; sooner or later two Q-values are so close
# that rounding decides which action is greedy, and from there on the runs see different data. To test the reduction,
# give both the <em>same batches</em>, and compare weights.</details>
#
# <details><summary>Your learner is the bottleneck: GPU at 100 %, a large network. Would you rather have a second GPU with
# the same batch, or with a batch twice as large?</summary>
# With the same batch each GPU does half of the work, and the result is the same, only sooner. With twice the batch each
# does as much as before, better used, and the gradient is less noisy; but it is another algorithm: the learning rate and
# the samples per insert have to be thought of again. Measure both.</details>
#
# ### Further reading
#
# - Patarasu and Yuan (2009), *Bandwidth optimal all-reduce algorithms for clusters of workstations*: the ring.
# - Sergeev and Del Balso (2018), *Horovod: fast and easy distributed deep learning in TensorFlow*.
# - Goyal et al. (2017), *Accurate, large minibatch SGD: training ImageNet in 1 hour*: what to do
#   with the learning rate when batches grow; its section 3 lists mistakes, the division among them.
# - Chen et al. (2016), *Revisiting distributed synchronous SGD*: stragglers, and spare replicas against them.
# - Nair et al. (2015), *Massively parallel methods for deep reinforcement learning*: DQN with asynchronous learners.
# - Kingma and Ba (2015), *Adam: a method for stochastic optimization*: section 2.1 says that the scale cancels.
#
# Nothing that this notebook started is still running: a strategy is no process. In **[[train_on_a_cluster]]** rollouts on a cluster and this learner come together.

# %%
progress()

# %%
download_progress()
