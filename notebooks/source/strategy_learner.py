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
# In [[rollouts_on_dask]] the *actors* became many. Now it is the learner's turn. Several copies of the network share
# one batch, and after every update they must hold exactly the same weights. Reducing their gradients to one takes
# three short steps. Each is easy to get wrong, and you make each mistake once, to see how it shows.
#
# **After this notebook you will be able to**
#
# - say what a strategy and a replica are, and run one function on several devices;
# - reduce the gradients of several replicas to one by hand: what is summed, what is divided by what, when it is clipped;
# - write the same for `tf.distribute` and Keras, and test it so that a mistake shows;
# - measure what several replicas cost on a computer, and say when they pay;
# - say what a straggler costs a synchronous learner, and what an asynchronous one pays instead.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** the gradient step ([[q_network]]), replay ([[replay]]) and
# the target network ([[target_network]]). Nothing is carried over from their kernels; [[rollouts_on_dask]] is not needed.

# %% Draw the ring, with the learner lit
from dqnkit.plots import ring

ring("learner")

# %% [markdown]
# Of the five operations (initialise, select, execute, **update**, evaluate) only *update* changes here. It is the gradient
# step on the formula that you know, with $\theta$ the weights of the online network, $\theta'$ those of the target
# network, $\alpha$ the step size, $r$ the reward, $\gamma$ the discount factor, $s, a$ the state and the action, $s'$
# the next state and $a'$ an action there:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, [\, r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a) \,]$$
#
# ## 1. Replicas
#
# A **device** is what TensorFlow computes on: a CPU or a GPU. A **strategy** (`tf.distribute.Strategy`) decides on which
# devices a learner lives. `MirroredStrategy` puts a whole copy of the network on each of its devices; each copy is a
# **replica**. Replicas share the work, not the network: every replica computes the gradient of its **share** of the
# batch.

# %% Draw one update with two replicas
from dqnkit.lessons.strategy_learner.replica_pictures import replicas

replicas()

# %% [markdown]
# You need no second computer for this. TensorFlow can treat one processor as two **logical CPUs**, two devices that
# compute in the same place. The arithmetic is that of two GPUs. TensorFlow must be told **before it starts**, so it
# is the first thing that this notebook does:
#
#     cpu = tf.config.list_physical_devices("CPU")[0]
#     two = [tf.config.LogicalDeviceConfiguration()] * 2
#     tf.config.set_logical_device_configuration(cpu, two)
#     strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
#
# `mirrored_cpus(2)` does just that. If it says that TensorFlow has already started, choose *Kernel*, *Restart Kernel*
# and run the notebook from its first cell.

# %%
from dataclasses import replace

import numpy as np

from dqnkit.lessons.strategy_learner.logical_cpus import mirrored_cpus

strategy = mirrored_cpus(2)  # before anything else computes with TensorFlow
print(f"{strategy.num_replicas_in_sync} replicas on", *strategy.extended.worker_devices)

# %% Import what this notebook uses from the kit
from dqnkit.actor import Actor
from dqnkit.backend import keras, tf  # TensorFlow, as in [[q_network]]
from dqnkit.classroom import check, compare, download_progress, predict, progress, use
from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.lessons.strategy_learner.logical_cpus import use_sgd
from dqnkit.lessons.strategy_learner.replica_pictures import clipping_order
from dqnkit.lessons.strategy_learner.stragglers_view import stragglers
from dqnkit.lessons.strategy_learner.update_times_chart import update_times_chart
from dqnkit.lessons.strategy_learner.update_timing import seconds_per_update
from dqnkit.plots import error_curves
from dqnkit.presets import preset
from dqnkit.replay import ReplayBuffer
from dqnkit.training import train
from dqnkit.types import LiveSettings, Transition
from dqnkit.value_learning import q_learning, squared
from dqnkit.widgets import live

# %% [markdown]
# Two calls are all that a strategy needs. What is made inside `strategy.scope()` exists once on every device.
# `strategy.run(f)` calls `f` on every replica; there, the **replica context** says which one it is.

# %%
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
    print(f"{copy.device[-5:]} has x = {copy.numpy():g}; the function returned {result.numpy():g}")

# %% [markdown]
# One function, called twice: each call saw its own copy of `x` and its own number, 0 or 1.
#
# ## 2. The gradient of a batch, in shares
#
# The data of sections 2 to 5 are 8,000 random moves of CartPole. This section looks at one batch of 64 transitions from
# them.

