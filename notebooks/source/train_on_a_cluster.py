# ---
# jupyter:
#   dqnkit:
#     idea: "rollouts and learner together, live; a worker is killed; resume from a checkpoint"
#     run_seconds: 120
# ---

# %% [markdown]
# # [[number]] · Train on a cluster: the whole ring
# <!-- badges -->
#
# In [[rollouts_on_dask]] the actors moved to other processes. Now actors and learner work **at the same time**: rollouts come
# in while the learner learns. (A learner of several replicas, as in [[strategy_learner]], would fit into the same place.) You
# watch who waits for whom, you kill a worker in the middle of it, and the learner itself "dies" and goes on from a
# checkpoint. At the end you have a program of your own that trains on several processes.
#
# **After this notebook you will be able to**
#
# - say, in a training run with workers, who waits for whom, and which change would make it faster;
# - predict what more workers bring;
# - say what the death of a worker costs, and what a training run makes of it;
# - name what a checkpoint must hold, and resume a run with another number of workers;
# - compute how many bytes travel, and which of them cost money in a cloud;
# - train with your own functions on several processes of your computer, from a terminal.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** the loop of [[target_network]], rollouts as Dask tasks and policy lag ([[rollouts_on_dask]]). Of [[strategy_learner]] you need
# only the idea: a learner may be several replicas. Nothing is carried over from their kernels. Everything runs on
# this computer; the workers are other processes on it.

# %%
import time
from contextlib import closing
from dataclasses import replace

import numpy as np

# %% Import what this section uses from the kit, and draw the ring
from dqnkit.classroom import check, compare, download_progress, predict, progress, use, write_program
from dqnkit.plots import ring
from dqnkit.presets import preset
from dqnkit.training import train

ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# Two processes or more work on this ring now. **Actors** (upper left) live on the **workers**. Replay and **learner**
# (right) live in the **driver**: the process that this notebook runs in. Between them travel two kinds of messages:
# rollouts one way, weights the other.
#
# ## 1. Whose turn is it?
#
# In one process the order is simple: act a little, learn a little. With workers both go on at once, and one side will
# be faster. What may the faster one do?
#
# - If the **actors** are faster, transitions come in quicker than the learner draws them, and most are hardly used.
# - If the **learner** is faster, it draws the same old transitions again and again, and overfits to them.
#
# So one number ties the two together: **samples per insert**, how many transitions are drawn from replay for each one
# put in. The learner may draw only as much as the transitions so far allow:
#
# $$\underbrace{\text{sampled}}_{\text{drawn so far}} + \underbrace{\text{draws}}_{\text{in its next call}} \;\le\;
# \text{samples per insert} \times (\, \underbrace{\text{inserted}}_{\text{put in so far}} - \text{learning starts} \,)$$
#
# The first `learning_starts` transitions allow no draws: they only fill the buffer. If the bound forbids the call, the
# learner waits for the actors. (The actors are held back too: by the window of two tasks for each worker,
# [[rollouts_on_dask]].)
#
# ### Your turn: `whose_turn` (5 minutes, difficulty 1 of 3)
#
# All arguments are numbers, as in the formula. Return `"learner"` where its next call is allowed, else `"actors"`.


# %%
def whose_turn(sampled, inserted, draws, learning_starts, samples_per_insert):
    """Whether the learner may draw once more, or has to wait for the actors."""
    ### BEGIN SOLUTION
    allowed = samples_per_insert * (inserted - learning_starts)
    if sampled + draws <= allowed:
        return "learner"
    return "actors"
    ### END SOLUTION


check("whose_turn", whose_turn)

# %% [markdown]
# Does the kit follow the same rule? Here is the kit's loop, `train`, for a moment on CartPole. After each of its turns
# it yields a status. Before each turn we ask `whose_turn`; then we see who had it (`A` the actors, `L` the learner).

# %%
whose_turn = use("whose_turn", whose_turn)

