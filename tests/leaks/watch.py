"""What passes between browsers, programs, this Airflow and the IdP: all of it is kept, and what is secret is learnt."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import httpx

from airflow_oidc_auth.testing import FakeIdp
from airflow_oidc_auth.testing.loopback import Answer, Request
from tests.leaks.hoard import Hoard, Leak

SESSION, ATTEMPT, AIRFLOW_TOKEN, LINK = "session token", "attempt cookie", "token of Airflow", "break-glass link"
FROM_IDP = {"access_token": "access token", "id_token": "id_token", "refresh_token": "refresh token"}
TO_IDP = {
    "code": "code",
    "code_verifier": "code verifier",
    "client_secret": "client secret",
    "client_assertion": "client assertion",
    "state": "state",
    "nonce": "nonce",
    "refresh_token": "refresh token",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """A secret that belongs in an answer.

    :param part: ``set-cookie``, ``location``, ``head`` or ``body``
    :param request: pattern of ``METHOD /path``
    """

    kind: str
    part: str
    request: str
    reason: str


MEANT = (
    Meant(
        SESSION, "set-cookie", r"GET /auth/callback/\w+|POST /auth/(saml/\w+/finish|break-glass)", "it is the session"
    ),
    Meant("SAML response", "body", r"POST /auth/saml/\w+/acs", "the page sends it once more, with the cookies"),
    Meant(ATTEMPT, "set-cookie", r"GET /auth/login/\w+", "the attempt is the browser's, encrypted"),
    Meant("state", "location", r"GET /auth/login/\w+", "the IdP sends it back"),
    Meant("nonce", "location", r"GET /auth/login/\w+", "the IdP puts it into the id_token"),
    *(Meant("id_token", part, r"GET /auth/logout", "id_token_hint, to the IdP") for part in ("location", "body")),
    *(Meant("nonce", part, r"GET /auth/logout", "in that id_token") for part in ("location", "body")),
    Meant(AIRFLOW_TOKEN, "body", r"POST /(auth/token|auth/token/cli|ui/auth/token)", "it was asked for"),
    Meant(LINK, "body", r"GET /auth/break-glass", "the button that uses it is on this page"),
)


@dataclass
class Watch:
    """Keeps every answer to a browser or a program."""

    hoard: Hoard
    answers: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    def on(self, client: httpx.Client) -> httpx.Client:
        """Watch a client."""
        client.event_hooks = {"response": [self._keep]}
        return client

    def leaks(self) -> Iterator[Leak]:
        """Yield secrets in answers where none are meant."""
        for request, parts in self.answers:
            for part, data in parts.items():
                for leak in self.hoard.search(f"{request}: {part}", data):
                    if not any(_is_meant(leak, rule, request, part) for rule in MEANT):
                        yield leak

    def _keep(self, response: httpx.Response) -> None:
        body = response.read()
        headers = [(name.lower(), value) for name, value in response.headers.multi_items()]
        parts = {"body": body, "set-cookie": b"", "location": b"", "head": b""}
        for name, value in headers:
            part = {"set-cookie": name, "location": name, "refresh": "location"}.get(name, "head")
            parts[part] += f"{name}: {value}\n".encode()
        request = f"{response.request.method} {urlsplit(str(response.request.url)).path}"
        self.answers.append((request, parts))
        self._learn(headers, body)

    def _learn(self, headers: list[tuple[str, str]], body: bytes) -> None:
        for name, value in headers:
            if name == "set-cookie":
                cookie, _, rest = value.partition("=")
                content = rest.partition(";")[0].strip('"')
                if len(content) > 20:
                    self.hoard.add(SESSION if cookie == "_token" else ATTEMPT, content)
            elif name == "location":
                for parameter, found in parse_qsl(urlsplit(value).query):
                    if parameter in ("state", "nonce"):
                        self.hoard.add(parameter, found)
        for token in re.findall(rb'"access_token":\s*"([^"]+)"', body):
            self.hoard.add(AIRFLOW_TOKEN, token.decode())


def _is_meant(leak: Leak, rule: Meant, request: str, part: str) -> bool:
    return (leak.kind, part) == (rule.kind, rule.part) and re.fullmatch(rule.request, request) is not None


def watch_idp(idp: FakeIdp, hoard: Hoard) -> Callable[[], None]:
    """Learn every secret that reaches or leaves an IdP; returns what ends that."""
    dispatch = idp._dispatch

    def watched(name: str, request: Request) -> Answer:
        answer = dispatch(name, request)
        for parameter, kind in TO_IDP.items():
            hoard.add(kind, request.parameters.get(parameter))
        hoard.add("client secret", _basic(request.headers.get("authorization", "")))
        for parameter, kind in FROM_IDP.items():
            hoard.add(kind, _members(answer.body).get(parameter))
        return answer

    idp._dispatch = watched  # type: ignore[method-assign]
    return lambda: setattr(idp, "_dispatch", dispatch)


def _basic(header: str) -> str | None:
    if not header.startswith("Basic "):
        return None
    return unquote_plus(base64.b64decode(header[6:]).decode().partition(":")[2])


def _members(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
