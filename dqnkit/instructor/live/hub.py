"""The login of a JupyterHub that runs the server as a service: instructors come in by their account on the hub.

The hub says who someone is (OAuth 2, by `jupyterhub.services.auth.HubOAuth`), and the group of that account whether it
is an instructor. The browser gets a random cookie; the hub's token stays in this process and is asked about again every
minute, so that a right which the hub takes away is gone. Students join with the class code, as everywhere.
"""

from __future__ import annotations

import hmac
import os
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dqnkit.instructor.live import rights
from dqnkit.instructor.live.log import LiveError
from dqnkit.instructor.live.serving import Place

COOKIE = "dqnkit-class-hub"
MOST_SESSIONS = 1_000  # people logged in; the oldest are asked to log in again
ASK_AGAIN = 60  # seconds for which the hub's answer is believed


class HubLogin:
    """Who comes in, by the hub's word.

    Args:
        group: of the hub, whose members are instructors, as the hub's administrators are.
        is_secure: whether the pages are reached over TLS.

    Raises:
        LiveError: jupyterhub is not installed, or the process has not the variables that a hub gives a service.
    """

    is_repeated_by_itself = True  # a page that is loaded again comes in without a question, as the hub knows its reader

    def __init__(self, group: str, is_secure: bool) -> None:
        try:
            from jupyterhub.services.auth import HubOAuth
        except ModuleNotFoundError as error:
            raise LiveError(f"--hub needs the hub's own Python environment ({error}): pip install jupyterhub") from None
        _variable("JUPYTERHUB_API_TOKEN")
        self.hub = HubOAuth(cache_max_age=ASK_AGAIN)
        self.group, self.is_secure = group, is_secure
        self._tokens: dict[str, str] = {}  # hash of a cookie -> the hub's token

    async def right(self, request: Request) -> str | None:
        """The right of the account that is logged in."""
        user = await self._user(request)
        return rights.INSTRUCTOR if user and self._is_instructor(user) else None

    async def _user(self, request: Request) -> dict[str, Any] | None:
        token = self._tokens.get(rights.hashed(request.cookies.get(COOKIE, "")))
        if token is None:
            return None
        user: dict[str, Any] | None = await self.hub.user_for_token(token, sync=False)
        return user if user and self.hub.check_scopes(self.hub.access_scopes, user) else None

    def _is_instructor(self, user: dict[str, Any]) -> bool:
        return bool(user.get("admin")) or self.group in user.get("groups", ())

    def ask(self, request: Request) -> Response:
        """The way to the hub's login; who is logged in and no instructor is told so."""
        if rights.hashed(request.cookies.get(COOKIE, "")) in self._tokens:
            said = f"These pages are for the hub's group {self.group}. Students join from a notebook.\n"
            return Response(said, 403, media_type="text/plain")
        verifier, challenge, method = self.hub.generate_pkce_code_challenge()
        state = self.hub.generate_state(next_url=request.url.path, code_verifier=verifier)
        query = urlencode({"state": state, "code_challenge": challenge, "code_challenge_method": method})
        answer = RedirectResponse(f"{self.hub.login_url}&{query}", 302)
        self._set(answer, self._begun(state), state, seconds=600)
        return answer

    def routes(self) -> list[Route]:
        """Where the hub sends people back to."""
        return [Route("/oauth_callback", self._callback)]

    async def _callback(self, request: Request) -> Response:
        code, state = request.query_params.get("code", ""), request.query_params.get("state", "")
        expected = request.cookies.get(self._begun(state), "")
        if not code or not state or not hmac.compare_digest(state.encode(), expected.encode()):
            raise HTTPException(403, "This login was not begun here. Open the page again.")
        token = await self.hub.token_for_code(code, code_verifier=self.hub.get_code_verifier(state), sync=False)
        answer = RedirectResponse(self.hub.get_next_url(state), 302)
        self.hub.clear_oauth_state(state)
        answer.delete_cookie(self._begun(state), path=self.hub.base_url)
        cookie = rights.new_token()
        self._tokens[rights.hashed(cookie)] = token
        while len(self._tokens) > MOST_SESSIONS:
            self._tokens.pop(next(iter(self._tokens)))
        self._set(answer, COOKIE, cookie)
        return answer

    def _begun(self, state: str) -> str:
        """The cookie of one login: two pages of a browser may log in at once, as after a restart of the service."""
        return f"{self.hub.state_cookie_name}-{rights.hashed(state)[:16]}"

    def _set(self, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
        answer.set_cookie(
            name, value, seconds, path=self.hub.base_url, httponly=True, samesite="lax", secure=self.is_secure
        )


def place_and_prefix(address: str) -> tuple[Place, str]:
    """Where the hub wants its service to listen, and the prefix of the service's addresses.

    Args:
        address: of the hub as students' notebooks reach it, as https://hub.example.org.

    Raises:
        LiveError: no hub has said so.
    """
    wanted = urlsplit(_variable("JUPYTERHUB_SERVICE_URL"))
    prefix = _variable("JUPYTERHUB_SERVICE_PREFIX").rstrip("/")
    # the hub's proxy is in front, and TLS with the students is the hub's affair
    return Place(
        wanted.hostname or "127.0.0.1", wanted.port or 80, is_behind_tls=True, address=address + prefix
    ), prefix


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise LiveError(
            f"--hub is for a service that a JupyterHub starts, and {name} is not set: list it in c.JupyterHub.services"
        )
    return value
