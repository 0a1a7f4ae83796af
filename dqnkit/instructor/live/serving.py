"""Where the server listens, and with which protection: TLS beyond this computer, or it does not start."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from dqnkit.instructor.live import rights
from dqnkit.instructor.live.catalogue import Catalogue
from dqnkit.instructor.live.log import LiveError, file_of_class
from dqnkit.instructor.live.room import Room
from dqnkit.instructor.live.server import LiveServer, Login
from dqnkit.instructor.only_one import only_one

FOLDER = "live"  # of the classes, in the folder of the course
MOST_CONNECTIONS = 4_000
END_SECONDS = 1  # that pages get to close when the server ends


@dataclass(frozen=True)
class Place:
    """Where the server listens.

    Args:
        host: an address of this computer; the default is seen by this computer alone.
        port: of TCP.
        certificate: a file with a TLS certificate, and those between it and its root.
        key: a file with its private key.
        is_behind_tls: whether a proxy or a tunnel in front of the server speaks TLS with the students.
        address: as students reach it, if that is not the host and the port.

    Raises:
        LiveError: others could listen to what the class sends, or the files are no certificate and key.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    certificate: Path | None = None
    key: Path | None = None
    is_behind_tls: bool = False
    address: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise LiveError("--tls-cert and --tls-key belong together: give both")
        if self.certificate and self.key:
            self._check_certificate(self.certificate, self.key)
        elif not self.is_behind_tls and not is_loopback(self.host):
            raise LiveError(
                f"{self.host} is seen by other computers, and without TLS they could read what the class sends and "
                "take the instructor's link. Give --tls-cert and --tls-key; or listen on 127.0.0.1 behind a tunnel or "
                "a proxy with TLS, and say --behind-tls"
            )
        if self.is_behind_tls and not self.address:
            raise LiveError("--behind-tls needs --address, as https://class.example.org: what students have to type")
        if self.address and urlsplit(self.address).scheme not in ("http", "https"):
            raise LiveError(f"--address is as https://class.example.org, not {self.address}")

    @staticmethod
    def _check_certificate(certificate: Path, key: Path) -> None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise LiveError(f"{certificate} and {key} cannot be used as a certificate and its key: {error}") from None

    @property
    def public(self) -> str:
        """The address that students type."""
        if self.address:
            return self.address.rstrip("/")
        scheme = "https" if self.certificate else "http"
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether an address is seen by this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hold_class(
    folder: Path,
    name: str,
    place: Place,
    *,
    login: Callable[[], Login] | None = None,
    prefix: str = "",
    anew: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Serve a class until the process is told to end.

    Args:
        folder: of the course; the class is kept in a file below it.
        name: of the class.
        place: where to listen.
        login: how the instructor comes in; by links that are printed, unless given.
        prefix: of all addresses.
        anew: begin a new class, even if there was one in the last hours.
        say: prints a line.

    Raises:
        LiveError: the folder cannot be written, another server holds this class, or the port is taken.
    """
    with _only_server(folder / FOLDER):
        path = file_of_class(folder / FOLDER, anew)
        say(f"{'Going on with' if path.exists() else 'A new class:'} {path}")
        room = Room(path, name, Catalogue.of_course())
        with _listening(place) as listener:
            server = LiveServer(room, place.public, login() if login else None, prefix)
            for line in _welcome(room, place, prefix, by_links=login is None):
                say(line)
            uvicorn.Server(
                uvicorn.Config(
                    server.app,
                    ssl_certfile=place.certificate,
                    ssl_keyfile=place.key,
                    log_level="warning",
                    access_log=False,  # who sends what is nobody's business
                    server_header=False,
                    proxy_headers=place.is_behind_tls,
                    limit_concurrency=MOST_CONNECTIONS,
                    timeout_graceful_shutdown=END_SECONDS,
                )
            ).run(sockets=[listener])


def _welcome(room: Room, place: Place, prefix: str, by_links: bool) -> Iterator[str]:
    """What the instructor reads when the server starts; the links are made here and shown nowhere else."""
    yield f'Students join in a notebook: join("{room.state.code}", at="{place.public}")'
    if by_links:
        for right, who in ((rights.INSTRUCTOR, "your page, for you alone"), (rights.PROJECTOR, "the projector's page")):
            token = rights.new_token()
            room.log.add_link(rights.hashed(token), right)
            yield f"Open {who}: {_here(place)}{prefix}/enter/{token}"
    else:
        yield f"Your page: {place.public}/instructor"
    yield "Ctrl-C ends the class. What was sent is kept."


def _here(place: Place) -> str:
    """The address of the server for a browser on this computer, if it has no other."""
    return place.public if place.certificate or place.address else f"http://{place.host}:{place.port}"


def _only_server(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder: two servers would each show half a class."""
    return only_one(
        folder / ".server.lock",
        LiveError(f"another server holds a class in {folder}: end it first, or name another folder"),
        lambda error: LiveError(f"the class cannot be kept in {folder}: {error.strerror}. Name another folder"),
    )


@contextmanager
def _listening(place: Place) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((place.host, place.port))
        except OSError as error:
            raise LiveError(
                f"port {place.port} of {place.host} cannot be used: {error.strerror}. Give --port"
            ) from None
        listener.listen(512)
        yield listener
    finally:
        listener.close()
