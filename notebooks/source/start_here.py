# ---
# jupyter:
#   dqnkit:
#     idea: "agent, environment, return; the loop; this computer checked by `dqnkit doctor`"
#     run_seconds: 14
# ---

# %% [markdown]
# # [[number]] · Start here: an agent and its world
# <!-- badges -->

# %% [markdown]
# Click into the cell below and press **Shift+Enter**: it runs, and shows a cart that carries a pole. Push it, and keep
# the pole up for as long as you can. (With the keyboard: Tab goes to a button, Space presses it.)

# %%
from dqnkit.lessons.start_here.push_cartpole import push_cartpole

push_cartpole()

# %% [markdown]
# Not easy? At the end of this notebook one line of Python will balance it, and by notebook [[target_network]] a program that *you* have
# built will find out by itself how to do it.
#
# **You will be able to**
#
# - name what you have just done: observation, action, reward, return, episode, policy,
# - write the loop between an agent and its environment,
# - tell a terminated episode from a truncated one,
# - compare policies fairly: by many episodes, not by one,
# - name the five operations of all that follows.
#
# **Time** about [[minutes]] minutes. **You need** some Python and NumPy, nothing else. On your own computer, run the cell of
# section 6 early: it says whether everything is installed.

# %% [markdown]
# ## 1 · The words
#
# You were the **agent**. The cart, the pole and the physics are the **environment**. The two talk in turns:
#
# | word | what it is | in CartPole |
# | --- | --- | --- |
# | **observation** | what the agent sees of the environment | four numbers: position and velocity of the cart, angle and turning speed of the pole |
# | **action** | what the agent does | 0: push left, 1: push right |
# | **reward** | a number that the environment pays for each step | 1 for every step |
# | **episode** | one round, from a reset to its end | from an upright pole until it falls |
# | **return** | the sum of all rewards of an episode | how many steps the pole stayed up |
# | **policy** | the rule by which an agent chooses: observation in, action out | yours was in your head |
#
# An episode can end in two ways. It is **terminated** when something in the world ends it: the pole leans more than 12
# degrees, or the cart leaves the track. It is **truncated** when only the time is up: CartPole stops after 500 steps,
# though the pole still stands. Look at the panel again: which of the two ended yours? The difference seems small. In
# notebook [[replay]] it will decide whether an agent learns the right values.
#
# The agent's only aim is a large return. Nobody tells it which push was right.

# %% [markdown]
# ## 2 · How this course works
#
# Every section has the same four steps. **Predict**: say what you expect, before you see it; it is not graded, but a
# guess that turns out wrong is what one remembers. **Do**: write a few lines, or run something and touch it.
# **Check**: your code is tried, and a known mistake is named. **Compare**: your prediction stands beside what happened.
#
# **On Colab** two things differ. While a cell runs it hears no clicks, so Pause, Stop and sliders act in no training
# there: interrupt the cell instead, what it has reached is kept. And what runs by itself, like time in the panel above,
# may stand still: click for each step.
#
# Where it says `# YOUR CODE HERE`, you write. If you are stuck, `hints(...)` unfolds one hint after the other. A failed
# check never stops you: from there on the kit's version is used, and you can come back.

# %%
import gymnasium as gym
import numpy as np

from dqnkit.classroom import (
    check,
    compare,
    download_progress,
    hints,
    predict,
    prediction,
    progress,
    upload_progress,
    use,
)
from dqnkit.plots import histogram, ring

env = gym.make("CartPole-v1")  # from Gymnasium, the library of environments that most people use
observation, info = env.reset(seed=0)
print("observation:", observation)

# %% [markdown]
# `env.reset` begins an episode and returns the first observation (and `info`, extras that we do not need). `env.step`
# executes one action and returns five things:

# %%
observation, reward, terminated, truncated, info = env.step(1)  # push right
print("observation:", observation)
print("reward:", reward, "  terminated:", terminated, "  truncated:", truncated)

# %% [markdown]
# The cart's velocity (second number) went up, the pole's turning speed (fourth) went down: pushed right, the cart runs
# away under the pole, which turns to the left.

