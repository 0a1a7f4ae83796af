"""A learner over several processes, each on its own Dask worker. `train` uses it like a learner in this process.

    driver                                Dask worker r                    learner process r (TensorFlow)
    replay.sample -> [K, B]
      part r of it, [K, B/n] -----------> supervisor ---- pipe ----------> Learner.update
                                                                             K times: gradients, summed over all
      TD errors [K, B/n], losses [K] <--- supervisor <--- pipe ---------   processes (TensorFlow's own gRPC)
      parameters [P], on request <------- supervisor of r = 0

    learner            MultiWorkerLearner: what the loop calls
    workers            which Dask workers can run a learner process
    process_group      the driver's side: starts all processes, sends them messages, stops them together
    supervisor         runs on a Dask worker: starts one learner process and watches it
    learner_process    the process itself: a Learner that answers messages
    messages           how a message is written as bytes

Replay stays in the driver. Each process gets 1/n of each batch, and all processes compute the same update. So their
weights are always equal, and equal (to float tolerance) to those of a single learner. Messages consist of a JSON header
and plain arrays. They travel over Dask's connections, through the scheduler, with TLS if the cluster uses it.

Cost. Bytes for one call of `update`, with observations of ``o`` bytes, n processes and P parameters:

    driver to all processes        K B (2 o + 16)                  observations; action, reward, discount, importance
    all processes to the driver    4 K B + 4 K n                   TD errors, losses
    each process to its next       K 2 (n - 1) / n 4 P             a ring all-reduce for each of the K updates
    process 0 to the driver        4 P                             once for each version of the weights

Example: the CartPole preset (K = 64, B = 64, o = 16, P = 898) with two processes. 197 kB go to the processes, 17 kB
come back, and 460 kB go between the processes. Messages pass through the scheduler, so Dask's part crosses the network
twice. In all, 1,011 kB were measured on the loopback, in calls of 63 ms (a `Learner` takes 3 ms). The time goes into
waiting, not into bytes: even a small all-reduce between two processes on one computer takes 0.9 ms, each update needs
one, and Dask adds 5 ms to a call. With images, bytes matter: observations of 84 x 84 x 4 bytes with K = 16 and B = 64
make 58 MB a call, which take half a second at the 100 MB/s that Dask and the pipe reach.

Several processes are faster only when computing a part's gradient takes much longer than this: with large networks and
batches, and a machine or a GPU for each process. Measured with a core for each process: two took 1.4 times as long as
one where an update of one took 6 ms (two layers of 512 units, B = 256), 0.8 times where it took 22 ms (B = 1024), and
0.48 times where it took 370 ms (two layers of 1024 units, B = 4096). See ``tests/benchmarks/multiworker_update.py``.

A process uses all GPUs that its worker sees. If several workers share a machine with GPUs, start each worker with its
own ``CUDA_VISIBLE_DEVICES``.

Security. TensorFlow's gRPC between the processes has neither TLS nor passwords. It listens on every network interface
of the machine, even when the address is 127.0.0.1: the address 0.0.0.0 is written into TensorFlow, and no setting of
TensorFlow or gRPC changes it. So the processes are started only if the caller says ``insecure=True``, and a warning
names the ports. Anybody who can reach them, also another user of the same computer, can read and change what is
computed: protect them with a firewall.

Proxies. gRPC sends connections through the proxy that ``http_proxy`` names, also those to 127.0.0.1. The processes
are told to reach each other without it (``no_grpc_proxy``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dqnkit.cluster.multiworker.learner import MultiWorkerLearner

__all__ = ["MultiWorkerLearner"]


def __getattr__(name: str) -> Any:
    """Import the class on first use (PEP 562): learner processes import this package and do not need Dask."""
    if name == "MultiWorkerLearner":
        from dqnkit.cluster.multiworker.learner import MultiWorkerLearner

        return MultiWorkerLearner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
