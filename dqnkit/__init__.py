"""dqnkit: Deep Q-Learning built up one part at a time, then trained on a cluster.

The ring that data flows through, and the room where each part lives::

    environments -> actor.Actor.rollout -> types.Rollout -> replay.ReplayBuffer
         ^                                                        |
         |  policy.q_values                                       v
         +------- types.PolicyWeights <--------- learner.Learner.update

    config          every setting, one documented line each; settings known to work per environment
    exploration     epsilon-greedy, schedules
    policy          the Q-network in NumPy, for actors          (no TensorFlow up to here)
    value_learning  the update rules: q_learning, double_q_learning, huber
    networks        the Q-network in Keras, the target update
    training        train: the only loop, a generator of TrainStatus
    evaluation      evaluate, record_video
    checkpoint      save, restore
    plots           figures, drawn off-screen
    cluster         rollouts and learners on other processes    (with cloud, the only room that imports Dask)
    cloud           clusters on rented machines: prices, limits, nothing left behind
    deploy          make_cluster: a cluster of any kind, here or elsewhere
    widgets         live plots and panels in the notebooks
    classroom       checks, predictions, progress; the notebooks built
    cli, doctor     the command line; lab and colab open the course

Importing `dqnkit` imports nothing else; an actor never needs TensorFlow.
"""

import os

__version__ = "0.1.0"

# TensorFlow comments on the processor and on XLA in lines that students take for errors. Set it to 0 to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
