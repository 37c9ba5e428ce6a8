"""A server-side session and what the store answers."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.secret import Secret


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one principal.

    :param id: random, 128 bits, base64url
    :param principal_id: short local subject id of (issuer, subject); the ``sub`` of our tokens
    :param grant_digest: digest of the roles and teams
    :param created_at: epoch seconds
    :param expires_at: hard end, epoch seconds
    """

    id: str
    principal_id: str
    provider: str
    issuer: str
    subject: str
    name: str
    email: str | None
    grant: Grant
    grant_digest: str
    created_at: int
    expires_at: int
    idp_sid: str | None = None
    client_address: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened, and the roles of the principal's previous sign-in (None at the first).

    :param notes: facts about the account for the audit's detail
    """

    session: Session
    previous_roles: tuple[str, ...] | None
    notes: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A session just ended, with what the IdP's logout needs."""

    session: Session
    id_token: Secret | None
