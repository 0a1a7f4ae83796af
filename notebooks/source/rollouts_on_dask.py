# ---
# jupyter:
#   dqnkit:
#     idea: "rollouts as Dask tasks; throughput, Amdahl's law, policy lag"
#     run_seconds: 90
# ---

# %% [markdown]
# # [[number]] · Rollouts on Dask: many workers, one learner
# <!-- badges -->
#
# A learner can learn only from what its actors bring. Where the environment is slow, a simulator or a game, the learner
# waits most of the time. In this notebook the actors leave the notebook's process: rollouts become **tasks** that any
# computer of a cluster can run. Then you measure what more workers bring, and explain it.
#
# **After this notebook you will be able to**
#
# - hand work to a Dask cluster with `submit`, and take results as they complete;
# - write a rollout as a task that any worker may run, and say what is left when a worker dies;
# - write a loop that keeps all workers busy, and read in Dask's task stream what keeps them from it;
# - predict the speedup of n workers with Amdahl's law, and say which limit you have met;
# - say what policy lag is, measure it, and judge what it does to learning.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** replay and the
# difference of `terminated` and `truncated` ([[replay]]), the complete DQN ([[target_network]]) and, for one remark,
# n-step returns ([[beyond_dqn]]). Nothing is carried over from their kernels.

# %%
import os
import time
from collections import Counter

import numpy as np
from distributed import as_completed

# %% Import what this section uses from the kit, and draw the ring
from dqnkit.classroom import check, compare, download_progress, predict, progress, use
from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.deploy import make_cluster
from dqnkit.plots import ring

ring("environment", "actor", "weights")

# %% [markdown]
# Of the five operations **select** and **execute** move: actors and environments (lit) go to other processes, and to select
# they need the weights. Replay and learner stay here, in the **driver**. Two things travel: weights out, whenever there are
# new ones, and transitions back, for each rollout.
#
# ## 1. Futures by hand
#
# A Dask cluster has three roles. **Workers** are processes that run functions. The **scheduler** decides which worker
# runs what. The **client**, in this notebook, hands functions in. Here all of them are on this computer. With workers on
# twenty others the code below would be the same; only the address of the scheduler would differ.

# %% End the cluster of an earlier run of these cells; keep Dask's log quiet
cluster = globals().get("cluster")
if cluster is not None:
    cluster.close()
silence_dask()  # Dask logs each worker that leaves; here workers leave on purpose

# %%
cluster = make_cluster(n_workers=2)
client = cluster.get_client()

pids = client.run(os.getpid)  # on every worker
print(f"this notebook is process {os.getpid()}; the workers are {sorted(pids.values())}")

# %% [markdown]
# In JupyterLab you can watch them: click Dask's icon on the far left, then the magnifying glass; it finds this cluster.
# *Task stream* shows each task as a bar, *workers* what each worker does.
#
# `client.submit(function, *arguments)` returns at once. What it returns is a **future**: a handle on a result that may
# not exist yet. `future.result()` waits for it. A function that was submitted is called a **task**.


# %%
def nap(seconds):
    """Sleep, and say in which process."""
    time.sleep(seconds)
    return f"slept {seconds} s in process {os.getpid()}"


began = time.perf_counter()
future = client.submit(nap, 0.5)
print(f"{time.perf_counter() - began:.3f} s: {future.status}")
print(f"{future.result()}; {time.perf_counter() - began:.3f} s: {future.status}")

# %% [markdown]
# Where there are several futures, do not wait for the first one first. `as_completed` gives them in the order in which
# they are ready:

# %%
began = time.perf_counter()
naps = [client.submit(nap, seconds) for seconds in (0.8, 0.1, 0.3)]
for future in as_completed(naps):
    print(f"{time.perf_counter() - began:.1f} s: {future.result()}")

# %% [markdown]
# ### Processes or threads? (optional)
#
# Each worker here is a **process** of its own. A worker may also run several tasks at once, in **threads**, which share
# its memory. In Python only one thread at a time runs Python code: a lock of the interpreter, the GIL, sees to that. So
# threads are of use where a task waits (for a file, a network, another program) or computes in a library that releases
# the lock, as NumPy does for large arrays. Stepping an environment is Python code. The kit therefore starts processes with
# one thread each. What it costs: each process has its own copy of the libraries in memory, and everything that goes from
# one to another has to be turned into bytes.

# %% [markdown]
# ### A function that throws dice
#
# Now a function whose result is a matter of chance.


# %% [markdown]
# **Predict.** [[question.dice]]


# %%
def throw_dice(count):
    """The sum of some dice."""
    return int(np.random.default_rng().integers(1, 7, count).sum())


predict("rollouts_on_dask-dice")