# %%
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
    xla=False,  # compiles faster, and the runs here are short
)
plain = Learner(config)  # without a strategy: one replica
start = plain.get_weights().values  # all weights in one array
replay = ReplayBuffer(8_000)
replay.add_rollout(Actor(config).rollout(plain.get_weights(), epsilon=1.0))
batch = replay.sample(1, BATCH, np.random.default_rng(0)).transitions  # fields [1, B, ...]
batch = Transition._make(values[0] for values in batch)  # fields [B, ...]
print(f"{len(start):,} weights")
print(f"{len(replay):,} transitions (a step that only resets an episode is none)")

# %% [markdown]
# Here is the gradient, written as in [[q_network]], with one difference: the losses of the transitions are **summed**, not
# averaged. The batch is then split into two shares of 32.


# %%
def summed_gradient(batch):
    """The gradient of the sum of the losses: one array for each variable."""
    with tf.GradientTape() as tape:
        q_tm1, q_t = plain.online(batch.observation), plain.target(batch.next_observation)  # [B, A]
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
# Add the rows of the two shares and you get the first row. **The gradient of a sum is the sum of the gradients.** That is
# why a batch can be shared out at all.
#
# But a learner descends the *mean* loss of the batch. Suppose that each replica does what a single learner does: it
# computes the gradient of the mean loss of **its 32** transitions. Then these two are **added up**.

# %% [markdown]
# **Predict.** [[question.sum]]

# %% Your prediction
predict("strategy_learner-sum")

# %%
sum_of_means = [a / 32 + b / 32 for a, b in zip(*shares)]
ratio = sum_of_means[LAST_KERNEL][0, 0] / (whole[LAST_KERNEL][0, 0] / BATCH)
print(f"sum of the two means / mean over the batch = {ratio:.3f}")

# %% Compare with your prediction
compare("strategy_learner-sum", ratio)

# %% [markdown]
# So divide once, by the size of the **whole** batch (the *global* batch size), however many shares there are.
# With 8 replicas the mistake would make every gradient 8 times too large: a learning rate that changes with the number of
# devices.
#
# ### When to clip
#
# One step remains. The kit's learner **clips**: a gradient longer than `max_norm` is scaled down to that length, so that
# one bad batch cannot move the network far. Should each share be clipped before the sum, or the sum? Look at two shares
# that nearly cancel, drawn as arrows. They have only two parameters, so that they fit on paper. The second arrow begins
# where the first ends: that is how arrows are added.

# %% Draw both orders
clipping_order(
    [[4.0, 1.0], [-3.4, 0.6]],
    max_norm=2.0,
    what="left, the two shares together are short, so there is nothing to clip. Right, each was cut to the circle first: "
    "what is applied has another length and another direction.",
)

# %% [markdown]
# One learner with the whole batch sees only the sum. So the replicas must do the same: **sum, divide, then clip**.
#
# ### Your turn: `gradient_reduction` (8 minutes, difficulty 2 of 3)
#
# `shares[i]` is what replica `i` gives: a list of NumPy arrays, one for each variable. It is the gradient of the **sum** of
# the losses of its share. Return the gradient of the **mean** loss of the whole batch of `batch_size` transitions, as a
# list of arrays, no longer than `max_norm`. The length of a gradient counts all its numbers, of all variables:
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

# %% [markdown]
# Does the number of replicas matter now? The same batch in 1, 2, 4 and 8 shares:

# %%
gradient_reduction = use("gradient_reduction", gradient_reduction)
for max_norm in (0.0, 0.5):
    one = gradient_reduction([whole], BATCH, max_norm)
    for n in (1, 2, 4, 8):
        of_shares = [summed_gradient(share) for share in in_shares(batch, n)]
        reduced = gradient_reduction(of_shares, BATCH, max_norm)
        length = np.sqrt(sum((gradient**2).sum() for gradient in reduced))
        difference = max(np.abs(a - b).max() for a, b in zip(one, reduced))
        print(f"max_norm {max_norm}, replicas: {n}  length {length:.3f}, off by {difference:.0e}")

