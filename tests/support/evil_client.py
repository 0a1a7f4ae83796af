"""Another user of this computer, who tries to use Dask's servers: python evil_client.py HOST:PORT... prints JSON.

He tries each address without TLS, with TLS, and with certificates that he has made himself, and asks the server who it
is: whoever gets an answer to that may also have code run. Started by root, he becomes the user nobody first.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from typing import Any

from distributed import Security, rpc

SECONDS = 8
NOBODY = 65534
TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname, TRUSTING.verify_mode = False, ssl.CERT_NONE
ATTEMPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "without TLS": ("tcp", {}),
    "with TLS, no certificate": ("tls", {"ssl_context": TRUSTING}),
    "with a certificate of his own": ("tls", Security.temporary().get_connection_args("client")),
}
# He trusts every server, so that it is the server which has to refuse him.
ATTEMPTS["with a certificate of his own"][1]["ssl_context"].verify_mode = ssl.CERT_NONE


async def attack(address: str, connection: dict[str, Any], seconds: float) -> str:
    """What a server at an address answers; "ANSWERED: ..." if it does."""
    try:
        server = rpc(address, timeout=seconds, connection_args=connection)
        async with server:
            return f"ANSWERED: {(await asyncio.wait_for(server.identity(), seconds))['type']}"
    except Exception as error:
        return f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}".splitlines()[0]


async def attack_all(addresses: list[str], seconds: float = SECONDS) -> dict[str, dict[str, str]]:
    """Make all attempts on all addresses at the same time."""
    keys = [(address, name) for address in addresses for name in ATTEMPTS]
    calls = [attack(f"{ATTEMPTS[name][0]}://{address}", ATTEMPTS[name][1], seconds) for address, name in keys]
    found: dict[str, dict[str, str]] = {address: {} for address in addresses}
    for (address, name), answer in zip(keys, await asyncio.gather(*calls), strict=True):
        found[address][name] = answer
    return found


if __name__ == "__main__":
    asyncio.run(
        attack_all(["127.0.0.1:1"], seconds=0.5)
    )  # imports all that is needed, which nobody may be unable to read
    if os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    print(json.dumps({"user": os.getuid(), "found": asyncio.run(attack_all(sys.argv[1:]))}))