# %%
futures = [client.submit(throw_dice, 100) for _ in range(3)]
sums = client.gather(futures)  # the results of several futures at once
print("sums:", sums)
print("keys:", [future.key[-8:] for future in futures])

# %% Compare with your prediction
compare("rollouts_on_dask-dice", sums)

# %% [markdown]
# Dask takes every function for a **pure** one: the same arguments give the same result. It names a task by a **key**, made
# of function and arguments, and does not run a key again whose result it has. With rollouts that would do harm where one
# has failed and is submitted again, with the same arguments: Dask would hand us the failed one. So we give `pure=False`:
# every submission is a task of its own.

# %%
futures = [client.submit(throw_dice, 100, pure=False) for _ in range(3)]
print("sums:", client.gather(futures))

# %% [markdown]
# ## 2. What survives a dead worker
#
# Workers die: they run out of memory, are switched off, or are taken back by a cloud. Where may one leave something? Dask
# offers three places, and we try them on one worker, `victim`:
#
# - an **`Actor` object** (Dask's word; not our actor): an object that lives on a worker and keeps its state there, as
#   an environment does;
# - **`scatter`**: data put on a worker, for tasks to use: weights, for example;
# - the **result of a task**: `hold` returns what it is given, and its result stays on the worker.


# %%
class Steps:
    """An object with a state, as an environment is."""

    def __init__(self):
        self.count = 0

    def step(self):
        self.count += 1
        return self.count


def hold(value):
    return value


victim = next(iter(client.scheduler_info()["workers"]))
data = np.arange(5.0)
steps = client.submit(Steps, actor=True, workers=[victim]).result()
scattered = client.scatter(data, workers=[victim])
where = {"workers": [victim], "allow_other_workers": True}
held = client.submit(hold, data, pure=False, **where)
print("before:", steps.step().result(), steps.step().result(), scattered.result(), held.result())

# %% [markdown]
# **Predict.** [[question.survives]]

# %% Your prediction
predict("rollouts_on_dask-survives")

# %% Kill the worker, and wait until the scheduler has noticed
from dqnkit.cluster.faults import kill_worker

kill_worker(client, victim)
deadline = time.monotonic() + 20
while victim in client.scheduler_info()["workers"] and time.monotonic() < deadline:
    time.sleep(0.05)

# %% Ask for each of the three
survived = {}
for name, ask in {
    "the Actor object": lambda: steps.step().result(timeout=10),
    "the scattered data": lambda: scattered.result(timeout=10),
    "the task's result": lambda: held.result(timeout=20),
}.items():
    try:
        print(f"{name:20} {ask()}")
        survived[name] = True
    except Exception as error:
        print(f"{name:20} lost ({type(error).__name__})")
        survived[name] = False

# %% Compare with your prediction
compare("rollouts_on_dask-survives", survived)

# %% [markdown]
# That decides the design. **Rollouts are plain tasks**, which need nothing that a worker has kept. **Weights travel as
# the result of a trivial task** like `hold`: one message for each version, fetched by each worker that needs it, and
# made again if its holder dies. (A worker's *nanny*, a small process beside it, has meanwhile started a new one.)
#
# ## 3. A rollout as a task
#
# ### Your turn: `rollout_task` (6 minutes, difficulty 1 of 3)
#
# Write the function that a worker runs. All that it needs comes in as arguments, all that it made goes out as its value,
# and nothing stays behind: no global names, no environment left open, not even where the environment raises an error.
#
# - `make_actor(sequence)` makes an actor with environments of its own, seeded by `sequence`;
# - `actor.rollout(weights, epsilon, sequence)` acts and returns a `Rollout`: its transitions, `weights_version`,
#   `sequence`, `steps`;
# - `actor.close()` closes its environments.
#
# `sequence` numbers the rollouts of a run: 0, 1, 2, ... It is also the seed, so that a rollout that was lost can be made
# again, anywhere, exactly.


# %%
def rollout_task(make_actor, weights, epsilon, sequence):
    """One rollout, made by any worker; the same arguments give the same rollout everywhere."""
    ### BEGIN SOLUTION
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()
    ### END SOLUTION


check("rollout_task", rollout_task)

# %% [markdown]
# Now on the cluster, compared with the function that the kit's workers run. In *deterministic* mode a rollout is whole
# episodes from a seeded reset, so there is one right answer for each number.
#
# Nobody has installed `rollout_task` or `make_actor` on the workers. Dask sends them **by value**: a function that was
# written in a notebook travels as its code, with the values of the names that it uses. A function of an installed package
# travels by its name, and the worker imports it: there the package must be installed, in the same version.

# %% Import what this section uses from the kit
from dqnkit.actor import Actor
from dqnkit.cluster.worker import RolloutTask, make_rollout
from dqnkit.learner import Learner
from dqnkit.presets import preset

