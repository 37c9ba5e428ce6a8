"""What the fake IdP gives to programs: access tokens for an API (RFC 9068), opaque ones, and what it says of those."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_oidc_auth.testing.endpoints import Registry, authenticate, oauth_error
from airflow_oidc_auth.testing.loopback import Answer, Request, json_answer
from airflow_oidc_auth.testing.tokens import TokenRequest, profile_claims, shape_groups, sign_or_lie
from airflow_oidc_auth.testing.users import FakeUser


@dataclass(frozen=True, slots=True)
class Program:
    """A program that asks for tokens.

    :param actors: who acts for the subject, outermost first (RFC 8693 §4.1)
    :param jkt: thumbprint of the key that its tokens are bound to (RFC 9449 §6.1)
    :param scope: as granted
    """

    client_id: str = "ci-job"
    actors: Sequence[str] = ()
    jkt: str | None = None
    scope: str = ""


@dataclass(slots=True)
class ProgramTokens:
    """The counter where programs get their tokens, without the grant that led to them."""

    registry: Registry
    opaque_claims: dict[str, Mapping[str, object]] = field(default_factory=dict)

    def jwt(
        self,
        subject: str,
        audience: str | list[str],
        program: Program | None = None,
        *,
        lifetime: int = 600,
        header: Mapping[str, object] | None = None,
        claims: Mapping[str, object] | None = None,
        signature: str = "valid",
    ) -> str:
        """Return a signed access token.

        :param subject: a person's subject, e-mail or user name, or any other text for a program's own token
        :param claims: laid over the honest ones; None as a value takes a claim away
        :param signature: one of :data:`~airflow_oidc_auth.testing.misbehaviour.SIGNATURES`
        """
        request = self._request(subject)
        told = {**self._claims(request, audience, program or Program(), lifetime), **(claims or {})}
        kept = {name: value for name, value in told.items() if value is not None}
        lie = replace(self.registry.lie, signature=signature)
        return sign_or_lie({"typ": "at+jwt", **(header or {})}, kept, request, self.registry.keys, lie)

    def opaque(
        self,
        subject: str,
        audience: str | list[str],
        program: Program | None = None,
        *,
        lifetime: int = 600,
        claims: Mapping[str, object] | None = None,
    ) -> str:
        """Return a token that says nothing to anybody but the IdP (RFC 7662)."""
        token = secrets.token_urlsafe(24)
        told = {**self._claims(self._request(subject), audience, program or Program(), lifetime), **(claims or {})}
        self.opaque_claims[token] = {name: value for name, value in told.items() if value is not None}
        return token

    def revoke(self, token: str) -> None:
        """Let an opaque token be inactive from now on."""
        self.opaque_claims.pop(token, None)

    def introspect(self, request: Request) -> Answer | None:
        """Answer a resource server about an opaque token; None for one that was not given out here."""
        token = request.form.get("token", "")
        claims = self.opaque_claims.get(token)
        if claims is None:
            return None
        if authenticate(self.registry, request) is None:
            return oauth_error("invalid_client", "client authentication failed", 401)
        expires: Any = claims.get("exp", 0)
        active = expires > self.registry.clock()
        kind = "DPoP" if "cnf" in claims else "Bearer"
        return json_answer({"active": True, "token_type": kind, **claims} if active else {"active": False})

    def _request(self, subject: str) -> TokenRequest:
        user = self.registry.user(subject) or FakeUser(subject, subject, "")
        client = next(iter(self.registry.clients.values()))
        now = int(self.registry.clock())
        return TokenRequest(self.registry.issuer, client.client_id, client.client_secret, user, "", None, "", now, now)

    def _claims(
        self, request: TokenRequest, audience: str | list[str], program: Program, lifetime: int
    ) -> dict[str, object]:
        user = request.user
        groups = shape_groups(user.groups, self.registry.lie.groups_shape)
        person = profile_claims(user, groups) if user.email else {"sub": user.subject, "groups": groups}
        claims: dict[str, object] = {
            "iss": request.issuer,
            "aud": audience,
            "client_id": program.client_id,
            "iat": request.now,
            "exp": request.now + lifetime,
            "jti": secrets.token_urlsafe(12),
            **person,
        }
        if program.scope:
            claims["scope"] = program.scope
        if program.actors:
            claims["act"] = _acting(program.actors)
        if program.jkt:
            claims["cnf"] = {"jkt": program.jkt}
        return claims


def _acting(actors: Sequence[str]) -> Mapping[str, object]:
    chain: Mapping[str, object] = {}
    for actor in reversed(actors):
        chain = {"sub": actor, **({"act": chain} if chain else {})}
    return chain
