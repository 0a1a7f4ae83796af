# ---
# jupyter:
#   dqnkit:
#     idea: "the same on cloud machines: cost, limits, safety; a dry run for those without an account"
#     run_seconds: 131
# ---

# %% [markdown]
# # [[number]] · Cloud: the same training on machines that cost money, safely
# <!-- badges -->
#
# In [[train_on_a_cluster]] the workers were processes on this computer. Now they become **machines of a cloud**, rented
# by the second. The training code stays as it is; what is new is a bill. You learn what a cluster costs before you
# start one, see it start, lose half of it on purpose, and end it so that nothing goes on costing money.
#
# **After this notebook you will be able to**
#
# - say what a cluster costs, and what decides it;
# - predict from a short measurement here how long a run takes with n rented workers, and where more bring nothing;
# - read an order before it is placed: machines, limits, and what each machine runs when it boots;
# - train on machines that may be taken back at any moment, within a budget;
# - find out what is left of a cluster, also after the program that started it was killed.
#
# **Time:** about [[minutes]] minutes. **You need** rollouts as Dask tasks ([[rollouts_on_dask]]), and of [[train_on_a_cluster]] whose turn it is and what a dead worker
# costs. Nothing is carried over from their kernels. **You need no account, and nothing here costs anything:** by default
# the cloud is a simulated one on this computer. Its API answers as Amazon's does, and its machines are processes.
#
# **To install:** this notebook needs four packages more than the others: `aiobotocore`, `dask-cloudprovider`, `flask-cors`
# and `moto`. The next cell installs what is missing, in about half a minute: on your own computer, on Binder and on Colab.
# Where all is there it does nothing. The command for all that clusters in a cloud can need is
# `pip install "dqnkit[cloud]"`.

# %%
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from dqnkit.classroom import check, compare, download_progress, hints, predict, progress, use
from dqnkit.extras import add_clouds
from dqnkit.learner import Learner
from dqnkit.lessons.cloud.cloud_map import cloud_map
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.widgets import live

add_clouds()
cloud_map()

# %% [markdown]
# The ring of [[train_on_a_cluster]], over two places. Environments and actors are over there. Replay, learner and target network stay
# with the **driver**, here in this notebook. The driver asks the cloud's API for machines, and from then on it talks
# to one of them only, the **scheduler**.
#
# ## 1. What a machine costs
#
# A machine has a price for an hour: in the kit's table the machine itself, its disk and its public address. It is billed
# by the second from its start to its end, whether it works or not, and for a minute at the least.

# %%
from dqnkit.cloud.prices import dated, machine_price, machines

print(f"{'US dollars an hour':20} {'on demand':>10} {'spot':>8}")
for kind in machines("aws"):
    on_demand, spot = (machine_price("aws", kind.name, spot) for spot in (False, True))
    print(f"{kind.name:12} {kind.vcpus:3} CPUs {on_demand:10.3f} {spot:8.3f}")
print(dated())

# %% [markdown]
# A **spot** machine is one that nobody wants at the moment. It costs less than half, and the cloud takes it back when
# somebody wants it. We come to that in section 5.

# %% [markdown]
# **Predict.** [[question.weekend]]

# %%
predict("cloud-weekend")

# %% [markdown]
# ### Your turn: `cluster_cost` (6 minutes, difficulty 1 of 3)
#
# - `worker_seconds`: a list, for each worker's machine how many seconds it ran. Machines come and go;
# - `worker_usd`: the price of a worker's machine for an hour;
# - `scheduler_seconds`, `scheduler_usd`: the same for the one machine of the scheduler.
#
# Each machine is billed for its own seconds, but for 60 at the least. Return US dollars.


