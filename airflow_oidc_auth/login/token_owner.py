"""Whom a new token is made for: what was verified, turned into a session that the token desk can make tokens of.

A token of an IdP has no session here. It gets one for the moment: never stored, its id names nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from airflow_oidc_auth.config.compiled import TokenClient
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.login.ports import BearerToken, SignedCaller
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import BEARER, Session

CLIENTS = "tokens.clients"
"""The provider of programs that the document itself names; no configured provider can be called so."""
DIGEST_LENGTH = 24


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whom a token is made for.

    :param session: live, or of the moment
    :param identity: what the IdP said; None where the session has it stored, or there is no IdP
    :param not_after: what the new token must not outlive, epoch seconds; None where only the policy says
    :param parent: the session of our own token that is exchanged; the new token ends with it
    """

    session: Session
    identity: Identity | None = field(default=None, repr=False)
    not_after: int | None = None
    parent: str | None = None

    @property
    def held(self) -> frozenset[str]:
        """Roles that a new token may have: those of the Grant, within what the token was narrowed to."""
        roles, scope = frozenset(self.session.grant.roles), self.session.scope
        return roles if scope is None else roles & frozenset(scope)


def owner_of_caller(caller: SignedCaller) -> TokenOwner:
    """Return the owner of one of our own tokens; what is made of it neither outlives nor exceeds it."""
    session = caller.session
    return TokenOwner(session, None, min(caller.expires_at, session.expires_at), session.id)


def owner_of_identity(identity: Identity, grant: Grant, bearer: BearerToken, token: str, now: int) -> TokenOwner:
    """Return the owner of an IdP's token that the rules have judged; ``identity`` is the token's, or acted for."""
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]
    session = Session(
        id=f"bearer.{digest}",
        principal_id=principal_id(identity.issuer, identity.subject),
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name,
        email=identity.email,
        grant=grant,
        grant_digest=grant_digest(grant),
        # What was revoked before that counts for it, too; a token that does not say so is as old as can be.
        created_at=bearer.issued_at,
        expires_at=bearer.expires_at,
        checked_at=now,
        kind=BEARER,
        client_id=bearer.client_id,
        actors=identity.actors,
        jkt=bearer.jkt,
    )
    return TokenOwner(session, identity)


def owner_of_client(client: TokenClient, issuer: str, now: int, expires_at: int) -> TokenOwner:
    """Return a configured client as the owner of its own tokens.

    :param issuer: who vouches for it: this Airflow
    """
    grant = Grant(tuple(sorted(client.roles)), matches=(RuleMatch(client.id, CLIENTS, tuple(sorted(client.roles))),))
    session = Session(
        id=f"client.{hashlib.sha256(client.id.encode()).hexdigest()[:DIGEST_LENGTH]}",
        principal_id=principal_id(issuer, client.id),
        provider=CLIENTS,
        issuer=issuer,
        subject=client.id,
        name=client.id,
        email=None,
        grant=grant,
        grant_digest=grant_digest(grant),
        created_at=now,
        expires_at=expires_at,
        # No IdP can be asked about it: the document vouches for it, at each request, for as long as any of its tokens.
        checked_at=expires_at,
        kind=BEARER,
        client_id=client.id,
    )
    return TokenOwner(session)
