"""Requests and answers as values, and the loopback server that carries them."""

from __future__ import annotations

import json
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are lower-case; a parameter given twice makes ``repeated`` true."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    repeated: bool = False

    @property
    def parameters(self) -> Mapping[str, str]:
        """Query and form together, the form winning."""
        return {**self.query, **self.form}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``hang_up`` closes the connection without a byte."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


def json_answer(document: object, status: int = 200) -> Answer:
    """An answer that must not be cached, RFC 6749 §5.1."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Answer(status, json.dumps(document).encode(), headers)


def redirect_to(url: str) -> Answer:
    """A 302."""
    return Answer(302, b"", {"Location": url, "Cache-Control": "no-store"})


def html_answer(page: str, status: int = 200) -> Answer:
    """A page without script."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Answer(status, page.encode(), headers)


Handler = Callable[[Request], Answer]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # The base class asks DNS for the name of the address, which takes seconds on machines without one.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; everything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class LoopbackServer:
    """Serve a handler on 127.0.0.1 in threads of its own, until :meth:`stop`."""

    def __init__(self, handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", port), _handler_class(handler))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake-idp", daemon=True
        )

    def start(self) -> None:
        """Begin to answer. The port is bound since construction, so no request is lost."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()


def _handler_class(handler: Handler) -> type[BaseHTTPRequestHandler]:
    class LoopbackHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(handler(_read(self, b"")))

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self._answer(handler(_read(self, self.rfile.read(length))))

        def _answer(self, answer: Answer) -> None:
            if answer.hang_up:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            try:
                self.wfile.write(answer.body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class says so
            """Stay silent: request lines hold codes and tokens."""

    return LoopbackHandler


def _read(handler: BaseHTTPRequestHandler, body: bytes) -> Request:
    parts = urlsplit(handler.path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    is_form = "x-www-form-urlencoded" in handler.headers.get("Content-Type", "")
    form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else []
    return Request(
        method=handler.command,
        path=parts.path,
        query=dict(query),
        form=dict(form),
        headers={name.lower(): value for name, value in handler.headers.items()},
        body=body,
        repeated=len(dict(query)) != len(query) or len(dict(form)) != len(form),
    )
