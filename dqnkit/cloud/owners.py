"""Whose a cluster is: who the cloud says that we are, and from which computer it was started. Both are tags.

The cloud's policy can be tied to the first. The second tells apart people who share an account; a user's name and a
host's name do not, because containers made from one image may have the same.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import socket
from functools import cache
from pathlib import Path


@cache
def this_computer() -> str:
    """This computer's name in tags, like ``anna_laptop-1f0c5a2e``, in the letters that both clouds allow.

    Its last part is random, made once for each user and kept in the folder of the user's settings.
    """
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        user = "somebody"
    name = re.sub("[^a-z0-9_-]", "-", f"{user}_{socket.gethostname()}".lower())
    return f"{name[:54]}-{_random_part()}"


def _random_part() -> str:
    """Eight letters; where they cannot be kept, others in each process: then only its own clusters count as its own."""
    new = secrets.token_hex(4)
    try:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "dqnkit"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "computer"
        try:
            with file.open("x", encoding="ascii") as opened:
                opened.write(new)
        except FileExistsError:
            kept = file.read_text(encoding="ascii", errors="replace").strip()
            return kept if re.fullmatch("[0-9a-f]{8}", kept) else new
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        pass
    return new