# %% [markdown]
# What is left is rounding. A 32-bit number holds about seven digits, and a sum in another order may differ in the
# last of them. So "equal" means here: **equal up to rounding**, not bit for bit.
#
# ## 3. Under the strategy
#
# With `tf.distribute` nobody holds all the shares in a list. The same function runs on every replica, knows only its own
# gradient, and meets the others in one call, **all-reduce**: everyone gives a tensor, everyone gets the sum.
#
#     context = tf.distribute.get_replica_context()
#     total = context.all_reduce(tf.distribute.ReduceOp.SUM, mine)
#
# Then each replica hands the total to its optimizer. Before you write that, find out what Keras' optimizer does with the
# gradients of two replicas. Take one weight, 0 at first, and plain gradient descent (SGD) with step size 1. Each replica
# says "the gradient is 1".

# %% [markdown]
# **Predict.** [[question.apply]]

# %% Your prediction
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

# %% Compare with your prediction
compare("strategy_learner-apply", weight.numpy())

# %% [markdown]
# **Keras' optimizer sums over the replicas by itself.** So without clipping you need not call all-reduce at all. But Keras
# also clips (`global_clipnorm=`) *before* that sum, each share by itself, which you have just seen to be wrong. So we have
# to sum and clip ourselves, and then Keras sums once more: every replica holds the whole gradient, and $n$ of them are
# added up. The way out is to give it the $n$-th part.
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

# %% [markdown]
# You know the rest of an update. This is all of it, for one batch, with your function in the middle. Each replica takes
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
    gradients = replica_gradients(gradients, config.max_gradient_norm, context)
    adam.apply(gradients, mine.trainable_variables)


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


mirrored_20, single_20 = mirrored.get_weights().values, single.get_weights().values
kernels = [copy.numpy() for copy in of_each(mirrored.online.weights[0].value)]
print("20 updates moved the weights by up to", apart(single_20, start))
print("yours and the package's, two replicas:", apart(flat(mine), mirrored_20))
print("the package's, two replicas and one:  ", apart(mirrored_20, single_20))
print("its replica 0 and its replica 1:      ", apart(*kernels))

# %% [markdown]
# The first number is how far the weights have moved. Compared with it, the others are rounding (`3.0e-08` is 0.00000003) or
# nothing at all. From here on we use the package's `Learner(config, strategy)`. Nothing else in the ring needs to know
# about it.
#
# ## 4. Mistakes, made on purpose
#
# How would a mistake in the reduction show? Let us make them all: forget the division, divide once too often, clip each
# share, use one replica only. `Learner(..., reduce=...)` takes any function in the place of yours. Each learner gets the
# same 200 batches, once with Adam, which the kit uses, and once with plain SGD.


# %%
def correct(gradients, max_norm):
    """Yours if it passed its check, else the kit's; the learner calls it on every replica."""
    return replica_gradients(gradients, max_norm, tf.distribute.get_replica_context())


def not_divided(gradients, max_norm):  # forgets that the optimizer sums as well: twice as large
    return [2 * gradient for gradient in correct(gradients, max_norm)]


def divided_again(gradients, max_norm):  # a mean over the replicas instead of a sum: half as large
    return [gradient / 2 for gradient in correct(gradients, max_norm)]


def clipped_shares(gradients, max_norm):  # what Keras' global_clipnorm does
    return tf.clip_by_global_norm(gradients, max_norm)[0]


def one_replica_only(gradients, max_norm):  # twice the first, so that the size fits
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return correct([2 * tf.cast(number == 0, tf.float32) * g for g in gradients], max_norm)


REDUCTIONS = {
    "right": correct,
    "not divided": not_divided,
    "divided again": divided_again,
    "clipped shares": clipped_shares,
    "one replica only": one_replica_only,
}

# %% [markdown]
# **Predict.** [[question.optimizer]]

# %% Your prediction
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
runs = {(o, name): learn(o, strategy, f) for o in OPTIMIZERS for name, f in REDUCTIONS.items()}

# %% Draw the losses
from IPython.display import display

updates = np.arange(1, UPDATES + 1)
for optimizer in OPTIMIZERS:
    picture = error_curves(
        {name: runs[optimizer, name][0] for name in ("right", "not divided", "divided again")},
        x=updates,
        ylabel="loss\n(mean over the batch)",
        title=f"{optimizer}: the loss",
        what="how many lines can you tell apart? (The jumps: after every 50 updates the target network is copied.)",
    )
    display(picture)

# %%
shows = {}
for optimizer in OPTIMIZERS:
    right, wrong = runs[optimizer, "right"][0], runs[optimizer, "not divided"][0]
    shows[optimizer] = np.abs(wrong - right).max() / right.max()
    print(f"{optimizer}: the curves differ by at most {shows[optimizer]:.1%} of the largest loss")

