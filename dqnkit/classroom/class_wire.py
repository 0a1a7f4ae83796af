"""Requests to the server of a live class, with the standard library alone: Colab and Binder need nothing installed.

Every request has a time limit, follows no redirect, and goes around proxies on the same computer.
"""

from __future__ import annotations

import ipaddress
import json
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import dqnkit
from dqnkit.errors import ConfigError

SECONDS = 5.0  # for a request and its answer
LARGEST_ANSWER = 100_000  # bytes


class RefusedError(Exception):
    """The server answered and said no; the message says why. The same request would be refused again."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class UnreachableError(Exception):
    """There was no answer, or the server was busy: it can be tried again after ``wait`` seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def read_address(text: str, is_given_by_the_system: bool = False) -> str:
    """An address as it was typed: https is added where no scheme is named, and a slash at the end removed.

    Args:
        text: the address.
        is_given_by_the_system: not typed, but set where notebooks run, as by a JupyterHub: its own network is trusted.

    Raises:
        ConfigError: it is none, or has no TLS and leaves this computer.
    """
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(f"the address of a class is as https://class.example.org, not {text!r}")
    if parts.scheme == "http" and not is_given_by_the_system and not is_loopback(host):
        raise ConfigError(f"{text} is without TLS: others could read what you send. Ask for the address with https://")
    return text


def is_loopback(host: str) -> bool:
    """Whether an address is this computer's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(address: str, path: str, data: dict[str, Any], token: str = "") -> dict[str, Any]:
    """Send a JSON object and return the one that is answered.

    Raises:
        RefusedError: the server said no.
        UnreachableError: there was no answer in time, or the server was busy.
    """
    # imported here: only who joins a class needs them
    import urllib.error
    import urllib.request

    headers = {"Content-Type": "application/json", "User-Agent": f"dqnkit/{dqnkit.__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{address}/{path}", json.dumps(data).encode(), headers, method="POST")
    around = [urllib.request.ProxyHandler({})] if is_loopback(urlsplit(address).hostname or "") else []
    opener = urllib.request.build_opener(*around, _no_redirects())
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            answered = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise _problem(error.code, error.headers.get("Retry-After", ""), error.read(LARGEST_ANSWER)) from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)  # of an error of urllib, what caused it
        said = getattr(reason, "strerror", "") or str(reason) or type(reason).__name__
        raise UnreachableError(said) from None
    except ValueError:
        raise UnreachableError("something else than the class answers there") from None
    if not isinstance(answered, dict):
        raise UnreachableError("something else than the class answers there")
    return answered


def _no_redirects() -> Any:
    """A handler for which a redirect is an answer: what is sent goes to the address that was agreed to."""
    from urllib.request import HTTPRedirectHandler

    class NoRedirects(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    return NoRedirects()


def _problem(status: int, retry_after: str, content: bytes) -> Exception:
    try:
        reason = str(json.loads(content)["error"])[:300]
    except (ValueError, KeyError, TypeError):  # not from the class's server
        return UnreachableError(f"status {status} from that address")
    if status in (408, 429) or status >= 500:
        return UnreachableError(reason, float(retry_after) if retry_after.isdigit() else 0.0)
    return RefusedError(status, reason)
