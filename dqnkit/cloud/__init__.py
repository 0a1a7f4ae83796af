"""Clusters on rented machines of a cloud: what they cost, how they start, and how nothing is left that costs money.

Reading order:

settings.py        time limits and other settings, in Dask's configuration
order.py           what is ordered: how many machines of which type, for how long, for how much
prices.py          what machines cost (data/prices.json, a dated table that you can edit), and the estimate for an order
options.py         from the options of `make_cluster` to a checked order
clock.py           the clock by which machines are paid
meter.py           what has been spent so far; training ends before the budget is spent
boot.py            the script that each machine runs when it boots, which also limits its lifetime
launch.py          the steps around every start: dry run, estimate and confirmation, clean-up after an error
machines.py        what the clusters of both clouds share: time limits, replacing lost machines, removing everything
aws.py, gcp.py     the cluster classes, built on those of dask-cloudprovider
ec2.py, gce.py     all other calls of the clouds' APIs: networks, firewalls, what is left, permissions
public_ip.py       this computer's address on the internet, for which the scheduler's port is opened
owners.py          whose a cluster is: who the cloud says that we are, and which computer this is
leftovers.py       machines and firewalls that are still there, found by their tags
accounts.py        one interface to an account on either cloud, for the command line
simulated/         a cloud on this computer, for the notebook and the tests; nothing else imports it

Nothing here runs on a worker, and importing this package alone imports nothing else.
"""

CLOUDS = ("aws", "gcp")  # Amazon EC2 and Google Compute Engine
