# ---
# jupyter:
#   dqnkit:
#     idea: "the Q-update formula on a table; alpha, gamma and epsilon under sliders"
#     run_seconds: 11
# ---

# %% [markdown]
# # [[number]] · The Q-update
# <!-- badges -->
#
# In notebook [[start_here]] you found a policy because you know how a pole falls. Here an agent that knows nothing finds one from
# rewards alone, with one formula and a table of numbers.
#
# **You will be able to**
#
# - say what a Q-value is, and read a policy off a table of them,
# - write the Q-update, and say what each of its symbols does,
# - explain how a reward at the end reaches the beginning,
# - write epsilon-greedy action selection, and weigh exploring against using what is known,
# - choose the step size alpha, the discount gamma and the exploration rate epsilon, and say what each breaks when it is
#   wrong.
#
# **Time** about [[minutes]] minutes. **From notebook [[start_here]]** you need: agent, environment, observation, action, reward, episode,
# policy; terminated and truncated; the loop.

# %%
import numpy as np

from dqnkit.classroom import (
    check,
    compare,
    download_progress,
    hints,
    predict,
    prediction,
    progress,
    use,
)
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.small_environments import GridWorld
from dqnkit.widgets import watch

GAMMA = 0.9  # the discount: what a reward one step later is worth now
room = GridWorld()
exact = room.optimal_q(GAMMA)  # [25, 4], explained below
q_table({"What an agent begins with": np.zeros((25, 4)), "What it should find": exact}, goals=room.goals)

# %% [markdown]
# ## 1 · A room where the right answer is known
#
# The environment is a room of 5 x 5 squares. The agent begins in the upper left. Its **observation**, also called the
# **state** $s$, is the number of its square (0 to 24). Its four **actions** $a$ are up, right, down and left; a move
# into a wall leaves it where it is. Arriving at the green **goal** pays a reward of 1 and terminates the episode. All
# other rewards are 0.
#
# So every way to the goal has the return 1, a long one too. To prefer short ways we let a reward count less the later it
# comes. The **discount factor** $\gamma$ (gamma), between 0 and 1, says how much less: the **discounted return** is
#
# $$r_1 + \gamma\, r_2 + \gamma^2\, r_3 + \dots$$
#
# where $r_1$ is the reward of the first step, $r_2$ that of the second, and so on.
#
# The **Q-value** $Q(s, a)$ is the discounted return that follows if the agent does $a$ in state $s$. How large it is
# depends on how the agent goes on; if it goes on in the best possible way, we write $Q^*(s, a)$. That is the right table
# above: four numbers in every square, one for each move.
#
# Who has $Q^*$ needs nothing else: the best action is the one with the largest value. The policy that takes it is called
# **greedy**; the arrows show it.
#
# This room is so small that $Q^*$ can be computed exactly from its rules (by *value iteration*; Bellman, 1957). The
# agent knows no rules: it must find the values by walking. For us, the exact values are the yardstick:

# %%
inside = ~room.terminal  # [25] the squares that are not goals


def error(q, q_star):
    """The largest distance of any of the values from the exact one."""
    return np.abs(q - q_star)[inside].max()


print(f"best value in the upper left: {exact[0].max():.3f} = 0.9 to the power of 7, for the goal is the 8th step away")
print(f"error of a table of zeros: {error(np.zeros((25, 4)), exact):.3f}")

# %% [markdown]
# ## 2 · The simplest idea: remember rewards
#
# Walk around at random, and write down for every square and move the mean reward that it paid.

# %% [markdown]
# **Predict.** [[question.rewards]]

# %%
predict("q_update-rewards")

# %%
prediction("q_update-rewards")  # what you predicted is kept as it is, from here on
rng = np.random.default_rng(0)
sums, counts = np.zeros((25, 4)), np.zeros((25, 4))
s, _ = room.reset(seed=0)
MOVES = 20_000  # fast: 5_000
for _ in range(MOVES):
    a = int(rng.integers(4))
    s_next, r, terminated, truncated, _ = room.step(a)
    sums[s, a] += r
    counts[s, a] += 1
    s = room.reset()[0] if terminated else s_next

mean_rewards = sums / np.maximum(counts, 1)
print(f"error: {error(mean_rewards, exact):.3f}")
q_table({"Mean rewards": mean_rewards, "The exact Q*": exact}, goals=room.goals)

# %%
knows = sum(len(set(row)) > 1 for row in mean_rewards[inside])
compare("q_update-rewards", knows)