bound = {"learning_starts": 500, "samples_per_insert": 4.0}
short = preset("CartPole-v1", total_steps=3_000, updates_per_call=16, xla=False, **bound)
draws = short.updates_per_call * short.batch_size  # 16 batches of 64 in one call
sampled = inserted = updates = 0
said, happened = "", ""
for status in train(short):
    said += whose_turn(sampled, inserted, draws, **bound)[0].upper()
    happened += "L" if status.updates > updates else "A"
    counters = status.state.counters
    sampled, inserted, updates = counters.sampled, counters.inserted, status.updates

print("you said:      ", said)
print("what happened: ", happened)
print("the same" if said == happened else "they differ")

# %% [markdown]
# Read the row: first only actors, until the buffer holds enough. Then a rhythm that the bound dictates. In one process
# that is all. With workers, the actors go on *during* the learner's turns as well; an `A` then means that the driver takes in
# what has arrived. Only where nothing has arrived does the learner **wait**. That is the new idea of this notebook, and
# nearly all that follows is about it.
#
# ## 2. The ring, live
#
# A cluster of two workers on this computer. The loop is the same `train` as ever; only the source of rollouts is
# another one. The learner here is the plain one in this process. One under a strategy ([[strategy_learner]]), or one spread over several
# machines (`dqnkit.cluster.multiworker`), would go into the same place, `train(..., learner=...)`,
# and nothing else would change.

# %% Import what this section uses from the kit
from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.watched_cluster import WatchedCluster
from dqnkit.deploy import make_cluster
from dqnkit.learner import Learner
from dqnkit.widgets import live

silence_dask()  # Dask logs each worker that leaves; here workers leave on purpose

# %%
cluster = make_cluster(n_workers=2)
client = cluster.get_client()
client

# %%
STEPS_IN_ALL = 50_000  # fast: 3_000
cartpole = preset("CartPole-v1", seed=1, total_steps=STEPS_IN_ALL)
print(f"{cartpole.samples_per_insert:g} samples per insert, {STEPS_IN_ALL:,} environment steps")

# %% [markdown]
# **Predict.** [[question.limit]]

# %% Your prediction
predict("train_on_a_cluster-limit")

# %% [markdown]
# Run it and read the picture below the learning curve: rollouts travel from the workers into the replay buffer, weights
# travel back. What to find:
#
# 1. **transitions a second**, one coloured band for each worker. Do both do the same?
# 2. **learner**: the share of the time in which it did not wait for rollouts. This answers the question above.
# 3. **samples per insert**: does it stay below the bound that you wrote?
# 4. **policy lag**: by how many versions of the weights were the rollouts behind? (The more, the paler a rollout is.)

# %%
rollouts = ClusterRollouts(client)
small = Learner(cartpole)  # a small network: one hidden layer of 128 units
training = train(cartpole, rollouts=rollouts, learner=small)
status = await live(training, cluster=WatchedCluster(rollouts), title="CartPole, two workers")

# %%
traffic = rollouts.traffic  # all that went between driver and workers, counted
first_run = traffic
waited = traffic.waiting_seconds / status.seconds
worked = sum(row.busy_seconds for row in traffic.workers.values())
print(f"{status.seconds:.1f} s in all; the learner waited for rollouts {waited:.0%} of the time")
print("(the seconds in which TensorFlow compiled the first update count as the learner's)")
print(f"the two workers together acted {worked:.1f} s, of {2 * status.seconds:.1f} s that they had")

# %% Compare with your prediction
compare("train_on_a_cluster-limit", waited)

# %% [markdown]
# Did it learn? 100 greedy episodes decide, as in [[target_network]], not the curve (whose actions are partly random):

# %%
from dqnkit.evaluation import evaluate

returns = evaluate(status.weights, cartpole, episodes=100)
print(f"mean return of 100 greedy episodes: {returns.mean():.0f} (solved: 475)")

