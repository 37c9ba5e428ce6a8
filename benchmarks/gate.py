"""What stands between the API servers and their IdP: passes everything on, or fails as it is told."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.processes import free_port

TOKEN = "/token"
PATIENCE = 60.0


class Gate:
    """An address of 127.0.0.1 in front of a server that comes later.

    :ivar calls: how often each path was asked for
    :ivar caller: the port that the last call came from
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.behind = self.caller = 0
        self.calls: Counter[str] = Counter()
        self._status = 0
        self._delay = 0.0
        self._held = ""
        self._reached, self._released = threading.Event(), threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen."""
        handler = type("Handler", (_Handler,), {"gate": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        """Stop listening: whoever connects is refused."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Refuse connections for a while."""
        self.close()
        try:
            yield
        finally:
            self.open()

    @contextlib.contextmanager
    def answering(self, status: int) -> Iterator[None]:
        """Answer everything with this status for a while."""
        self._status = status
        try:
            yield
        finally:
            self._status = 0

    @contextlib.contextmanager
    def slowed(self, seconds: float) -> Iterator[None]:
        """Let every answer wait for a while."""
        self._delay = seconds
        try:
            yield
        finally:
            self._delay = 0.0

    @contextlib.contextmanager
    def holding(self, path: str = TOKEN) -> Iterator[threading.Event]:
        """Let the IdP act, and keep its next answer at this path; yield what is set when it has acted."""
        self._reached.clear()
        self._released.clear()
        self._held = path
        try:
            yield self._reached
        finally:
            self._held = ""
            self._released.set()

    def fail(self) -> int:
        """Wait as long as told; return the status to fail with, 0 for none."""
        if delay := self._delay:
            time.sleep(delay)
        return self._status

    def keep(self, path: str) -> None:
        """Keep an answer if told so."""
        if path == self._held:
            self._held = ""
            self._reached.set()
            self._released.wait(PATIENCE)


class _Handler(BaseHTTPRequestHandler):
    gate: Gate

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass

    def _forward(self) -> None:
        gate, path = self.gate, self.path.partition("?")[0]
        gate.calls[path] += 1
        gate.caller = self.client_address[1]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # The IdP builds its addresses from the Host header, so that it stays.
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        with contextlib.suppress(OSError):
            if status := gate.fail():
                self._answer(status, [], b"out of order")
                return
            connection = http.client.HTTPConnection("127.0.0.1", gate.behind, timeout=PATIENCE)
            with contextlib.closing(connection):
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                content = answer.read()
            gate.keep(path)
            self._answer(answer.status, answer.getheaders(), content)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"connection", "keep-alive", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _forward  # noqa: N815  # the base class's names