# %% [markdown]
# The table knows the last step, and nothing of the way to it. 20,000 steps did not help, and neither would a million:
# the error stays. What is missing is a way for the reward to travel *back*, from the square before the goal to the one
# before that, and so on.

# %% [markdown]
# ## 3 · The formula
#
# Suppose the agent was in $s$, did $a$, received the reward $r$ and arrived in $s'$ ("s prime", the next state). How
# large is $Q(s, a)$? The reward $r$ came at once. What follows is worth, from $s'$ on, the largest of the values there,
# if the table is right, and it comes one step later:
#
# $$y = r + \gamma \max_{a'} Q(s', a')$$
#
# $y$ is the **TD target** (TD for *temporal difference*: one moment judged by the next). $\max_{a'}$ means: the largest
# over all actions $a'$ that are possible in $s'$. The target uses the table's own values. That is called
# **bootstrapping**: an estimate improves an estimate, and a reward moves back by one square each time.
#
# Where the episode **terminated**, nothing follows: there $y = r$.
#
# One target is one sample, and may be off by chance. So the value does not jump to it; it moves a part of the way, the
# **step size** $\alpha$ (alpha), between 0 and 1. This is the **Q-update** (Watkins, 1989), and the formula of this
# whole course:
#
# $$Q(s, a) \leftarrow Q(s, a) + \alpha\, \big[\, \underbrace{r + \gamma \max_{a'} Q(s', a')}_{\text{TD target } y}
# - Q(s, a) \,\big]$$
#
# What stands in the brackets, target minus old value, is the **TD error**. The arrow reads "becomes".
#
# **Exercise** (10 minutes, difficulty 1 of 3). Return the new value of $Q(s, a)$. `q` is the table, an array with a row
# for each state and a column for each action.


# %%
def q_update(q, s, a, r, s_next, terminated, alpha, gamma):
    """The new value of Q(s, a); the table itself stays as it is."""
    ### BEGIN SOLUTION
    if terminated:
        y = r  # nothing comes after the end
    else:
        y = r + gamma * q[s_next].max()
    return q[s, a] + alpha * (y - q[s, a])
    ### END SOLUTION


check("q_update", q_update)

# %%
hints("q_update")

# %%
q_update = use("q_update", q_update)

# %% [markdown]
# By hand, on a fixed case: the old value is 0.2, the largest next value 3, the reward 1, $\alpha$ one half and $\gamma =
# 0.9$. The target is $1 + 0.9 \cdot 3 = 3.7$, the TD error $3.5$; half of it is added: $0.2 + 1.75 = 1.95$.

# %%
small = np.array([[0.5, 0.2], [1.0, 3.0]])  # two states, two actions
new_value = q_update(small, 0, 1, 1.0, 1, False, 0.5, 0.9)
print(f"q_update gives {new_value:.3f}, by hand it is 1.950")
assert np.isclose(new_value, 1.95)

# %% [markdown]
# ## 4 · One click, one update
#
# Below, one click on **Step** is one update: the agent selects an action, executes it, and changes *one* number. The
# triangle that changed has an orange frame, and the formula shows the numbers. The dot is the agent.
#
# 1. Press **Step** a few times. Why does nothing change?
# 2. Press **100 updates** until the first triangle turns blue. Which one is it, and what stood in the brackets?
# 3. Press **Play**, and watch the blue spread. From where, to where?
# 4. **Reset the table**, set alpha to 1, and go again: how do the numbers differ? Then set gamma to 0.5: what becomes of
#    the exact values far from the goal?

# %%
stepper = grid_stepper(q_update, room, alpha=0.5, gamma=GAMMA, epsilon=0.5)
stepper

# %% [markdown]
# <details><summary>What you have seen</summary>
#
# 1. While all values are 0 and the reward is 0, the TD error is 0.
# 2. The first to change is the move into the goal: $0 + 0.5\,[1 - 0] = 0.5$.
# 3. It spreads from the goal back to the start, one square for each time the agent passes: a square learns from the
#    next one, which must know something first.
# 4. With an alpha of 1 each value is right at once *here*, where nothing is left to chance. With gamma = 0.5 a value
#    halves with every step, and those in the upper left are below 0.01.
# </details>