# %% [markdown]
# ## 3. Which side is the limit?
#
# CartPole is an easy case for the actors. Many environments are not: a simulator in another program, a game, a robot.
# `dqnkit/SlowCartPole-v0` is CartPole that takes 2 ms for each step. It does not compute in that time, it *waits*, as
# for an answer over a network.
#
# Four runs on the same two workers. For each we split the time by the clock: into the learner's turns and the actors'
# turns, in which the driver waits for rollouts and takes them in. They are the `L` and the `A` of section 1.


# %% A clock for both sides: `timed(config, learner, steps, rollouts)`
def timed(config, learner, steps, rollouts=None):
    """Train for so many steps. Seconds of the learner's turns, of the actors' turns, environment steps a second."""
    seconds = {"learner": 0.0, "actors": 0.0}
    first_step, last, updates = None, 0.0, learner.updates
    with closing(train(config, learner=learner, rollouts=rollouts)) as training:
        for status in training:
            now = time.perf_counter()
            if first_step is not None:
                seconds["learner" if status.updates > updates else "actors"] += now - last
            elif status.replay_size >= config.learning_starts:  # from here on both have their turns
                first_step = status.step
            updates, last = status.updates, time.perf_counter()
            if first_step is not None and status.step >= first_step + steps:
                break
    return seconds["learner"], seconds["actors"], (status.step - first_step) / sum(seconds.values())


# %%
# `small` has learned already; that makes no difference to the clock
plain = replace(cartpole, total_steps=50_000, learning_starts=200)
waits = replace(plain, env_id="dqnkit/SlowCartPole-v0")
wide = {"hidden_sizes": (1024, 1024), "xla": False}
large = Learner(replace(plain, **wide))
timed(replace(plain, **wide), large, steps=400)  # not counted: the first update is compiled

STEPS, FEW, FEWEST = 15_000, 3_000, 1_500  # fast: 2_000, 700, 500
SETTINGS = {
    "A: CartPole": (plain, small, STEPS),
    "B: CartPole, 2 samples per insert": (replace(plain, samples_per_insert=2.0), small, STEPS),
    "C: waits 2 ms a step": (waits, small, FEW),
    "D: waits 2 ms, 1024 x 1024 network": (replace(waits, **wide), large, FEWEST),
}

# %% [markdown]
# **Predict.** [[question.sides]]

# %% Your prediction
predict("train_on_a_cluster-sides")

# %%
shares = {}
for name, (config, learner, steps) in SETTINGS.items():
    learner_seconds, actor_seconds, rate = timed(config, learner, steps, ClusterRollouts(client))
    shares[name] = (learner_seconds, actor_seconds)
    print(f"{name:36} {rate:8,.0f} steps a second")

# %% Draw the shares of both sides
from dqnkit.lessons.train_on_a_cluster.waiting_chart import waiting_chart

waiting_chart(
    shares,
    title="Who waits for whom, with two workers",
    what="a mostly hatched bar has a learner that waits. More workers help it where the workers themselves are slow, as "
    "in C, but not where the messages are, as in B. In a mostly plain bar new workers would wait for the learner.",
)

# %% Compare with your prediction
compare("train_on_a_cluster-sides", shares)

# %% [markdown]
# So "is a cluster worth it?" has no answer without three numbers: what a **step** costs, what an **update** costs, and
# the **samples per insert** that tie them together. Where acting itself is the limit, more actors help. Where the learner is
# the limit, a faster learner helps ([[strategy_learner]]), or fewer samples per insert, if the agent still learns with them.
#
# ### How much learning fits into the wait? (optional)
#
# While the learner waits in C, it could learn. How far can you raise the samples per insert before the hatching is gone? Up
# to there it costs no speed: watch the steps a second.

# %%
MY_SAMPLES_PER_INSERT = 100.0
mine = replace(waits, samples_per_insert=MY_SAMPLES_PER_INSERT)
*seconds, rate = timed(mine, small, FEW, ClusterRollouts(client))
print(f"{rate:,.0f} steps a second")