# %%
rollout_task = use("rollout_task", rollout_task)

fixed = preset("CartPole-v1", deterministic=True, num_envs=4, xla=False)
epsilons = np.full(4, 0.5, np.float32)  # one for each of the four copies of the environment
weights = Learner(fixed).get_weights()  # of a network that has learned nothing yet


def make_actor(sequence):
    """An actor of the kit's, with its environments."""
    return Actor(fixed, first_sequence=sequence)


def equal(one, other):
    """Whether two rollouts hold the same transitions."""
    pairs = zip(one.transitions, other.transitions)
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


published = client.submit(hold, weights, pure=False)
# a future may be an argument: the worker gets its result
arguments = make_actor, published, epsilons
futures = [client.submit(rollout_task, *arguments, number, pure=False) for number in range(6)]
for future in as_completed(futures):
    rollout = future.result()
    task = RolloutTask("by hand", 0, rollout.sequence, epsilons)  # of which run, and of which actor
    kits = make_rollout(fixed, task, weights)
    same = equal(rollout, kits)
    print(f"rollout {rollout.sequence}: {rollout.steps:3} steps, the same as the kit's: {same}")

# %% [markdown]
# ## 4. The stream
#
# The simplest loop submits one task for each worker, waits for all, and begins again. At the end of each round everybody
# waits for the slowest: a **barrier**. A **stream** has none. It keeps a **window** of tasks in flight (submitted, not
# yet taken) and submits a new one whenever one arrives.
#
# Why not submit everything at once? Because a task acts under the weights that were the newest *when it was submitted*.
# The longer the queue, the older they are when its turn comes. Two tasks for each worker are enough: one that runs, and
# one that waits for its turn.
#
# ### What may go wrong with a task
#
# - **Its worker dies.** Dask runs the task again on another worker. The client hears nothing of it: the future stays
#   `"pending"`, then becomes `"finished"`.
# - **The task raises an error.** The future's status is `"error"`, and `future.result()` raises that error here. Dask does
#   not try again. A simulator that crashes now and then deserves another try. A bug fails at every try.
# - **The task kills its workers**, because it needs more memory than there is, for example. Dask gives up after the fourth
#   worker: the status is `"error"`, too, and the error is `KilledWorker`.
#
# So a loop tries again where the status is `"error"`, and it has a **limit of retries**. Without one a bug would keep the
# cluster busy for ever, and nobody would learn why nothing arrives.
#
# ### Your turn: `streaming_loop` (15 minutes, difficulty 3 of 3)
#
# - `client.submit(task, *arguments, number, pure=False)` starts the rollout of this sequence number;
# - `arrivals = as_completed([])` begins empty; `arrivals.add(future)` has it wait for one more, also while you iterate
#   over it;
# - `future.status` is `"finished"` where there is a rollout, `future.result()`. With any other status it has failed, and
#   `future.result()` raises the error;
# - `insert(rollout)` puts it into replay. Each number is inserted once;
# - `client.cancel(list_of_futures)` gives tasks up.
#
# Begin with the numbers 0 to `window - 1`. Whenever the loop waits for an arrival, `window` tasks are in flight, not
# more and not fewer. Submit a failed
# rollout again under its own number, at most `retries` times; if it fails once more, let its error out. Stop as soon as the
# inserted rollouts hold `total` steps (`rollout.steps`). Before you leave, in both cases, cancel what is still in flight.
# Return how many tries have failed.
#
# The check plays a small imitation of a cluster. Some of its rollouts take longer, and some fail.


# %%
def streaming_loop(client, as_completed, task, arguments, insert, *, total, window, retries):
    """Insert rollouts as they complete until they hold `total` steps; how many tries failed."""
    ### BEGIN SOLUTION
    numbers = {}  # future -> sequence number, of all tasks in flight
    failures = Counter()  # failed tries of each sequence number
    arrivals = as_completed([])

    def submit(number):
        future = client.submit(task, *arguments, number, pure=False)
        numbers[future] = number
        arrivals.add(future)

    for number in range(window):
        submit(number)
    next_number, inserted = window, 0
    try:
        for future in arrivals:
            number = numbers.pop(future)
            if future.status != "finished" and failures[number] < retries:
                failures[number] += 1
                submit(number)
                continue
            rollout = future.result()  # raises the error of a task that has failed too often
            insert(rollout)
            inserted += rollout.steps
            if inserted >= total:
                break
            submit(next_number)
            next_number += 1
    finally:  # after an error, too
        client.cancel(list(numbers))
    return failures.total()
    ### END SOLUTION


check("streaming_loop", streaming_loop)

# %% [markdown]
# Your loop and your task on the real cluster:

# %%
streaming_loop = use("streaming_loop", streaming_loop)