# %% [markdown]
# ## 5 · Select: epsilon-greedy
#
# Which action should the agent take while it learns? Always the greedy one, and it never finds out what the others are
# worth. Always a random one, and it never uses what it knows.
#
# The usual answer is **epsilon-greedy**: with probability $\varepsilon$ (epsilon) **explore**, that is take any action,
# each as likely as the other; otherwise be greedy.
#
# **Exercise** (6 minutes, difficulty 1 of 3). `q_values` are the values of all actions in one state. Draw all chance
# from `rng`, a NumPy generator: `rng.random()` gives a number between 0 and 1, `rng.integers(n)` a whole number from 0
# to n - 1.


# %%
def epsilon_greedy(q_values, epsilon, rng):
    """The number of an action, for the values [A] of all actions in a state."""
    ### BEGIN SOLUTION
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())
    ### END SOLUTION


check("epsilon_greedy", epsilon_greedy)

# %%
hints("epsilon_greedy")

# %%
epsilon_greedy = use("epsilon_greedy", epsilon_greedy)

# %% [markdown]
# ## 6 · The whole agent
#
# The five operations in fifteen lines. Find them all: this loop stays the same up to the end of the course; only what
# stands behind each line will grow.


# %%
def learn(env, updates, alpha, gamma, epsilon, seed=0):
    """Q-learning on a table; yields (updates so far, the table, error) every 50 updates."""
    q_star = env.optimal_q(gamma)
    not_goal = ~env.terminal
    rng = np.random.default_rng(seed)
    q = rng.uniform(0, 1e-6, q_star.shape)  # initialise: next to 0, for argmax must not always meet the same tie
    s, _ = env.reset(seed=seed)
    for update in range(updates + 1):
        if update % 50 == 0:
            yield update, q.copy(), np.abs(q - q_star)[not_goal].max()  # evaluate
        a = epsilon_greedy(q[s], epsilon, rng)  # select
        s_next, r, terminated, _, _ = env.step(a)  # execute
        q[s, a] = q_update(q, s, a, r, s_next, terminated, alpha, gamma)  # update
        s = env.reset()[0] if terminated else s_next


# %% [markdown]
# Run it, and watch the table. (`await watch(...)` shows what `learn` yields a few times a second; Stop keeps what is
# there. On Colab a running cell hears no clicks: interrupt the cell instead, that keeps it too.)


# %%
def draw_tables(values):
    update, q, _ = values[-1]
    return q_table({f"Learned, after {update:,} updates": q, "The exact Q*": exact}, goals=room.goals)


UPDATES = 6_000  # fast: 1_000
last = await watch(
    learn(room, UPDATES, alpha=0.5, gamma=GAMMA, epsilon=0.5),
    draw_tables,
    total=UPDATES,
    step=lambda value: value[0],
    summary=lambda value: f"{value[0]:,} updates, error {value[2]:.3f}",
    title="Q-learning in the room",
)

# %% [markdown]
# Follow the arrows from the upper left: they lead to the goal by a shortest way. Off that way some squares are still
# light: a greedy agent hardly ever enters them. The error, the *largest* distance from $Q^*$, counts those too.
#
# Here is the error over time, with half of the actions explored and with all of them, beside that of the mean rewards
# from section 2 (which do not change any more). One run may be luck, so there are several **seeds**: the same run with
# other random numbers.

# %%
SEEDS = range(5)  # fast: range(2)
curves = {}
for epsilon in (0.5, 1.0):
    runs = [list(learn(room, UPDATES, 0.5, GAMMA, epsilon, seed)) for seed in SEEDS]
    curves[f"Q-update, epsilon = {epsilon:g}"] = [[e for _, _, e in run] for run in runs]

error_curves(
    curves,
    x=[update for update, _, _ in runs[0]],
    references={"mean rewards": error(mean_rewards, exact)},
    title="Learning to look ahead",
    what="with the Q-update the error falls below that of the mean rewards, and to 0 where every move is tried.",
)

# %% [markdown]
# ## 7 · Alpha: the size of a step
#
# In the room as it is, nothing is left to chance, and the largest step size is the best. Let the floor be slippery: with
# a chance of 0.3 (`slip`) a move goes in a random direction. Now the same move from the same square leads here or there,
# and every target is a matter of luck. (Of course $Q^*$ is another one now; it can still be computed.)
#
# To see every square often, the agent acts at random here (epsilon = 1). It may: the maximum in the target asks what
# the *best* next action would be worth, whatever the agent does. Learning about one policy, the greedy one, while
# following another is called **off-policy** learning.

# %% [markdown]
# **Predict.** [[question.alpha]]

# %%
predict("q_update-alpha")

