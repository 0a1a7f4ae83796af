"""Worker of whole_process.py: train the DQN of SBX (JAX) for CartPole-v1 as RL Baselines3 Zoo does, and judge it.

Runs in an environment of its own, which needs sbx-rl and jax.
"""

import sys
from importlib.metadata import version

import report
from _zoo import ZOO
from sbx import DQN
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

STEPS = 50_000
EPISODES = 100

seed = int(sys.argv[1])
agent = DQN("MlpPolicy", "CartPole-v1", seed=seed, **ZOO["CartPole-v1"])
agent.learn(STEPS)
copies = make_vec_env("CartPole-v1", EPISODES, seed=10_000_000 + seed)  # all episodes at the same time
mean, _ = evaluate_policy(agent, copies, EPISODES)
versions = {package: version(package) for package in ("jax", "sbx-rl", "torch")}
report.emit(mean=float(mean), steps=STEPS, versions=versions)
