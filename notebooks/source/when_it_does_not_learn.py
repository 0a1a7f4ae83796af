# ---
# jupyter:
#   dqnkit:
#     idea: "find the fault before you tune: probes, one batch by heart, curves, and eight broken agents"
#     run_seconds: 95
# ---

# %% [markdown]
# # [[number]] · When it does not learn
# <!-- badges -->
#
# Your DQN runs, and the return stays where it began. Nothing crashed. "Why does it not learn?" is the commonest question
# about DQN anywhere, and "try another learning rate" is seldom the right answer. In this notebook you learn to **find the
# fault before you tune**.
#
# **After this notebook you will be able to**
#
# - write a probe: an environment so small that all its values are known;
# - tell a fault of the gradient step from a fault of the data, with a single batch;
# - choose what to log, and read the curves together;
# - diagnose and mend broken agents whose code looks right.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** the parts of DQN
# from [[q_update]] to [[target_network]]. Nothing is carried over from their kernels.

# %%
import gymnasium as gym
import numpy as np

from dqnkit.classroom import check, compare, download_progress, predict, progress, use
from dqnkit.plots import error_curves, ring

# %% Draw the parts that can be at fault
ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# Each of these boxes can be at fault. A broken part seldom stops the others: the network learns from whatever it is
# given. So a fault is hard to find in a long run, and easy to find in a small one.
#
# ## 1. DQN on one page
#
# First an agent that does learn. It is written in NumPy, so that all of it is in view, and its parts have the names that
# they had in the earlier notebooks. The network and Adam are folded away. Read the agent once: this is the code that you
# will mend later.


# %% The network and Adam in NumPy: what Keras did until now
class Network:
    """Observations [B, N] -> Q-values [B, A], through one hidden layer."""

    def __init__(self, inputs, actions, rng, hidden=64):
        w1 = rng.normal(0, np.sqrt(2 / inputs), (inputs, hidden))
        w2 = rng.normal(0, np.sqrt(1 / hidden), (hidden, actions))
        self.weights = [w1, np.zeros(hidden), w2, np.zeros(actions)]
        self.steps, self.means, self.squares = 0, [0.0] * 4, [0.0] * 4

    def __call__(self, x):
        w1, b1, w2, b2 = self.weights
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    def gradients(self, x, slope):
        """Backpropagation. `slope` [B, A] is the derivative of the loss with respect to each Q-value."""
        w1, b1, w2, _ = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)  # [B, H]
        at_hidden = (slope @ w2.T) * (hidden > 0)
        return [x.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]

    def adam_step(self, gradients, learning_rate):
        """One step of Adam: the running mean of the gradient, divided by its usual size."""
        self.steps += 1
        for i, g in enumerate(gradients):
            self.means[i] = 0.9 * self.means[i] + 0.1 * g
            self.squares[i] = 0.999 * self.squares[i] + 0.001 * g**2
            mean = self.means[i] / (1 - 0.9**self.steps)
            square = self.squares[i] / (1 - 0.999**self.steps)
            self.weights[i] -= learning_rate * mean / (np.sqrt(square) + 1e-8)


# %%
from dqnkit.types import Transition