# %% Compare with your prediction
seen = [optimizer for optimizer in OPTIMIZERS if shows[optimizer] > 0.05]
compare("strategy_learner-optimizer", seen)

# %% [markdown]
# Adam's step is $\alpha \, m / (\sqrt{v} + \epsilon)$, where $m$ is a running mean of the gradients, $v$ one of their
# squares, and $\epsilon$ a tiny number that prevents a division by 0. Multiply every gradient by a constant, and $m$ and
# $\sqrt{v}$ grow alike: the constant cancels, except for $\epsilon$. Adam **forgives a wrong scale**. A whole class of
# mistakes goes unnoticed, until somebody changes the optimizer, the clipping or the number of devices.
#
# So how does one test a reduction? Not by the loss, not by the return, but **by the weights, against one replica**. The
# next pictures show how far each learner is from that one, as a share of the distance that it has travelled:
# $\lVert \theta - \theta_1 \rVert / \lVert \theta_1 - \theta_0 \rVert$, with $\theta_1$ the weights of the learner with
# one replica and $\theta_0$ those at the start.

# %%
distances = {}
for optimizer in OPTIMIZERS:
    one = alone[optimizer][1]  # [UPDATES, P]
    travelled = np.linalg.norm(one - start, axis=1)
    for name in REDUCTIONS:
        two = runs[optimizer, name][1]
        distances[optimizer, name] = np.linalg.norm(two - one, axis=1) / travelled
        first, last = distances[optimizer, name][[0, -1]]
        print(f"{optimizer:5} {name:17} after 1 update {first:8.2g}, after {UPDATES} {last:8.2g}")

# %% Draw the distances
for optimizer in OPTIMIZERS:
    picture = error_curves(
        {name: distances[optimizer, name] for name in REDUCTIONS},
        x=updates,
        ylabel="distance from one replica\n(share of the distance travelled)",
        log=True,
        title=f"{optimizer}: how far the weights are from those of one replica",
        what="the lowest line is rounding. Every mistake lies far above it, even those that the loss hid.",
    )
    display(picture)

# %% [markdown]
# With Adam a wrong scale (*not divided*, *divided again*) moves each step by very little. But the next gradient is taken at
# slightly other weights, so the difference grows; the lines above say how far it came. Nothing of it shows in a loss curve. With SGD it is plain from the first update on: 1 means 100 %. *Clipped shares*
# and *one replica only* are wrong in direction, not only in scale, and Adam does not forgive that. Two rules for testing
# anything distributed: **compare the weights**, up to rounding, and **test with SGD as well**. The kit's own tests do both.
#
# ## 5. What it costs, what it buys
#
# Take an update of $B$ transitions by $n$ replicas. Each computes for $B / n$ transitions, then all of them exchange
# gradients. The first part shrinks with $n$, the second is new. How long is each on this computer?

# %% [markdown]
# **Predict.** [[question.speed]]

# %% Your prediction
predict("strategy_learner-speed")

