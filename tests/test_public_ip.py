"""The public address of this computer: a server's answer, and what to do without one."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("distributed")

from dqnkit.cloud import public_ip
from dqnkit.errors import ClusterError


@pytest.fixture(params=[b"203.0.113.7\n", b"2001:db8::7"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that replies with an address; returns its own address."""

    class Tells(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tells) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(public_ip, "SERVICE", f"http://127.0.0.1:{server.server_port}")
        yield request.param.decode().strip()
        server.shutdown()


def test_it_is_a_network_of_one_address(server: str) -> None:
    assert public_ip.public_ip(local=False) == f"{server}/{128 if ':' in server else 32}"


def test_nobody_is_asked_about_a_cloud_on_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_ip, "SERVICE", "http://127.0.0.1:9")
    assert public_ip.public_ip(local=True) == "127.0.0.1/32"
    with pytest.raises(ClusterError, match=r"Give it yourself: reach='203\.0\.113\.7/32'"):
        public_ip.public_ip(local=False)
