"""Which Dask workers can run a learner process."""

from __future__ import annotations

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
