from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.transport import MAX_BODY, RequestsTransport

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server that answers each path with a function and remembers what it saw."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Answer] = {}
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        seen, routes = self.seen, self.routes

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen.append((self.command, self.path, dict(self.headers), body))
                routes[self.path](self)

            do_GET = do_POST = _any  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    def run(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return run


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        handler.close_connection = True


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)
    handler.close_connection = True


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    handler.close_connection = True


def send(transport: RequestsTransport, url: str, form: dict[str, str] | None) -> None:
    headers = {"Authorization": "Basic s3cret"}
    if form is None:
        transport.get(url, headers=headers)
    else:
        transport.post(url, form=form, headers=headers)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (answer(302, Location="https://evil.example/token"), "provider_redirected"),
        (answer(307, Location="/elsewhere"), "provider_redirected"),
        (answer(308), "provider_redirected"),
        (answer(300, Location="https://["), "provider_redirected"),
        (answer(500), "provider_failing"),
        (answer(503), "provider_failing"),
        (answer(429), "provider_failing"),
        (answer(body=b"x" * (MAX_BODY + 1)), "provider_answer_too_large"),
        (answer(body=gzip.compress(b"x" * (MAX_BODY * 20)), Content_Encoding="gzip"), "provider_answer_too_large"),
        (answer(body=b"no gzip", Content_Encoding="gzip"), "provider_answer_malformed"),
        (hang, "provider_timeout"),
        (drip, "provider_timeout"),
        (cut_off, "provider_unreachable"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_gives_each_failure_its_code(server: Server, how: Answer, code: str, method: str) -> None:
    server.routes["/token"] = how
    transport = RequestsTransport(HttpSettings(timeout=0.2))
    form = {"code": "the-code"} if method == "post" else None
    with pytest.raises(ProviderError) as caught:
        send(transport, server.url + "/token", form)
    if how is cut_off:
        assert caught.value.code in {"provider_unreachable", "provider_answer_malformed"}
    else:
        assert caught.value.code == code
    assert len(server.seen) == 1
    assert "the-code" not in repr(caught.value) + repr(caught.value.evidence)


def test_a_refresh_outlasts_a_slow_idp_which_may_have_rotated_the_token(server: Server) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.5)
        answer(200, b"{}")(handler)

    server.routes["/token"] = slow
    transport = RequestsTransport(HttpSettings(timeout=0.1))
    assert transport.post(server.url + "/token", form={"grant_type": "refresh_token"}).status == 200
    with pytest.raises(ProviderError, match="provider_timeout"):
        transport.post(server.url + "/token", form={"grant_type": "authorization_code", "code": "c"})


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404])
def test_hands_over_every_other_answer(server: Server, status: int) -> None:
    server.routes["/x"] = answer(status, b'{"a": 1}', X_Odd="yes")
    got = RequestsTransport(HttpSettings()).get(server.url + "/x")
    assert (got.status, got.json_object(), got.headers["x-odd"]) == (status, {"a": 1}, "yes")


def test_sends_forms_and_json(server: Server) -> None:
    server.routes["/x"] = answer()
    transport = RequestsTransport(HttpSettings())
    transport.post(server.url + "/x", form={"a": "1 &ü"})
    transport.post(server.url + "/x", json={"a": [1]})
    assert [(seen[2]["Content-Type"], seen[3]) for seen in server.seen] == [
        ("application/x-www-form-urlencoded", b"a=1+%26%C3%BC"),
        ("application/json", b'{"a": [1]}'),
    ]


def test_a_connection_is_used_again_at_once_and_not_after_a_pause(server: Server) -> None:
    """Servers close idle connections, some after five seconds; a request that meets that is lost."""
    ports: list[int] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        ports.append(handler.client_address[1])
        answer()(handler)

    server.routes["/x"] = note
    now = [100.0]
    transport = RequestsTransport(HttpSettings(), monotonic=lambda: now[0])
    for pause in (0.0, 0.5, 3.0, 0.5):
        now[0] += pause
        transport.post(f"{server.url}/x", form={"a": "b"})
    assert ports[0] == ports[1] != ports[2] == ports[3]


def test_keeps_no_cookies(server: Server) -> None:
    server.routes["/x"] = answer(Set_Cookie="session=of-somebody; Path=/")
    transport = RequestsTransport(HttpSettings())
    for _ in range(2):
        transport.get(server.url + "/x")
    assert "Cookie" not in server.seen[1][2]


def test_netrc_does_not_replace_our_credentials(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server.routes["/x"] = answer()
    RequestsTransport(HttpSettings()).get(server.url + "/x", headers={"Authorization": "Bearer ours"})
    assert server.seen[0][2]["Authorization"] == "Bearer ours"


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/token",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "//idp.example/",
        "https://user:pass@idp.example/",
        "https://idp.example\n.evil.example/",
        "https://[::1/",
        "https://idp.example:99999/",
        "",
    ],
)
def test_sends_nothing_to_an_unsafe_address(url: str) -> None:
    with pytest.raises(ProviderError) as caught:
        RequestsTransport(HttpSettings()).get(url)
    assert caught.value.code == "provider_url_insecure"
    assert "pass" not in caught.value.detail


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ProviderError, match="provider_unreachable"):
        RequestsTransport(HttpSettings(timeout=1)).get(f"http://127.0.0.1:{port}/")


def test_a_dead_proxy_is_told_apart_and_its_password_is_not_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy = f"http://user:pr0xypass@127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ProviderError) as caught:
        RequestsTransport(HttpSettings(timeout=1, proxy=proxy)).get("https://idp.example/")
    assert caught.value.code == "provider_proxy"
    assert "pr0xypass" not in f"{caught.value!r}{caught.value.evidence}{caught.value.__cause__!r}"


def test_goes_through_the_configured_proxy(server: Server) -> None:
    server.routes["http://127.0.0.1:9/x"] = answer(body=b'{"via": "proxy"}')
    got = RequestsTransport(HttpSettings(proxy=server.url)).get("http://127.0.0.1:9/x")
    assert got.json_object() == {"via": "proxy"}


def test_trusts_a_private_ca_only_when_configured(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(context)
    server.routes["/x"] = answer(body=b'{"tls": true}')
    try:
        with pytest.raises(ProviderError, match="provider_tls"):
            RequestsTransport(HttpSettings()).get(server.url + "/x")
        with pytest.raises(ProviderError, match="provider_tls"):
            RequestsTransport(HttpSettings(ca_file=str(tmp_path / "missing.pem"))).get(server.url + "/x")
        trusting = RequestsTransport(HttpSettings(ca_file=str(certificate)))
        assert trusting.get(server.url + "/x").json_object() == {"tls": True}
    finally:
        server.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_refuses_json_of_no_or_two_meanings(server: Server, body: bytes) -> None:
    server.routes["/x"] = answer(body=body)
    with pytest.raises(ProviderError, match="provider_answer_malformed"):
        RequestsTransport(HttpSettings()).get(server.url + "/x").json()


def test_refuses_json_that_is_no_object(server: Server) -> None:
    server.routes["/x"] = answer(body=b"[]")
    with pytest.raises(ProviderError, match="provider_answer_malformed"):
        RequestsTransport(HttpSettings()).get(server.url + "/x").json_object()


def test_the_body_stays_out_of_the_repr(server: Server) -> None:
    server.routes["/x"] = answer(body=b'{"access_token": "t0ken"}')
    assert "t0ken" not in repr(RequestsTransport(HttpSettings()).get(server.url + "/x"))


def make_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file
