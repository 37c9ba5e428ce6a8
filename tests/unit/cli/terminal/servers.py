"""An Airflow, an identity provider and a person, all real over loopback HTTP, for the terminal's commands."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from airflow_oidc_auth.testing import FakeClient, FakeIdp, FakeUser
from airflow_oidc_auth.testing.loopback import Answer, LoopbackServer, Request, json_answer
from airflow_oidc_auth.testing.tokens import TokenRequest, build_id_token

CLIENT = "airflow-cli"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class AnyPort(tuple[str, ...]):
    """Redirect URIs as RFC 8252 §7.3 compares them: any port of 127.0.0.1."""

    __slots__ = ()

    def __contains__(self, uri: object) -> bool:
        parts = urlsplit(str(uri))
        return (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/callback")


@dataclass
class DeviceFlow:
    """How the identity provider answers device requests; the queue of poll answers ends with tokens."""

    polls: list[str] = field(default_factory=list)
    answer: dict[str, object] = field(default_factory=dict)
    subject: str = "ada"


class TerminalIdp:
    """The fake identity provider with what terminals need."""

    def __init__(self, **options: object) -> None:
        client = FakeClient(CLIENT, "", AnyPort(("http://127.0.0.1/callback",)), auth_method="none")
        self.fake = FakeIdp(clients=(client,), **options)  # type: ignore[arg-type]
        self.flow = DeviceFlow(subject=self.fake.users[0].subject)
        self.revoked: list[Mapping[str, str]] = []
        self.device_requests: list[Mapping[str, str]] = []
        self.polled: list[Mapping[str, str]] = []
        origin = self.fake.origin
        self.offer(device_authorization_endpoint=f"{origin}/device/auth", revocation_endpoint=f"{origin}/revoke")
        self.fake.route("POST", "/device/auth", self._device)
        self.fake.route("POST", "/device/token", self._poll)
        self.fake.route("POST", "/revoke", self._revoke)

    @property
    def issuer(self) -> str:
        return self.fake.issuer

    def offer(self, **discovery: object) -> None:
        """Change the discovery document; None takes a member away."""
        self.fake.misbehaviour.discovery.update(discovery)  # type: ignore[attr-defined]

    def use_device_tokens(self) -> None:
        """Answer token requests of the device grant only."""
        self.offer(token_endpoint=f"{self.fake.origin}/device/token")

    def id_token(self, user: FakeUser | None = None, nonce: str | None = None, client_id: str = CLIENT) -> str:
        now = int(time.time())
        person = user or self.fake.users[0]
        request = TokenRequest(self.issuer, client_id, "", person, "an-access-token", nonce, "sid", now, now)
        return build_id_token(request, self.fake.keys, self.fake.misbehaviour, with_groups=True)

    def _device(self, request: Request) -> Answer:
        self.device_requests.append(request.form)
        answer = {
            "device_code": "a-device-code-nobody-sees",
            "user_code": "WDJB-MJHT",
            "verification_uri": f"{self.fake.origin}/device",
            "verification_uri_complete": f"{self.fake.origin}/device?user_code=WDJB-MJHT",
            "expires_in": 600,
            "interval": 5,
            **self.flow.answer,
        }
        return json_answer({name: value for name, value in answer.items() if value is not None})

    def _poll(self, request: Request) -> Answer:
        self.polled.append(request.form)
        if request.form.get("grant_type") != DEVICE_GRANT or self.flow.polls:
            error = self.flow.polls.pop(0) if self.flow.polls else "unsupported_grant_type"
            return Answer(hang_up=True) if error == "hang up" else json_answer({"error": error}, 400)
        tokens = {"access_token": "an-access-token", "token_type": "Bearer", "refresh_token": "refresh-one"}
        return json_answer({**tokens, "id_token": self.id_token()})

    def _revoke(self, request: Request) -> Answer:
        self.revoked.append(request.form)
        return json_answer({})


class FakeAirflow:
    """The three addresses of an Airflow that terminals use."""

    def __init__(self, *idps: TerminalIdp) -> None:
        self.listing: object = {"providers": [self.entry("company", idp) for idp in idps]}
        self.exchanged: list[Mapping[str, str]] = []
        self.revoked: list[Mapping[str, str]] = []
        self.requests: list[Request] = []
        self.refusal: Answer | None = None
        self.revocation = json_answer({})
        self.lifetime = 86400
        self._server = LoopbackServer(self._answer)
        self.url = self._server.origin

    @staticmethod
    def entry(name: str, idp: TerminalIdp, **more: object) -> dict[str, object]:
        scopes = ["openid", "profile", "offline_access"]
        facts = {"id": name, "label": "Company login", "issuer": idp.issuer, "client_id": CLIENT, "scopes": scopes}
        return {**facts, "resource": None, "audience": None, **more}

    def __enter__(self) -> FakeAirflow:  # noqa: PYI034 -- Self needs Python 3.11
        self._server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if (request.method, request.path) == ("GET", "/auth/token/cli"):
            return self.listing if isinstance(self.listing, Answer) else json_answer(self.listing)
        if request.path == "/auth/token/cli":
            self.exchanged.append(request.form)
            return self.refusal or self._token()
        if request.path == "/auth/token/revoke":
            self.revoked.append(request.form)
            return self.revocation
        return json_answer({"detail": "Not Found"}, 404)

    def _token(self) -> Answer:
        issued = "urn:ietf:params:oauth:token-type:access_token"
        token = f"airflow-token-{len(self.exchanged)}-{secrets.token_hex(8)}"
        document = {"access_token": token, "issued_token_type": issued, "token_type": "Bearer"}
        return json_answer({**document, "expires_in": self.lifetime})


class Person:
    """Somebody whose browser opens: signs in at the identity provider and follows it back, in a thread.

    :param before: does something else with the address of the listener first
    """

    def __init__(self, idp: FakeIdp, before: Callable[[str], None] | None = None) -> None:
        self.idp, self.before = idp, before
        self.opened: list[str] = []
        self.pages: list[str] = []
        self.statuses: list[int] = []
        self._threads: list[threading.Thread] = []

    def open(self, url: str) -> bool:
        self.opened.append(url)
        thread = threading.Thread(target=self._browse, args=(url,), daemon=True)
        self._threads.append(thread)
        thread.start()
        return True

    def _browse(self, url: str) -> None:
        if self.before is not None:
            self.before(parse_qs(urlsplit(url).query)["redirect_uri"][0])
        self.follow(self.idp.sign_in_location(url, self.idp.users[0].subject))

    def follow(self, location: str) -> None:
        status, page = fetch(location)
        self.statuses.append(status)
        self.pages.append(page)

    def done(self) -> None:
        for thread in self._threads:
            thread.join(5)


def fetch(url: str, *, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    """Be any program of this machine."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        with contextlib.suppress(OSError):
            connection.close()


class Hours:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def ports_of(urls: list[str]) -> Iterator[int]:
    for url in urls:
        yield urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port or 0
