# ---
# jupyter:
#   dqnkit:
#     idea: "agent, environment, return; the loop; this computer checked by `dqnkit doctor`"
#     run_seconds: 8
# ---

# %% [markdown]
# # [[number]] · Start here: an agent and its world
# <!-- badges -->

# %% [markdown]
# Click into the next cell that shows code, and press **Shift+Enter**. The cell runs, and below it appears a cart that
# carries a pole. Push the cart left and right, and keep the pole up for as long as you can. (With the keyboard: Tab goes
# to a button, Space presses it, and the arrow keys push.)

# %%
from dqnkit.lessons.start_here.push_cartpole import push_cartpole

push_cartpole()

# %% [markdown]
# Not easy? At the end of this notebook one line of Python will balance the pole. By notebook [[target_network]] a program
# that *you* have written will find out by itself how to do it.
#
# **After this notebook you will be able to**
#
# - name what you have just done: observation, action, reward, return, episode, policy,
# - write the loop in which an agent meets its environment,
# - tell a terminated episode from a truncated one,
# - compare policies fairly: by many episodes, not by one,
# - name the five operations that every later notebook comes back to.
#
# **Time:** about [[minutes]] minutes. **You need** some Python and NumPy, and nothing else. If this is your own
# computer, run the cell in section 6 first: it says whether everything is installed.

# %% [markdown]
# ## 1. The words
#
# You were the **agent**. The cart, the pole and the laws of physics were the **environment**. The two take turns:
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
# The agent has one aim: a large return. Nobody tells it which push was right.
#
# An episode can end in two ways. It is **terminated** when something in the environment ends it: the pole leans more
# than 12 degrees, or the cart leaves the track. It is **truncated** when only the time is up: CartPole stops after 500
# steps, even though the pole still stands. Look at the cart again: which of the two ended your episode? The difference
# seems small, but in notebook [[replay]] it decides whether an agent learns the right values.

# %% [markdown]
# ## 2. How this course works
#
# Many sections have four steps:
#
# - **Predict.** Say what you expect before you see it. Nothing is graded; a guess that turns out wrong is what one
#   remembers.
# - **Do.** Write a few lines of Python, or run something and play with it.
# - **Check.** Your code is tried on many cases. If it is wrong, the check says what is wrong, and names the mistake if it
#   is a common one.
# - **Compare.** Your prediction is shown beside what happened.
#
# Run every cell, from top to bottom, with **Shift+Enter**. A grey line that begins with `# @title` is a cell too: its
# code, which only draws or prepares something, is folded away. Run it like the others. A click on its three dots shows
# the code.
#
# Where it says `# YOUR CODE HERE`, you write. If you are stuck, run the cell as it is: hints and a worked solution unfold
# below the result of the check. A failed check never stops you. From there on the kit's version is used, and you can come
# back later.
#
# **On Colab** one thing is different. While a cell runs, its buttons and sliders do not react: to stop it, interrupt the
# cell, and what it has reached is kept.

# %% [markdown]
# CartPole comes from **Gymnasium**, the library of environments that most people use. `env.reset` begins an episode.
# Its start is random, and the `seed` decides which: the same seed, the same start. It returns a pair: the first observation, and `info`, which holds extras that we do not need.

# %%
import gymnasium as gym
import numpy as np

env = gym.make("CartPole-v1")
observation, info = env.reset(seed=0)
print("observation:", observation)

# %% [markdown]
# `env.step` executes one action. It returns five things:

# %%
observation, reward, terminated, truncated, info = env.step(1)  # push right
print("observation:", observation)
print("reward:", reward, "  terminated:", terminated, "  truncated:", truncated)

# %% [markdown]
# The velocity of the cart, the second number, has gone up. The turning speed of the pole, the fourth, has gone down: the
# push drove the cart to the right, out from under the pole, and the pole turns to the left.

# %% Import what this notebook uses from the kit
from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, upload_progress, use
from dqnkit.plots import histogram, ring

# %% [markdown]
# ## 3. The loop
#
# One loop runs through the whole course: *observe, choose, act, receive the reward; again, until the episode is over*.
#
# ### Your turn: `play_episode` (6 minutes, difficulty 1 of 3)
#
# Write the loop. `policy` is a function: `policy(observation)` returns an
# action. Add up the rewards, and return the sum when the episode is over.


# %%
def play_episode(env, policy, seed):
    """Play one episode, begun with env.reset(seed=seed); return the sum of its rewards."""
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

# %% [markdown]
# ### The simplest policy: chance
#
# A policy that knows nothing pushes left or right at random, each half of the time. How good is that?