# %%
SIZES = (64, 256, 1_024, 4_096)  # fast: (64, 256)
HALVES = [size // 2 for size in SIZES]
rng = np.random.default_rng(2)


def job(size, where=None):
    """A learner, under a strategy or without one, and batches for four updates in one call."""
    return Learner(replace(config, batch_size=size), where), replay.sample(4, size, rng).transitions


jobs = [job(size, where) for where in (None, strategy) for size in SIZES]
jobs += [job(size) for size in HALVES]
ROUNDS = 40  # fast: 3
seconds = seconds_per_update(jobs, rounds=ROUNDS)  # they take turns; the quickest call counts
one_replica, two_replicas, half = np.reshape(seconds, (3, len(SIZES)))
added = two_replicas[0] - one_replica[0]  # by the second replica, where there is little to compute
own = half + added  # calculated: half the batch each, on two processors, and the same on top
print(f"a batch of 64 on one replica: {1e3 * one_replica[0]:.2f} ms")
print(f"a batch of 64 on two:         {1e3 * two_replicas[0]:.2f} ms")

# %% Draw the times
update_times_chart(
    SIZES,
    {"one replica": one_replica, "two, on this processor": two_replicas},
    calculated={"two, a processor each (calculated)": own},
    title="One update, by batch size",
    what="where the dashed and the dotted line lie beside the solid one, on the left and on the right.",
)

# %% Compare with your prediction
ratio = one_replica[0] / two_replicas[0]
compare("strategy_learner-speed", ratio)

# %%
print(f"the second replica adds {1e3 * added:.2f} ms to an update of 64 transitions")
for size, one, share, two in zip(SIZES, one_replica, half, own):
    strong, weak = one / two, share / two
    print(f"{size:5,} transitions, 2 processors: {strong:.2f} times as fast, efficiency {weak:.0%}")

# %% [markdown]
# **On the same cores two replicas gain nothing.** They compute the same amount. On top of that, every
# operation is started twice, once on each device, and the gradients are brought together: the first line says how long
# that takes. Compare it with the time of a whole update by one replica, above. Logical CPUs are for learning how it is
# done, and for testing. (If your dashed line falls below the solid one at large batches, your computer has cores that one
# replica left idle.)
#
# The dotted line is a cautious estimate for two processors: each has half of the batch, and all of that time comes on top.
# (In fact they would start their operations at the same moment; between two computers the network adds its own time.) The
# last lines read it in two ways:
#
# - **strong scaling**: the same batch, more replicas. How many times as fast is it? The shares shrink and the exchange does
#   not, so the gain ends somewhere;
# - **weak scaling**: each replica keeps its share, and the batch grows with their number. How much of the time is still
#   spent on computing? This *efficiency* holds up better, but a larger batch is another algorithm (see the quiz).
#
# Replicas pay where computing a share takes longer than the exchange: **large batches, large networks, GPUs**. The
# CartPole learner is not such a case, and no number of machines makes it one. It is worth knowing that *before* renting
# them. In this course the actors gain from many machines ([[rollouts_on_dask]]), the learner seldom does.
#
# ### What travels (optional)
#
# Each replica's gradient has as many numbers as the network has weights, $P$, at 4 bytes. In a **ring all-reduce**
# (Patarasu and Yuan, 2009; made popular for training by Horovod: Sergeev and Del Balso, 2018) each of the $n$ replicas
# passes pieces to its neighbour, twice around the ring. So it sends
#
# $$\text{bytes in one update} = 4 P \cdot \frac{2 (n - 1)}{n}$$
#
# This hardly depends on $n$: it is never more than $8 P$. No replica ever holds the gradients of all the others; your
# function of section 2 did. The table gives the time of the bytes alone. The ring also makes $2 (n - 1)$ steps one after the
# other, and each waits for a message: for a small network that is much more than the bytes, and it grows with $n$.


# %%
def bytes_sent(weights, n):
    """What each of n replicas sends in one update, by a ring all-reduce."""
    return 4 * weights * 2 * (n - 1) / n


ATARI = "Atari (Mnih et al., 2015)"
NETWORKS = {"CartPole, 64-64": len(start), ATARI: 1_690_000, "a large one": 100_000_000}
print("network                         weights   n   sent in an update  at 1 Gbit/s  at 100 Gbit/s")
for name, weights in NETWORKS.items():
    for n in (2, 8, 64):
        sent = bytes_sent(weights, n)
        slow, fast = (1e3 * sent / (gigabits * 1e9 / 8) for gigabits in (1, 100))
        print(f"{name:27}{weights:12,}{n:4}{sent / 1e6:17.3f} MB{slow:10.2f} ms{fast:12.3f} ms")

exchange = bytes_sent(len(start), 8) / (1e9 / 8)  # seconds at 1 Gbit/s
print(f"ours, 8 replicas, 1 Gbit/s: the bytes of an exchange take {1e3 * exchange:.2f} ms,")
print(f"and a whole update on one replica {1e3 * one_replica[0]:.2f} ms")

# %% [markdown]
# Compare an exchange with the update that it belongs to: there is one in **every** update. That is why learners are placed
# close together, while actors, which fetch weights now and then, may be far away.
#
# Where the network is the limit, **gradient compression** sends less: 16-bit numbers in place of 32-bit ones, or only the
# largest numbers of each gradient, with the rest kept and added to the next one (Lin et al., 2018). The result is then no
# longer that of one replica, and your test of section 4 becomes a tolerance.
#
# ## 6. A meeting in every update
#
# All-reduce is a meeting: nobody leaves before everyone has come. This is called **synchronous** training. A replica that
# comes late is a **straggler**: a machine that is shared with others, a garbage collection, a processor that is too hot.
#
# Take eight replicas. Each needs 10 ms for its share *on average*: always 8 ms, and then a random time of 2 ms in the
# mean (exponentially distributed: mostly short, now and then long). The shares stay the same: with more replicas the batch
# grows. We count no time for the exchange itself.

# %% [markdown]
# **Predict.** [[question.straggler]]

# %% Your prediction
predict("strategy_learner-straggler")

# %%
rng = np.random.default_rng(3)
for n in (1, 2, 4, 8, 16):
    times = 8 + rng.exponential(2, size=(100_000, n))  # [updates, replicas], in ms
    longest = times.max(axis=1).mean()
    if n == 8:
        eight = longest
    waiting = 1 - times.mean() / longest
    print(f"replicas: {n:2}  an update takes {longest:5.2f} ms; of it each waits {waiting:3.0%}")

# %% Compare with your prediction
compare("strategy_learner-straggler", round(float(eight), 1))

# %% [markdown]
# The slowest decides. Try it with the sliders. What happens when one replica is always slower than the others: does it
# help to add faster ones? And what changes when they do *not* wait for each other?

# %% Show replicas that wait for each other, with sliders
stragglers(replicas=8, spread=2.0, sync=0.0)

# %% [markdown]
# To add faster ones does not help while the shares stay the same: all still wait for the slow one. It would help only if
# its own share became smaller.
#
# Without waiting it is **asynchronous** training: the weights lie in one place, the **parameter server**, and each replica
# applies its gradient to them whenever it is ready. Nobody waits: eight shares are done in 10 ms in place of 13.4. Each now
# makes an update of its own, from an eighth of the batch. The price: while a replica computes, the others change the
# weights, so its gradient belongs to weights that are no longer there. It is **stale**, by about $n - 1$ updates on average,
# that of a slow replica by more. Early distributed DQN worked like that (Nair et al., 2015). Learners of today are
# mostly synchronous, and so is this one: the result does not depend on who was fast, so it can be tested as in section 4.
#
# The actors of [[rollouts_on_dask]] *are* asynchronous. They act with stale weights, and as long as the lag is short, replay
# forgives it: what it holds are old transitions anyway. Nothing forgives an old gradient in this way.
#
# ## 7. CartPole, with two replicas
#
# The whole ring as in [[target_network]], with a learner of two replicas; the settings are the kit's for CartPole. If you wrote
# `replica_gradients`, your own code decides every step of it. It takes between twenty seconds and a minute.

# %%
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
returns = evaluate(status.weights, cartpole, episodes=100)  # fast: evaluate(status.weights, cartpole, episodes=5)
print(f"{status.updates:,} updates of two replicas")
print(f"{len(returns)} greedy episodes: mean return {np.mean(returns):.0f} (solved: 475)")

# %% [markdown]
# Nothing in such a curve tells how many replicas there were, and it should not: the learner does the same arithmetic. (It
# is one run with one seed; [[target_network]] says what that is worth.)
#
# ## 8. Devices in other places (optional)
#
# **A computer with GPUs.** Change one line. Without names `MirroredStrategy` takes all GPUs that there are:
#
#     strategy = tf.distribute.MirroredStrategy()     # in place of mirrored_cpus(2)
#     learner = Learner(config, strategy)
#
# With one GPU you need no strategy at all: TensorFlow uses it by itself. And measure first, as in section 5. A network as
# small as this one leaves a GPU waiting for work most of the time, and may well be faster on the CPU.
#
# **Several computers.** `MultiWorkerMirroredStrategy` puts the replicas into processes that talk over the network. Each
# process runs the same program; an environment variable, `TF_CONFIG`, tells it who is there and which one it is. It must
# be set before TensorFlow starts, as with the logical CPUs:
#
#     os.environ["TF_CONFIG"] = json.dumps({
#         # the same in every process
#         "cluster": {"worker": ["10.0.0.4:2222", "10.0.0.5:2222"]},
#         # 0 in the first process, 1 in the second
#         "task": {"type": "worker", "index": 0},
#     })
#     # waits until all processes have come
#     strategy = tf.distribute.MultiWorkerMirroredStrategy()
#
# Your `replica_gradients` is right there too: `context` offers the same two things. The processes are the hard part. One
# that dies stops all of them: the others wait in the all-reduce, until TensorFlow gives up with an error.
# `MultiWorkerLearner(client, config, num_processes)` starts them on the workers of a Dask cluster (`client` is a
# connection to it), gives each its share of every batch, watches them, and ends all of them when one is lost. `train`
# takes it in the place of the other learners.
#
# When do they pay? With one core for each process on one computer, an all-reduce of even the smallest network took about
# 1 ms. (Keras' second sum would take as long again, so the kit's learner goes around it: `Replicas.apply` in
# `dqnkit/replicas.py`.) Two processes took 21 times as long as one for CartPole's network, 1.4 times as long where an
# update of one takes 6 ms, and 0.8 times as long where it takes 22 ms. Between computers the meeting takes longer.
#
# The next cell makes the 20 updates of section 3 once more, in two processes on this computer. It is **switched off**:
# each process loads TensorFlow, which takes about half a minute and 1.5 GB of memory that Binder does not have.
#
# **Before you switch it on:** TensorFlow's connections between such processes are **not encrypted and ask for no
# password**, and they listen on every network interface of the computer, even if all processes are on one. Whoever reaches
# their ports, even another user of the same computer, can change what is learned, and can run TensorFlow's operations
# there, among them those that read and write files. No setting of TensorFlow changes this. So the kit starts them only if
# you say `insecure=True`. Do it where a firewall or a private network keeps others out, and never over the internet.

# %%
SEVERAL_PROCESSES = False

if SEVERAL_PROCESSES:
    from dqnkit.cluster.multiworker import MultiWorkerLearner
    from dqnkit.deploy import make_cluster

    rng = np.random.default_rng(0)  # the same batches as there
    with (
        make_cluster(n_workers=2) as cluster,
        cluster.get_client() as client,
        MultiWorkerLearner(client, config, 2, insecure=True) as processes,
    ):
        for _ in range(20):
            processes.update(replay.sample(1, BATCH, rng).transitions)
        print("two processes, and section 3:", apart(processes.get_weights().values, mirrored_20))

# %% [markdown]
# ## What we built
#
# The same ring; the box of the learner now has an inside. Shares in, one gradient out, the same weights everywhere.

# %% Draw the ring, with the learner lit
ring("learner")

# %% [markdown]
# ### Quiz
#
# <details><summary>A batch of 256 on 4 replicas. Each computes the mean loss of its 64 transitions and its gradient. What must
# all-reduce do, sum or mean?</summary>
# Mean: the mean of four means over shares of equal size is the mean of the batch. Or divide each sum by 256 and then
# sum. Do not mix the two: the sum of the means is 4 times too large.</details>
#
# <details><summary>You train with the same seed, once with one replica and once with two. After 3,000 updates the episodes
# are different ones. Is the reduction wrong?</summary>
# Not for that reason. The weights differ by rounding from the first update on. Sooner or later two Q-values are so close
# that rounding decides which action is greedy, and from there on the runs see different data. To test the reduction,
# give both the <em>same batches</em>, and compare weights.</details>
#
# <details><summary>Your learner is the bottleneck: GPU at 100 %, a large network. Would you rather have a second GPU with
# the same batch, or with a batch twice as large?</summary>
# With the same batch (strong scaling) each GPU does half of the work, and the result is the same, only sooner. With twice
# the batch (weak scaling) each does as much as before, better used, and the gradient is less noisy. But that is another
# algorithm: think again about the learning rate and the samples per insert. Measure both.</details>
#
# ### Further reading
#
# - Patarasu and Yuan (2009), *Bandwidth optimal all-reduce algorithms for clusters of workstations*: the ring.
# - Sergeev and Del Balso (2018), *Horovod: fast and easy distributed deep learning in TensorFlow*.
# - Goyal et al. (2017), *Accurate, large minibatch SGD: training ImageNet in 1 hour*: what to do
#   with the learning rate when batches grow; its section 3 lists mistakes, the division among them.
# - Chen et al. (2016), *Revisiting distributed synchronous SGD*: stragglers, and spare replicas against them.
# - Li et al. (2014), *Scaling distributed machine learning with the parameter server*.
# - Lin et al. (2018), *Deep gradient compression: reducing the communication bandwidth for distributed training*.
# - Nair et al. (2015), *Massively parallel methods for deep reinforcement learning*: DQN with asynchronous learners.
# - Kingma and Ba (2015), *Adam: a method for stochastic optimization*: section 2.1 says that the scale cancels.
#
# Nothing that this notebook started is still running: a strategy is no process. In **[[train_on_a_cluster]]** rollouts come
# from a cluster while a learner learns; this one would fit into its place.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("strategy_learner")
