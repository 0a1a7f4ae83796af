"""Rollouts and learners on a Dask cluster. Dask is imported only here and in `dqnkit.cloud`.

    from dqnkit.deploy import make_cluster
    from dqnkit.cluster.rollouts import ClusterRollouts

    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        for status in train(config, rollouts=ClusterRollouts(client)):
            ...

This file imports nothing: a worker needs only `dqnkit.cluster.worker`, and should load nothing else.
"""