arrived, settings = [], {"total": 500, "window": 4, "retries": 2}
failed = streaming_loop(client, as_completed, rollout_task, arguments, arrived.append, **settings)
print(f"arrived in the order {[rollout.sequence for rollout in arrived]}; {failed} tries failed")

# %% [markdown]
# And what does your loop do with a bug that fails at every try, on every worker?


# %%
def task_with_a_bug(make_actor, weights, epsilon, sequence):
    return 1 / (sequence - sequence)


try:
    streaming_loop(client, as_completed, task_with_a_bug, arguments, print, **settings)
except ZeroDivisionError as error:
    print(f"The loop has given up: {type(error).__name__}, {error}")

# %% [markdown]
# The kit's source of rollouts, `ClusterRollouts`, does the same; it also notices frozen workers and keeps environments
# between tasks. Asked for the numbers that arrived in your loop, it gives the same rollouts:

# %% Compare your rollouts with the kit's
from dqnkit.cluster.rollouts import ClusterRollouts

source = ClusterRollouts(client)
source.begin(fixed)
numbers = sorted(rollout.sequence for rollout in arrived)
theirs = {number: source.collect(weights, epsilons[None], number)[0] for number in numbers}
source.close()
print("equal to the kit's:", all(equal(rollout, theirs[rollout.sequence]) for rollout in arrived))

# %% [markdown]
# From here on we use `ClusterRollouts`. To the training loop of [[target_network]] it is one more source of rollouts:
# `train(config, rollouts=ClusterRollouts(client))`.
#
# ### Reading a task stream
#
# Dask's dashboard draws what every worker does, in its **task stream**: a row for each worker (for each of its threads),
# time to the right. A bar is a task; all tasks of one function have the same colour. A **red** bar is a transfer: the worker
# waits for data that lies on another one. **Black** is a task that raised an error. **White** (empty) is time in which
# the worker had nothing to do.
#
# Here are two recordings of three workers whose tasks only nap.

# %% Draw the two recordings
from dqnkit.lessons.rollouts_on_dask.task_streams import load_streams, shares, task_streams

streams = load_streams()
task_streams(streams, what="where do the bars of a row begin, and what stands before each of them?")

# %% [markdown]
# **Predict.** [[question.stream]]

# %% Your prediction
predict("rollouts_on_dask-stream")

# %%
for name, stream in streams.items():
    print(f"{name}:", ", ".join(f"{what} {share:.0%}" for what, share in shares(stream).items()))

# %% Compare with your prediction
compare("rollouts_on_dask-stream", [shares(stream) for stream in streams.values()])

# %% [markdown]
# ## 5. How much faster?
#
# Two environments, on 1, 2 and 4 workers, without a learner:
#
# - **CartPole** computes all the time;
# - **SlowCartPole** is the same, behind a simulator that answers after 2 ms. It waits all the time.
#
# `have_workers(client, n)` lets the cluster grow or shrink. `steps_a_second` takes rollouts from `ClusterRollouts` for
# two seconds and counts. These are measurements: whatever else runs on this computer counts too. When a number looks
# odd, run the cell again.
#
# Here the time is fixed and the steps are counted. If the *work* is fixed and the time is measured, as for the job of
# section 6, that is called **strong scaling**: the ideal is n workers, n times the speed. If each new worker brings its own share of work, so that the whole grows with the cluster, it is called **weak
# scaling**: the ideal is the same time.

# %% [markdown]
# **Predict.** [[question.throughput]]

# %% Your prediction
predict("rollouts_on_dask-throughput")

# %% Import what this section uses from the kit
from dask.system import CPU_COUNT

from dqnkit.cluster.throughput import have_workers, steps_a_second
from dqnkit.plots.scaling import speedup

# %%
# of a long run, so that tasks may be long
computes = preset("CartPole-v1", num_envs=16, total_steps=10_000_000)
waits = preset("dqnkit/SlowCartPole-v0", num_envs=1)
SECONDS = 2.0  # to measure each  # fast: 0.3
WORKERS = (1, 2, 4)  # fast: (1, 2)

rates = {"CartPole (computes)": {}, "SlowCartPole (waits)": {}}
for workers in WORKERS:
    have_workers(client, workers)
    for name, config in zip(rates, (computes, waits)):
        rates[name][workers] = steps_a_second(client, config, weights, SECONDS)
        print(f"workers: {workers}   {name:20} {rates[name][workers]:9,.0f} steps a second")
times = {name: {n: rate / line[1] for n, rate in line.items()} for name, line in rates.items()}

# %% Draw the speedup of both
speedup(
    times,
    title=f"Speedup on this computer ({CPU_COUNT} cores)",
    what="how far does each line follow the dotted one?",
)

