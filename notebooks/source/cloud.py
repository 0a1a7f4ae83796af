# ---
# jupyter:
#   dqnkit:
#     idea: "the same on cloud machines: cost, limits, safety; a dry run for those without an account"
#     run_seconds: 160
# ---

# %% [markdown]
# # [[number]] · Cloud: machines that cost money
# <!-- badges -->
#
# In [[train_on_a_cluster]] the workers were processes on this computer. Now they become **machines of a cloud**, rented
# by the second. The training code stays as it is; what is new is a bill. You learn what a cluster costs before you
# start one, watch it start, lose half of it on purpose, and end it so that nothing goes on costing money.
#
# **After this notebook you will be able to**
#
# - say what a cluster costs, and what decides it;
# - predict from a short measurement here how long a run takes with n rented workers, and where more of them bring less;
# - read an order before it is placed: machines, limits, and what each machine runs when it boots;
# - train on machines that may be taken back at any moment, within a budget;
# - find out what is left of a cluster, even after the program that started it was killed.
#
# **Time:** about [[minutes]] minutes. **You need** rollouts as Dask tasks ([[rollouts_on_dask]]), and from [[train_on_a_cluster]] whose turn it is and what a dead
# worker costs. Nothing is carried over from their kernels. **You need no account, and nothing here costs anything:** by
# default the cloud is a simulated one on this computer. Its API answers as Amazon's does, and its machines are processes.
# It needs Linux or macOS: on Windows, open this notebook on Binder or Colab, or in the Windows Subsystem for Linux.
#
# **To install:** this notebook needs four more packages than the others: `aiobotocore`, `dask-cloudprovider`, `flask-cors`
# and `moto`. The next cell installs those that are missing, in about half a minute, on your own computer, on Binder and on
# Colab. If none is missing, it does nothing. `pip install "dqnkit[cloud]"` installs everything that clusters in a cloud
# can need.

# %%
from dqnkit.extras import add_clouds

add_clouds()

# %% Import what this notebook uses from the kit
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from dqnkit.classroom import check, compare, download_progress, predict, progress, use
from dqnkit.cloud import aws, ec2
from dqnkit.cloud.accounts import account
from dqnkit.cloud.leftovers import table
from dqnkit.cloud.meter import Meter, within_budget
from dqnkit.cloud.prices import dated, machine_price, machines, offers
from dqnkit.cloud.simulated.aws import simulated_aws
from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.cluster.measure import measure
from dqnkit.cluster.plan import Measured, plan
from dqnkit.cluster.plan import predict as times_of
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.watched_cluster import WatchedCluster
from dqnkit.deploy import make_cluster
from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.lessons.cloud.cloud_map import cloud_map
from dqnkit.lessons.cloud.cost_confirmation import confirmed
from dqnkit.lessons.cloud.sign import say, sign
from dqnkit.plots import error_curves
from dqnkit.plots.plan import time_and_cost
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.widgets import live

silence_dask()  # it reports each worker that leaves; here workers leave on purpose

# %% Draw what runs where
cloud_map()

# %% [markdown]
# This is the ring of [[train_on_a_cluster]], spread over two places. Environments and actors run in the cloud. Replay, learner and target
# network stay with the **driver**, here in this notebook. The driver asks the cloud's API for machines, and from then on
# it talks to one of them only, the **scheduler**.
#
# [[train_on_a_cluster]] said: keep driver and workers in one place. Here we do not, and can afford it: a transition of CartPole
# is some dozens of bytes, and what leaves the cloud costs 0.09 dollars a gigabyte in the kit's table. With Atari frames that
# would be the larger part of the bill; then the driver goes into the cloud as well.
#
# ## 1. What a machine costs
#
# A machine has a price for an hour. In the kit's table it is for the machine itself, its disk and its public address. A
# machine is billed by the second from its start to its end, whether it works or not, and for a minute at the least.

# %%
print("US dollars an hour     on demand     spot   spot / on demand   of it surplus")
for kind in machines("aws"):
    on_demand, spot = (machine_price("aws", kind.name, spot) for spot in (False, True))
    share, surplus = spot / on_demand, kind.surplus_usd_per_hour
    print(f"{kind.name:12} {kind.vcpus:3} CPUs {on_demand:13.3f} {spot:8.3f}", end="")
    print(f"{share:19.0%} {surplus:15.3f}" if surplus else f"{share:19.0%}")