# %% [markdown]
# **Predict.** [[question.random]]

# %% Your prediction
predict("start_here-random")

# %%
play_episode = use("play_episode", play_episode)
rng = np.random.default_rng(0)  # all random numbers come from here; run it again: the same ones


def at_random(observation):
    return int(rng.integers(2))


EPISODES = 200  # fast: 40


def many_returns(policy):
    """The returns of many episodes; with its own seed, each begins a little differently."""
    return np.array([play_episode(env, policy, seed) for seed in range(EPISODES)])


random_returns = many_returns(at_random)

# %% Draw the returns of the random policy
guess = prediction("start_here-random")  # what you predicted is kept as it is, from here on
histogram(
    random_returns,
    title="A random policy in CartPole",
    marks={} if guess is None else {"you predicted": guess},
    what="how far the returns spread, although the policy never changes. One return says little about a policy; the mean "
    "of many says much.",
)

# %% Compare with your prediction
compare("start_here-random", random_returns.mean())

# %% [markdown]
# The return is random even if the policy is not: every episode begins with a slightly different pole. (Here the policy is
# random too.) That is why this course compares *means over many episodes* (and, where something learns, over several
# runs), never two single ones.

# %% [markdown]
# ## 4. What is looking worth?
#
# A random policy does not look at the observation. Neither does a policy that always pushes right.
#
# Here is one that looks at a single number of the four, the angle. It pushes towards the side to which the pole leans, so
# that the cart drives back under the pole. (The random policy plays again, with other random pushes: compare its mean with
# the one above.)

# %% [markdown]
# **Predict.** [[question.angle]]

# %% Your prediction
predict("start_here-angle")

# %%
policies = {
    "always right": lambda observation: 1,
    "at random": at_random,
    "by angle": lambda observation: int(observation[2] > 0),  # > 0: the pole leans to the right
}
returns = {name: many_returns(policy) for name, policy in policies.items()}

# %% Draw the returns of the three policies
prediction("start_here-angle")
histogram(
    returns,
    title="Three policies in CartPole",
    what="where does the policy that looks lie beside the two that do not, and how long is its best episode?",
)

# %% Compare with your prediction
compare("start_here-angle", returns["by angle"].mean())

# %% [markdown]
# ## 5. Your policy
#
# The pole swings, because the policy does not see that the pole is still turning when it stands upright. And it swings
# further each time, because each push lasts a whole step, a moment too long. The observation holds what is missing.
#
# ### Your turn: `my_policy` (4 minutes, difficulty 1 of 3)
#
# Write one line: an action, 0 or 1, from the angle *and* the turning speed.
# What should the policy do when the pole leans a little to the right, but turns quickly to the left?
#
# <details><summary>A hint, and a solution</summary>
#
# Such a pole will soon lean to the left, so push left, although it still leans to the right. The turning speed says where
# the pole is going: <code>return int(angle + 0.5 * turning_speed > 0)</code> asks where it would lean in half a second.
# </details>


# %%
def my_policy(observation):
    """Observation [4] -> 0 (push left) or 1 (push right)."""
    angle, turning_speed = observation[2], observation[3]  # positive: to the right
    ### BEGIN SOLUTION
    return int(angle + 0.5 * turning_speed > 0)  # where the pole will lean in half a second
    ### END SOLUTION


# %% Take your policy, or the kit's where yours returns no action yet
try:
    answer = my_policy(np.array([0.0, 0.0, 0.1, 0.0]))
except Exception as error:
    answer = f"{type(error).__name__}: {error}"
if isinstance(answer, (bool, np.bool_, int, np.integer)) and answer in (0, 1):
    best_name, best = "your policy", lambda observation: int(my_policy(observation))  # True counts as 1
    print("✓ Below, your policy plays.")
else:
    best_name, best = "by angle and turning speed", lambda observation: int(observation[2] + observation[3] > 0)
    print(f"○ my_policy has to return the whole number 0 or 1; what came instead: {answer!r}")
    print("  Below plays one from the kit that uses the angle and the turning speed.")

# %%
returns[best_name] = many_returns(best)
print(f"{best_name}: mean return {returns[best_name].mean():.1f}")

# %% Draw the returns of all policies
histogram(
    {name: returns[name] for name in (*policies, best_name)},
    title="Which policy is best?",
    what="the last row. How many of its episodes reach 500 steps? There the pole still stood when the time was up.",
)

# %% [markdown]
# A rule of this kind can reach 500 in every episode. Is yours below that? Change it, and run the cells from there again;
# you can break nothing.
#
# How did the episodes end? `env.step` says which of the two it was:


# %%
def how_it_ended(policy, seed):
    """Play an episode as above; return the word for its end."""
    observation, _ = env.reset(seed=seed)
    while True:
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return "terminated" if terminated else "truncated"


FEWER = 50  # fast: 10
for name, policy in {"by angle": policies["by angle"], best_name: best}.items():
    ends = [how_it_ended(policy, seed) for seed in range(FEWER)]
    print(f"{name}: {ends.count('terminated')} terminated, {ends.count('truncated')} truncated")

# %% [markdown]
# ### Why learn at all?
#
# You found your rule because you know how a pole falls. For most problems nobody knows the rule. In an Atari game an
# agent sees nothing but the screen: what is the right move for a picture of 84 × 84 grey dots? So we want an agent that
# finds its policy from rewards alone. That is **reinforcement learning**, and it takes **five operations**. Every
# notebook comes back to them:
#
# | operation | what it does | in this notebook |
# | --- | --- | --- |
# | **initialise** | begin with something, however wrong | *missing: nothing here learns, so there was nothing to begin with* |
# | **select** | choose an action | `policy(observation)` |
# | **execute** | carry it out, and receive what follows | `env.step(action)` |
# | **update** | use what was received to become a little better | *missing: you did it in your head* |
# | **evaluate** | measure how good the policy is | the mean return of many episodes |
#
# Notebook [[q_update]] adds the two that are missing.
#
# One more thing about observations. CartPole's four numbers say all that matters for what comes next. They are the
# **state** of the environment. A picture of a game is not: it does not show in which direction the ball flies, just as
# the angle alone does not show how the pole turns. An agent that plays Atari games is therefore shown the last four
# pictures at once, 28,224 numbers. This is called **frame stacking**; notebook [[replay]] looks at how such pictures are
# stored.

# %% [markdown]
# ## 6. This computer
#
# `doctor` looks at what is installed and at what the computer has, and then tries it: an environment takes a step,
# TensorFlow is imported, a Dask cluster starts and ends. That takes some seconds, on a busy computer longer. Where something is missing, it
# shows the command that installs it. The line *widgets* is filled in last: your browser has to answer.

# %%
from dqnkit import doctor

doctor.examine()

# %% [markdown]
# **On Binder or Colab** everything is forgotten when the session ends. Each notebook ends with a button that downloads
# your progress as a file. Here you can give the file back.

# %% Give back your progress
upload_progress()

# %% [markdown]
# ## The course
#
# <!-- course -->
#
# Each notebook builds on the one before. DQN, a *deep Q-network*, is put together part by part in [[q_update]] to
# [[target_network]].

# %% [markdown]
# ## What we built
#
# All data of this course flows in a ring. Its upper left you know now: an environment, and an **actor**, which selects
# actions and executes them: your loop. The grey parts, and the words on the arrows, come in later notebooks.

# %% Draw the ring
ring("environment", "actor")

# %% [markdown]
# ### Quiz
#
# <details><summary>An episode of CartPole ends after 500 steps, and the pole still stands. Is it terminated or truncated,
# and what is its return?</summary>
#
# Truncated: only the time was up. Its return is 500, one for each step. Had the episode gone on, the return would have
# been larger. That is why the difference matters.
# </details>
#
# <details><summary>Policy A got 60 in its one episode, policy B got 45 in its one. Is A better?</summary>
#
# Nobody can say. The returns of the random policy alone spread from about 10 to more than 60. Play many episodes of each, and
# compare the means and how far the returns spread.
# </details>
#
# <details><summary>CartPole pays 1 for every step. Suppose it paid 0 for every step, and −1 for the step with which the
# episode terminates. Would that be the same task?</summary>
#
# No. A perfect agent would still keep the pole up for 500 steps. But the return would be −1 for a fall after 10 steps as
# well as after 400, so an agent that cannot reach the end has no reason to hold out longer. (Notebook [[q_update]] lets late
# rewards count less; then a late fall is better than an early one.) And suppose it paid −1 only when the *pole* falls: then
# an agent could drive the cart off the track on purpose. Rewards are how we tell an agent what we want, and it takes us at
# our word.
# </details>

# %% [markdown]
# ### Further reading
#
# - Barto, Sutton and Anderson (1983), *Neuronlike adaptive elements that can solve difficult learning control problems*:
#   where CartPole comes from.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*, chapters 1 and 3.
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: DQN, the aim of notebooks [[q_update]] to [[target_network]].

# %% Your progress
env.close()
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("start_here")