# %%
def cluster_cost(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    """US dollars for machines that ran so many seconds, at prices for an hour."""
    ### BEGIN SOLUTION
    workers = sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600
    return workers + max(scheduler_seconds, 60) * scheduler_usd / 3600
    ### END SOLUTION


check("cluster_cost", cluster_cost)

# %%
hints("cluster_cost")

# %%
cluster_cost = use("cluster_cost", cluster_cost)

# %% [markdown]
# The kit counts the same way: a `Meter` is told which machine starts and ends. Here its clock is set by hand.

# %%
from dqnkit.cloud.meter import Meter

clock = 0.0
meter = Meter(clock=lambda: clock)
meter.started("scheduler", 0.10)
meter.started("worker 1", 0.05)
meter.started("worker 2", 0.05)
clock = 20.0
meter.ended("worker 2")  # taken back after 20 s
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
compare("cloud-weekend", round(bills["the whole weekend"], 2))

# %% [markdown]
# The bill grew nearly four hundredfold, and not because machines are dear: because nobody ended them. So a cluster of
# the kit never relies on somebody who thinks of it. How it does without, you see in section 3, and in section 6 you try
# it.
#
# ## 2. The plan before the purchase
#
# How many workers should you rent? For that, three numbers have to be known, and you can measure them here: what a
# **step** takes, what an **update** takes, and how many updates there are for each step ([[train_on_a_cluster]]).
#
# The job: `SlowCartPole`, whose simulator answers after 2 ms, for five million steps. The measurement takes some
# seconds; what is measured is the code that trains.

# %%
from dqnkit.cluster.measure import measure

# without XLA, which would make updates faster, but first compiles for some seconds: our runs here are short
job = preset("CartPole-v1", total_steps=5_000_000, xla=False)
job = replace(job, env_id="dqnkit/SlowCartPole-v0")
measured = measure(job, 20)  # fast: measure(job, 2)
STEPS_PER_SECOND = 1 / measured.step  # of one worker
SECONDS_PER_UPDATE = measured.call / job.updates_per_call
UPDATES_PER_STEP = job.samples_per_insert / job.batch_size
print(f"a worker makes {STEPS_PER_SECOND:,.0f} steps a second")
print(f"the learner makes {1 / SECONDS_PER_UPDATE:,.0f} updates a second, {UPDATES_PER_STEP:g} for each step")

# %% [markdown]
# **Predict.** [[question.knee]]

# %%
predict("cloud-knee")

# %% [markdown]
# ### Your turn: `training_seconds` (6 minutes, difficulty 2 of 3)
#
# How long does a run take, from the order to the last update? First all machines boot, at the same time:
# `boot_seconds`. Then `n_workers` act and one learner learns, both at once ([[train_on_a_cluster]], section 4).
#
# - `steps_per_second` is the rate of **one** worker;
# - the learner makes `updates_per_step` updates for each step; each takes `seconds_per_update`.


# %%
def training_seconds(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    """Seconds from the order of the machines to the last update."""
    ### BEGIN SOLUTION
    actors = steps / (n_workers * steps_per_second)
    learner = steps * updates_per_step * seconds_per_update
    return boot_seconds + max(actors, learner)
    ### END SOLUTION


check("training_seconds", training_seconds)

# %%
hints("training_seconds")

# %%
training_seconds = use("training_seconds", training_seconds)

# %% [markdown]
# The kit's plan has the same core. Beside it in a case in which all else is nothing: steps of 2 ms, updates of 1 ms, half
# an update for each step.

# %%
from dqnkit.cluster.plan import Measured
from dqnkit.cluster.plan import predict as times_of

plain = replace(job, learning_starts=1, updates_per_call=16, batch_size=64, samples_per_insert=32.0)
nothing = dict.fromkeys(Measured.__dataclass_fields__, 0.0)
simple = Measured(**{**nothing, "step": 0.002, "call": 0.016})  # a call is 16 updates
for n in (1, 2, 4, 8):
    times = times_of(plain, simple, n)
    theirs = times.total - times.start  # without the moment until the first rollout is there
    yours = training_seconds(plain.total_steps, n, 500, 0.5, 0.001, boot_seconds=0)
    print(f"{n} workers: yours {yours:7,.0f} s, the kit's {theirs:7,.0f} s; the limit: {times.bottleneck}")

# %% [markdown]
# From here on we use the kit's. It also counts what the driver does for each task, what goes over the network, and that
# spot machines are taken back now and then; and it knows the prices.

# %%
from dqnkit.cloud.prices import offers
from dqnkit.cluster.plan import plan
from dqnkit.plots.plan import time_and_cost

chosen = [offer for offer in offers(["aws"], [False, True]) if offer.machine == "c7i.large"]
planned = plan(job, measured, chosen, threads=1)
time_and_cost(planned)

# %%
print(planned)

# %%
[spot_offer] = [offer for offer in chosen if offer.spot]
knee = planned.knee(spot_offer)
compare("cloud-knee", knee.workers if knee else None)

# %% [markdown]
# Read the picture from the left. At first more workers make the run shorter and hardly dearer: twice the machines for
# half of the time. That is what a cloud is for. Then comes the **knee**: the learner is the limit. A further
# machine costs what the first one did and brings little: only that tasks are longer then, so the driver has less to do
# for each step. And the boot time is in every run: in one of two minutes you pay mostly for booting.
#
# On the command line, `dqnkit plan` does all of this.
#
# ## 3. A dry run
#
# Now the order. Whoever has an account may set `WHERE = "aws"`, here and now or on a later day; see the box. Everyone else
# leaves it as it is.
#
# <details><summary>With an account of your own</summary>
#
# - It needs credentials on this computer (<code>aws configure</code>, of the program <code>aws</code>) and the rights
#   below. Never write a key into a notebook.
# - Nothing starts before you have typed a word in section 4. What is ordered here costs at most some ten cents.
# - On **Binder** it cannot work: Binder lets no connection out to port 8786, the scheduler's. On Colab and at home it
#   does.
# - Google's cloud is <code>make_cluster("gcp", ...)</code>, with the same options; this notebook is written for
#   Amazon's.
#
# </details>

# %%
WHERE = "simulated"  # or "aws"

# %%
from dqnkit.cloud import aws, ec2
from dqnkit.cloud.accounts import account
from dqnkit.cloud.leftovers import table
from dqnkit.cloud.simulated.aws import simulated_aws

clouds = globals().get("clouds")
if clouds is not None:  # this cell was run before
    clouds.close()
BOOT_SECONDS = 2  # of a simulated machine; a real one takes minutes  # fast: 0
clouds = ExitStack()  # ends in the last cell what was started in this one
cloud = clouds.enter_context(simulated_aws(boot_seconds=BOOT_SECONDS)) if WHERE == "simulated" else None

WORKERS = 2
ORDER = {"spot": True, "budget": 2.0, "lifetime": "30 minutes", "idle_timeout": "10 minutes"}
dry = aws.dry_run(WORKERS, **ORDER)
print(dry.estimate)

# %% [markdown]
# A **dry run** asks everything and buys nothing. There are four limits, and each holds without the others:
#
# | limit | what it holds | who keeps it |
# | --- | --- | --- |
# | `budget` | US dollars; the lifetime is cut to what it can pay | the kit, before and while it trains |
# | `lifetime` | how long a machine may exist | each machine by itself |
# | `idle_timeout` | how long the scheduler waits without work | the scheduler; the others end with it |
# | `reach` | from where the scheduler's port can be reached: your own address | the cloud's firewall |

# %%
order = dry.order
print(f"{order.n_workers} x {order.machine}{', spot' if order.spot else ''}; scheduler {order.scheduler_machine}")
print(f"lifetime {order.lifetime / 60:.0f} min, idle time-out {order.idle_timeout / 60:.0f} min")
print(f"reachable from {order.reach} only")
print(f"container {order.image}, and in it {', '.join(order.pip_packages)}")

# %% [markdown]
# **Predict.** [[question.first]]

# %%
predict("cloud-first")

# %%
for line in dry.worker_script.splitlines():
    shown = line if len(line) < 1000 else f"{line[:80]} … ({len(line):,} characters)"
    print(textwrap.fill(shown, 110, subsequent_indent=" " * 8, break_on_hyphens=False))

# %%
compare("cloud-first", dry.worker_script)

# %% [markdown]
# Line by line:
#
# 1. **`write_files`** puts Dask's settings on the disk, readable for root only: the certificates of this one cluster. Your
#    credentials for the cloud are not in it; no machine of the cluster ever has them. (A word stands for the keys here.)
# 2. **`shutdown -P +30`**: the end, thirty minutes from now, whatever happens. EC2 is told that a machine that shuts
#    itself down is *terminated*: gone, with its disk, and no longer paid for.
# 3. **`docker.io`** is installed and the container's image fetched, each up to five times if the network is slow,
# 4. and a **container** with Dask runs, until it has ended by itself.
# 5. **`shutdown -P now`**: nothing more to do, so the machine ends.
#
# And what must the account allow? Give a program no more rights than it needs: this is all.

# %%
for statement in ec2.permissions()["Statement"]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    print(f"{statement['Sid']:14} {', '.join(action.removeprefix('ec2:') for action in actions)}")

if cloud is not None:  # the simulated account can be given rights, and they can be taken away
    cloud.requires_permissions({**ec2.permissions(), "Statement": ec2.permissions()["Statement"][:1]})
    print(f"\nAn account that may only look lacks: {', '.join(account('aws').lacking())}")
    cloud.requires_permissions(ec2.permissions())
print(f"\nLacking now: {', '.join(account('aws').lacking()) or 'nothing'}")

# %% [markdown]
# `WhatIsOurs` says: change or end only what carries your own id in the tag `dqnkit-owner`. With these rights a mistake
# cannot end machines of somebody else, not even another cluster of dqnkit.
#
# ## 4. The purchase
#
# One cell stands between you and a bill. With `WHERE = "simulated"` it asks nothing. With `"aws"` it shows what all may
# cost at most, and waits until you have typed a word; where nobody can type, nothing is bought.

# %%
from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.deploy import make_cluster
from dqnkit.lessons.cloud.cost_confirmation import confirmed

cluster = globals().get("cluster")
if cluster is not None:  # this cell was run before: one cluster is enough
    cluster.close()
if cloud is None and not confirmed(dry.estimate):
    print("We go on in the simulated cloud.")
    cloud = clouds.enter_context(simulated_aws(boot_seconds=BOOT_SECONDS))

silence_dask()  # it reports each worker that leaves; here workers leave on purpose
client, lines = None, []  # what the cluster reports, and when


def report(line):
    """Note it; until the cluster is up, show it."""
    lines.append((time.monotonic(), line))
    if client is None:
        print(line)


cluster = make_cluster("aws", WORKERS, **ORDER, progress=report)
client = cluster.get_client()

# %% [markdown]
# Three machines (in the simulated cloud it took seconds; in a real one it takes two to four minutes). The package was
# sent to the workers over the connection; nobody installed it there. Now the training cell of [[train_on_a_cluster]]:
#
# ```python
# rollouts = ClusterRollouts(client)
# training = train(cartpole, rollouts=rollouts, learner=learner)
# status = await live(training, cluster=WatchedCluster(rollouts), title="...")
# ```
#
# What has to change for a cloud? Nothing. Two things are *added*: the panel shows the meter (`cost=`), and
# `within_budget` saves and ends the run before the budget does.

# %%
from dqnkit.cloud.meter import within_budget
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.watched_cluster import WatchedCluster

folder = tempfile.TemporaryDirectory()
STEPS = 30_000  # fast: 2_000
cartpole = preset("CartPole-v1", seed=1, total_steps=STEPS, xla=False)

learner = Learner(cartpole)
rollouts = ClusterRollouts(client)
training = within_budget(train(cartpole, rollouts=rollouts, learner=learner), cluster.meter, folder.name)
status = await live(
    training, cluster=WatchedCluster(rollouts), cost=cluster.meter, title="CartPole, two machines of a cloud"
)

# %%
from dqnkit.evaluation import evaluate

returns = evaluate(status.weights, cartpole, episodes=100)  # fast: evaluate(status.weights, cartpole, episodes=5)
print(f"mean return of {len(returns)} greedy episodes: {returns.mean():.0f} (solved: 475)")
print(f"so far: {cluster.meter.text()}")

# %% [markdown]
# ### Does the budget hold?
#
# Two dollars would last for hours. To see the end of a budget in seconds we take a meter whose clock goes two hundred
# times as fast, and a budget of five cents. `within_budget` counts what ending costs as well: it stops a little before.

# %%
hurried = Meter(budget=0.05, clock=lambda: 200 * time.time())
hurried.started("all machines", cluster.meter.hourly)
folder = tempfile.TemporaryDirectory()  # each run has a folder of its own
longer = replace(cartpole, total_steps=100_000)
training = train(longer, rollouts=ClusterRollouts(client), learner=learner)  # it learns on
*_, last = within_budget(training, hurried, folder.name)
print(f"training ended at step {last.step:,} of {last.total_steps:,}; spent {hurried.text()}")

# %% [markdown]
# Nothing is lost: the checkpoint has all that [[train_on_a_cluster]] asked for, and the run goes on from it tomorrow, on another cluster or
# on none. (If the message did not come, the run was over before the money was.)
#
# ## 5. Machines that are taken back
#
# Your workers are spot machines. On a real cloud some percent of them are taken back in an hour, with no time for a
# farewell worth the name. We do not wait for it: in the middle of training, the cloud takes back **half of the workers**.
# The job is `SlowCartPole`, whose simulator is the limit.

# %% [markdown]
# **Predict.** [[question.spot]]

# %%
predict("cloud-spot")

# %%
FEWER_STEPS = 22_000  # fast: 2_500
waits = replace(job, total_steps=FEWER_STEPS, learning_starts=500)
seen = []  # (seconds, environment steps)
moments = {}


def take_back(count):
    """The cloud wants its spot machines."""
    if cloud is not None:
        return cloud.reclaim(count)
    workers = [each.id for each in account("aws").find() if each.cluster == cluster.uuid and each.spot][:count]
    ec2.connect(ec2.region()).terminate_instances(InstanceIds=workers)
    return workers


def with_a_loss(statuses, at_step):
    """Pass the statuses on, note the pace; at this step half of the workers go."""
    gone = False
    for status in statuses:
        now = time.monotonic() - began
        seen.append((now, status.step))
        if not moments and status.step >= at_step:
            moments["taken back"] = now
            report(f"the cloud takes back {', '.join(take_back(WORKERS // 2))}")
        elif len(moments) == 1:
            here = len(client.nthreads())
            gone = gone or here < WORKERS
            if gone and here == WORKERS:
                moments["as many as before"] = now
        yield status


began = time.monotonic()
folder = tempfile.TemporaryDirectory()
rollouts = ClusterRollouts(client)
training = with_a_loss(train(waits, rollouts=rollouts, learner=learner), at_step=waits.total_steps // 4)
status = await live(
    within_budget(training, cluster.meter, folder.name),
    cluster=WatchedCluster(rollouts),
    cost=cluster.meter,
    title="Half of the workers are taken back",
)

# %%
for when, line in lines:
    if when > began:
        print(f"{when - began:5.1f} s: {line}")

# %%
from dqnkit.plots import error_curves

seconds, steps = np.array(seen).T
grid = np.arange(0, seconds[-1], 0.5)
pace = (np.interp(grid + 1, seconds, steps) - np.interp(grid - 1, seconds, steps)) / 2  # over two seconds
inside = (grid >= 1) & (grid <= seconds[-1] - 1)
error_curves(
    {"both workers together": pace[inside]},
    x=grid[inside],
    xlabel="seconds",
    ylabel="environment steps a second",
    kinds={"both workers together": "environment"},
    moments=moments,
    title="The pace before and after",
    what="what becomes of the pace at the moments that are marked, and between them?",
)

# %%
traffic = rollouts.traffic
print(f"lost with the machine: {traffic.lost} rollouts of {traffic.arrived}")
came = "as many as before" in moments
compare("cloud-spot", came)

# %%
on_demand = machine_price("aws", order.machine) * WORKERS + machine_price("aws", order.scheduler_machine)
with_spot = machine_price("aws", order.machine, spot=True) * WORKERS + machine_price("aws", order.scheduler_machine)
print(f"{WORKERS} workers and a scheduler, an hour: on demand ${on_demand:.3f}, with spot ${with_spot:.3f}")
for n in (2, 8, 32):
    share = 1 - (machine_price("aws", order.machine, spot=True) * n + machine_price("aws", order.scheduler_machine)) / (
        machine_price("aws", order.machine) * n + machine_price("aws", order.scheduler_machine)
    )
    print(f"with {n:2} workers spot saves {share:.0%}")
print(f"all so far: ${cluster.meter.spent():.4f}, of it for the replacement at least a minute")

# %% [markdown]
# The dip ends some seconds after the new machine has booted; the lost rollouts are made again. Two things to learn. The
# **scheduler** is never a spot machine: if it went, all would go. And there is a limit to replacements, three for each
# worker that was ordered: when a cloud takes everything back, buying more does not help.
#
# Now the cluster is closed, as a `with` block would do it. Look at its last line.

# %%
before = len(lines)
client.close()
cluster.close()
for _, line in lines[before:]:
    print(line)
print(f"all in all {cluster.meter.text()}")
left = [each for each in account("aws").find() if each.cluster == cluster.uuid]
print("left:", table(left) if left else "nothing")

# %% [markdown]
# ## 6. And if this computer dies?
#
# `close` needs somebody who calls it. A notebook whose kernel is killed, a laptop that falls asleep, a power cut: nobody
# calls. That is the weekend of section 1.
#
# We try it, in any case in a simulated cloud, and in one where a minute of a machine's lifetime lasts half a second.
# Another program starts a cluster with a lifetime of an hour, and is **killed** as soon as it is up, with a signal that it
# cannot even notice.

# %% [markdown]
# **Predict.** [[question.orphan]]

# %%
predict("cloud-orphan")

# %%
clouds.close()
cloud = clouds.enter_context(simulated_aws(seconds_a_minute=0.5))  # a new one, in any case a simulated one

DRIVER = """
import time
from dqnkit.deploy import make_cluster

cluster = make_cluster("aws", n_workers=1, lifetime="1 hour", progress=lambda line: print(line, flush=True))
print("up", flush=True)
time.sleep(600)
"""
driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, text=True)
for line in driver.stdout:
    if line == "up\n":
        break
    print("  ", line, end="")
driver.kill()  # SIGKILL: no time for anything
driver.wait()
driver.stdout.close()
killed = time.monotonic()
print("The driver is dead. What is still there:")
print(table(account("aws").find()))

# %% [markdown]
# Found from another process, which knows nothing of it: every machine carries **tags** from its first moment, with its
# cluster, its owner and the computer it was started from. On the command line this table is `dqnkit cloud list`. Now we
# only watch.

# %%
orphans = account("aws").find()
alive = {each.id for each in orphans if each.kind == "machine"}
PATIENCE = 60  # seconds  # fast: 1
while alive and time.monotonic() < killed + PATIENCE:
    time.sleep(0.5)
    there = {each.id for each in account("aws").find() if each.kind == "machine"}
    for each in sorted(alive - there):
        print(f"{time.monotonic() - killed:5.1f} s: {each} is gone")
    alive &= there
if alive:
    print("not waited for:", *sorted(alive))

# %%
compare("cloud-orphan", len(alive))

# %% [markdown]
# Nobody ended them: they did. Every machine knows its own end before it does anything else. With a scheduler that still
# works, it is even sooner: after ten minutes without work it ends (`idle_timeout`), and all machines with it.
#
# What is left is the security group, a rule of the firewall, which costs nothing. It goes with `dqnkit cloud stop`, which
# ends machines too if there are any. The same in Python:

# %%
for each in orphans[:1]:
    for removed in account("aws").remove(each.cluster):
        print(f"removed: {removed.kind} {removed.id}")
print(f"of dqnkit in this account: {len(account('aws').find())}")
print(f"in the simulated cloud: {len(cloud.groups())} groups, {cloud.processes()} processes of machines")

# %% [markdown]
# That is the habit to take home: **after the last cell, look** (`dqnkit cloud list`, or the cloud's own console). And set
# an alarm in the account itself, a budget that writes you a mail: it is the only limit that also counts what the kit did
# not start.
#
# ## What we built
#
# The same ring. Only the place is another one, and around it stand limits.

# %%
cloud_map()

# %% [markdown]
# | what made it fast | what it cost | where it ends |
# | --- | --- | --- |
# | workers whose simulator is the limit: n machines, nearly n times, up to the knee | machines x price x seconds, the scheduler included | the one learner: at the knee more workers only cost |
# | a stream without a barrier: a lost machine is a dip, no stop | boot time, in each run; a minute for each machine at the least | your own connection: transitions come here. For Atari frames, put the driver into the cloud as well |
# | spot: more machines for the same money | machines that go at any moment | three replacements for each worker, the budget, the lifetime |
#
# What was simulated here and what was not: API, scripts, certificates, scheduler, workers and the loss of a machine were
# real in the sense that the same code ran. Not simulated were how long machines boot, how fast the network is, and what
# a cloud really bills: prices are those of a table with a date.
#
# ### Quiz
#
# <details><summary>A run of five minutes on one worker. A friend wants to make it ten times as fast with ten machines.
# What do you say?</summary>
# That they boot for three minutes first, so the whole takes three and a half instead of five, if the learner keeps up at
# all. A cloud pays for runs of hours.</details>
#
# <details><summary>Why does the script of each machine set the end as its first command, and not the driver at the end of
# the run?</summary>
# The driver may not live to see the end of the run. A limit has to be kept by somebody who is there in any case: the
# machine itself. And it comes first, since each later line may fail.</details>
#
# <details><summary>Your workers are at the knee, and the run is still too slow. What do you rent?</summary>
# No more workers: the learner is the limit. A faster learner (a GPU, or replicas, [[strategy_learner]]), or fewer samples per insert, if
# learning stands it ([[train_on_a_cluster]]).</details>
#
# ### Further reading
#
# - Armbrust et al. (2010), *A view of cloud computing*: what is new in renting by the hour, and a thousand machines for
#   an hour at the price of one for a thousand hours.
# - Espeholt et al. (2020), *SEED RL: scalable and efficient deep-RL with accelerated central inference*: reinforcement
#   learning with a column for dollars.
# - Narayanan et al. (2020), *Analysis and exploitation of dynamic pricing in the public cloud for ML training*.
# - *Dask Cloud Provider*, its documentation, and Amazon's *EC2 user guide*: spot instances, and what happens when a machine
#   shuts itself down.
#
# In **10** you plan and train an application of your own. The next cell ends the simulated cloud. Then nothing that this
# notebook started is still running.

# %%
clouds.close()
folder.cleanup()
progress()

# %%
download_progress()
