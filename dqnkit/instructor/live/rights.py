"""Who may do what: the class code, tokens, and how often a wrong code may be tried.

A student has a token, made by the student's notebook when it joins; it allows to send events and nothing else. The
instructor and the projector have links, printed when the server starts. What is kept of a token is its hash.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import deque
from collections.abc import Callable

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without the letters and digits that look like others
CODE_LENGTH = 4
INSTRUCTOR, PROJECTOR = "instructor", "projector"
MINUTE = 60.0
WRONG_CODES = 30  # a minute from one address: a whole class may be behind it; 0.2 % of all codes in an hour
WRONG_CODES_OF_ALL = 300  # a minute, from all addresses
EVENTS_A_MINUTE = 240  # of one student; more wait in the student's notebook


def new_code() -> str:
    """A class code that can be read from the last row: four letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def new_token() -> str:
    """The token of a link: 192 bits."""
    return secrets.token_urlsafe(24)


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_code(text: str) -> str:
    """A code as it was typed, in capitals and without spaces or hyphens."""
    return "".join(mark for mark in text.upper() if mark.isalnum())


class Limit:
    """At most so many in a minute, for each key.

    Args:
        most: in a minute.
        clock: in seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._when: dict[str, deque[float]] = {}

    def count(self, key: str, times: int = 1) -> None:
        """Note that it happened."""
        self._when.setdefault(key, deque()).extend([self._clock()] * times)
        if len(self._when) > 10_000:  # an attack from many addresses must not fill the memory
            self._forget()

    def wait(self, key: str) -> float:
        """Seconds until it may happen again; 0 now."""
        when = self._when.get(key)
        if when is None:
            return 0.0
        self._drop(when)
        return when[-self.most] + MINUTE - self._clock() if len(when) >= self.most else 0.0

    def _drop(self, when: deque[float]) -> None:
        while when and when[0] <= self._clock() - MINUTE:
            when.popleft()

    def _forget(self) -> None:
        for key in list(self._when):
            self._drop(self._when[key])
            if not self._when[key]:
                del self._when[key]


class Guessing:
    """Limits on wrong codes: from one address, and from all that have sent a wrong one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._each, self._all = Limit(WRONG_CODES, clock), Limit(WRONG_CODES_OF_ALL, clock)
        self._suspects = Limit(1, clock)

    def wait(self, address: str) -> float:
        """Seconds that this address has to wait; 0 if it may try. Guessers elsewhere keep no class out."""
        place = _network(address)
        if self._suspects.wait(place):
            return max(self._each.wait(place), self._all.wait(""))
        return 0.0

    def was_wrong(self, address: str) -> None:
        """Note a wrong code."""
        place = _network(address)
        for limit, key in ((self._each, place), (self._suspects, place), (self._all, "")):
            limit.count(key)


def _network(address: str) -> str:
    """Whose an address is: an IPv6 customer has 2**64 of them."""
    try:
        return str(ipaddress.ip_network((address, 64 if ":" in address else 32), strict=False))
    except ValueError:
        return "unknown"