# %% Draw the shares of both sides
waiting_chart({f"C with {MY_SAMPLES_PER_INSERT:g} samples per insert": seconds}, title="My own")

# %% [markdown]
# ## 4. What do workers bring?
#
# Now the number of workers. In one process, acting and learning take turns, so their times **add up**. Let $a$ be the
# actors' share of the time there, and $1 - a$ the learner's. With $n$ workers the two go on at once, and acting is
# spread over $n$. Then the **slower** of the two decides the speed:
#
# $$\text{times as fast} \;\le\; \frac{1}{\max(\, 1 - a, \; a / n \,)}$$
#
# It is a bound: messages, and cores that all share, take their part. (Amdahl's law in [[rollouts_on_dask]] has a sum where
# this has a maximum, for there one part came after the other.) First in process, for $a$:

# %%
PLACES = {"CartPole": (plain, STEPS), "waits 2 ms a step": (waits, FEW)}
alone = {name: timed(config, small, steps) for name, (config, steps) in PLACES.items()}
share = {name: a / (learner_seconds + a) for name, (learner_seconds, a, _) in alone.items()}
for name, (*_, rate) in alone.items():
    print(f"{name:20} in process: {rate:8,.0f} steps a second; a = {share[name]:.0%}")

# %% [markdown]
# **Predict.** [[question.speed]]

# %% Your prediction
predict("train_on_a_cluster-speed")

# %% [markdown]
# **Predict.** [[question.waits]]

# %% Your prediction
predict("train_on_a_cluster-waits")

# %% Import what lets the cluster grow or shrink
from dqnkit.cluster.throughput import have_workers

# %%
WORKERS = [1, 2, 4]  # fast: [1, 2]
rates = {name: [] for name in PLACES}
for workers in WORKERS:
    have_workers(client, workers)
    for name, (config, steps) in PLACES.items():
        *_, rate = timed(config, small, steps, ClusterRollouts(client))
        rates[name].append(rate / alone[name][2])
        print(f"workers: {workers}   {name:20} {rates[name][-1]:.1f} times as fast as in process")
have_workers(client, 2)

# %% Draw what was measured, and the bound of the formula
from dqnkit.lessons.train_on_a_cluster.speedup_chart import speedup_chart

speedup_chart(
    rates,
    share,
    WORKERS,
    title="What workers bring",
    what="how does each line go with the number of workers, and where does a measured one lie beside its formula?",
)

# %% Compare with your prediction
compare("train_on_a_cluster-speed", round(rates["CartPole"][1], 2))

# %% Compare with your prediction
four = dict(zip(WORKERS, rates["waits 2 ms a step"])).get(4)
compare("train_on_a_cluster-waits", four)

# %% [markdown]
# **CartPole gains little**, however many workers there are. In process most of the time is the learner's, so even actors
# that took no time would bring little: that is the bound, 1 / (1 - a). With more workers it may become slower again,
# because on this computer they take cores from the learner. The one that waits may gain a lot: nearly all of its
# time is the actors'. How much of the bound it reaches depends on the free cores: the waiting needs none, but
# learner, driver and messages do. On a computer with two busy cores, four workers may bring less than twice the speed.
#
# ## 5. A worker dies
#
# On real clusters machines disappear: power fails, memory runs out, the cloud takes back what it lent cheaply. It is
# better to see that once on purpose. Two workers train on the CartPole that waits. In the middle of it one of them is
# killed: the operating system ends its process, without warning.
#
# Each rollout of a run has a number of its own. We note the numbers of all that go into replay.

# %% [markdown]
# **Predict.** [[question.lost]]

# %% Your prediction
predict("train_on_a_cluster-lost")

# %% [markdown]
# **Predict.** [[question.death]]

# %% Your prediction
predict("train_on_a_cluster-death")

