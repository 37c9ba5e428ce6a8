"""The listener that the browser comes back to (RFC 8252 §7.3): 127.0.0.1, one answer, then gone.

Any page and any program of this machine can send requests here. Only the one that knows ``state`` is taken; the
others are told off and change nothing, so that they cannot end somebody's sign-in either.
"""

from __future__ import annotations

import html
import queue
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from airflow_oidc_auth.cli.command import CommandFailed

PATH = "/callback"
_ADDRESS = "127.0.0.1"
_MAX_QUERY = 32 * 1024
_READ_SECONDS = 10
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Response = Mapping[str, str]
Mine = Callable[[Response], bool]


class LoopbackListener:
    """Waits for one authorization response. A context manager: the port is free again afterwards.

    :param mine: does this answer belong to the sign-in begun here?
    :param port: 0 for any free one
    :raises CommandFailed: the port is taken
    """

    def __init__(self, mine: Mine, port: int = 0) -> None:
        self._answers: queue.Queue[Response] = queue.Queue(1)
        try:
            self._server = _Server((_ADDRESS, port), _handler_class(self._take))
        except (OSError, OverflowError):
            raise CommandFailed(f"Port {port} of {_ADDRESS} cannot be used. Choose another with --port.") from None
        self._mine = mine
        self.redirect_uri = f"http://{_ADDRESS}:{self._server.server_port}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="oidc-loopback", daemon=True
        )

    def __enter__(self) -> LoopbackListener:  # noqa: PYI034 -- Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(timeout=5)
        self._server.server_close()

    def wait(self, seconds: float) -> Response | None:
        """Return the answer, or None when nobody came back in time."""
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return None

    def _take(self, response: Response) -> bool:
        """Keep the first answer that is ours."""
        if not self._mine(response):
            return False
        try:
            self._answers.put_nowait(response)
        except queue.Full:
            return False
        return True


class _Server(ThreadingHTTPServer):
    """Each connection has a thread: browsers open some that they never use, and those must not block the answer."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = False

    def server_bind(self) -> None:
        # The base class asks DNS for the name of the address, which takes seconds on machines without one.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _ADDRESS, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that went away is no news, and the terminal is somebody's."""


def _handler_class(take: Callable[[Response], bool]) -> type[BaseHTTPRequestHandler]:
    class CallbackHandler(BaseHTTPRequestHandler):
        timeout = _READ_SECONDS
        server_version = "airflow-oidc"
        sys_version = ""

        def do_GET(self) -> None:
            if self.headers.get("Host") != f"{_ADDRESS}:{self.connection.getsockname()[1]}":
                # DNS rebinding: a page of another name whose address has become this one.
                return self._say(HTTPStatus.BAD_REQUEST, "This is not for you", "Nothing happened.")
            parts = urlsplit(self.path)
            if parts.path != PATH:
                return self._say(HTTPStatus.NOT_FOUND, "Nothing here", "Nothing happened.")
            response = _read(parts.query)
            if response is None or not take(response):
                return self._say(
                    HTTPStatus.BAD_REQUEST, "Not begun here", "This answer belongs to no sign-in of your terminal."
                )
            if "error" in response:
                return self._say(HTTPStatus.OK, "Sign-in did not succeed", "Your terminal says why.")
            return self._say(HTTPStatus.OK, "Back to your terminal", "It goes on there. You can close this page.")

        def _say(self, status: HTTPStatus, title: str, text: str) -> None:
            body = _page(title, text)
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class says so
            """Stay silent: request lines hold codes."""

    return CallbackHandler


def _read(query: str) -> Response | None:
    """Return the parameters, each given exactly once (RFC 6749 §3.1), or None."""
    if len(query) > _MAX_QUERY:
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return None
    response = dict(pairs)
    return response if len(response) == len(pairs) else None


def _page(title: str, text: str) -> bytes:
    title, text = html.escape(title), html.escape(text)
    style = "font:1.1rem system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<body style="{style}"><h1>{title}</h1><p>{text}</p></body></html>\n'
    ).encode()
