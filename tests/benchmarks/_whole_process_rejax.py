"""Worker of whole_process.py: train rejax's DQN for CartPole-v1 with its settings, and judge it.

Runs in an environment of its own, which needs jax, gymnax and rejax.
"""

import sys
from importlib.metadata import version

import jax
import report
from rejax.algos import DQN

STEPS = 100_000
SETTINGS = {  # configs/gymnax/cartpole.yaml of rejax 0.1, except that it is judged only at the end
    "agent": "DuelingQNetwork",
    "agent_kwargs": {"activation": "swish"},
    "num_envs": 10,
    "buffer_size": 50_000,
    "fill_buffer": 5_000,
    "batch_size": 100,
    "max_grad_norm": 10,
    "learning_rate": 0.001,
    "num_epochs": 5,
    "polyak": 0.98,
    "eps_start": 1,
    "eps_end": 0.05,
    "exploration_fraction": 0.5,
    "gamma": 0.99,
    "ddqn": True,
    "normalize_observations": False,
}

algorithm = DQN.create(
    env="CartPole-v1", total_timesteps=STEPS, eval_freq=STEPS, skip_initial_evaluation=True, **SETTINGS
)
_, (_, returns) = jax.jit(algorithm.train)(jax.random.PRNGKey(int(sys.argv[1])))  # [evaluations, episodes]
versions = {package: version(package) for package in ("jax", "gymnax", "rejax")}
report.emit(mean=float(returns[-1].mean()), steps=STEPS, versions=versions)
