"""From where this computer comes, as a cloud sees it: the only address for which a cluster's port is opened."""

from __future__ import annotations

import urllib.request

from dqnkit.errors import ClusterError

TELLS = "https://checkip.amazonaws.com"


def own_address(local: bool) -> str:
    """The address from which this computer reaches the internet, as a network of one: ``203.0.113.7/32``.

    Args:
        local: the cloud is on this computer.

    Raises:
        ClusterError: it could not be found out.
    """
    if local:
        return "127.0.0.1/32"
    try:
        with urllib.request.urlopen(TELLS, timeout=10) as answer:
            address = answer.read(100).decode().strip()
    except OSError as error:
        raise ClusterError(
            f"{TELLS} did not say from which address you come ({error}). Give it yourself: reach='203.0.113.7/32'"
        ) from error
    return f"{address}/{128 if ':' in address else 32}"