# %%
prediction("q_update-alpha")  # what you predicted is kept as it is, from here on
slippery = GridWorld(slip=0.3)
steps, seeds = 20_000, 5  # fast: 2_000, 2
alphas = [1.0, 0.1, 0.01]


def compare_alphas():
    """Runs for each alpha and seed; yields what there is so far: alpha -> a list of runs."""
    found = {alpha: [] for alpha in alphas}
    for seed in range(seeds):
        for alpha in alphas:
            found[alpha].append([])
            for update, q, e in learn(slippery, steps, alpha, GAMMA, 1.0, seed):
                found[alpha][-1].append((update, q, e))
                yield found


def draw_alphas(values):
    found = values[-1]
    longest = max(len(run) for runs in found.values() for run in runs)
    curves = {}
    for alpha, runs in found.items():
        curve = np.full((max(1, len(runs)), longest), np.nan)
        for row, run in zip(curve, runs, strict=False):
            row[: len(run)] = [e for _, _, e in run]
        curves[f"alpha = {alpha:g}"] = curve
    return error_curves(
        curves,
        x=50 * np.arange(longest),
        title=f"Three step sizes on a slippery floor, {seeds} seeds",
        what="which line comes down first, and where does each of them stand at the end: at rest, or on its way?",
    )


found = await watch(
    compare_alphas(),
    draw_alphas,
    total=len(alphas) * seeds * (steps // 50 + 1),
    title=f"{len(alphas)} step sizes, {seeds} seeds each",
)

# %% [markdown]
# Is a wrong value a bad policy? Follow each learned table greedily from the upper left, and compute exactly what that is
# worth.

# %%
finished = {alpha: [run for run in runs if run] for alpha, runs in (found or {}).items()}  # you may have stopped it
final_errors = {}
print(f"the best possible: {slippery.optimal_q(GAMMA)[0].max():.3f}")
for alpha, runs in finished.items():
    if runs:
        worth = [slippery.policy_value(run[-1][1].argmax(axis=1), GAMMA)[0] for run in runs]
        final_errors[alpha] = np.mean([run[-1][2] for run in runs])
        print(f"alpha = {alpha:<5g} worth {min(worth):.2f} to {max(worth):.2f},  error {final_errors[alpha]:.2f}")

compare("q_update-alpha", final_errors if len(final_errors) == len(alphas) else None)

# %% [markdown]
# So alpha weighs new against old. Large: quick, and noisy for ever. Small: exact, and slow, and here often still on its
# way. Look at the small alpha once more: its values are far off, yet its policy is good. What the policy needs is the
# order of the four values in each square, and that is right early.

# %% [markdown]
# ## 8 · Epsilon: how much to explore
#
# Another room, with two goals: a near one that pays 0.2 and a far one that pays 1. The walk to the far one is worth it.

# %%
two_goals = GridWorld(size=6, goals={(0, 2): 0.2, (5, 5): 1.0})
far_gamma = 0.95
q_table({"The exact Q*, gamma = 0.95": two_goals.optimal_q(far_gamma)}, goals=two_goals.goals)

# %% [markdown]
# **Predict.** [[question.epsilon]]

# %%
predict("q_update-epsilon")

# %%
prediction("q_update-epsilon")  # what you predicted is kept as it is, from here on
best_value = two_goals.optimal_q(far_gamma)[0].max()
epsilons = [0.1, 0.5, 1.0]
outcome, table = {}, {}
for epsilon in epsilons:
    worth = []
    for seed in SEEDS:
        *_, (_, q, _) = learn(two_goals, MOVES, 0.3, far_gamma, epsilon, seed)
        worth.append(two_goals.policy_value(q.argmax(axis=1), far_gamma)[0])
    outcome[epsilon], table[epsilon] = worth, q
    found_it = sum(value > 0.9 * best_value for value in worth)
    print(f"epsilon = {epsilon:<4g} greedy policy worth {np.median(worth):.2f} (best: {best_value:.2f}); ", end="")
    print(f"{found_it} of {len(worth)} seeds found the far goal")

q_table({"Learned with epsilon = 0.1": table[0.1], "Learned with epsilon = 1": table[1.0]}, goals=two_goals.goals)

# %%
solved = [epsilon for epsilon in epsilons if np.median(outcome[epsilon]) > 0.9 * best_value]
compare("q_update-epsilon", solved)

# %% [markdown]
# The light squares of the left table were hardly ever entered: the agent knows nothing of them, and while it is greedy it
# never will. It is content with 0.2 because it has never seen 1.
#
# Acting at random works here because Q-learning is off-policy, and because the room is small. In a large world random
# steps lead nowhere new. So one begins with epsilon = 1 and lets it sink while the agent learns: a **schedule**, as
# notebook [[target_network]] will use it.

# %% [markdown]
# ## 9 · Gamma: how far ahead
#
# Epsilon decides what an agent *finds*; gamma decides what it *wants*. In the same room, from the upper left, the near
# goal is 2 steps away, the far one 10.

# %% [markdown]
# **Predict.** [[question.gamma]]

# %%
predict("q_update-gamma")

# %%
prediction("q_update-gamma")  # what you predicted is kept as it is, from here on
gammas = np.linspace(0.5, 0.99, 50)
near_only = GridWorld(size=6, goals={(0, 2): 0.2})
far_only = GridWorld(size=6, goals={(5, 5): 1.0})
worth = {
    "near goal: 0.2, two steps": [near_only.optimal_q(gamma)[0].max() for gamma in gammas],
    "far goal: 1, ten steps": [far_only.optimal_q(gamma)[0].max() for gamma in gammas],
}
error_curves(
    worth,
    x=gammas,
    xlabel="gamma (discount factor)",
    ylabel="value in the upper left\n(discounted return)",
    title="What each goal is worth, from the start",
    what="left of the crossing the near goal is worth more, right of it the far one.",
)

# %%
near, far = (np.array(values) for values in worth.values())
compare("q_update-gamma", round(float(gammas[far > near][0]), 2))

# %% [markdown]
# The first of $n$ rewards is not discounted, so a goal $n$ steps away is worth $\gamma^{n-1}$ times its reward. The two
# are equal where $0.2\,\gamma = \gamma^9$, that is $\gamma^8 = 0.2$, $\gamma \approx 0.82$.
#
# A rule of thumb: with $\gamma$ an agent looks about $1 / (1 - \gamma)$ steps ahead: 10 for 0.9, 100 for 0.99. Why not
# always 0.999, then? A value far back is made of many bootstraps, each from a value that is not right yet. The larger
# gamma, the longer an error lives; notebook [[target_network]] comes back to that.

# %% [markdown]
# ## What we built
#
# | operation | in this notebook |
# | --- | --- |
# | **initialise** | a table, next to 0 |
# | **select** | `epsilon_greedy(q[s], epsilon, rng)` |
# | **execute** | `env.step(a)` |
# | **update** | `q[s, a] = q_update(...)`: the formula |
# | **evaluate** | the error against $Q^*$; the exact worth of the greedy policy |
#
# Today the learner was a formula and its weights were a table, with 25 rows. A table has a row for every state. How many
# would CartPole need, with its four real numbers? That is notebook [[q_network]].

# %%
ring("environment", "actor", "learner")

# %% [markdown]
# ### Quiz
#
# <details><summary>The agent bumps into a wall: s' equals s, the reward is 0. Does the update do anything?</summary>
#
# Yes. The target is $\gamma \max_{a'} Q(s, a')$: the best value of the same square, one step later. So the value of the
# bump becomes gamma times the best value of the square: a step lost, and no more. You can read it off the exact table in
# the upper left: .43 for the bumps, .48 for the good moves.
# </details>
#
# <details><summary>Why does the target use the maximum, though the agent sometimes explores?</summary>
#
# Because we want the values of the best policy, not of the one that explores. With the value of the action that the
# agent really takes next, one would learn what exploring is worth (that method is called SARSA). The maximum makes
# Q-learning off-policy.
# </details>
#
# <details><summary>Somebody forgets the case "terminated" and bootstraps from the goal's own row. In this room, with a
# table of zeros, nothing goes wrong. Why, and when would it?</summary>
#
# The goal's row is never updated, so it stays 0, and adding gamma times 0 is harmless. Begin with a table of ones, or
# put a network in its place that gives every state some value, and the last step is worth too much; the error then
# travels back like a reward.
# </details>

# %% [markdown]
# ### Further reading
#
# - Watkins (1989), *Learning from Delayed Rewards*: the thesis in which Q-learning was invented. Watkins and Dayan (1992)
#   prove that it finds $Q^*$ if every pair of state and action is visited again and again and alpha sinks slowly to 0.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*, sections 6.1 and 6.5.
# - Bellman (1957), *Dynamic Programming*: the equation that $Q^*$ solves.

# %%
stepper.reset()  # stops it, if it still plays
progress()

# %%
download_progress()
