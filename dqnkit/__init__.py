"""dqnkit: Deep Q-Learning built up one part at a time, then trained on a cluster.

The ring that data flows through, and the room where each part lives::

    environments -> actor.Actor.rollout -> types.Rollout -> replay.ReplayBuffer
         ^                                                        |
         |  policy.q_values                                       v
         +------- types.PolicyWeights <--------- learner.Learner.update

All of it on one page is `dqn_in_one_file`, in 15 minutes. To read the package itself takes an afternoon, in this order:

    ===============  =======  =======================================================================
    room             minutes  what it holds
    ===============  =======  =======================================================================
    types            10       the records that travel through the ring
    config           5        every setting, one documented line each (skip the checks at the end)
    environments     10       environments made and checked, one or many at once
    exploration      5        epsilon-greedy, and schedules
    policy           15       the Q-network in NumPy, as actors use it (no TensorFlow up to here)
    actor            20       environment steps under one version of the weights: a rollout
    replay           10       transitions kept, and drawn at random
    value_learning   15       the update rules, and the loss made of them
    networks         10       the Q-network in Keras, and the update of the target network
    learner          25       gradient steps, many in one compiled call
    rollouts         5        where experience comes from
    training         20       ``train``: the only loop, a generator of TrainStatus
    evaluation       5        greedy episodes, one on each copy of the environment
    ===============  =======  =======================================================================

Skip at the first reading, each until something needs it:

    packing, frames, array_store    n-step transitions; frames of overlapping stacks stored once
    prioritized_replay, sum_tree, actor_priorities      draws by TD error
    network_layers, replicas        layers of variants in Keras and NumPy; several replicas under a strategy
    presets, settings, default_parts    settings known to work; how settings are checked; what train makes by default
    action_bins, action_values      continuous actions cut into bins; the best action, and values of dimensions
    environment_limits, games, atari    what is supported; environments that other packages bring; Atari
    small_environments, opengl, own_process     environments whose Q* is known; pictures of robots without a display
    arguments, argument_errors, named_wrappers      an environment's arguments and wrappers, as settings of a run
    running_statistics, minigrid_planes     observations normalized by what was seen; MiniGrid's as planes of 0 and 1
    environment_contract            what every environment keeps to, tried on one of the reader's own
    observations                    how a network reads them: pictures or vectors, scaled by what; data that do not fit
    checkpoint, runs, videos        a run on disk
    event_file, compiled_programs   its numbers for TensorBoard; what XLA compiled, kept for the next process

Then, from the bottom up:

    cluster, cloud, deploy          rollouts and learners on other processes and machines (only these import Dask)
    plots, widgets                  figures, drawn off-screen; live panels in the notebooks
    classroom, lessons              checks, predictions, progress; one folder a lesson
    authoring                       the notebooks built from their sources
    cli, doctor, lab, colab         the command line; this computer examined; the course opened

Importing `dqnkit` imports nothing else; an actor never needs TensorFlow.
"""

import os

__version__ = "0.1.0"

# TensorFlow comments on the processor and on XLA in lines that students take for errors, and XLA calls some of them
# errors. What has to be known comes as an exception. Set it to 0 to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
