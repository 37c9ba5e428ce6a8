"""The fake IdP's endpoints behind sign-in: tokens, userinfo, introspection. A request in, an answer out."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace

from airflow_oidc_auth.testing.authorization import IssuedCode, verifier_matches
from airflow_oidc_auth.testing.client import FakeClient
from airflow_oidc_auth.testing.endpoints import Registry, authenticate, oauth_error
from airflow_oidc_auth.testing.loopback import Answer, Request, json_answer
from airflow_oidc_auth.testing.tokens import (
    TokenRequest,
    build_access_token,
    build_id_token,
    profile_claims,
    shape_groups,
)

TOKEN_LIFETIME = 600


def token(registry: Registry, request: Request) -> Answer:
    """RFC 6749 §4.1.3 and §6."""
    client = authenticate(registry, request)
    if client is None:
        return oauth_error("invalid_client", "client authentication failed", 401)
    if request.repeated:
        return oauth_error("invalid_request", "a parameter is repeated")
    match request.form.get("grant_type"):
        case "authorization_code":
            return _redeem_code(registry, client, request.form)
        case "refresh_token":
            return _refresh(registry, client, request.form)
        case _:
            return oauth_error("unsupported_grant_type", "only authorization_code and refresh_token")


def userinfo(registry: Registry, request: Request) -> Answer:
    """OIDC Core §5.3."""
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    issued = _holder(registry, presented) if scheme.lower() == "bearer" else None
    if issued is None:
        return Answer(401, b"", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    lie = registry.lie
    claims = profile_claims(issued.user, shape_groups(issued.user.groups, lie.groups_shape))
    if "userinfo" not in registry.groups_in:
        claims.pop("groups", None)
    claims.update(lie.userinfo_claims)
    return json_answer({name: value for name, value in claims.items() if name not in lie.omit_userinfo_claims})


def introspect(registry: Registry, request: Request) -> Answer:
    """RFC 7662 §2, of a client's own tokens."""
    client = authenticate(registry, request)
    if client is None:
        return oauth_error("invalid_client", "client authentication failed", 401)
    issued = _holder(registry, request.form.get("token", ""))
    answer: dict[str, object] = {"active": False}
    if issued is not None and issued.request.client == client:
        answer = {"active": True, "sub": issued.user.subject, "client_id": client.client_id, "iss": registry.issuer}
    return json_answer({**answer, **registry.lie.introspection})


def _holder(registry: Registry, access_token: str) -> IssuedCode | None:
    issued = registry.access.see(access_token, now=registry.clock())
    return _as_of_now(registry, issued) if isinstance(issued, IssuedCode) else None


def _as_of_now(registry: Registry, issued: IssuedCode) -> IssuedCode | None:
    """Return the sign-in with the person as they are now; None if they are gone or the session has ended."""
    user = next((user for user in registry.users if user.subject == issued.user.subject), None)
    if user is None or not registry.grants.is_alive(issued):
        return None
    return replace(issued, user=user)


def _redeem_code(registry: Registry, client: FakeClient, form: Mapping[str, str]) -> Answer:
    issued = registry.one_time.take(form.get("code", ""), now=registry.clock())
    if not isinstance(issued, IssuedCode) or issued.request.client != client:
        return oauth_error("invalid_grant", "the code is unknown, used, late or another client's")
    if form.get("redirect_uri") != issued.request.redirect_uri:
        return oauth_error("invalid_grant", "redirect_uri differs from the authorization request's")
    if not verifier_matches(form.get("code_verifier", ""), issued.request.get("code_challenge") or ""):
        return oauth_error("invalid_grant", "code_verifier does not match")
    registry.grants.remember(issued)
    answer = _issue(registry, issued, nonce=issued.request.get("nonce"))
    if _gets_refresh_tokens(registry, issued):
        answer["refresh_token"] = registry.grants.open(issued, now=registry.clock())
    return _sent(answer, registry.lie.token_response, registry.lie.omit_from_token_response)


def _gets_refresh_tokens(registry: Registry, issued: IssuedCode) -> bool:
    if registry.refresh_tokens == "offline_access":
        return "offline_access" in (issued.request.get("scope") or "").split()
    return registry.refresh_tokens == "always"


def _refresh(registry: Registry, client: FakeClient, form: Mapping[str, str]) -> Answer:
    lie = registry.lie
    used = registry.grants.use(form.get("refresh_token", ""), now=registry.clock(), rotate=lie.rotate)
    issued = _as_of_now(registry, used) if used is not None else None
    if issued is None or issued.request.client != client:
        return oauth_error("invalid_grant", "the refresh token is unknown, used, revoked or another client's")
    answer = _issue(registry, issued, nonce=issued.request.get("nonce") if lie.nonce_in_refresh else None)
    if lie.rotate:
        answer["refresh_token"] = registry.grants.open(issued, now=registry.clock())
    return _sent(answer, lie.token_response, lie.omit_from_token_response)


def _issue(registry: Registry, issued: IssuedCode, *, nonce: str | None) -> dict[str, object]:
    now = registry.clock()
    client = issued.request.client
    shared = (registry.issuer, client.client_id, client.client_secret, issued.user)
    access_token = secrets.token_urlsafe(24)
    details = TokenRequest(*shared, access_token, nonce, issued.sid, issued.auth_time, int(now))
    if "access_token" in registry.groups_in:
        access_token = build_access_token(details, registry.keys, registry.lie)
        details = TokenRequest(*shared, access_token, nonce, issued.sid, issued.auth_time, int(now))
    registry.access.keep(access_token, issued, expires_at=now + TOKEN_LIFETIME)
    with_groups = "id_token" in registry.groups_in
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME,
        "scope": issued.request.get("scope") or "",
        "id_token": build_id_token(details, registry.keys, registry.lie, with_groups=with_groups),
    }


def _sent(answer: Mapping[str, object], laid_over: Mapping[str, object], omitted: tuple[str, ...]) -> Answer:
    told = {**answer, **laid_over}
    return json_answer({name: value for name, value in told.items() if name not in omitted})