# %% [markdown]
# ## 3 · The loop
#
# Everything in this course goes through one loop: *look, choose, act, receive; again, until the episode is over*.
#
# **Exercise** (6 minutes, difficulty 1 of 3). Write it. `policy` is a function: `policy(observation)` returns an
# action. Add up the rewards, and return the sum when the episode is over.


# %%
def play_episode(env, policy, seed):
    """Play one episode under a policy; returns its return, the sum of its rewards."""
    ### BEGIN SOLUTION
    observation, _ = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        action = policy(observation)
        observation, reward, terminated, truncated, _ = env.step(action)
        episode_return += reward
        if terminated or truncated:
            return episode_return
    ### END SOLUTION


check("play_episode", play_episode)

# %%
hints("play_episode")

# %%
play_episode = use("play_episode", play_episode)

# %% [markdown]
# ### The simplest policy: chance
#
# A policy that knows nothing throws a coin. How good is that?

# %% [markdown]
# **Predict.** [[question.random]]

# %%
predict("start_here-random")

# %%
rng = np.random.default_rng(0)  # where all chance comes from; the same seed gives the same numbers


def at_random(observation):
    return int(rng.integers(2))


EPISODES = 200  # fast: 40


def many_returns(policy):
    """The returns of 200 episodes, each with a seed of its own: each begins a little differently."""
    return np.array([play_episode(env, policy, seed) for seed in range(EPISODES)])


guess = prediction("start_here-random")  # what you predicted is kept as it is, from here on
random_returns = many_returns(at_random)
histogram(
    random_returns,
    title="A random policy in CartPole",
    marks={} if guess is None else {"you predicted": guess},
    what="how far the returns spread, though the policy never changes. One episode says little about a policy; the mean "
    "of many says much.",
)

# %%
compare("start_here-random", random_returns.mean())

# %% [markdown]
# The return is random even under a fixed policy, because each episode begins with a slightly different pole (and here
# the policy is random too). That is why this course compares *means over many episodes and several seeds*, and never two
# single runs.

# %% [markdown]
# ## 4 · What goes wrong without looking
#
# A random policy does not look at the observation. Neither does one that always pushes right. What is looking worth?
#
# Here is a policy that looks at one of the four numbers, the angle: it pushes to the side to which the pole leans, so
# that the cart drives back under it.

# %% [markdown]
# **Predict.** [[question.angle]]

# %%
predict("start_here-angle")

# %%
policies = {
    "always right": lambda observation: 1,
    "at random": at_random,
    "by angle": lambda observation: int(observation[2] > 0),  # the third number is the angle; positive leans right
}
returns = {name: many_returns(policy) for name, policy in policies.items()}
histogram(
    returns,
    title="Three policies in CartPole",
    what="where does the policy that looks lie beside the two that do not, and how long is its best episode?",
)

# %%
by_angle = returns["by angle"].mean()
print(f"mean return by angle: {by_angle:.1f}")
compare("start_here-angle", by_angle)

# %% [markdown]
# ## 5 · Your policy
#
# The pole swings further each time because the policy does not see that it still turns. The observation has what is
# missing.
#
# **Exercise** (4 minutes, difficulty 1 of 3). Write one line: an action, 0 or 1, from the angle *and* the turning speed.
# What should it do when the pole leans a little to the right, but turns quickly to the left?


# %%
def my_policy(observation):
    """Observation [4] -> 0 (push left) or 1 (push right)."""
    angle, turning_speed = observation[2], observation[3]  # positive: leans to the right, turns to the right
    ### BEGIN SOLUTION
    return int(angle + turning_speed > 0)  # where the pole will lean in a moment
    ### END SOLUTION


# %%
def from_the_kit(observation):
    return int(observation[2] + observation[3] > 0)


def yours(observation):
    return int(my_policy(observation))  # True counts as 1, False as 0


try:
    answer = my_policy(np.array([0.0, 0.0, 0.1, 0.0]))
except Exception as error:
    answer = f"{type(error).__name__}: {error}"
is_written = isinstance(answer, (bool, np.bool_, int, np.integer)) and answer in (0, 1)
if not is_written:
    print(f"○ my_policy gives no 0 or 1 yet, but: {answer}")
    print("  Below is one from the kit that uses the angle and the turning speed.")