print(f"prices: {dated()}")

# %% [markdown]
# A **spot** machine is spare capacity: the cloud sells it cheaper and takes it back when somebody pays the full price.
# The machine itself costs 60 % less in this table, but its disk and its address cost the same: so compare the column
# *spot / on demand*. We come back to spot machines in section 5.
#
# The *surplus* belongs to the t3 machines. They are sold as a fifth of their processor, and whoever uses more pays for it.
# The table assumes a processor that is busy all the time, so both prices include it. That is why the machines with the lowest
# price in Amazon's own list are not the cheapest here. A worker that mostly *waits*, as that of section 2 will, stays below
# its fifth and pays no surplus: for it they would be the cheapest. The table does not know that.

# %% [markdown]
# **Predict.** [[question.weekend]]

# %% Your prediction
predict("cloud-weekend")

# %% [markdown]
# ### Your turn: `cluster_cost` (6 minutes, difficulty 1 of 3)
#
# - `worker_seconds`: a list that says for each worker's machine how many seconds it ran (machines come and go);
# - `worker_usd`: the price of a worker's machine for an hour;
# - `scheduler_seconds`, `scheduler_usd`: the same for the one machine of the scheduler.
#
# Each machine is billed for its own seconds, but for 60 at the least. Return US dollars, not rounded.


