"""Clusters on machines that cost money: asked for, watched, and never left behind.

order.py         what is asked of a cloud, checked before anything starts
prices.py        what machines cost, in a dated table that can be edited
meter.py         what has been spent so far; training ends before the budget does
boot.py          the script that each machine runs when it starts, which also sets its end
aws.py, gcp.py   the clusters, through dask-cloudprovider
leftovers.py     what is still there, found by its tags, and how to remove it
permissions.py   what an account must allow, and a dry run that says what it does not
simulated.py     a cloud on this computer, for those without an account

It imports nothing by itself, and nothing here runs on a worker.
"""
