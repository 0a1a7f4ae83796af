"""A driver that is there to be killed: it collects rollouts from the scheduler at an address, for ever."""

from __future__ import annotations

import sys

from clusters import Collector
from distributed import Client


def main(address: str) -> None:
    """Print ``collecting`` once rollouts arrive."""
    with Client(address) as client, Collector(client) as collector:
        for number in range(1_000_000):
            collector.collect()
            if number == 5:
                print("collecting", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
