"""A simulated cloud on this computer, for the notebook and the tests. No other part of the package imports it.

aws.py             `simulated_aws`: starts the cloud, and controls it
server.py          its process: moto answers as the API of Amazon EC2 does
permissions.py     whether an IAM policy allows a request
hypervisor.py      simulated machines: processes of this computer
cloud_init.py      what a machine's boot script tells it to do
sandbox.py         makes a process behave as in a container on another machine

It needs the extra `cloud`, and Linux or macOS.
"""