# %% Compare with your prediction
four = [line.get(4, np.nan) for line in times.values()]  # times as fast: CartPole, SlowCartPole
compare("rollouts_on_dask-throughput", four)

# %% [markdown]
# Where CartPole's line bends away from the dotted one, it has met the first limit: **cores**. (With more cores than workers
# it does not bend yet.) Adding workers to a computer whose cores are busy brings nothing; adding computers
# does. (A core that also does other work, the driver's for example, counts only in part.)
#
# ## 6. Amdahl's law
#
# The second limit is in the driver. It takes every rollout, puts it into replay and learns from it, one after the other,
# however many workers there are. That part of the work is **serial**. If its share of the time of one worker is $s$,
# then $n$ workers divide only the rest:
#
# $$\text{speedup}(n) = \frac{1}{s + (1 - s) / n}$$
#
# This is Amdahl's law (Amdahl, 1967). However large $n$ is, the speedup stays below $1 / s$.
#
# Take a job of 16 rollouts of SlowCartPole, about 0.1 s each. For each rollout the driver has to work 25 ms, in
# place of a learner. So $s$ is about 0.025 / 0.125, a fifth.

# %% [markdown]
# **Predict.** [[question.amdahl]]

# %% Your prediction
predict("rollouts_on_dask-amdahl")

# %%
from dataclasses import replace

ROLLOUTS = 16  # fast: 8
DRIVER_SECONDS = 0.025
explore = np.full(1, 0.5, np.float32)
job = replace(waits, rollout_steps=48)


def make_waiting_actor(sequence):
    return Actor(job, first_sequence=sequence)


def work_of_the_driver(rollout):
    """In place of learning."""
    time.sleep(DRIVER_SECONDS)


def with_a_barrier(workers):
    """One rollout for each worker, then the driver's work, and again."""
    for first in range(0, ROLLOUTS, workers):
        numbers = range(first, min(first + workers, ROLLOUTS))
        futures = [client.submit(rollout_task, *slow, number, pure=False) for number in numbers]
        for rollout in client.gather(futures):
            work_of_the_driver(rollout)


def counted(*arguments):
    """A rollout that counts as one step: the job is as many rollouts as with the barrier."""
    return replace(rollout_task(*arguments), steps=1)


def as_a_stream(workers):
    """Your loop: the driver works while the workers go on."""
    settings = {"total": ROLLOUTS, "window": 2 * workers, "retries": 2}
    streaming_loop(client, as_completed, counted, slow, work_of_the_driver, **settings)


slow = make_waiting_actor, client.submit(hold, weights, pure=False), explore

# %% Measure both ways on each number of workers
TIMES = 2  # fast: 1


def seconds_for(way, workers):
    """How long the job takes."""
    began = time.perf_counter()
    way(workers)
    return time.perf_counter() - began


took = {}
for workers in WORKERS:
    have_workers(client, workers)
    with_a_barrier(workers)  # once for nothing: a worker's first tasks take longer, it imports what it needs
    for way in (with_a_barrier, as_a_stream):
        took[way.__name__, workers] = min(seconds_for(way, workers) for _ in range(TIMES))  # the better of two
        print(f"workers: {workers}   {way.__name__:15} {took[way.__name__, workers]:.2f} s")

# %% Draw both beside Amdahl's law
one = took["with_a_barrier", 1]
serial = ROLLOUTS * DRIVER_SECONDS / one  # the measured share of the driver's work
lines = {}
for name, title in {"with_a_barrier": "barrier", "as_a_stream": "stream"}.items():
    lines[title] = {workers: one / seconds for (way, workers), seconds in took.items() if way == name}
speedup(
    lines,
    serial=serial,
    title="The same job, with a barrier and as a stream",
    what="where does each line lie beside Amdahl's curve, drawn for the measured serial share?",
)

# %% Compare with your prediction
compare("rollouts_on_dask-amdahl", round(lines["barrier"][4], 2) if 4 in lines["barrier"] else None)

# %% [markdown]
# On a computer with nothing else to do, the barrier lies near Amdahl's curve (where cores are busy with other things, both
# lines lie lower). The stream does better because its serial part runs *beside* the parallel part and not after it. (With one worker there are then two at work, worker and driver: so it may even lie above the dotted
# line.) Its limit is another one: the driver cannot take more than 1 / 0.025 = 40 rollouts a second, however many
# workers there are.
#
# ### Who waits? (optional)
#
# 1. With a barrier: move the workers up to 16. Which row is hatched least?
# 2. Switch to the stream, with 4 workers and 25 ms. How much of the driver's row is still hatched?
# 3. Now more workers: from how many on does the stream bring nothing more? And with 10 ms?

# %% Draw Amdahl's law with sliders
from dqnkit.lessons.rollouts_on_dask.amdahl_view import amdahl_view