# %% [markdown]
# Run it and **click on a worker** when it has trained for some seconds; as often as you like. (Or go to it with Tab, and
# press Enter.) If you do not, or cannot (on Colab a running cell hears no clicks), the cell does it by itself half-way.

# %% Note the numbers of the rollouts, and kill a worker half-way
from dqnkit.cluster.faults import kill_worker


class NotedRollouts(ClusterRollouts):
    """The same, and it notes the number of each rollout that it hands over."""

    def collect(self, *arguments):
        arrived = super().collect(*arguments)
        numbers.extend(rollout.sequence for rollout in arrived)
        return arrived


def with_a_death(statuses, rollouts, at_step):
    """Pass the statuses on. At this step, kill a worker, unless somebody has done it by then."""
    done = False
    for status in statuses:
        if not done and status.step >= at_step:
            done = True
            if not any(row.lost for row in rollouts.traffic.workers.values()):
                address = next(iter(client.nthreads()))
                kill_worker(client, address)
                until = time.monotonic() + 10
                while address in client.nthreads() and time.monotonic() < until:
                    time.sleep(0.01)  # until the scheduler has seen it, too
        yield status


def as_new(learner, config):
    """The same learner with the weights of a new one: it is compiled already."""
    learner.load_state(Learner(config).state())
    return learner


