"""What a notebook keeps of a live class: the membership, and events that are not sent yet.

It is a small folder beside the progress file. Each event is a file until the server has it, so nothing is lost when a
kernel ends, and several notebooks of one folder need no lock: whoever sends an event removes its file, and the server
counts an event once that two have sent. Where the folder cannot be written, this kernel remembers it all.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dqnkit.files import read_object, write_whole

NAME = ".dqnkit-class"
MOST = 50  # events in one request
Event = dict[str, Any]


@dataclass(frozen=True)
class Membership:
    """The class that a reader has joined."""

    address: str
    code: str
    token: str  # made here; the server knows the student by it
    name: str = ""  # as the reader gave it; empty: none
    class_name: str = ""  # as the server said; empty: it has not answered yet
    alias: str = ""  # what the instructor's page calls the reader

    @classmethod
    def new(cls, address: str, code: str, name: str = "") -> Membership:
        """A membership of which the server does not know yet."""
        return cls(address, code, secrets.token_urlsafe(24), name)

    @property
    def is_known(self) -> bool:
        """Whether the server has answered."""
        return bool(self.alias)

    def joined(self, class_name: str, alias: str) -> Membership:
        """The same, when the server has answered."""
        return replace(self, class_name=class_name, alias=alias)

    def lost(self) -> Membership:
        """The same, when the server does not know the token."""
        return replace(self, alias="")


class Outbox:
    """The folder of the class.

    Args:
        folder: of the progress file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / NAME
        self._unsent: dict[str, Event] = {}  # events that could not be written, by the names of their files
        self._count = 0

    def membership(self) -> Membership | None:
        """The class that was joined in this folder, also by another notebook or before a restart of the kernel."""
        try:
            return Membership(**read_object(self.folder / "membership.json"))
        except (OSError, ValueError, TypeError):  # there is none, or something else is in it
            return None

    def keep(self, membership: Membership) -> None:
        """Write the membership, readable for its owner alone."""
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(self.folder / "membership.json", json.dumps(asdict(membership), indent=2) + "\n")

    def put(self, event: Event) -> None:
        """Keep an event until it is sent."""
        self._count += 1
        # in the order of time; the random part keeps notebooks of one folder apart
        name = f"{time.time_ns():020d}-{self._count:06d}-{secrets.token_hex(4)}.json"
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            scratch = self.folder / f".{name}"
            scratch.write_text(json.dumps(event), encoding="utf-8")
            scratch.replace(self.folder / name)
        except OSError:
            self._unsent[name] = event

    def oldest(self) -> dict[str, Event]:
        """Up to `MOST` events that are not sent yet, by name, the oldest first."""
        found: dict[str, Event] = {}
        for name in self._names()[:MOST]:
            try:
                found[name] = self._unsent.get(name) or read_object(self.folder / name)
            except OSError:  # another notebook has sent it
                continue
            except ValueError:  # damaged
                self.remove([name])
        return found

    def remove(self, names: Iterable[str]) -> None:
        """Forget events that were sent."""
        for name in names:
            self._unsent.pop(name, None)
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._names())

    def _names(self) -> list[str]:
        return sorted({*(path.name for path in self.folder.glob("[0-9]*.json")), *self._unsent})

    def clear(self) -> None:
        """Forget the membership and all events."""
        self._unsent.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
