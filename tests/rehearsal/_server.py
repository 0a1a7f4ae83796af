"""A client of a notebook server that does as a browser does: files, sessions and kernels by HTTP and websocket."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket


class KernelDied(Exception):
    """The server said that the kernel is gone."""


class Server:
    """A server at a port of this computer, under a prefix like /user/x/."""

    def __init__(self, port: int, prefix: str, token: str) -> None:
        self.place, self.prefix, self.token = f"127.0.0.1:{port}", prefix, token

    def request(self, method: str, path: str, content: Any = None, timeout: float = 60) -> tuple[int, bytes]:
        """The status and the body of the answer; status 0 if there is no answer."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"http://{self.place}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def api(self, method: str, path: str, content: Any = None) -> Any:
        """The answer of the server's REST API.

        Raises:
            OSError: the answer is an error, or there is none.
        """
        status, body = self.request(method, f"{self.prefix}api/{path}", content)
        if not 200 <= status < 300:
            raise OSError(f"{method} {path}: {status} {body.decode(errors='replace')}")
        return json.loads(body) if body else None

    def is_up(self) -> bool:
        """Whether the server answers."""
        return self.request("GET", f"{self.prefix}api/status", timeout=5)[0] == 200

    def cells(self, path: str) -> list[str]:
        """The code of a notebook, cell by cell."""
        cells = self.api("GET", f"contents/{path}")["content"]["cells"]
        return [cell["source"] for cell in cells if cell["cell_type"] == "code"]

    @contextmanager
    def session(self, path: str) -> Iterator[Kernel]:
        """A kernel for a notebook, as when a reader opens it; shut down at the end."""
        wanted = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        session = self.api("POST", "sessions", wanted)
        try:
            kernel = Kernel(self, session["kernel"]["id"])
            try:
                yield kernel
            finally:
                kernel.socket.close()
        finally:
            self.api("DELETE", f"sessions/{session['id']}")


class Kernel:
    """A kernel, through the server's websocket."""

    def __init__(self, server: Server, name: str) -> None:
        url = f"ws://{server.place}{server.prefix}api/kernels/{name}/channels?token={server.token}"
        self.socket = websocket.create_connection(url, timeout=60)

    def execute(self, code: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Run a cell; yield its outputs, as in a notebook's file, and the messages of its widgets to the browser.

        Raises:
            KernelDied: the kernel is gone.
            TimeoutError: the cell has not ended within so many seconds.
        """
        sent = self._send(code)
        deadline = time.monotonic() + seconds
        waiting = {"reply", "idle"}  # these two come over different channels, in any order
        while waiting:
            if time.monotonic() > deadline:  # checked here, too, for a cell that never stops sending
                raise TimeoutError("the cell has not ended in time")
            message = self._receive(deadline)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in ("dead", "restarting", "autorestarting"):
                raise KernelDied(f"the kernel is {content['execution_state']}")
            if message["parent_header"].get("msg_id") != sent:
                continue
            if kind in ("error", "stream", "display_data", "execute_result", "comm_open", "comm_msg"):
                yield {"output_type": kind, **content}
            elif kind == "execute_reply":
                waiting.discard("reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waiting.discard("idle")

    def _send(self, code: str) -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "rehearsal"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps({**message, "channel": "shell"}))
        return header["msg_id"]

    def _receive(self, deadline: float) -> dict[str, Any]:
        """The next text message. Messages in bytes carry pictures for widgets and are skipped."""
        while True:
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                data = self.socket.recv()
            except websocket.WebSocketTimeoutException as error:
                raise TimeoutError("the cell has not ended in time") from error
            except websocket.WebSocketConnectionClosedException as error:
                raise KernelDied("the server closed the connection to the kernel") from error
            if isinstance(data, str):
                return json.loads(data)  # type: ignore[no-any-return]
