"""The fake IdP's endpoints that a browser sees, without any I/O: a request in, an answer out."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_oidc_auth.testing.authorization import (
    CODE_LIFETIME,
    REQUEST_LIFETIME,
    AuthorizationRequest,
    IssuedCode,
    OneTimeStore,
    find_fault,
)
from airflow_oidc_auth.testing.client import FakeClient, is_authentic, read_credentials
from airflow_oidc_auth.testing.keys import SigningKeys
from airflow_oidc_auth.testing.loopback import Answer, Request, html_answer, json_answer, redirect_to
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from airflow_oidc_auth.testing.pages import login_page, note_page
from airflow_oidc_auth.testing.refresh import Grants
from airflow_oidc_auth.testing.urls import with_parameters
from airflow_oidc_auth.testing.users import FakeUser


@dataclass(slots=True)
class Registry:
    """Everything the endpoints share.

    :param groups_in: documents that carry groups: ``id_token``, ``userinfo``, ``access_token``
    :param refresh_tokens: who gets them: ``offline_access`` (whoever asks for that scope), ``always`` or ``never``
    :param access: access tokens
    """

    issuer: str
    origin: str
    clients: Mapping[str, FakeClient]
    users: Sequence[FakeUser]
    keys: SigningKeys
    clock: Callable[[], float]
    groups_in: frozenset[str]
    refresh_tokens: str = "offline_access"
    lie: Misbehaviour = field(default_factory=Misbehaviour)
    one_time: OneTimeStore = field(default_factory=OneTimeStore)
    access: OneTimeStore = field(default_factory=OneTimeStore)
    grants: Grants = field(default_factory=Grants)

    def user(self, hint: str) -> FakeUser | None:
        """Return whoever answers to a subject, e-mail or user name."""
        return next((user for user in self.users if user.answers_to(hint)), None)


def oauth_error(code: str, description: str, status: int = 400) -> Answer:
    """RFC 6749 §5.2."""
    return json_answer({"error": code, "error_description": description}, status)


def authorize(registry: Registry, request: Request) -> Answer:
    """RFC 6749 §4.1.1. Errors about the client or the redirect URI are shown, never sent anywhere."""
    parameters = _pushed_or_plain(registry, request.parameters)
    client = registry.clients.get(parameters.get("client_id", ""))
    redirect_uri = parameters.get("redirect_uri", "")
    if client is None or redirect_uri not in client.redirect_uris or request.repeated:
        return html_answer(note_page("Request refused", "Unknown client or redirect URI."), 400)
    asked = AuthorizationRequest(client, redirect_uri, parameters)
    if fault := registry.lie.authorization_error or find_fault(parameters):
        return _answer_client(registry, asked, {"error": fault, "error_description": "the request was not granted"})
    hint = request.query.get("user") or parameters.get("login_hint") or ""
    if user := registry.user(hint):
        return _send_code(registry, asked, user)
    key = registry.one_time.put(asked, expires_at=registry.clock() + REQUEST_LIFETIME)
    return html_answer(login_page(registry.users, client_id=client.client_id, action=f"/interaction/{key}"))


def interaction(registry: Registry, request: Request) -> Answer:
    """The login page's form."""
    key = request.path.rpartition("/")[2]
    user = registry.user(request.form.get("user", ""))
    asked = registry.one_time.take(key, now=registry.clock()) if user else None
    if user is None or not isinstance(asked, AuthorizationRequest):
        return html_answer(note_page("Too late", "This sign-in has ended. Start again from the application."), 400)
    return _send_code(registry, asked, user)


def push(registry: Registry, request: Request) -> Answer:
    """Pushed authorization requests, RFC 9126 §2."""
    client = authenticate(registry, request)
    if client is None:
        return oauth_error("invalid_client", "client authentication failed", 401)
    if "request_uri" in request.form or request.form.get("redirect_uri") not in client.redirect_uris:
        return oauth_error("invalid_request", "request_uri or redirect_uri")
    kept = {name: value for name, value in request.form.items() if not name.startswith("client_assertion")}
    key = registry.one_time.put({**kept, "client_id": client.client_id}, expires_at=registry.clock() + CODE_LIFETIME)
    uri = f"urn:ietf:params:oauth:request_uri:{key}"
    return json_answer({"request_uri": uri, "expires_in": CODE_LIFETIME}, 201)


def end_session(registry: Registry, request: Request) -> Answer:
    """OIDC RP-Initiated Logout §2 and §3."""
    parameters = request.parameters
    back = parameters.get("post_logout_redirect_uri", "")
    client = registry.clients.get(parameters.get("client_id", ""))
    if back and client is not None and client.may_return_to(back):
        state = parameters.get("state")
        return redirect_to(with_parameters(back, {"state": state} if state else {}))
    return html_answer(note_page("Signed out", "You are signed out of the demo identity provider."))


def _pushed_or_plain(registry: Registry, parameters: Mapping[str, str]) -> Mapping[str, str]:
    uri = parameters.get("request_uri")
    if uri is None:
        return parameters
    pushed = registry.one_time.take(uri.rpartition(":")[2], now=registry.clock())
    same = isinstance(pushed, dict) and pushed.get("client_id") == parameters.get("client_id")
    return pushed if same else {}  # type: ignore[return-value]


def _send_code(registry: Registry, asked: AuthorizationRequest, user: FakeUser) -> Answer:
    if user.subject in registry.grants.disabled:
        return _answer_client(registry, asked, {"error": "access_denied", "error_description": "disabled"})
    now = registry.clock()
    issued = IssuedCode(asked, user, secrets.token_urlsafe(16), int(now), now + CODE_LIFETIME)
    return _answer_client(registry, asked, {"code": registry.one_time.put(issued, expires_at=issued.expires_at)})


def _answer_client(registry: Registry, asked: AuthorizationRequest, answer: Mapping[str, str]) -> Answer:
    parameters: dict[str, str | None] = {**answer, "state": asked.get("state")}
    iss = registry.lie.iss_parameter
    if iss != "omit":
        parameters["iss"] = registry.issuer if iss == "send" else iss
    parameters.update(registry.lie.authorization_response)
    sent = {name: value for name, value in parameters.items() if value is not None}
    return redirect_to(with_parameters(asked.redirect_uri, sent))


def authenticate(registry: Registry, request: Request) -> FakeClient | None:
    """Return the client that the request proves to come from, RFC 6749 §2.3."""
    shown = read_credentials(request.headers, request.form)
    client = registry.clients.get(shown.client_id) if shown else None
    if shown is None or client is None:
        return None
    audiences = (registry.issuer, f"{registry.origin}/token", f"{registry.origin}/par")
    return client if is_authentic(client, shown, audiences=audiences, now=registry.clock()) else None
