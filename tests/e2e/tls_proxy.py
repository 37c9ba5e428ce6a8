"""A TLS terminator in front of several servers, as an administrator's proxy is: round-robin, appending the address."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import itertools
import ssl
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "x-forwarded-for"}


class TlsProxy:
    """https on a free port; every request goes to the next server, and past one that does not answer."""

    # Not the loopback address that the test runs on: that one is a trusted proxy and would never be the client.
    CLIENT_ADDRESS = "198.51.100.9"

    def __init__(self, folder: Path, ports: Sequence[int]) -> None:
        self.only(*ports)
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.socket = _server_context(folder).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def only(self, *ports: int) -> None:
        """Give the next requests to these servers, in turns."""
        self._count = len(ports)
        self._turns = itertools.cycle(ports)

    def candidates(self) -> list[int]:
        """Return the servers to try for one request, in order; the next request begins with the next."""
        order = [next(self._turns) for _ in range(self._count)]
        next(self._turns)
        return order

    def stop(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    proxy: TlsProxy
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # Chromium opens connections that it does not use
            self.close_connection = True

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = [one for one in (self.headers.get("X-Forwarded-For"), self.proxy.CLIENT_ADDRESS) if one]
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {"X-Forwarded-For": ", ".join(seen), "X-Forwarded-Proto": "https"}
        for port in self.proxy.candidates():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request(self.command, self.path, body or None, headers)
                self._answer(connection.getresponse())
            except ConnectionRefusedError:
                continue
            finally:
                connection.close()
            return
        self.send_error(502)

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._forward)


def _server_context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "tls.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
