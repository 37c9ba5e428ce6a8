"""Sign-ins to store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from airflow_oidc_auth.grants.grant import Grant, RuleMatch
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.secret import Secret
from tests.storage.backends import Backend

ISSUER = "https://idp.example.com/realms/Main"
NOW = 1_900_000_000
HOUR = 3_600
ID_TOKEN = "header.id-token-of-ada.signature"
REFRESH_TOKEN = "refresh-token-of-ada"

ADMIN = Grant(("Admin",), matches=(RuleMatch("admins", "grants.rules[0]", ("Admin",), (), ("group 'ops' is 'ops'",)),))
VIEWER = Grant(("Viewer",), ("blue",), (RuleMatch("all", "grants.rules[1]", ("Viewer",), ("blue",), ("everyone",)),))


def sign_in(
    subject: str = "ada", *, issuer: str = ISSUER, name: str = "Ada Lovelace", sid: str | None = None
) -> SignIn:
    """Return a sign-in with tokens."""
    identity = Identity("okta", issuer, subject, name, f"{subject}@example.com", True, frozenset({"ops"}), {"a": 1})
    return SignIn(identity, Secret(ID_TOKEN), Secret(REFRESH_TOKEN), sid)


def open_session(store, subject: str = "ada", grant: Grant = ADMIN, *, now: int = NOW, lifetime: int = HOUR, **more):
    """Open a session of somebody and return it."""
    return store.open(
        sign_in(subject, **more), grant, now=now, expires_at=now + lifetime, client_address="192.0.2.7"
    ).session


def at_once(backend: Backend, count: int, action):
    """Let ``count`` servers do the same at the same moment; return their answers."""
    stores = [backend.new_store() for _ in range(count)]
    barrier = Barrier(count)

    def run(store):
        barrier.wait(10)
        return action(store)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, stores))