amdahl_view()

# %% [markdown]
# ## 7. How long should a task be? (optional)
#
# The third limit is **overhead**: what Dask, the network and unpacking cost for each task, however little it does. We
# measure it: 16 copies of CartPole, tasks from 16 to 16,000 steps, two workers.

# %%
have_workers(client, 2)
lengths = [1, 4, 16, 64, 256, 1_024]  # steps of each of the 16 copies  # fast: [1, 64]
arriving = [steps_a_second(client, computes, weights, SECONDS, task_steps=n) for n in lengths]

# %% Fit a cost for each task and for each step, and draw
from dqnkit.plots.scaling import task_length

steps_in_task = 16 * np.array(lengths)
# seconds a task takes from the driver's point of view: a fixed part, and a part for each step
weight = np.array(arriving) / steps_in_task
per_step, overhead = np.polyfit(steps_in_task, steps_in_task / np.array(arriving), 1, w=weight)
in_flight = 2 * 2 * steps_in_task  # two tasks for each of two workers
task_length(steps_in_task, arriving, max(overhead, 0.0), max(per_step, 1e-9), in_flight, total=40_000)

# %% [markdown]
# Long tasks are more efficient, but their weights grow old: a task acts under the weights of the moment when it was
# submitted, to its last step. The kit aims at tasks of 0.2 s, and lets no task be more than a two-hundredth of the run. The
# lower picture says why: with long tasks a large part of the whole run is under way before the learner has seen any of it.
#
# ### And the weights?
#
# How many bytes leave the driver in a second, if twenty workers do a hundred tasks a second? Once the weights are sent with
# each task; once they are published five times a second, as the result of `hold`, which the workers pass on to each other.

# %%
for network, parameters in {"2 x 64 units": 4_610, "Atari games": 1_700_000}.items():
    megabytes = 4 * parameters / 1e6  # float32
    print(f"{network:12} {megabytes:5.2f} MB, a second:", end="  ")
    print(f"with each task {100 * megabytes:6.1f} MB, as results {5 * megabytes:5.2f} MB")

# %% [markdown]
# A network of one gigabit a second carries 125 MB in a second, one of ten gigabits 1,250 MB. With each task, the weights of
# the Atari network alone would take more than half of the faster one. We shall count both ways in the next
# run (with a smaller network: one layer of 128 units).

# %% [markdown]
# ## 8. Old weights
#
# The learner goes on learning while a rollout is under way. **Policy lag** is how old the weights were that acted: the
# learner's version when the rollout is inserted, minus the version that made it. The *version* goes up by one each time that
# the learner hands over new weights. (Not every version is sent: one every 20 ms is enough.) The simplest protection is a bound: what is too old is not inserted.
#
# ### Your turn: `staleness_bound` (5 minutes, difficulty 1 of 3)
#
# `arrivals` gives rollouts, `get_version()` says which version the learner has reached *now*. Insert each rollout whose
# lag is at most `max_policy_lag`. Return how many were dropped: work that was thrown away must not be hidden.


# %%
def staleness_bound(arrivals, get_version, insert, max_policy_lag):
    """Insert the rollouts whose policy lag is at most the bound; return how many were dropped."""
    ### BEGIN SOLUTION
    dropped = 0
    for rollout in arrivals:
        policy_lag = get_version() - rollout.weights_version
        if policy_lag > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped
    ### END SOLUTION


check("staleness_bound", staleness_bound)

# %% [markdown]
# Now the whole ring: two workers roll out, the learner learns here. The kit's bound is the same rule. It is set to 0:
# only the newest weights will do. That is strict, so that you see it at work.

# %% Import what this section uses from the kit
from dqnkit.lessons.rollouts_on_dask.lag_chart import lag_chart
from dqnkit.training import train
from dqnkit.widgets import live

have_workers(client, 2)

# %%
STEPS = 15_000  # fast: 2_000
# with few updates in a call there are new weights often
cartpole = preset("CartPole-v1", total_steps=STEPS, updates_per_call=16)
source = ClusterRollouts(client, max_policy_lag=0, task_steps=8)  # of each of 16 copies
status = await live(train(cartpole, rollouts=source), title="CartPole, rollouts from two workers")

# %% Draw the lags
lag_chart(source.traffic.lags, bound=0)

# %% [markdown]
# Does your rule decide as the kit did? It gets the lags of the run, those of the dropped rollouts too:

# %%
from types import SimpleNamespace

staleness_bound = use("staleness_bound", staleness_bound)

lags, newest = list(source.traffic.lags), 1_000_000
rollouts = [SimpleNamespace(weights_version=newest - lag, steps=1) for lag in lags]
by_yours = staleness_bound(rollouts, lambda: newest, lambda rollout: None, 0)
print(f"of {len(lags)} rollouts the kit dropped {source.traffic.stale}, your rule drops {by_yours}")

