"""A live class for tests: the real server in a process of its own, and what is needed to talk to it.

with live_class(tmp_path) as server:
    token = server.join()
    server.send(token, [event("check", "q_update", passed=True, mistake="")])
    server.seen()["wall"]
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn
from browser import free_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dqnkit.classroom import class_wire
from dqnkit.instructor.live.catalogue import Catalogue

REPOSITORY = Path(__file__).resolve().parents[2]


class Answer:
    """What a server answered."""

    def __init__(self, status: int, headers: Any, content: bytes) -> None:
        self.status, self.headers, self.content = status, headers, content

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects())


def ask(url: str, data: bytes | None = None, **headers: str) -> Answer:
    """Send a request and return the answer, whatever its status; redirects are not followed."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with OPENER.open(urllib.request.Request(url, data, names), timeout=20) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def event(kind: str, name: str = "", **content: Any) -> dict[str, Any]:
    """An event as a notebook sends it."""
    return {"id": secrets.token_hex(16), "kind": kind, "name": name, **content}


class Server:
    """A server of `dqnkit class live`, which can be killed and started again."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder, self.options = folder, options
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.links: list[str] = []  # the instructor's, the projector's
        self.code = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process and wait until it has printed its links."""
        command = [sys.executable, "-m", "dqnkit.cli", "class", "live", str(self.folder), f"--port={self.port}"]
        paths = [str(REPOSITORY), os.environ.get("PYTHONPATH")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self.process = subprocess.Popen(
            [*command, *self.options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout
        said = ""
        for line in self.process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        else:
            self.end()
            raise AssertionError(f"the server did not start:\n{said}")
        self.address = re.findall(r'at="(\S+)"', said)[0]
        self.links = re.findall(r"https?://\S+/enter/\S+", said)
        self.code = re.findall(r'join\("(\w+)"', said)[0]
        wait_for(lambda: socket.create_connection(("127.0.0.1", self.port)).close() is None)

    def end(self, number: int = signal.SIGKILL) -> int:
        """End the process, at once unless another signal is given; its exit status."""
        assert self.process
        assert self.process.stdout
        self.process.send_signal(number)
        status = self.process.wait(20)
        self.process.stdout.close()
        return status

    def join(self, name: str = "") -> str:
        """A new student's token."""
        token = secrets.token_urlsafe(24)
        class_wire.post(self.address, "api/join", {"code": self.code, "token": token, "name": name})
        return token

    def send(self, token: str, events: list[dict[str, Any]]) -> Answer:
        """Send events as a student."""
        return self.post("api/events", {"events": events}, Authorization=f"Bearer {token}")

    def post(self, path: str, data: Any, **headers: str) -> Answer:
        """Send JSON."""
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        return ask(f"{self.address}/{path}", content, **{"Content_Type": "application/json", **headers})

    def cookie(self, link: int = 0) -> str:
        """The cookie of the instructor's link, or with 1 of the projector's."""
        return str(ask(self.links[link]).headers["Set-Cookie"]).partition(";")[0]

    def control(self, action: str, **more: Any) -> Answer:
        """Press a button of the instructor's page."""
        return self.post("api/control", {"action": action, **more}, Cookie=self.cookie())

    def seen(self, page: str = "projector") -> Any:
        """What a page shows now."""
        request = urllib.request.Request(
            f"{self.address}/api/pictures?page={page}", headers={"Cookie": self.cookie(int(page == "projector"))}
        )
        with OPENER.open(request, timeout=20) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    return json.loads(line[6:])
        raise AssertionError("no picture came")

    def kept(self) -> list[tuple[int, str, str, str, Any]]:
        """All events in the log: student, id, kind, name, content."""
        (path,) = (self.folder / "live").glob("*.sqlite")
        file = sqlite3.connect(path)
        try:
            rows = file.execute("SELECT student, id, kind, name, content FROM events ORDER BY seq").fetchall()
        finally:
            file.close()
        return [(student, id, kind, name, json.loads(content)) for student, id, kind, name, content in rows]


class ServerHere(Server):
    """The same server in a thread of this process, where nothing has to be killed: it starts at once."""

    def start(self) -> None:
        """Serve a new class in the folder."""
        from dqnkit.instructor.live import rights
        from dqnkit.instructor.live.room import Room
        from dqnkit.instructor.live.server import LiveServer

        (self.folder / "live").mkdir(exist_ok=True)
        room = Room(self.folder / "live" / "2026.sqlite", "A class", catalogue())
        self.code = room.state.code
        for right in (rights.INSTRUCTOR, rights.PROJECTOR):
            token = rights.new_token()
            room.log.add_link(rights.hashed(token), right)
            self.links.append(f"{self.address}/enter/{token}")
        app = LiveServer(room, self.address).app
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=self.port, log_level="warning", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started)

    def end(self, number: int = signal.SIGKILL) -> int:
        """End the thread."""
        self._server.should_exit = True
        self._thread.join(20)
        return 0


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that it signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "class.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now.replace(year=9999)
    )
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    pem = serialization.Encoding.PEM
    (folder / "class.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    plain_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "class.key").write_bytes(plain_key)
    return folder / "class.pem", folder / "class.key"


@cache
def catalogue() -> Catalogue:
    """What the course asks; read once for all tests of a process."""
    return Catalogue.of_course()


@contextmanager
def class_here(folder: Path) -> Iterator[Server]:
    """A live class in a thread of this process."""
    server = ServerHere(folder, [])
    server.start()
    try:
        yield server
    finally:
        server.end()


@contextmanager
def live_class(folder: Path, *options: str) -> Iterator[Server]:
    """A live class in a folder; ended with the block."""
    server = Server(folder, options)
    server.start()
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.end()


def wait_for(holds: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)
