"""A server that never ends its answer, by every part of HTTP that can be drawn out."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.deadline import Deadline
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.transport import RequestsTransport
from tests.unit.providers.test_transport import make_certificate

LONG = 15.0
"""Seconds after which a server gives up and sends what would be a good answer."""
SETTINGS = HttpSettings(timeout=0.3)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# What is sent first, what again and again, and what at last.
ENDLESS = {
    "a status line": (b"HTTP/1.1 200 ", b"o", b"\r\nContent-Length: 2\r\n\r\n{}"),
    "a header": (OK + b"X-Long: ", b"a", b"\r\nContent-Length: 2\r\n\r\n{}"),
    "answers that promise one": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 2\r\n\r\n{}"),
    "the extension of a chunk": (CHUNKED + b"2;", b"a", b"\r\n{}\r\n0\r\n\r\n"),
    "a trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"a", b"\r\n\r\n"),
    "spaces behind the body": (OK + b"Connection: close\r\n\r\n{}", b" ", b""),
    "compressed nothing": (OK + b"Content-Encoding: deflate\r\n\r\n\x78\x9c", b"\x00\x00\x00\xff\xff", b"\x03\x00"),
}


class Dripping:
    """A server that answers every connection with one of :data:`ENDLESS`."""

    def __init__(self, first: bytes, again: bytes, last: bytes, tls: ssl.SSLContext | None = None) -> None:
        self._parts, self._tls = (first, again, last), tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(LONG)
        self.port = self._listening.getsockname()[1]
        self.hung_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            plain, _ = self._listening.accept()
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                self._drip(connection)
        except OSError:
            self.hung_up.set()

    def _drip(self, connection: socket.socket) -> None:
        first, again, last = self._parts
        connection.recv(65_536)
        connection.sendall(first)
        until = time.monotonic() + LONG
        while time.monotonic() < until and not self._stop.wait(0.02):
            connection.sendall(again)
        connection.sendall(last)

    def close(self) -> None:
        self._stop.set()
        self._listening.close()
        self._thread.join()


@pytest.fixture
def dripping() -> Iterator[Callable[..., Dripping]]:
    running: list[Dripping] = []

    def start(what: str, tls: ssl.SSLContext | None = None) -> Dripping:
        running.append(Dripping(*ENDLESS[what], tls))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.mark.parametrize("what", sorted(ENDLESS))
def test_no_thread_waits_for_the_end_of(what: str, dripping: Callable[..., Dripping]) -> None:
    server = dripping(what)
    with pytest.raises(ProviderError) as caught:
        RequestsTransport(SETTINGS).post(f"http://127.0.0.1:{server.port}/token", form={"code": "s3cret"})
    assert caught.value.code == "provider_timeout"
    assert server.hung_up.wait(LONG)


def test_nor_behind_tls(dripping: Callable[..., Dripping], tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = dripping("a header", context)
    transport = RequestsTransport(HttpSettings(timeout=0.3, ca_file=str(certificate)))
    with pytest.raises(ProviderError) as caught:
        transport.get(f"https://127.0.0.1:{server.port}/jwks")
    assert caught.value.code == "provider_timeout"


def test_nor_for_a_proxy_that_does_not_say_whether_it_connects(dripping: Callable[..., Dripping]) -> None:
    server = dripping("a header")
    transport = RequestsTransport(HttpSettings(timeout=0.3, proxy=f"http://127.0.0.1:{server.port}"))
    with pytest.raises(ProviderError) as caught:
        transport.get("https://idp.example/jwks")
    assert caught.value.code == "provider_timeout"


def test_a_connection_that_is_used_by_the_next_exchange_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        deadline = Deadline(60.0)
        with deadline:
            deadline.watch(ours)
        deadline._shut()  # as a timer that was about to
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
    assert not deadline.has_passed
