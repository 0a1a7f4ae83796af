"""A real sshd on the loopback, of the user who runs the tests, with keys made for it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import psutil

SSHD = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


@contextmanager
def sshd(folder: Path, **variables: str) -> Iterator[tuple[dict[str, Any], psutil.Process]]:
    """`connect_options` that open its door, and its process; it gives what it starts some environment variables."""
    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    for name, key in (("host_key", host_key), ("user_key", user_key)):
        key.write_private_key(folder / name)
        (folder / name).chmod(0o600)
    user_key.write_public_key(folder / "authorized_keys")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where root's sshd insists on it
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    known = "".join(f"[{host}]:{port} {host_key.export_public_key().decode()}" for host in ("127.0.0.1", "127.0.0.2"))
    (folder / "known_hosts").write_text(known)
    settings = {
        "ListenAddress": f"127.0.0.1:{port}\nListenAddress 127.0.0.2:{port}",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "SetEnv": " ".join(f'{name}="{value}"' for name, value in variables.items()) or "TESTED=yes",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with (folder / "sshd.log").open("w") as log:
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    options = {
        "port": port,
        "client_keys": [str(folder / "user_key")],
        "known_hosts": str(folder / "known_hosts"),
        "config": None,
        "agent_path": None,
    }
    try:
        deadline = time.monotonic() + 20
        while "Server listening on 127.0.0.1" not in (text := (folder / "sshd.log").read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.02)
        yield options, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)