# %% Count the bytes of the weights in this run
size = status.weights.values.nbytes / 1e3  # kB
per_version = status.step / max(1, status.weights_version)
sent, submitted = source.traffic.versions_sent, source.traffic.submitted
print(f"a version is about {per_version:.0f} steps: a lag of 2 is about {2 * per_version:.0f} steps")
print(f"weights: {sent} versions sent x {size:.0f} kB = {sent * size / 1e3:.2f} MB")
print(f"         with each of {submitted} tasks it would be {submitted * size / 1e3:.2f} MB")

# %% [markdown]
# Was it right to throw those away? Q-learning is **off-policy**: it learns the values of the best policy whatever policy
# acted, which is why it may learn from replay at all, where most transitions are thousands of steps old. So how old may
# the weights be that act?
#
# To find out, we make the lag large on purpose. `OldWeights(rollouts, lag)` hands the actors the weights of `lag`
# environment steps ago. It was recorded for you: CartPole, 40,000 steps, lags from 0 to the whole run, ten seeds each
# (`python -m dqnkit.lessons.rollouts_on_dask.policy_lag`).
#
# What should be measured? Not the return of the rollouts: with a lag of 5,000 the policy that acts is 5,000 steps late,
# and so is its return, even if the learner learns as well as ever. So the *newest* network was evaluated, greedily, 20
# times in each run.

# %% [markdown]
# **Predict.** [[question.lag]]

# %% Your prediction
predict("rollouts_on_dask-lag")

# %% Draw the recorded runs, one dot for each
from dqnkit.lessons.rollouts_on_dask.policy_lag import load_study
from dqnkit.plots.ablation import ablation

study = load_study()
late = {f"lag {lag:,}": runs for lag, runs in zip(study.lags, study.late)}
ablation(
    late,
    baseline="lag 0",
    xlabel="greedy return of the newest network (mean of the last quarter of the run)",
    title="CartPole, ten seeds each: old weights",
    what="where do the dots of each row lie beside the grey band? How many of the ten are outside?",
)

# %% Draw the same runs as they went
from dqnkit.plots import error_curves

shown = {lag: study.returns[list(study.lags).index(lag)] for lag in (0, 5_000, 40_000)}
error_curves(
    {f"lag {lag:,}": np.median(returns, axis=0) for lag, returns in shown.items()},
    x=study.steps,
    xlabel="environment steps",
    ylabel="greedy return\n(median of ten seeds)",
    references={"the most there is": 500},
    title="The same runs, as they went",
    what="when does each run rise, and where does it end?",
)

# %%
worse = [lag for lag, runs in zip(study.lags, study.late) if np.mean(runs) < study.late[0].min()]
for lag, runs in zip(study.lags, study.late):
    below = sum(runs < study.late[0].min())
    mean, seeds = np.mean(runs), len(runs)
    print(f"lag {lag:6,}: mean {mean:3.0f}; {below:2} of {seeds} seeds are below all of lag 0")

# %% Compare with your prediction
compare("rollouts_on_dask-lag", worse[0] if worse else 0)

# %% [markdown]
# So it is a question of how much. A lag of a thousand steps does nothing that ten seeds could show: **replay is off-policy**, and
# the bound of 0 above threw good work away. But a lag of many thousand steps harms. The values of states that
# only the newest policy visits are guesses, until its own rollouts come back and correct them; the lag delays each
# correction. (The 8-step returns of this setting, [[beyond_dqn]], add a bias that grows with the distance between the
# policy that acts and the one that is learned.) What counts is how far the policy gets within the lag: the lag as
# a share of the steps in which the task is learned, here about 26,000.
# Hence the kit's rule: no task longer than a two-hundredth of the run, and a window of two for each worker. With two
# workers, four two-hundredths are in flight, here 800 steps.
#
# ### A lag of your own (optional)
#
# It takes about ten seconds. Where does it land among the ten of the nearest lag?

# %%
LAG = 5_000  # environment steps

# %% Train with this lag, and draw the run among the recorded ones
from dqnkit.lessons.rollouts_on_dask.policy_lag import CARTPOLE, EVALUATIONS, greedy_returns, train_with_lag

