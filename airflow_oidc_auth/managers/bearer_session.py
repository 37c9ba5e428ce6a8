"""An identity provider's token as a session: in memory only, for the time of its cache entry."""

from __future__ import annotations

import base64
from functools import lru_cache

from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.frozen import constructor_of
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant, Refusal
from airflow_oidc_auth.grants.judgements import Judgements
from airflow_oidc_auth.managers.bearer_cache import MAX_TOKENS
from airflow_oidc_auth.messages.machines import told_to_program
from airflow_oidc_auth.providers.bearer import BearerToken
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import BEARER, Session

ID_LENGTH = 24
_session = constructor_of(Session)


def judge(judgements: Judgements, token: BearerToken, now: float) -> Grant:
    """Return what the rules give to the owner of a token.

    :raises LoginRefused: nothing; the token is good, and nobody here knows its owner
    """
    decision = judgements.decide(token.identity, now)
    if isinstance(decision, Refusal):
        raise LoginRefused(told_to_program(decision.code), decision.path, hint=decision.text or None)
    return decision


def build_session(token: BearerToken, grant: Grant, digest: bytes, now: int) -> Session:
    """Return the session that the token stands for; no table knows it."""
    identity = token.identity
    return _session(
        id=f"{BEARER}.{base64.urlsafe_b64encode(digest).decode()[:ID_LENGTH]}",
        principal_id=_principal_id(identity.issuer, identity.subject),
        provider=token.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name,
        email=identity.email,
        grant=grant,
        grant_digest=grant_digest(grant) if grant.teams else _digest_of(grant.roles),
        created_at=token.issued_at,
        expires_at=token.expires_at,
        kind=BEARER,
        client_id=token.client_id,
        actors=token.actors,
        jkt=token.jkt,
    )


# A program gets a new token every few minutes, and is the same owner with the same roles.
@lru_cache(maxsize=MAX_TOKENS)
def _principal_id(issuer: str, subject: str) -> str:
    return principal_id(issuer, subject)


@lru_cache(maxsize=MAX_TOKENS)
def _digest_of(roles: tuple[str, ...]) -> str:
    return grant_digest(Grant(roles))
