"""A Dask cluster that the reader made: it is used like any other, and stays open at the end of a ``with`` block."""

from __future__ import annotations

from typing import Any

from distributed import Client
from distributed.deploy.cluster import Cluster


class BorrowedCluster:
    """All that the reader's cluster can do, except that `close` leaves it as it is.

    Args:
        cluster: of any kind: of distributed, dask-gateway, dask-jobqueue.
    """

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def __enter__(self) -> BorrowedCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get_client(self) -> Any:
        """A client of its own. Dask's would be one that the reader has already, and closing it would close theirs."""
        return Client(self._cluster) if isinstance(self._cluster, Cluster) else self._cluster.get_client()

    def close(self, *_: Any, **__: Any) -> None:
        """Do nothing: whoever made the cluster closes it."""

    def __repr__(self) -> str:
        return repr(self._cluster)

    def _repr_html_(self) -> str:
        return str(self._cluster._repr_html_())
