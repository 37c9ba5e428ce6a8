"""Token sessions to store."""

from __future__ import annotations

from dataclasses import replace

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.session import DueSession, Leased, Opening, Session, TokenRequest
from tests.storage.people import ADMIN, HOUR, NOW, sign_in

DAY = 24 * HOUR
DUE = NOW + 300
HELD = HeldTokens(Secret("id-2"), Secret("refresh-2"), Secret("access-2"))


def open_kept(store, subject: str = "ada", *, now: int = NOW, lifetime: int = HOUR, grant=ADMIN, **more) -> Session:
    """Open a browser's session that the IdP can be asked about."""
    signed_in = replace(sign_in(subject, **more), access_token=Secret("access-1"))
    opening = Opening(check_due_at=now + 300)
    opened = store.open(
        signed_in, grant, now=now, expires_at=now + lifetime, client_address="192.0.2.7", opening=opening
    )
    return opened.session


def open_plain(store, subject: str = "ada", *, now: int = NOW, lifetime: int = HOUR, grant=ADMIN) -> Session:
    """Open a browser's session that nobody can be asked about."""
    bare = replace(sign_in(subject), refresh_token=None)
    return store.open(bare, grant, now=now, expires_at=now + lifetime, client_address=None).session


def make_token(store, owner: Session, *, now: int = NOW, identity: Identity | None = None, **more) -> Session:
    """Make a token for a program of somebody."""
    unverified = more.pop("unverified_lifetime", DAY)
    request = TokenRequest(**{"kind": "personal", "label": "laptop", "lifetime": 7 * DAY, **more})
    opened = store.open_token(
        owner, request, identity=identity, now=now, client_address="192.0.2.9", unverified_lifetime=unverified
    )
    return opened.session


def take(store, session: Session, now: int = DUE, *, owner: str = "a" * 32, seconds: int = 60) -> Leased | None:
    """Take the lease of a session as it is stored now."""
    stored = store.load(session.id, now=now) or session
    due = DueSession(stored.id, stored.provider, stored.check_due_at, stored.regrade_at)
    return store.take_lease(due, owner=owner, now=now, seconds=seconds)


def refresh_token_of(store, session: Session, now: int, owner: str = "r" * 32) -> str | None:
    """Return what a session could ask the IdP with."""
    leased = take(store, session, now, owner=owner, seconds=0)
    held = None if leased is None else leased.tokens.refresh_token
    return None if held is None else held.reveal()