steps = CARTPOLE.total_steps  # fast: 1_000
mine = replace(CARTPOLE, seed=100, total_steps=steps)
returns = greedy_returns(train_with_lag(mine, LAG), mine)
my_late = float(np.mean(returns[-EVALUATIONS // 4 :]))
nearest = min(study.lags, key=lambda lag: abs(lag - LAG))
ablation(
    late,
    baseline="lag 0",
    run=(f"lag {nearest:,}", my_late),
    xlabel="greedy return of the newest network (mean of the last quarter of the run)",
    title=f"Your run with a lag of {LAG:,}",
    what="how far apart are the dots of one row? One run among them proves little.",
)

# %% [markdown]
# ## 9. The same ring in other systems (optional)
#
# Every distributed agent has to say where four things happen: **acting** (stepping environments), **inference** (computing
# the Q-values or the policy that chooses an action), **replay** and **learning**. What travels follows from that.
#
# | system | acting | inference | replay | learning | what travels |
# | --- | --- | --- | --- | --- | --- |
# | this notebook | Dask workers | on the workers | driver | driver | rollouts; weights |
# | Gorila (2015) | many actors | on the actors | beside each actor, or shared | many learners | rollouts; gradients and weights, through a parameter server |
# | Ape-X (2018) | hundreds of actors | on the actors | one, prioritized | one learner (a GPU) | rollouts with priorities; weights |
# | R2D2 (2019) | as Ape-X | on the actors, a recurrent network | sequences, with the state of the network | one learner | sequences with priorities; weights |
# | IMPALA (2018) | many actors | on the actors | none: a queue | one or a few learners | rollouts with the probabilities of their actions; weights |
# | SEED (2020) | many actors | with the learner | with the learner | one learner | each observation, each action; no weights |
#
# Three ideas in it are worth knowing. In **Ape-X** each actor has a fixed epsilon of its own, from 0.4 down to less than a
# thousandth, so there is always an actor that explores and one that is nearly greedy; and the actors compute the
# first priorities of their transitions themselves, because the learner would be too slow to look at all of them once.
# (The kit does both: `preset(env, exploration="per_actor", replay="prioritized", actor_priorities=True)`.) **IMPALA**
# learns a policy, and is therefore not off-policy as Q-learning is: it weights each rollout by how likely the newest
# policy would have acted like that, and so corrects for policy lag. In **SEED** the learner's newest weights choose every
# action: no weights travel, but each observation and each action does.
#
# Where several learners share one set of weights, a **parameter server** is one way to do it: the servers hold the weights,
# learners fetch them and send gradients, and none waits for another, so gradients are computed for weights that have
# changed meanwhile. All replicas in step, as in [[strategy_learner]], is the other. In both, gradients may be
# **compressed** before they travel (fewer bits for each number, or only the largest numbers, with the rest kept for the next
# time): it pays where the network is the limit, for large networks on slow connections.

# %% [markdown]
# ## What we built
#
# The same ring. Environments and actors may now be many, anywhere, and may die; replay and learner see no difference.

# %% Draw the ring
ring("environment", "actor", "weights")

# %% [markdown]
# ### Quiz
#
# <details><summary>Ten workers, a barrier, and the driver works 5 ms for each rollout of 100 ms. How fast is it at best,
# with ten workers and with a thousand?</summary>
# s = 5 / 105, about 0.048. With ten: 1 / (0.048 + 0.952 / 10) = 7.0 times. With a thousand: 20.6 times, and never more
# than 1 / s = 21. As a stream: 200 rollouts a second at most, since the driver needs 5 ms for each.</details>
#
# <details><summary>Your rollouts take 3 ms each, and eight workers bring hardly more than two. What do you look at
# first?</summary>
# The length of a task. Dask costs a few milliseconds for each, so here it costs as much as the work itself. Make tasks
# longer, as long as the steps in flight stay a small share of the run.</details>
#
# <details><summary>A future's status is "error". What may have happened, and what has not?</summary>
# The task raised an error, or several workers died while they ran it (<code>KilledWorker</code>). A single dead worker does not show:
# Dask has run the task again on another one.</details>
#
# ### Further reading
#
# - Amdahl (1967), *Validity of the single processor approach to achieving large scale computing capabilities*: the law,
#   in a short paper without a formula.
# - Gustafson (1988), *Reevaluating Amdahl's law*: weak scaling, where more workers are given more work.
# - Nair et al. (2015), *Massively parallel methods for deep reinforcement learning*: DQN with a hundred actors (Gorila).
# - Horgan et al. (2018), *Distributed prioritized experience replay*: Ape-X. Espeholt et al. (2018), *IMPALA*; Kapturowski
#   et al. (2019), *Recurrent experience replay in distributed reinforcement learning*: R2D2; Espeholt et al. (2020), *SEED RL*.
# - Rocklin (2015), *Dask: parallel computation with blocked algorithms and task scheduling*, and Dask's own pages on
#   futures and on its dashboard.
#
# In **[[strategy_learner]]** the other half of the ring is divided: a learner of several replicas.
#
# The next cell closes the cluster. Then nothing that this notebook started is still running.

# %% Close the cluster; your progress
client.close()
cluster.close()
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("rollouts_on_dask")