best = yours if is_written else from_the_kit
histogram(
    {**returns, "yours" if is_written else "by angle and turning speed": many_returns(best)},
    title="Which policy is best?",
    what="the last row. Its episodes mostly end at 500: those were truncated, the pole still stood.",
)

# %% [markdown]
# The best simple rule of this kind reaches a mean of about 480 or more. Is yours below? Change it and run both cells
# again; nothing can break.
#
# How did its episodes end? `env.step` says which of the two it was:


# %%
def how_it_ended(policy, seed):
    """Play an episode as above; the word for its end."""
    observation, _ = env.reset(seed=seed)
    while True:
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return "terminated" if terminated else "truncated"


FEWER = 50  # fast: 10
for name, policy in {"by angle": policies["by angle"], "the last row's": best}.items():
    ends = [how_it_ended(policy, seed) for seed in range(FEWER)]
    print(f"{name:>14}: {ends.count('terminated'):3} terminated, {ends.count('truncated'):3} truncated")

# %% [markdown]
# ### Why learn at all?
#
# You found this rule because you know how a pole falls. In most problems nobody knows the rule: what is the right move
# in a game for a screen of 28,224 pixels? So we want an agent that finds its policy from rewards alone. That is
# **reinforcement learning**, and it takes **five operations**. All notebooks come back to them:
#
# | operation | what it does | in this notebook |
# | --- | --- | --- |
# | **initialise** | begin with something, however wrong | `env.reset`; there was nothing to learn with |
# | **select** | choose an action | `policy(observation)` |
# | **execute** | do it, and receive what follows | `env.step(action)` |
# | **update** | become a little better by what was received | *missing: you did it in your head* |
# | **evaluate** | measure how good the policy is | the mean return of many episodes |
#
# Notebook [[q_update]] adds the missing one.

# %% [markdown]
# ## 6 · This computer
#
# The `doctor` looks at what is installed and what the computer has, and tries it: an environment steps, TensorFlow is
# imported, a Dask cluster starts and ends. That takes about ten seconds. What is missing comes with the command that
# mends it. The line *widgets* is the last to be filled in: your browser has to answer.

# %%
from dqnkit import doctor

doctor.examine()

# %% [markdown]
# **On Binder or Colab** everything is forgotten when the session ends. Each notebook ends with *Download progress*; here
# you can give the file back.

# %%
upload_progress()

# %% [markdown]
# ## What the course is
#
# <!-- course -->
#
# Each builds on the one before. DQN, a *deep Q-network*, is what [[q_update]] to [[target_network]] put together, part by part.

# %% [markdown]
# ## What we built
#
# The upper left of the ring in which all data of this course flows: an environment, and an actor that selects actions
# and executes them.

# %%
ring("environment", "actor")

# %% [markdown]
# ### Quiz
#
# <details><summary>An episode of CartPole ends after 500 steps, and the pole stands. Terminated or truncated, and what
# is its return?</summary>
#
# Truncated: only the time was up. Its return is 500, one for each step. Had it gone on, it would have been more: that is
# why the difference matters.
# </details>
#
# <details><summary>Policy A got 60 in its one episode, policy B got 45 in its one. Is A better?</summary>
#
# Nobody can say. The random policy alone spreads from about 10 to 60 and beyond. Play many episodes of each, with the
# same seeds, and compare the means and how far they spread.
# </details>
#
# <details><summary>CartPole pays 1 for every step. Suppose it paid 0 for every step and −1 when the pole falls. Would
# that be the same task?</summary>
#
# Nearly: the agent should still not let it fall. But the return would be −1 for falling after 10 steps as well as after
# 400, so that it says less about how well the agent did. Rewards are how we tell an agent what we want, and it takes us
# at our word.
# </details>

# %% [markdown]
# ### Further reading
#
# - Barto, Sutton and Anderson (1983), *Neuronlike adaptive elements that can solve difficult learning control problems*:
#   where CartPole comes from.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*, chapters 1 and 3.
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: DQN, the aim of notebooks [[q_update]] to [[target_network]].

# %%
env.close()
progress()

# %%
download_progress()
