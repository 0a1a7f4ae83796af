"""Worker of whole_process.py: train the DQN of SBX (JAX) for CartPole-v1 as RL Baselines3 Zoo does, and judge it.

Runs in an environment of its own, which needs sbx-rl and jax.
"""

import sys
from importlib.metadata import version

import report
from sbx import DQN
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

STEPS = 50_000
SETTINGS = {  # hyperparams/dqn.yml of the zoo
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}
EPISODES = 100

seed = int(sys.argv[1])
agent = DQN("MlpPolicy", "CartPole-v1", seed=seed, **SETTINGS)
agent.learn(STEPS)
copies = make_vec_env("CartPole-v1", EPISODES, seed=10_000_000 + seed)  # all episodes at the same time
mean, _ = evaluate_policy(agent, copies, EPISODES)
versions = {package: version(package) for package in ("jax", "sbx-rl", "torch")}
report.emit(mean=float(mean), steps=STEPS, versions=versions)