# %%
def cluster_cost(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    """US dollars for machines that ran so many seconds, at prices for an hour."""
    ### BEGIN SOLUTION
    workers = sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600
    return workers + max(scheduler_seconds, 60) * scheduler_usd / 3600
    ### END SOLUTION


check("cluster_cost", cluster_cost)

# %% [markdown]
# The kit counts in the same way: a `Meter` is told which machine starts and which ends. Here its clock is set by hand.

# %%
cluster_cost = use("cluster_cost", cluster_cost)

clock = 0.0
meter = Meter(clock=lambda: clock)
meter.started("scheduler", 0.10)
meter.started("worker 1", 0.05)
meter.started("worker 2", 0.05)
clock = 20.0
meter.ended("worker 2")  # after 20 s
clock = 1800.0
print(f"the kit's meter: ${meter.spent():.6f}")
print(f"your function:   ${cluster_cost([1800, 20], 0.05, 1800, 0.10):.6f}")

# %%
worker = scheduler = machine_price("aws", "c7i.large")
weekend = (6 + 24 + 24 + 9) * 3600  # seconds from Friday, 18:00, to Monday, 9:00
bills = {
    "ten minutes, as meant": cluster_cost([600] * 8, worker, 600, scheduler),
    "the whole weekend": cluster_cost([weekend] * 8, worker, weekend, scheduler),
    "with the kit's lifetime, two hours": cluster_cost([7200] * 8, worker, 7200, scheduler),
}
for name, usd in bills.items():
    print(f"{name:36} ${usd:8.2f}")
test, forgotten, _ = bills.values()
print(f"the weekend costs {forgotten / test:.0f} times as much as the test")

# %% Compare with your prediction
compare("cloud-weekend", round(bills["the whole weekend"], 2))

# %% [markdown]
# The bill did not grow because machines are expensive, but because nobody ended them. So a cluster of the kit never relies
# on somebody who remembers it. Section 3 shows how it does without, and in section 6 you try it.
#
# ## 2. The plan before the purchase
#
# How many workers should you rent? To answer that, you need three numbers, and you can measure them here: how long a
# **step** takes, how long an **update** takes, and how many updates there are for each step ([[train_on_a_cluster]]).
#
# The job is `SlowCartPole`, whose simulator answers after 2 ms, for five million steps. The measurement takes some
# seconds, and it runs the code that trains.

# %%
# without XLA: it makes updates faster, but compiling takes seconds, and our runs are short
job = preset("CartPole-v1", total_steps=5_000_000, xla=False)
job = replace(job, env_id="dqnkit/SlowCartPole-v0")
measured = measure(job, 20)  # fast: measure(job, 2)
STEPS_PER_SECOND = 1 / measured.step  # of one worker
SECONDS_PER_UPDATE = measured.call / job.updates_per_call
UPDATES_PER_STEP = job.samples_per_insert / job.batch_size
print(f"a worker makes {STEPS_PER_SECOND:,.0f} steps a second")
print(f"the learner makes {1 / SECONDS_PER_UPDATE:,.0f} updates a second")
print(f"a step needs {UPDATES_PER_STEP:g} updates")

# %% [markdown]
# **Predict.** [[question.knee]]

# %% Your prediction
predict("cloud-knee")

# %% [markdown]
# ### Your turn: `training_seconds` (6 minutes, difficulty 2 of 3)
#
# How long does a run take, from the order to the last update? First all machines boot, at the same time:
# `boot_seconds`. Then `n_workers` act and one learner learns, all at the same time ([[train_on_a_cluster]]).
#
# - `steps_per_second` is the rate of **one** worker;
# - the learner makes `updates_per_step` updates for each step; each takes `seconds_per_update`.


# %%
def training_seconds(
    steps,
    n_workers,
    steps_per_second,
    updates_per_step,
    seconds_per_update,
    boot_seconds,
):
    """Seconds from the order of the machines to the last update."""
    ### BEGIN SOLUTION
    actors = steps / (n_workers * steps_per_second)
    learner = steps * updates_per_step * seconds_per_update
    return boot_seconds + max(actors, learner)
    ### END SOLUTION


check("training_seconds", training_seconds)

# %% [markdown]
# The kit's plan has the same core. Here are both, in a case where nothing else takes time: steps of 2 ms, updates of 1 ms,
# half an update for each step.

# %%
training_seconds = use("training_seconds", training_seconds)

plain = replace(job, learning_starts=1, updates_per_call=16, batch_size=64, samples_per_insert=32.0)
nothing = dict.fromkeys(Measured.__dataclass_fields__, 0.0)
simple = Measured(**{**nothing, "step": 0.002, "call": 0.016})  # a call is 16 updates
for n in (1, 2, 4, 8):
    times = times_of(plain, simple, n)
    yours = training_seconds(plain.total_steps, n, 500, 0.5, 0.001, boot_seconds=0)
    limit = times.bottleneck
    print(f"workers: {n}  yours {yours:7,.0f} s, the kit's {times.total:7,.0f} s; limit: {limit}")

# %% [markdown]
# From here on we use the kit's. It also counts what the driver does for each task and what goes over the network; it
# assumes how often spot machines are taken back; and it knows the prices.

# %%
chosen = [offer for offer in offers(["aws"], [False, True]) if offer.machine == "c7i.large"]
planned = plan(job, measured, chosen, threads=1)
print(planned)

# %% Draw time against cost
time_and_cost(planned)

# %%
[spot_offer] = [offer for offer in chosen if offer.spot]
first, *_ = planned.of(spot_offer)
knee, fastest = planned.knee(spot_offer), planned.fastest_of(spot_offer)
for row in filter(None, (first, knee, fastest)):
    minutes = row.seconds / 60
    print(f"workers: {row.workers:3}  {minutes:4.0f} min, ${row.usd:.2f}, limit: {row.bottleneck}")
if knee and fastest.workers > knee.workers:
    saved, price = 1 - fastest.seconds / knee.seconds, fastest.usd / knee.usd
    more = f"from {knee.workers} to {fastest.workers} workers"
    print(f"{more}: {saved:.0%} less time for {price:.1f} times the money")
else:
    print("from there on, more workers save nothing")

# %% Compare with your prediction
compare("cloud-knee", knee.workers if knee else None)

# %% [markdown]
# Read the picture from the top. At first, more workers make the run shorter and cost hardly more: twice the machines for
# half of the time. That is what a cloud is for. (The line even runs to the left: the scheduler is billed for a shorter
# time.) Then comes the **knee**. From there on the workers are no longer the limit. It is this computer, which does two
# things in turn: the **learner**'s updates, and the **driver**'s work for each task. The table says which of the two takes
# longer.
#
# Beyond the knee each further machine costs as much as the first and saves less. It may still save something: with more
# workers the kit makes tasks longer, so the driver has less to do for each step. The last line above says how much, and what
# it costs. And the boot time is in every run: in one of two minutes you pay mostly for booting.
#
# On the command line, `dqnkit plan` does all of this.
#
# ## 3. A dry run
#
# Now the order. If you have an account, you may set `WHERE = "aws"`, now or on a later day; read the box first. Otherwise
# leave it as it is.
#
# <details><summary>With an account of your own</summary>
#
# - You need credentials on this computer (<code>aws configure</code>, of the program <code>aws</code>) and the rights
#   below. Never write a key into a notebook.
# - Nothing starts before you have typed a word in section 4. What is ordered here costs about ten cents at most; the
#   estimate below says how much exactly.
# - The kit was tested against a simulation of Amazon's API, not against Amazon itself. Look at the list of machines in
#   the cloud's console afterwards.
# - On **Binder** it cannot work: Binder lets no connection out to the scheduler's port, 8786.
# - Google's cloud is <code>make_cluster("gcp", ...)</code>, with the same options; this notebook is written for
#   Amazon's.
#
# </details>

# %%
WHERE = "simulated"  # or "aws"

# %% Start the simulated cloud
clouds = globals().get("clouds")
if clouds is not None:  # this cell was run before
    clouds.close()
BOOT_SECONDS = 2  # of a simulated machine; a real one takes minutes  # fast: 0
clouds = ExitStack()  # ends in the last cell what was started in this one
cloud = clouds.enter_context(simulated_aws(boot_seconds=BOOT_SECONDS)) if WHERE == "simulated" else None

# %%
WORKERS = 2
ORDER = {"spot": True, "budget": 2.0, "lifetime": "30 minutes", "idle_timeout": "10 minutes"}
dry = aws.dry_run(WORKERS, **ORDER)
say(dry.estimate)

# %% [markdown]
# A **dry run** asks for everything and buys nothing. There are four limits. The first shortens the second; the others hold by themselves:
#
# | limit | what it holds | who keeps it |
# | --- | --- | --- |
# | `budget` | US dollars for machines, without traffic; the lifetime is shortened to what they can pay | the kit, before and while it trains |
# | `lifetime` | how long a machine may exist | each machine by itself |
# | `idle_timeout` | how long the scheduler waits without work | the scheduler; the others end with it |
# | `reach` | from where the scheduler's port can be reached: your own address | the cloud's firewall |

# %%
order = dry.order
say(f"{order.n_workers} workers, each a {order.machine}{', spot' if order.spot else ''}")
say(f"a scheduler, a {order.scheduler_machine}")
say(f"lifetime {order.lifetime / 60:.0f} min, idle time-out {order.idle_timeout / 60:.0f} min")
say(f"reachable from {order.reach} only")
say(f"container {order.image}, and in it {', '.join(order.pip_packages)}")

# %% [markdown]
# **Predict.** [[question.first]]

# %% Your prediction
predict("cloud-first")

# %%
for line in dry.worker_script.splitlines():
    shown = line if len(line) < 1000 else f"{line[:80]} … ({len(line):,} characters)"
    print(textwrap.fill(shown, 100, subsequent_indent=" " * 8, break_on_hyphens=False))

# %% Compare with your prediction
compare("cloud-first", dry.worker_script)

# %% [markdown]
# Line by line:
#
# 1. **`write_files`** puts Dask's settings into a file that only root can read: the certificates of this one cluster. (The line
#    is cut here, and has a word in place of the private key anyway.) Your credentials for the cloud are not in it; no machine of the cluster ever has
#    them.
# 2. **`shutdown -P +30`**: the end, thirty minutes from now, whatever happens. EC2 is told that a machine that shuts
#    itself down is *terminated*: gone, with its disk, and no longer billed.
# 3. **`docker.io`** is installed and the container's image fetched, with up to five attempts each;
# 4. a **container** with Dask runs, until it ends by itself.
# 5. **`shutdown -P now`**: there is nothing more to do, so the machine ends.
#
# Do not take the script for a safe: the file is for root only, the script is not. Every program on the machine can ask the
# cloud's **metadata service** for it, and so can whoever has the right to read it in your account. With the key in it they
# could join this one cluster. So a boot script must hold no secret that is worth more than that.
#
# And what must the account allow? Give a program no more rights than it needs. These are all:

# %%
for statement in ec2.permissions()["Statement"]:
    actions = np.atleast_1d(statement["Action"])
    print(f"{statement['Sid']:14} {', '.join(action.removeprefix('ec2:') for action in actions)}")
    for condition in statement.get("Condition", {}).values():
        for key, value in condition.items():
            print(" " * 14, f"only if {key} is {value}")

if cloud is not None:  # the simulated account can be given rights, and they can be taken away
    look, *_ = ec2.permissions()["Statement"]
    cloud.requires_permissions({**ec2.permissions(), "Statement": [look]})
    say(f"An account that may only look lacks: {', '.join(account('aws').lacking())}")
    cloud.requires_permissions(ec2.permissions())
say(f"Lacking now: {', '.join(account('aws').lacking()) or 'nothing'}")

# %% [markdown]
# `WhatIsOurs` says: change or end only what carries your own id in the tag `dqnkit-owner`. A program that has these rights
# and no others cannot end machines that another user of the account has started. (`Start` sets no limit on number or size:
# for that, an account has quotas.) It can end another cluster of *yours*;
# and people who share one user's keys are one user for the cloud.
#
# ## 4. The purchase
#
# One cell stands between you and a bill. With `WHERE = "simulated"` it asks nothing. With `"aws"` it shows what the machines
# may cost at most (what leaves the cloud comes on top), and waits until you have typed a word. Where nobody can type, nothing is bought.

# %% Ask before anything is bought, and prepare what the cluster reports
cluster = globals().get("cluster")
if cluster is not None:  # this cell was run before: one cluster is enough
    cluster.close()
if cloud is None and not confirmed(dry.estimate):
    print("We go on in the simulated cloud.")
    cloud = clouds.enter_context(simulated_aws(boot_seconds=BOOT_SECONDS))

client, lines = None, []  # what the cluster reports, and when


def report(line):
    """Note it; until the cluster is up, show it."""
    lines.append((time.monotonic(), line))
    if client is None:
        print(line)


# %%
cluster = make_cluster("aws", WORKERS, **ORDER, progress=report)
client = cluster.get_client()

# %% [markdown]
# Three machines are up: in the simulated cloud after seconds, in a real one after some minutes. The package was sent to
# the workers over the connection; nobody installed it there. Now take the training cell of [[train_on_a_cluster]]:
#
# ```python
# rollouts = ClusterRollouts(client)
# training = train(cartpole, rollouts=rollouts, learner=learner)
# status = await live(training, cluster=WatchedCluster(rollouts), title="...")
# ```
#
# What has to change for a cloud? Nothing. Two things are *added*: the panel shows the meter (`cost=`), and
# `within_budget` saves and ends the run before the budget is spent.

# %%
folder = tempfile.TemporaryDirectory()
STEPS = 30_000  # fast: 2_000
cartpole = preset("CartPole-v1", seed=1, total_steps=STEPS, xla=False)

learner = Learner(cartpole)
rollouts = ClusterRollouts(client)
training = train(cartpole, rollouts=rollouts, learner=learner)
status = await live(
    within_budget(training, cluster.meter, folder.name),
    cluster=WatchedCluster(rollouts),
    cost=cluster.meter,
    title=f"{sign()}CartPole, two workers in a cloud",
)

# %%
returns = evaluate(status.weights, cartpole, episodes=100)  # fast: evaluate(status.weights, cartpole, episodes=5)
print(f"mean return of {len(returns)} greedy episodes: {returns.mean():.0f} (solved: 475)")
say(f"so far: {cluster.meter.text()}")

# %% [markdown]
# ### Does the budget hold?
#
# Two dollars would last for hours. To see the end of a budget within seconds, we take a meter whose clock runs two hundred
# times as fast, and a budget of five cents. `within_budget` also counts what ending the machines costs, so it stops a
# little before.

# %%
hurried = Meter(budget=0.05, clock=lambda: 200 * time.time(), simulated=cluster.meter.simulated)
hurried.started("all machines", cluster.meter.hourly)
folder = tempfile.TemporaryDirectory()  # each run has a folder of its own
longer = replace(cartpole, total_steps=100_000)
training = train(longer, rollouts=ClusterRollouts(client), learner=learner)  # it goes on learning
*_, last = within_budget(training, hurried, folder.name)
say(f"training ended at step {last.step:,} of {last.total_steps:,}; spent {hurried.text()}")

# %% [markdown]
# Nothing is lost. The checkpoint holds all that [[train_on_a_cluster]] asked for, and the run can go on from it, on another
# cluster or on none. (Here its folder is a temporary one, and the next section deletes it: give a folder of your own if you
# want to go on tomorrow. If the message did not come, the run was over before the money was.)
#
# ## 5. Machines that are taken back
#
# Your workers are spot machines. How many of them a real cloud takes back depends on the machine type, the place and the
# hour; the 5 % an hour in the kit's plan are an assumption. Amazon gives notice two minutes before, Google 30 seconds. That
# is time enough to save something, but the kit does not even listen: it has no state on a worker that would be worth
# saving. In the simulation there is no notice either. In the middle of training, the cloud takes back **half of the
# workers**. The job is `SlowCartPole`, whose simulator is the limit.

# %% [markdown]
# **Predict.** [[question.spot]]

# %% Your prediction
predict("cloud-spot")

# %% Functions that take back half of the workers in the middle of training
seen = []  # (seconds, environment steps)
moments = {}


def take_back(count):
    """The cloud wants its spot machines."""
    if cloud is not None:
        return cloud.reclaim(count)
    ours = [each.id for each in account("aws").find() if each.cluster == cluster.uuid and each.spot]
    ec2.connect(ec2.region()).terminate_instances(InstanceIds=ours[:count])
    return ours[:count]


def with_a_loss(statuses, at_step):
    """Pass the statuses on, note the pace; at this step half of the workers go."""
    gone = False
    for status in statuses:
        now = time.monotonic() - began
        seen.append((now, status.step))
        if not moments and status.step >= at_step:
            moments["taken back"] = now
            report(f"{sign()}the cloud takes back {', '.join(take_back(WORKERS // 2))}")
        elif len(moments) == 1:
            here = len(client.nthreads())
            gone = gone or here < WORKERS
            if gone and here == WORKERS:
                moments["as many as before"] = now
        yield status


# %%
FEWER_STEPS = 22_000  # fast: 2_500
if cloud is None:
    FEWER_STEPS = 300_000  # a real machine boots for minutes
waits = replace(job, total_steps=FEWER_STEPS, learning_starts=500)

began = time.monotonic()
folder = tempfile.TemporaryDirectory()
rollouts = ClusterRollouts(client)
training = train(waits, rollouts=rollouts, learner=learner)
training = with_a_loss(training, at_step=waits.total_steps // 4)
status = await live(
    within_budget(training, cluster.meter, folder.name),
    cluster=WatchedCluster(rollouts),
    cost=cluster.meter,
    title=f"{sign()}Half of the workers are taken back",
)

# %%
for when, line in lines:
    if when > began:
        say(f"{when - began:5.1f} s: {line.removeprefix(sign())}")

seconds, steps = np.array(seen).T
marks = [*moments.values(), seconds[-1]]
marks = [max(0.0, marks[0] - 5), *marks]
names = ("before (5 seconds)", "after the first mark", "after the second")
for name, begin, end in zip(names, marks, marks[1:]):
    made = np.interp(end, seconds, steps) - np.interp(begin, seconds, steps)
    say(f"{made / (end - begin):5.0f} steps a second {name}")
say(f"lost with the machine: {rollouts.traffic.lost} rollouts of {rollouts.traffic.arrived}")

# %% Draw the pace
grid = np.arange(0, seconds[-1], 0.5)
pace = (np.interp(grid + 1, seconds, steps) - np.interp(grid - 1, seconds, steps)) / 2  # over two seconds
inside = (grid >= 1) & (grid <= seconds[-1] - 1)
error_curves(
    {"all workers together": pace[inside]},
    x=grid[inside],
    xlabel="seconds",
    ylabel="environment steps a second",
    kinds={"all workers together": "environment"},
    moments=moments,
    title=f"{sign()}The pace before and after",
    what="what becomes of the pace at the moments that are marked, and between them?",
)

# %% Compare with your prediction
came = "as many as before" in moments
compare("cloud-spot", came)

# %%
scheduler = machine_price("aws", order.scheduler_machine)  # never a spot machine
worker = machine_price("aws", order.machine)
spot_worker = machine_price("aws", order.machine, spot=True)
for n in (2, 8, 32):
    on_demand, with_spot = scheduler + n * worker, scheduler + n * spot_worker
    print(f"{n:2} workers, an hour: on demand ${on_demand:.3f}, with spot ${with_spot:.3f}", end="")
    print(f", {1 - with_spot / on_demand:.0%} less")
say(f"all so far: ${cluster.meter.spent():.4f}; a machine counts for a minute at least")

# %% [markdown]
# The other worker goes on working, and the lost rollouts are made again. The dip ends when the new machine has booted: the cluster
# looks every five seconds which machines are there, and it looks twice before it orders a new one. Two things to learn.
# The **scheduler** is never a spot machine, because without it the cluster ends. And there is a limit to replacements,
# three for each worker that was ordered: when a cloud takes everything back, buying more does not help. (Amazon charges
# nothing for a spot machine that it takes back within its first hour. The kit's meter counts it all the same, to be on the
# safe side.)
#
# Now the cluster is closed, as a `with` block would do it. Look at its last line.

# %%
before = len(lines)
client.close()
cluster.close()
for _, line in lines[before:]:
    say(line)
say(f"all in all {cluster.meter.text()}")
left = [each for each in account("aws").find() if each.cluster == cluster.uuid]
print(table(left) if left else f"{sign()}left: nothing")

# %% [markdown]
# ## 6. And if this computer dies?
#
# `close` needs somebody who calls it. When a notebook's kernel is killed, a laptop falls asleep or the power fails, nobody
# does. That is the weekend of section 1.
#
# We try it, always in a simulated cloud. Another program starts a cluster. As soon as the cluster is up, the program is
# **killed**, with a signal that it cannot even notice.

# %% [markdown]
# **Predict.** [[question.orphan]]

# %% Your prediction
predict("cloud-orphan")

# %%
clouds.close()
SECONDS = 0.5  # that a minute of a machine's lifetime lasts
cloud = clouds.enter_context(simulated_aws(seconds_a_minute=SECONDS))  # a new one, always simulated

DRIVER = """
import time
from dqnkit.deploy import make_cluster

cluster = make_cluster("aws", n_workers=1, lifetime="2 hours")
print("up", flush=True)
time.sleep(600)
"""
streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
driver = subprocess.Popen([sys.executable, "-c", DRIVER], **streams, text=True)
for line in driver.stdout:
    if line == "up\n":
        break
else:
    print("The cluster was not up before its lifetime was over: run this cell again.")
driver.kill()  # SIGKILL: no time for anything
driver.wait()
driver.stdout.close()
killed = time.monotonic()
say("The driver is dead. What is still there:")
print(table(account("aws").find()))

# %% [markdown]
# This notebook found them, although another program started them: every machine carries **tags** from its first moment, with
# its cluster, its owner and the computer that started it. On the command line, `dqnkit cloud list` shows this table. Now
# we only watch.

# %%
orphans = account("aws").find()
alive = {each.id for each in orphans if each.kind == "machine"}
PATIENCE = 90  # seconds  # fast: 1
while alive and time.monotonic() < killed + PATIENCE:
    time.sleep(0.5)
    there = {each.id for each in account("aws").find() if each.kind == "machine"}
    for each in sorted(alive - there):
        say(f"{time.monotonic() - killed:5.1f} s: {each} is gone")
    alive &= there
if alive:
    print("not waited for:", *sorted(alive))

# %% Compare with your prediction
compare("cloud-orphan", len(alive))

# %% [markdown]
# Nobody ended them: they did it themselves. Every machine knows its own end before it does anything else. What you saw is
# the lifetime, two hours that passed in a minute. In a real cloud the idle time-out would have come first: a scheduler
# that has had no work for ten minutes (`idle_timeout`) ends, and all machines with it. (The simulation hurries the
# lifetime only.)
#
# What is left is the security group, a rule of the firewall, which costs nothing. `dqnkit cloud stop` removes it, and
# machines too if there are any. The same in Python:

# %%
for each in orphans[:1]:
    for removed in account("aws").remove(each.cluster):
        say(f"removed: {removed.kind} {removed.id}")
say(f"of dqnkit in this account: {len(account('aws').find())}")
say(f"in the cloud: {len(cloud.groups())} groups, {cloud.processes()} processes")

# %% [markdown]
# That is the habit to take home: **after the last cell, look** (`dqnkit cloud list`, or the cloud's own console). And set
# an alarm in the account itself, a budget that sends you an e-mail. It is no limit: it ends nothing, and it comes hours late,
# because the cloud counts its costs a few times a day. But it also counts what the kit did not start.
#
# ## What we built
#
# The same ring. Only its place has changed, and there are limits around it.

# %% Draw what runs where
cloud_map()

# %% [markdown]
# | what made it fast | what it cost | where it ends |
# | --- | --- | --- |
# | workers whose simulator is the limit: n machines, nearly n times as fast, up to the knee | machines x price x seconds, the scheduler included | at this computer, with its one learner and the driver's work: beyond the knee each further worker saves less |
# | a stream without a barrier: a lost machine is a dip, not a stop | boot time, in each run; a minute for each machine at the least | at your own connection, for transitions come here. For Atari frames, put the driver into the cloud as well |
# | spot: more machines for the same money | machines that are taken back at any moment | three replacements for each worker, the budget, the lifetime |
#
# What was simulated here, and what was not? The cloud's API was, and so were the machines: they are processes on this
# computer, which follow the boot script but install nothing. The rest was real: the order, the certificates, scheduler and
# workers, the loss of a machine and its replacement are the same code in any cloud. What you have not seen is how long
# machines boot, how fast the network is, and what a cloud really bills: the prices are those of a table with a date.
#
# ### Quiz
#
# <details><summary>A run of five minutes on one worker. A friend wants to make it ten times as fast with ten machines.
# What do you say?</summary>
# That they boot first. If that takes three minutes, the whole takes three and a half instead of five, and only if the
# learner keeps up. A cloud pays for runs of hours.</details>
#
# <details><summary>Why does the script of each machine set the end as its first command, and not the driver at the end of
# the run?</summary>
# The driver may not live to see the end of the run. A limit has to be kept by something that is there in any case: the
# machine itself. And it comes first, because every later line may fail.</details>
#
# <details><summary>Your workers are beyond the knee, and the run is still too slow. What do you change?</summary>
# First look at what limits it. If it is the learner: a faster one (a GPU, or replicas, [[strategy_learner]]), or fewer samples per insert, if
# the agent still learns with them ([[train_on_a_cluster]]). If it is the driver's work for each task: longer tasks, as long as the policy lag does no harm
# ([[rollouts_on_dask]]). Further workers come last.</details>
#
# ### Further reading
#
# - Armbrust et al. (2010), *A view of cloud computing*: what is new in renting by the hour, and a thousand machines for
#   an hour at the price of one for a thousand hours.
# - Espeholt et al. (2020), *SEED RL: scalable and efficient deep-RL with accelerated central inference*: reinforcement
#   learning with a column for dollars.
# - Narayanan et al. (2020), *Analysis and exploitation of dynamic pricing in the public cloud for ML training*.
# - *Dask Cloud Provider*, its documentation, and Amazon's *EC2 user guide*: spot instances and their interruption notice,
#   the metadata service, and what happens when a machine shuts itself down.
#
# The next cell ends the simulated cloud. Then nothing that this notebook started is still running. **[[applications]]** is
# about tasks: a game, a robot or a car of your choice, and then one of your own.

# %% End the simulated cloud; your progress
clouds.close()
folder.cleanup()
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("cloud")
