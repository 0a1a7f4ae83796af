"""Rollouts and learners on a Dask cluster. The only room that imports Dask.

    from dqnkit.cluster.deploy import make_cluster
    from dqnkit.cluster.rollouts import ClusterRollouts

    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        for status in train(config, rollouts=ClusterRollouts(client)):
            ...

This file imports nothing: a worker needs only `dqnkit.cluster.worker`, and should load nothing else.
"""