# %%
numbers = []
TOTAL = 15_000  # fast: 1_500
slow = replace(waits, total_steps=TOTAL)
rollouts = NotedRollouts(client)
training = train(slow, learner=as_new(small, slow), rollouts=rollouts)
training = with_a_death(training, rollouts, at_step=TOTAL // 2)
status = await live(training, cluster=WatchedCluster(rollouts), title="A worker dies")

# %%
traffic = rollouts.traffic
print(f"{traffic.submitted} tasks submitted = {traffic.arrived} arrived", end=" + ")
print(f"{traffic.failed} failed", end=" + ")
print(f"{traffic.given_up} given up + {traffic.cancelled} cancelled at the end")
print(f"lost with a worker: {traffic.lost}")
print(f"rollouts put in: {len(numbers)}, of them twice: {len(numbers) - len(set(numbers))}")
order = {number % 2**20 for number in numbers}  # the tasks of this run are counted: 0, 1, 2, ...
missing = max(order) + 1 - len(order)
print(f"numbers left out: {missing}; tasks still under way at the end: {traffic.cancelled}")
deaths = sum(row.lost for row in traffic.workers.values())
print(f"workers seen: {len(traffic.workers)}, of them lost: {deaths}")

# %% Compare with your prediction
compare("train_on_a_cluster-lost", round(traffic.lost / max(1, deaths)))

# %% Compare with your prediction
steps_and_gaps = (status.step, slow.total_steps, missing, traffic.cancelled) if status is not None else None
compare("train_on_a_cluster-death", steps_and_gaps)

# %% [markdown]
# In the picture the worker's box cracked, and some seconds later a new process was in its place: its
# **nanny**, a small process that looks after each worker, had started it. On a cluster without nannies the other
# workers go on alone.
#
# Why did nothing break? Because of three decisions, all made long before the accident:
#
# - **A task is plain.** All it needs travels with it (settings, weights, epsilon, its number). So it can be run
#   again, anywhere.
# - **Nothing that lies on a worker is needed.** Its environments are lost, and new ones are built, with new episodes.
#   The weights that it held are a task's *result*: Dask computes the result again for whoever needs it.
# - **The driver keeps a list** of the tasks that it waits for. A rollout goes into replay only while its task is on the
#   list, and then the task is struck off. So a task may run twice; its rollout goes in once.
#
# A **frozen** worker is worse than a dead one. (A process can be paused with the signal SIGSTOP; a machine can hang.) Its
# connection stays open, so nobody is told. There is only one sign: nothing arrives. So every wait has a time limit: a
# worker that gives no sign of life for some time is restarted, and its tasks go to others.
#
# ## 6. The driver dies
#
# Workers can be replaced. The driver cannot: it has the learner and the replay buffer. If it dies, what is left is what
# was written to disk: the **checkpoint**. What has to be in it, so that the resumed run goes on *exactly* where it stopped?
#
# ### Your turn: `save_state` (8 minutes, difficulty 2 of 3)
#
# `SmallRun` is a training run that takes milliseconds: Q-learning on a corridor of six places. It has all that a large one
# has, except an environment's state: each of its steps begins at a random place. (Of a real run the episodes under way are
# not saved; a resumed run begins new ones. Where rollouts are whole episodes, as below, nothing is under way.)
#
# | attribute | what it is |
# | --- | --- |
# | `run.online`, `run.target` | Q-values of the online and of the target network, arrays |
# | `run.velocity` | what the optimizer remembers of earlier gradients, an array |
# | `run.replay` | the transitions, a list |
# | `run.step` | environment steps so far (epsilon falls with it) |
# | `run.updates` | updates so far (every seventh copies the target) |
# | `run.rng` | the random generator. Its state is `run.rng.bit_generator.state` |
# | `run.client` | the connection to the cluster |
#
# Return a dict with what has to be saved, under the attributes' names, from which `other_run.load(saved)` can take it.
# Two things to think of: which of these is *not* saved; and that the run **goes on** after the save, exactly as if it had
# not been saved, changing its arrays and its list in place.


# %%
def save_state(run):
    """All that a new process needs to go on as this run would have."""
    ### BEGIN SOLUTION
    return {
        "online": run.online.copy(),
        "target": run.target.copy(),
        "velocity": run.velocity.copy(),
        "replay": list(run.replay),
        "step": run.step,
        "updates": run.updates,
        "rng": run.rng.bit_generator.state,
    }
    ### END SOLUTION


check("save_state", save_state)

# %% Import the small run
from dqnkit.lessons.train_on_a_cluster.small_run import SmallRun

# %%
save_state = use("save_state", save_state)

run = SmallRun(seed=0)
run.train(50)
saved = save_state(run)
run.train(50)  # the run that was not interrupted

resumed = SmallRun(seed=1)  # a new process: other first weights, another random state
resumed.load(saved)
resumed.train(50)
print("equal after 50 more steps:", np.array_equal(run.online, resumed.online))

# %% [markdown]
# ### The same for the real run
#
# `dqnkit.checkpoint.save(status.state, folder)` writes such a dict for the whole ring. Half of a CartPole run on two
# workers, then a checkpoint, and then the "driver dies": we leave the loop and delete all that it had.
#
# With `deterministic=True` a rollout is whole episodes, and the driver waits until all rollouts of a round are there. That
# costs some speed: everyone waits for the slowest. You will see what it is good for.

# %% Import what this section uses from the kit
import hashlib
import json
import tempfile
from pathlib import Path

from dqnkit import checkpoint

# %%
by_rounds = preset(
    "CartPole-v1",
    deterministic=True,
    seed=2,
    num_actors=2,  # logical actors: a setting of the run, not the number of workers
    num_envs=4,
    total_steps=8_000,  # fast: 1_500
    samples_per_insert=8.0,
)
folder = tempfile.TemporaryDirectory()

training = train(by_rounds, rollouts=ClusterRollouts(client))
for status in training:
    if status.step >= by_rounds.total_steps // 2:
        break
checkpoint.save(status.state, folder.name)
print(f"saved at step {status.step:,}, after {status.updates:,} updates")
training.close()
del training, status  # the driver is gone: learner, replay and all

# %% [markdown]
# What is on the disk? Compare it with your `save_state`:

# %% List the files and what is in them
for path in sorted(Path(folder.name).rglob("*.npz")):
    with np.load(path) as arrays:
        names = dict.fromkeys(name.partition("/")[0] for name in arrays)  # "online/0" is the first array of "online"
    print(f"{path.name:30} {path.stat().st_size:9,} bytes\n    {', '.join(names)}")
[path] = Path(folder.name).rglob("counters.json")
content = json.loads(path.read_text())
print(f"{path.name:30} {path.stat().st_size:9,} bytes\n    {', '.join(content)}; step {content['counters']['step']:,}")

# %% [markdown]
# **Predict.** [[question.weights]]

# %% Your prediction
predict("train_on_a_cluster-weights")


# %%
def fingerprint(status):
    """Eight hex digits that change if any bit of the weights does."""
    return hashlib.sha256(status.weights.values.tobytes()).hexdigest()[:8]


finished = {}
*_, finished["in process, no stop"] = train(by_rounds)  # the last status of the run

rollouts = ClusterRollouts(client)
half = by_rounds.total_steps // 2
training = with_a_death(train(by_rounds, rollouts=rollouts), rollouts, at_step=half)
*_, finished["two workers, one killed"] = training

have_workers(client, 1)
restored = checkpoint.restore(folder.name)  # a new learner and a new replay buffer, from the disk
training = train(by_rounds, rollouts=ClusterRollouts(client), state=restored)
*_, finished["saved on two workers, resumed on one"] = training

for name, status in finished.items():
    counts = f"{status.step:,} steps, {status.updates:,} updates"
    print(f"{name:38} {counts}, weights {fingerprint(status)}")

# %% Compare with your prediction
weights = [status.weights.values for status in finished.values()]
compare("train_on_a_cluster-weights", weights)

# %% [markdown]
# Each rollout of a deterministic run is seeded by its number, and they are put in by their numbers, not as they arrive.
#
# Why care about the last bit? Because it turns "it seems to work after a crash" into something that a test can decide. If
# the optimizer's memory were forgotten, the curve would hardly show it; the fingerprint differs at once.
#
# On the command line, `dqnkit train` saves by itself: so often that writing takes about a fiftieth of the time, and more
# often where a kill would otherwise cost more than half a minute. `dqnkit resume` goes on.
#
# ## 7. What it costs
#
# Machines are paid for by the hour, and in a cloud some of the bytes are paid for as well. What travelled in the run of
# section 2?

# %% [markdown]
# **Predict.** [[question.bytes]]

# %% Your prediction
predict("train_on_a_cluster-bytes")

# %%
parameters = finished["in process, no stop"].weights.values.size  # the same network as in section 2
transition_bytes = 2 * 4 * 4 + 4 + 4 + 4  # two observations of 4 float32; action, reward, discount
back = first_run.transitions * transition_bytes
out = first_run.versions_sent * parameters * 4  # float32; sent once, workers pass it on
versions, transitions = first_run.versions_sent, first_run.transitions
print(f"weights out:      {out / 1e6:6.2f} MB ({versions:,} x {parameters:,} parameters x 4 bytes)")
print(f"transitions back: {back / 1e6:6.2f} MB ({transitions:,} x {transition_bytes} bytes)")

# %% Compare with your prediction
compare("train_on_a_cluster-bytes", (out, back))

# %% [markdown]
# These are small numbers, of a run of some seconds. Now the same for Atari frames, 84 x 84 bytes each, at 10,000 steps a
# second, with the learner here and the workers in a cloud that takes 0.09 dollars for each gigabyte that leaves it (a
# typical price; [[cloud]] looks at real ones):

# %%
PRICE = 0.09  # dollars for a gigabyte that leaves the cloud
frames = 84 * 84 * 10_000 * 3_600 / 1e9  # gigabytes an hour
print(f"{frames:,.0f} GB an hour, {frames * PRICE:.0f} dollars an hour, for the frames alone")

# %% [markdown]
# So the first rule of [[cloud]]: **keep driver and workers in one place.** And the second: end what you no longer use; a
# forgotten machine costs as much as a busy one.
#
# ## 8. A program of your own
#
# `my_dqn.py` of [[target_network]] trains in one process. Its counterpart for workers takes the same parts, and four more:
# `rollout_task`, `streaming_loop`, `staleness_bound` and `whose_turn`. (It saves no checkpoint.) The next cell puts them
# together, with the little that joins them, in the file `my_cluster_dqn.py`. Where one
# of yours has not passed its check, the worked solution stands in for it, and a comment says so. The program imports NumPy,
# Gymnasium, TensorFlow and Dask, and nothing of this kit.

# %%
program = write_program("my_cluster_dqn.py")
program

# %% [markdown]
# Three things in it are new. The workers act with NumPy: they get the arrays of the weights, so that no worker has to
# import TensorFlow. `if __name__ == "__main__":` guards the part that starts processes: each worker process imports the file
# again, and without the guard would start a cluster itself. And the cluster uses **TLS** (what travels is
# encrypted, and each side shows a certificate): `Security.temporary()` makes certificates for this run only, so nobody else who can reach the ports can send it code.
#
# Run it in a terminal (in JupyterLab: File, New, Terminal): `python my_cluster_dqn.py --workers 2`. It makes 120,000 steps;
# `--steps 8000` is enough to see that it learns. It needs about a gigabyte of memory beside this notebook: where there is
# less, shut down the kernel of this notebook first. Ctrl-C ends it, and its workers, too.
#
# ## What we built
#
# The whole ring, over several processes, all of its parts at work at the same time.

# %% Draw the ring
ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# What it takes to make one run out of many processes, in one table:
#
# | | what it means | where you saw it | what holds it |
# | --- | --- | --- | --- |
# | **synchronisation** | one waits for the other | all replicas, at every update ([[strategy_learner]]); the learner, where the bound says so | samples per insert |
# | **staleness** | actors act under older weights | policy lag ([[rollouts_on_dask]], and the view above) | a window of two tasks; the largest lag that is taken |
# | **faults** | a process dies, or only freezes | a worker: the rollouts on it, one or a few, made again. The driver: all since the last checkpoint | plain tasks, the driver's list, time limits; checkpoints |
# | **cost** | bytes and hours | transitions back, weights out | long tasks, small types (uint8), one place |
#
# ### Quiz
#
# <details><summary>Your learner is busy 98 % of the time. A friend offers you ten more machines for actors. Do you take them?</summary>
# No: the learner decides the speed, and the new actors would only wait. A faster learner would help (a GPU, replicas), or
# fewer samples per insert, if the agent still learns with them.</details>
#
# <details><summary>A friend's driver puts in whatever arrives, and submits again whatever is late. What goes wrong?</summary>
# A late rollout may still arrive, and then its second copy too: the same transitions are in replay twice, and drawn
# twice as often. Nothing crashes, so nobody sees it. A list of what is still waited for prevents it.</details>
#
# <details><summary>A run was resumed from a checkpoint without the replay buffer. The curve dips, then recovers. What happened?</summary>
# That depends on the counters. If they were saved, the bound still holds as before: the learner draws at once, from a few
# new transitions, all of one policy and alike ([[replay]]), and the network forgets what only the old ones had shown. If they
# were not, it waits for <code>learning_starts</code> new transitions first; those are of one policy, too.</details>
#
# ### Further reading
#
# - Nair et al. (2015), *Massively parallel methods for deep reinforcement learning*: Gorila, the first DQN over many
#   machines; its learners sent gradients.
# - Horgan et al. (2018), *Distributed prioritized experience replay*: Ape-X, hundreds of actors and one learner, as here.
# - Hoffman et al. (2020), *Acme: a research framework for distributed reinforcement learning*: distributed agents made
#   from the single-process parts.
# - Cassirer et al. (2021), *Reverb: a framework for experience replay*: the bound of section 1 as a rate limiter.
#
# The next cell closes the cluster: its scheduler, its workers and their nannies end. **[[cloud]]** does the same on machines
# of a cloud.

# %% Close the cluster; your progress
client.close()
cluster.close()
folder.cleanup()
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("train_on_a_cluster")