class Agent:
    """DQN. Each part is a method, so that another can take its place."""

    gamma, learning_rate, batch_size = 0.8, 0.003, 32
    period, epsilon_steps = 25, 500

    def __init__(self, inputs, actions, seed=0):
        self.actions, self.rng = actions, np.random.default_rng(seed)
        self.online = Network(inputs, actions, self.rng)
        self.target = Network(inputs, actions, self.rng)
        self.step, self.episode_step, self.updates = 0, 0, 0
        self.loss, self.max_q, self.gradient_norm = np.nan, np.nan, np.nan
        self.replay = []
        self.returns = []
        self.log = []
        self.target_sync()

    def look(self, observation):
        """What the agent keeps of an observation: a copy, for many environments reuse the array."""
        return np.array(observation, np.float32)

    def epsilon(self):
        return max(0.05, 1 - self.step / self.epsilon_steps)

    def select(self, observation):
        if self.rng.random() < self.epsilon():
            return int(self.rng.integers(self.actions))
        return int(self.online(observation).argmax())

    def execute(self, env, observation):
        """One step of the environment, and its transition into replay."""
        action = self.select(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        next_observation = self.look(next_observation)
        discount = 0.0 if terminated else self.gamma
        self.replay.append((observation, action, reward, discount, next_observation))
        return next_observation, reward, terminated or truncated

    def sample(self):
        rows = self.rng.integers(len(self.replay), size=self.batch_size)
        return Transition(*map(np.array, zip(*[self.replay[row] for row in rows], strict=True)))

    def td_target(self, batch):
        q_next = self.target(batch.next_observation)  # [B, A]
        return batch.reward + batch.discount * q_next.max(axis=1)

    def train_step(self, batch, y):
        """One gradient step towards the targets `y` [B]. Returns the loss before the step."""
        rows = np.arange(len(y))
        q = self.online(batch.observation)  # [B, A]
        td_error = y - q[rows, batch.action]  # [B]
        slope = np.zeros_like(q)
        slope[rows, batch.action] = -td_error / len(y)
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2

    def learn(self, observation, slope):
        gradients = self.online.gradients(observation, slope)
        self.gradient_norm = float(np.sqrt(sum((g**2).sum() for g in gradients)))
        self.online.adam_step(gradients, self.learning_rate)

    def target_sync(self):
        if self.updates % self.period == 0:
            for theta, theta_target in zip(self.online.weights, self.target.weights, strict=True):
                theta_target[:] = theta

    def training_loop(self, env, steps):
        observation, episode_return = self.look(env.reset()[0]), 0.0
        for self.step in range(steps):
            observation, reward, over = self.execute(env, observation)
            episode_return += reward
            self.episode_step += 1
            if over:
                self.returns.append(episode_return)
                observation, episode_return, self.episode_step = self.look(env.reset()[0]), 0.0, 0
            if len(self.replay) >= self.batch_size:
                batch = self.sample()
                self.loss = self.train_step(batch, self.td_target(batch))
                self.updates += 1
                self.target_sync()
            if self.step % 100 == 99:
                self.record()
        return self

    def record(self):
        """Note what shows whether it learns."""
        pairs = zip(self.online.weights, self.target.weights, strict=True)
        distance = np.sqrt(sum(((theta - other) ** 2).sum() for theta, other in pairs))
        self.log.append(
            {
                "step": self.step + 1,
                "return": float(np.mean(self.returns[-10:])) if self.returns else np.nan,
                "max Q": self.max_q,
                "loss": self.loss,
                "gradient norm": self.gradient_norm,
                "distance": float(distance),
                "epsilon": self.epsilon(),
                "replay": len(self.replay),
            }
        )


# %% [markdown]
# Three runs on CartPole, cut at 200 steps, with $\gamma = 0.95$: then nothing is worth more than
# $1 / (1 - \gamma) = 20$. These runs are what every other run below is compared with.

# %%
CARTPOLE_STEPS = 10_000  # fast: 600


def on_cartpole(agent_class, seed=0):
    """Train a fresh agent on CartPole, with settings that suit it."""

    class OnCartPole(agent_class):
        gamma, learning_rate = 0.95, agent_class.learning_rate / 3
        period, epsilon_steps = 100, 3_000

    env = gym.make("CartPole-v1", max_episode_steps=200)
    env.reset(seed=seed)  # the episodes that follow continue from this seed
    return OnCartPole(4, 2, seed).training_loop(env, CARTPOLE_STEPS)


learned = [on_cartpole(Agent, seed) for seed in (1, 2, 3)]
print("mean return of the last ten episodes:", [round(run.log[-1]["return"]) for run in learned])

# %% [markdown]
# Imagine that the last line had said 10, 10, 10. Where would you look? CartPole is a poor witness: its exact values are
# not known, thousands of steps lie between a fault and what you see, and some broken agents balance the pole, as you
# will see.
#
# ## 2. Probes
#
# A **probe** is an environment that asks one question. It has few steps, its exact Q-values can be worked out by hand, and
# an agent that is right learns them in seconds. The idea is Andy Jones's (2021). The simplest has one step, which always
# pays 1. Here is the next one:


# %%
class Sees:
    """One step. The observation is -1 or 1, and the reward is the same number."""

    observations = np.array([[-1.0], [1.0]])  # [S, N]: all that an agent can see before a step
    exact_q = np.array([[-1.0, -1.0], [1.0, 1.0]])  # [S, A]

    def reset(self):
        self.coin = np.random.default_rng().choice([-1.0, 1.0])
        return np.array([self.coin]), {}

    def step(self, action):
        return np.array([0.0]), self.coin, True, False, {}


# %% [markdown]
# If the first fails, the agent cannot learn a number. If the first passes and this one fails, it can learn one number, but
# not two at a time: what it has seen does not reach its values, or it is mixed up on the way. The seven probes of this notebook, all with $\gamma = 0.8$:
#
# | probe | episode | exact values | what it asks |
# | --- | --- | --- | --- |
# | one step | one step, pays 1 | 1 | can it learn a number? |
# | sees | one step, pays what is seen: -1 or 1 | -1, 1 | do observations reach the values? |
# | chooses | one step, action 0 pays -1, action 1 pays 1 | -1, 1 | do actions? |
# | two steps | the first pays nothing, the second 1 | you work them out below | does a value travel back one step? |
# | two choices | two steps; in each a coin is seen, its side pays 1, the other -1 | 1.8, -0.2, then 1, -1 | all at once? |
# | corridor | six squares, only the last pays: 1 | 1, 0.8, ... 0.41, 0.33 | does a value travel far? |
# | time limit | pays 1 for ever, but is truncated after five steps | 1 / (1 - 0.8) = 5 | what follows a time limit? |
#
# Go from the simplest to the hardest. **The first probe that fails is the one to think about**: those after it often
# fail for the same reason.
#
# ### Your turn: the probe of two steps (8 minutes, difficulty 2 of 3)
#
# An episode has two steps. Before the first, the observation is `[-1.0]`; from then on it is `[1.0]`. The first step
# pays nothing; the second pays `reward` and ends the episode. Actions do not matter. `reset()` and `step(action)` return
# what Gymnasium's environments return. Work out `exact_q` by hand, from `gamma` and `reward`: a row for each observation,
# a column for each action.


# %%
class TwoSteps:
    """Two steps: the first pays nothing, the second pays the reward."""

    observations = np.array([[-1.0], [1.0]])  # before the first step, and before the second

    def __init__(self, gamma=0.8, reward=1.0):
        ### BEGIN SOLUTION
        self.reward, self.steps = reward, 0
        self.exact_q = np.array([[gamma * reward] * 2, [reward] * 2])  # [observations, actions]
        ### END SOLUTION

    def reset(self):
        ### BEGIN SOLUTION
        self.steps = 0
        return np.array([-1.0]), {}
        ### END SOLUTION

    def step(self, action):
        ### BEGIN SOLUTION
        self.steps += 1
        last = self.steps == 2
        return np.array([1.0]), self.reward if last else 0.0, last, False, {}
        ### END SOLUTION


check("two_steps", TwoSteps)

# %% [markdown]
# Your probe takes its place among the kit's. Each of the kit's writes all its observations into the same array, as many
# environments do to save time. To run a probe is to train on it and to compare:

# %%
from dqnkit.lessons.when_it_does_not_learn.probes import PROBES

PROBES["two steps"] = use("two_steps", TwoSteps)


def probe_report(agent_class):
    """Train a fresh agent on each probe: the Q-value that is furthest off, and the exact one."""
    report = {}
    for name, probe in PROBES.items():
        env = probe()
        agent = agent_class(inputs=len(env.observations[0]), actions=2)
        agent.training_loop(env, steps=1_000)
        q = agent.online(agent.look(env.observations))  # [S, A]
        exact = np.array(env.exact_q)
        worst = np.abs(q - exact).argmax()
        report[name] = q.flat[worst], exact.flat[worst]
    return report


report = probe_report(Agent)
for name, (q, exact) in report.items():
    print(f"{name:12} worst value {q:6.2f}   exact {exact:5.2f}")
print(f"largest error: {max(abs(q - exact) for q, exact in report.values()):.3f}")

# %% [markdown]
# Seven probes in a few seconds; here a value counts as right within 0.05. A probe is no benchmark: an agent that misses a
# value by 0.2 is not "nearly there", it is broken.

# %% [markdown]
# **Predict.** [[question.no_bootstrap]]

# %% Your prediction
predict("when_it_does_not_learn-no_bootstrap")


# %%
class NeverBootstraps(Agent):
    def td_target(self, batch):
        return batch.reward


report = probe_report(NeverBootstraps)
failed = {name for name, (q, exact) in report.items() if abs(q - exact) > 0.05}
for name, (q, exact) in report.items():
    mark = "FAILED" if name in failed else ""
    print(f"{name:12} worst value {q:6.2f}   exact {exact:5.2f}   {mark}")

# %% Compare with your prediction
compare("when_it_does_not_learn-no_bootstrap", failed)

# %% [markdown]
# ## 3. The same batch, again and again
#
# A probe tries the whole agent. The next test tries one part, the **gradient step**: take a batch, compute its targets
# once, and repeat the step on it. Nothing moves but the online network.
#
# ### Your turn: `overfit_one_batch` (6 minutes, difficulty 1 of 3)
#
# `agent.td_target(batch)` gives the targets `[B]`; `agent.train_step(batch, y)` makes one gradient step towards targets
# `y` and returns the loss. Return the loss of each of `steps` steps, as a list.


# %%
def overfit_one_batch(agent, batch, steps):
    """Make `steps` gradient steps on one batch, towards the same targets. Return all losses."""
    ### BEGIN SOLUTION
    y = agent.td_target(batch)  # [B], computed once
    return [agent.train_step(batch, y) for _ in range(steps)]
    ### END SOLUTION


check("overfit_one_batch", overfit_one_batch)

# %% [markdown]
# The batch below is made by hand: 16 observations, each once with action 0 and once with action 1. Observations and
# rewards are drawn at random, so there is no rule in them.

# %% [markdown]
# **Predict.** [[question.random_batch]]

# %% Your prediction
predict("when_it_does_not_learn-random_batch")

# %%
from dqnkit.lessons.when_it_does_not_learn.overfit import hand_made_batch

overfit_one_batch = use("overfit_one_batch", overfit_one_batch)


class StepsTooFar(Agent):
    learning_rate = 300 * Agent.learning_rate


batch = hand_made_batch()
losses = overfit_one_batch(Agent(4, 2), batch, 1_000)
losses_too_far = overfit_one_batch(StepsTooFar(4, 2), batch, 1_000)
print(f"the agent:           first loss {losses[0]:.3g}, last {losses[-1]:.3g}")
print(f"learning rate x 300: first loss {losses_too_far[0]:.3g}, last {losses_too_far[-1]:.3g}")

# %% Draw the losses
error_curves(
    {"the agent": losses, "learning rate × 300": losses_too_far},
    xlabel="gradient steps on the same batch",
    ylabel="loss\n(half the mean square)",
    log=True,
    title="One batch by heart",
    what="does a line go on falling, or has it come to rest? The axis is logarithmic.",
)

# %% Compare with your prediction
compare("when_it_does_not_learn-random_batch", losses)

# %% [markdown]
# What it tells:
#
# - The loss **falls to nearly 0**: network and optimizer can reach any targets, and no row is mixed with another. (An index
#   that is wrong for all rows alike, as `1 - action`, passes; the probe *chooses* finds it.) If probes fail all the same,
#   look first at what goes *into* the step: observations, actions, rewards, discounts, targets.
# - It **comes to rest above 0**: look at the shapes (`[B]` or `[B, B]`?), at the index of the action, at the sign, at the
#   learning rate.
# - It **does not move at all**: the gradient does not arrive, or the optimizer holds other variables.
#
# ## 4. What to log
#
# Some faults show only in a long run. Our agent notes seven numbers every 100 steps, in `record`. No single one of
# them says whether all is well, not even the return; together they do.

# %% [markdown]
# **Predict.** [[question.smallest_loss]]

# %% Your prediction
predict("when_it_does_not_learn-smallest_loss")


# %%
class MadeAnew(Agent):
    def execute(self, env, observation):
        if self.episode_step == 0:
            self.replay = []
        return super().execute(env, observation)


kinds = {
    "it learns": Agent,
    "learning rate × 300": StepsTooFar,
    "never bootstraps": NeverBootstraps,
    "buffer made anew": MadeAnew,
}
runs = {name: on_cartpole(kind) for name, kind in kinds.items()}
last_losses = {name: np.mean([row["loss"] for row in run.log[-20:]]) for name, run in runs.items()}
for name, run in runs.items():
    print(f"{name:20} return {run.log[-1]['return']:4.0f}   mean last loss {last_losses[name]:.2g}")

# %% Draw the seven curves of each run
from dqnkit.lessons.when_it_does_not_learn.pictures import run_columns

run_columns(
    {name: run.log for name, run in runs.items()},
    [run.log for run in learned],
    "What to look for: go down each column. Which curves leave the grey range, and which stay in it?",
)

# %% Compare with your prediction
compare("when_it_does_not_learn-smallest_loss", last_losses)

# %% [markdown]
# How to read them:
#
# | curve | in a run that learns | a sign of trouble |
# | --- | --- | --- |
# | return | rises, with dips | flat; but it comes last, and does not say why |
# | max Q | rises to about what can be earned, here 20, or a little above it (the maximum prefers values that are too high: [[beyond_dqn]]) | many times above: it promises what no policy can earn. Far below: nothing travels back |
# | loss | wanders: targets move as the policy gets better | soon nearly 0: the targets are too easy. **It is not a score** |
# | gradient norm | stays within a factor of a hundred | grows and grows; or exactly 0 |
# | online to target | 0 right after each copy, then it grows until the next. Here it is always noted at the same moment between two copies; seen so, it falls slowly | keeps growing; always 0; many times larger than usual |
# | epsilon | falls as planned, then rests | anything else. Draw it: do not trust the formula |
# | in replay | rises to the capacity, then rests (here there is no limit) | falls back, or stays near 0 |
#
# Look once more at the column on the right, *buffer made anew*. Only its last curve, *in replay*, explains the others: the
# buffer stays nearly empty. Soon the episodes are shorter than a batch, so no update is made any more, and the loss becomes
# a straight line.
#
# ## 5. The clinic
#
# Patients A to D are copies of `Agent` in which **one method is wrong**, by a mistake that people really make. For each:
#
# 1. **Examine**: seven probes, one batch by heart, and a run on CartPole, drawn over a grey band: the range of the three
#    runs of section 1.
# 2. **Diagnose**, from what was found alone. Which is the simplest probe that fails?
# 3. **Mend**: then comes the code of the part that differs. Edit it until the patient may go home. It is judged by what
#    it does, never by how it is written. (2 minutes each. If you are stuck, the mended part unfolds below.)
#
# ### Patient A

# %%
from dqnkit.lessons.when_it_does_not_learn.clinic import discharge, examine

found_a = examine("A", on_cartpole, learned)
found_a

# %% [markdown]
# **Predict.** [[question.patient_a]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_a")


# %%
class PatientA(Agent):
    def td_target(self, batch):
        q_next = self.target(batch.next_observation)  # [B, A]
        ### BEGIN SOLUTION
        return batch.reward + batch.discount * q_next.max(axis=1)
        ### BROKEN
        return batch.reward + self.gamma * q_next.max(axis=1)
        ### END SOLUTION


discharge("A", PatientA)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_a", found_a)

# %% [markdown]
# ### Patient B

# %%
found_b = examine("B", on_cartpole, learned)
found_b

# %% [markdown]
# **Predict.** [[question.patient_b]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_b")


# %%
class PatientB(Agent):
    def train_step(self, batch, y):
        q = self.online(batch.observation)  # [B, A]
        ### BEGIN SOLUTION
        rows = np.arange(len(y))
        td_error = y - q[rows, batch.action]  # [B]
        slope = np.zeros_like(q)
        slope[rows, batch.action] = -td_error / len(y)
        ### BROKEN
        td_error = y - q[:, batch.action]
        slope = np.zeros_like(q)
        slope[:, batch.action] = -td_error / len(y)
        ### END SOLUTION
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2


discharge("B", PatientB)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_b", found_b)

# %% [markdown]
# ### Patient C

# %%
found_c = examine("C", on_cartpole, learned)
found_c

# %% [markdown]
# **Predict.** [[question.patient_c]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_c")


# %%
class PatientC(Agent):
    def target_sync(self):
        if self.updates % self.period == 0:
            for theta, theta_target in zip(self.online.weights, self.target.weights, strict=True):
                ### BEGIN SOLUTION
                theta_target[:] = theta
                ### BROKEN
                theta_target = theta.copy()
                ### END SOLUTION


discharge("C", PatientC)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_c", found_c)

# %% [markdown]
# ### Patient D

# %%
found_d = examine("D", on_cartpole, learned)
found_d

# %% [markdown]
# **Predict.** [[question.patient_d]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_d")


# %%
class PatientD(Agent):
    def execute(self, env, observation):
        action = self.select(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        next_observation = self.look(next_observation)
        over = terminated or truncated
        ### BEGIN SOLUTION
        discount = 0.0 if terminated else self.gamma
        ### BROKEN
        discount = 0.0 if over else self.gamma
        ### END SOLUTION
        self.replay.append((observation, action, reward, discount, next_observation))
        return next_observation, reward, over


discharge("D", PatientD)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_d", found_d)

# %% [markdown]
# ## 6. Four more patients (optional)
#
# These are harder. Two of them balance the pole, as D did.
#
# ### Patient E

# %%
found_e = examine("E", on_cartpole, learned)
found_e

# %% [markdown]
# **Predict.** [[question.patient_e]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_e")


# %%
class PatientE(Agent):
    def look(self, observation):
        ### BEGIN SOLUTION
        return np.array(observation, np.float32)
        ### BROKEN
        return np.asarray(observation, np.float32)
        ### END SOLUTION


discharge("E", PatientE)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_e", found_e)

# %% [markdown]
# ### Patient F

# %%
found_f = examine("F", on_cartpole, learned)
found_f

# %% [markdown]
# **Predict.** [[question.patient_f]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_f")


# %%
class PatientF(Agent):
    def execute(self, env, observation):
        ### BEGIN SOLUTION
        action = self.select(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        ### BROKEN
        next_observation, reward, terminated, truncated, _ = env.step(self.select(observation))
        ### END SOLUTION
        next_observation = self.look(next_observation)
        discount = 0.0 if terminated else self.gamma
        ### BEGIN SOLUTION
        transition = (observation, action, reward, discount, next_observation)
        ### BROKEN
        transition = (observation, self.select(observation), reward, discount, next_observation)
        ### END SOLUTION
        self.replay.append(transition)
        return next_observation, reward, terminated or truncated


discharge("F", PatientF)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_f", found_f)

# %% [markdown]
# ### Patient G

# %%
found_g = examine("G", on_cartpole, learned)
found_g

# %% [markdown]
# **Predict.** [[question.patient_g]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_g")


# %%
class PatientG(Agent):
    def epsilon(self):
        ### BEGIN SOLUTION
        return max(0.05, 1 - self.step / self.epsilon_steps)
        ### BROKEN
        return max(0.05, 1 - self.episode_step / self.epsilon_steps)
        ### END SOLUTION


discharge("G", PatientG)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_g", found_g)

# %% [markdown]
# ### Patient H

# %%
found_h = examine("H", on_cartpole, learned)
found_h

# %% [markdown]
# **Predict.** [[question.patient_h]]

# %% Your diagnosis
predict("when_it_does_not_learn-patient_h")


# %%
class PatientH(Agent):
    def train_step(self, batch, y):
        rows = np.arange(len(y))
        q = self.online(batch.observation)  # [B, A]
        ### BEGIN SOLUTION
        td_error = y - q[rows, batch.action]  # [B]
        slope = np.zeros_like(q)
        slope[rows, batch.action] = -td_error / len(y)
        ### BROKEN
        best = q.argmax(axis=1)  # [B]
        td_error = y - q[rows, best]  # [B]
        slope = np.zeros_like(q)
        slope[rows, best] = -td_error / len(y)
        ### END SOLUTION
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2


discharge("H", PatientH)

# %% Compare with your diagnosis
compare("when_it_does_not_learn-patient_h", found_h)

# %% [markdown]
# ## 7. What finds what
#
# All eight faults and six more, each run through everything. The next two cells say nothing for a minute or more. First the
# tests that need seconds for each agent: a batch that is not learned by heart, and the probes that fail.

# %%
from dqnkit.lessons.when_it_does_not_learn.patients import FAULTS

found = {}
for fault, broken in FAULTS.items():
    found[fault] = {
        "one batch": overfit_one_batch(broken(4, 2), batch, 1_000)[-1] > 1e-3,
        **{name: abs(q - exact) > 0.05 for name, (q, exact) in probe_report(broken).items()},
    }

# %% [markdown]
# Then CartPole: a return below 150 at the end, or an epsilon that does not come down.

# %%
for fault, broken in FAULTS.items():
    last = on_cartpole(broken).log[-1]
    found[fault] |= {"CartPole return": last["return"] < 150, "epsilon": last["epsilon"] > 0.5}

# %% Draw what finds what
from dqnkit.lessons.when_it_does_not_learn.pictures import mask

mask(found)

# %% [markdown]
# No test finds everything, and CartPole misses some of the faults. So, when your own agent does not learn:
#
# 1. **One batch by heart.** Seconds. It accuses the gradient step, or clears it of most faults.
# 2. **The probes, simplest first.** Seconds each. Think about the first that fails.
# 3. **Print one batch** from replay: shapes, types, whether rows differ, whether rewards and ends are where they
#    should be.
# 4. **The curves of a real run**, beside a run that learns: a known environment, or an earlier version of your code.
# 5. Only then **tune**, one setting at a time, several seeds each.
#
# Keep the probes as tests: they fail on the day on which the fault comes in, not three weeks later.

# %% [markdown]
# ### Quiz
#
# <details><summary>The loss falls steadily, the return does not rise. Is it the learning rate?</summary>
# A falling loss says that the values come nearer to their targets, and so that the gradient step works. Ask whether the
# targets are right: probes with two steps, max Q against what can be earned.</details>
#
# <details><summary>All probes pass, and Atari does not work. What did the probes not ask?</summary>
# Whether it *acts* on its values (patient G passed them all, and so would an agent that takes the smallest value), whether a
# full buffer is overwritten rightly, whether the network is large enough for pictures, whether exploration finds the
# rewards, whether the pre-processing of frames is right. So look at greedy episodes of a known environment next, and then
# at the settings.</details>
#
# ### Further reading
#
# - Andy Jones (2021), *Debugging reinforcement learning systems*: probes, and why the usual instinct to tune misleads.
# - Henderson et al. (2018), *Deep reinforcement learning that matters*: how much seeds and details of the code change a
#   result; why one good run proves little.
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: its second figure shows predicted action
#   values beside the score.
#
# Nothing that this notebook started is still running. In **[[beyond_dqn]]** four more parts are added to an agent that
# learns.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("when_it_does_not_learn")
