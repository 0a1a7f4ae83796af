"""Which Dask workers can run a learner process, and whether the network between them is private."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from distributed import Client

import dqnkit
from dqnkit.cluster.remote_eval import evaluate_on_workers
from dqnkit.errors import ClusterError, MissingExtraError

NO_TENSORFLOW = "does not have TensorFlow"
# Evaluated on a worker: its version of dqnkit ("" if it has none), and whether it has TensorFlow.
PACKAGES = """(
    __import__("dqnkit").__version__ if __import__("importlib.util").util.find_spec("dqnkit") else "",
    __import__("importlib.util").util.find_spec("tensorflow") is not None,
)"""


def choose_workers(client: Client, count: int) -> list[str]:
    """Addresses of ``count`` workers that can run a learner process.

    Raises:
        ClusterError: there are too few.
        MissingExtraError: there would be enough if all had TensorFlow.
    """
    addresses = list(client.nthreads())
    packages = evaluate_on_workers(client, PACKAGES, addresses)
    faults = {
        address: _fault(*packages[address]) if address in packages else "does not answer" for address in addresses
    }
    able = [address for address, fault in faults.items() if not fault]
    if len(able) >= count:
        return able[:count]
    lacking = [address for address, fault in faults.items() if fault == NO_TENSORFLOW]
    if len(able) + len(lacking) >= count:
        raise MissingExtraError(f"TensorFlow, which learner processes need, on worker {', '.join(lacking)}", "learner")
    others = "".join(f"; {address} {fault}" for address, fault in faults.items() if fault)
    raise ClusterError(
        f"{count} learner processes need as many Dask workers, each its own, and this cluster has {len(able)} that can "
        f"run one{others}. Start more, and wait for them: client.wait_for_workers({count})"
    )


def _fault(version: str, has_tensorflow: bool) -> str:
    """Why a worker cannot run a learner process; empty if it can."""
    if not version:
        return "does not have dqnkit"
    if version != dqnkit.__version__:
        return f"has dqnkit {version}, not {dqnkit.__version__} as here"
    return "" if has_tensorflow else NO_TENSORFLOW


def check_network(hosts: Iterable[str], insecure: bool) -> None:
    """Check that TensorFlow's connections, which have no protection, stay in a private network.

    Args:
        hosts: names or addresses of the workers' machines.
        insecure: accept any network.

    Raises:
        ClusterError: a host is not in a private network, and ``insecure`` is false.
    """
    public = [host for host in hosts if not _is_private(host)]
    if public and not insecure:
        raise ClusterError(
            f"the learner processes on {', '.join(public)} would talk over a network that is not private, and "
            "TensorFlow's connections have neither encryption nor passwords. Use workers with private addresses, or, "
            "if a firewall keeps others out, say MultiWorkerLearner(..., insecure=True)"
        )


def _is_private(host: str) -> bool:
    """Whether an address, or every address that a name resolves to, is loopback or private."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address.partition("%")[0]).is_private for address in found)
