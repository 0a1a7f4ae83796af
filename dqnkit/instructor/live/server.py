"""The addresses of the server, and what each takes and gives.

| address | who | what |
| --- | --- | --- |
| ``POST api/join`` | whoever has the class code | a token of the student's own making becomes a student |
| ``POST api/events`` | a student's token | events; each is kept once, whatever is sent again |
| ``GET enter/TOKEN`` | whoever has a link | a cookie with the link's right |
| ``GET .``, ``instructor``, ``projector`` | by right | the pages |
| ``GET api/pictures`` | by right | what the page shows, whenever it changes (server-sent events) |
| ``GET api/me`` | anybody | which right the sender has |
| ``POST api/control``, ``api/record`` | the instructor | the buttons; a dropped progress file |

Sizes are limited, texts of students are data and never HTML, and the pages run no script but their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from dqnkit.files import parse_json
from dqnkit.instructor.live import records, rights
from dqnkit.instructor.live.events import printable, read_event
from dqnkit.instructor.live.room import Room
from dqnkit.instructor.live.state import alias

PAGES = Path(__file__).parent / "pages"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LARGEST_REQUEST = 200_000  # bytes
MOST_EVENTS = 100  # in one request
READ_ON = 10  # times as much is read of a request that is too large
SECONDS = 10.0  # for a request to arrive
LONGEST_NAME = 60  # characters
TOKEN_LENGTHS = range(20, 100)  # characters
COOKIE = "dqnkit-class"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Login(Protocol):
    """How the instructor and the projector come in."""

    is_repeated_by_itself: bool  # whether it is enough to load a page again that the server does not know any more

    async def right(self, request: Request) -> str | None:
        """What the sender of a request may do; None: nothing."""

    def ask(self, request: Request) -> Response:
        """What someone without a right gets instead of a page."""

    def routes(self) -> list[Route]:
        """The addresses that the login needs."""


class LinkLogin:
    """By links that are printed when the server starts: a link sets a cookie.

    Args:
        room: whose log keeps the links.
        is_secure: whether the pages are reached over TLS.
    """

    is_repeated_by_itself = False

    def __init__(self, room: Room, is_secure: bool) -> None:
        self.room, self.is_secure = room, is_secure

    async def right(self, request: Request) -> str | None:
        """The right of the link whose cookie came with a request."""
        token = request.cookies.get(COOKIE, "")
        return await self.room.in_log(self.room.log.right, rights.hashed(token)) if token else None

    def ask(self, request: Request) -> Response:
        """A sentence that says where the link is."""
        said = "This page opens with the link that `dqnkit class live` printed when it was started.\n"
        return Response(said, 401, media_type="text/plain")

    def routes(self) -> list[Route]:
        """``enter/TOKEN``."""
        return [Route("/enter/{token}", self._enter)]

    async def _enter(self, request: Request) -> Response:
        token = request.path_params["token"]
        right = await self.room.in_log(self.room.log.right, rights.hashed(token))
        if right is None:
            return self.ask(request)
        answer = RedirectResponse(f"{request.scope['root_path']}/{right}", 303)
        path = request.scope["root_path"] or "/"
        answer.set_cookie(COOKIE, token, path=path, httponly=True, samesite="strict", secure=self.is_secure)
        return answer


class LiveServer:
    """The application.

    Args:
        room: the class.
        address: as students reach the server, without a slash at its end.
        login: how the instructor comes in; by links unless given.
        prefix: of all addresses, as a JupyterHub gives it to a service.
    """

    def __init__(self, room: Room, address: str, login: Login | None = None, prefix: str = "") -> None:
        self.room, self.address = room, address
        self.login: Login = login or LinkLogin(room, address.startswith("https:"))
        self.guessing = rights.Guessing()
        self.events = rights.Limit(rights.EVENTS_A_MINUTE)
        self._pages = {path.name: path.read_bytes() for path in PAGES.iterdir() if path.suffix in KINDS}
        routes = [
            _takes("/api/join", self._join),
            _takes("/api/events", self._events),
            _takes("/api/control", self._control),
            _takes("/api/record", self._record),
            Route("/api/pictures", self._pictures),
            Route("/api/me", self._me),
            Route("/pages/{name}", self._file),
            Route("/", self._home),
            Route("/instructor", self._page_of(rights.INSTRUCTOR)),
            Route("/projector", self._page_of(rights.PROJECTOR)),
            *self.login.routes(),
        ]
        self.app = Starlette(
            routes=[Mount(prefix, routes=routes)] if prefix else routes,
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _say},
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.room.close()

    async def _join(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        wait = self.guessing.wait(address)
        if wait:
            raise _later(wait, "Too many wrong codes came from your network")
        data = await _read(request)
        code, token, name = (data.get(key, "") for key in ("code", "token", "name"))
        if not all(isinstance(text, str) for text in (code, token, name)) or len(token) not in TOKEN_LENGTHS:
            raise HTTPException(400, "code, token and name are text")
        if rights.read_code(code) != self.room.state.code:
            self.guessing.was_wrong(address)
            raise HTTPException(403, "No class has this code. Type it as the projector shows it.")
        student = await self.room.student(token)
        if student is None and not self.room.state.is_joining:
            raise HTTPException(403, "The instructor has closed the class to new students.")
        student = student or await self.room.join(token, printable(name)[:LONGEST_NAME])
        if student is None:
            raise HTTPException(403, "The class is full.")
        return _json({"class": self.room.state.name, "alias": alias(student.number)})

    async def _events(self, request: Request) -> Response:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        student = await self.room.student(token) if kind == "Bearer" and len(token) in TOKEN_LENGTHS else None
        if student is None:
            raise HTTPException(401, "Join the class first.")
        wait = self.events.wait(str(student.number))
        if wait:
            raise _later(wait, "Too many events in a minute")
        sent = (await _read(request)).get("events")
        if not isinstance(sent, list) or len(sent) > MOST_EVENTS:
            raise HTTPException(400, f"events is a list of at most {MOST_EVENTS}")
        self.events.count(str(student.number), len(sent))
        events, refused = [], {}
        for place, data in enumerate(sent):
            try:
                events.append(read_event(data, self.room.catalogue))
            except ValueError as error:
                refused[str(place)] = str(error)
        await self.room.add(student.number, events)
        return _json({"kept": [event.id for event in events], "refused": refused})

    async def _pictures(self, request: Request) -> Response:
        right = await self.login.right(request)
        page = request.query_params.get("page")
        if right is None or (page == rights.INSTRUCTOR and right != rights.INSTRUCTOR):
            raise HTTPException(401, "Open the page again with its link.")
        sees = rights.INSTRUCTOR if page == rights.INSTRUCTOR else rights.PROJECTOR

        async def stream() -> AsyncIterator[str]:
            yield "retry: 1000\n\n"
            async for picture in self.room.pictures(sees):
                yield f"data: {picture}\n\n"

        return StreamingResponse(
            stream(), media_type="text/event-stream", headers={**HEADERS, "X-Accel-Buffering": "no"}
        )

    async def _me(self, request: Request) -> Response:
        """Whether a page is still known: what its stream of pictures cannot tell it."""
        right = await self.login.right(request)
        if right is None:
            return _json({"right": None, "login": self.login.is_repeated_by_itself}, 401)
        return _json({"right": right})

    async def _control(self, request: Request) -> Response:
        await self._only_instructor(request)
        data, state = await _read(request), self.room.state
        action, name = data.get("action"), data.get("question") or state.shown
        if action == "next":
            name = state.next_question()
            if not name:
                raise HTTPException(409, "No later question has an answer yet.")
            await self.room.control("show", name)
        elif action == "show" and data.get("question") == "":
            await self.room.control("show", "")
        elif action in ("show", "open", "close", "reveal"):
            if not isinstance(name, str) or name not in state.asked:
                raise HTTPException(409, "Choose a question first.")
            await self.room.control(action, name)
        elif action == "lower" and isinstance(data.get("student"), int):
            await self.room.control("lower", student=data["student"])
        elif action == "join" and isinstance(data.get("taken"), bool):
            await self.room.control("join", taken=data["taken"])
        else:
            raise HTTPException(400, "There is no such action.")
        return _json({"version": self.room.version})

    async def _record(self, request: Request) -> Response:
        await self._only_instructor(request)
        content = await _body(request, records.LARGEST_FILE)
        try:
            record = await asyncio.to_thread(records.read_record, content)
        except ValueError as error:
            raise HTTPException(400, f"it was not taken, for {error}") from None
        entries, events = records.entries_of(record), records.events_of(record, self.room.catalogue)
        if not events:
            raise HTTPException(400, "it was not taken, for nothing of this course is in it")
        student = await self.room.student_of_record(entries)
        return _json({"events": len(events), "new": await self.room.add(student.number, events)})

    async def _only_instructor(self, request: Request) -> None:
        """Let pass what the instructor's page sent: other sites can send neither its cookie nor JSON."""
        if await self.login.right(request) != rights.INSTRUCTOR:
            raise HTTPException(403, "Only the instructor may do this.")
        if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "Send JSON.")

    async def _home(self, request: Request) -> Response:
        right = await self.login.right(request)
        return (
            self.login.ask(request) if right is None else RedirectResponse(f"{request.scope['root_path']}/{right}", 303)
        )

    def _page_of(self, page: str) -> Callable[[Request], Awaitable[Response]]:
        async def show(request: Request) -> Response:
            right = await self.login.right(request)
            if right is None:
                return self.login.ask(request)
            if right not in (page, rights.INSTRUCTOR):  # the instructor sees what the projector shows
                raise HTTPException(403, "This page is the instructor's.")
            content = self._pages[f"{page}.html"].replace(b"{{address}}", _attribute(self.address))
            return Response(content, media_type="text/html", headers=HEADERS)

        return show

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._pages or name.endswith(".html"):
            raise HTTPException(404, "There is no such file.")
        return Response(self._pages[name], media_type=KINDS[Path(name).suffix], headers=HEADERS)


def _takes(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    """An address that takes requests."""
    return Route(path, endpoint, methods=["POST"])


def _attribute(text: str) -> bytes:
    return escape(text).encode()


async def _body(request: Request, most: int) -> bytes:
    """The content of a request of at most so many bytes.

    A larger one is read on, and dropped: whoever is refused while sending often loses the answer. One that is many
    times as large is refused at once.
    """
    content, size = bytearray(), 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size <= most:
                    content += part
                elif size > READ_ON * most:
                    break
    except TimeoutError:
        raise HTTPException(408, "The request did not arrive in time.") from None
    if size > most:
        raise HTTPException(413, f"It is too large: at most {most:,} bytes are taken.")
    return bytes(content)


async def _read(request: Request) -> dict[str, Any]:
    """The JSON object in a request."""
    try:
        data = parse_json(await _body(request, LARGEST_REQUEST))
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    if not isinstance(data, dict):
        raise HTTPException(400, "Send names with values in braces.")
    return data


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers=HEADERS)


def _later(wait: float, reason: str) -> HTTPException:
    seconds = int(wait) + 1
    return HTTPException(429, f"{reason}. Try again in {seconds} s.", {"Retry-After": str(seconds)})


async def _say(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers={**HEADERS, **(error.headers or {})})
