"""Clusters on machines that cost money: asked for, watched, and never left behind.

order.py         what is asked of a cloud; ordering.py makes it of what the reader says
prices.py        what machines cost, in a dated table that can be edited
meter.py         what has been spent so far; training ends before the budget does
boot.py          the script that each machine runs when it starts, which also sets its end
machines.py      what the clusters of all clouds share: limits, replacements, the end
aws.py, gcp.py   the clusters, through dask-cloudprovider
ec2.py, gce.py   what the clouds are asked beside the machines, and what they allow
leftovers.py     what is still there, by its tags
simulated.py     a cloud on this computer, for those without an account; simulator.py is its process, with
                 hypervisor.py, container.py, userdata.py for its machines and policy.py for what an account may do

It imports nothing by itself, and nothing here runs on a worker.
"""
