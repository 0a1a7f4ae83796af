"""A driver that is there to be killed: it has a cluster on the cloud that the environment names, and does nothing."""

from __future__ import annotations

import time

from dqnkit.deploy import make_cluster

if __name__ == "__main__":
    cluster = make_cluster("aws", n_workers=1, progress=lambda line: None)
    print("up", cluster.launch.id, flush=True)
    time.sleep(600)
