"""This computer's public IP address: the only one for which a cluster's port is opened."""

from __future__ import annotations

import urllib.request

from dqnkit.errors import ClusterError

SERVICE = "https://checkip.amazonaws.com"  # answers with the address that a request comes from


def public_ip(local: bool) -> str:
    """The address from which this computer reaches the internet, as a network of one address: ``203.0.113.7/32``.

    Args:
        local: the cloud is a simulated one on this computer.

    Raises:
        ClusterError: the service did not answer.
    """
    if local:
        return "127.0.0.1/32"
    try:
        with urllib.request.urlopen(SERVICE, timeout=10) as answer:
            address = answer.read(100).decode().strip()
    except OSError as error:
        raise ClusterError(
            f"{SERVICE} did not say from which address you come ({error}). Give it yourself: reach='203.0.113.7/32'"
        ) from error
    return f"{address}/{128 if ':' in address else 32}"
