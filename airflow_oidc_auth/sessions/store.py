"""What a session store does. The real one is in :mod:`airflow_oidc_auth.sessions.database`.

Methods are synchronous: the server awaits them on the store's own threads, never on the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.session import Ended, Opened, Session


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of the revocation feed.

    :param kind: ``session`` or ``token``
    :param key: session id or ``jti``
    :param expires_at: epoch seconds after which nothing bearing the key can be valid
    """

    sequence: int
    kind: str
    key: str
    expires_at: int


class SessionStore(Protocol):
    """Open, load and end sessions; publish revocations to every API server."""

    def open(self, sign_in: SignIn, grant: Grant, *, now: int, expires_at: int, client_address: str | None) -> Opened:
        """Store a new session (one transaction; principal row created or updated by (issuer, subject)).

        :raises SessionError: ``session_store_unavailable``
        :raises LoginRefused: an account elsewhere may not sign in; nothing is stored
        """

    def withdraw(self, identity: Identity) -> tuple[str, ...]:
        """Take the roles that an account elsewhere has; return those that went. Sessions have no roles to take.

        :raises SessionError: ``session_store_unavailable``
        """

    def load(self, session_id: str, *, now: int) -> Session | None:
        """Return the session if it is neither unknown, ended nor expired. One indexed read.

        :raises SessionError: ``session_store_unavailable``
        """

    def end(self, session_id: str, *, reason: str, now: int) -> Ended | None:
        """End a session and publish its revocation, in one transaction; None if there is none to end.

        :raises SessionError: ``session_store_unavailable``
        """

    def revoke_token(self, jti: str, *, expires_at: int, now: int) -> None:
        """Publish the revocation of one token."""

    def claim(self, message_key: str, *, expires_at: int, now: int) -> bool:
        """Use a message up: True for the first caller on any API server, False for every later one.

        :param message_key: a hash, at most 64 ASCII characters
        :param expires_at: epoch seconds after which the message is refused for its age alone
        :raises SessionError: ``session_store_unavailable``: whether it was used before is not known
        """

    def list_sessions(
        self, *, now: int, principal_id: str | None = None, provider: str | None = None, idp_sid: str | None = None
    ) -> Sequence[Session]:
        """Return live sessions, newest first.

        :param idp_sid: what ``idp_sid`` begins with; only together with ``provider``
        """

    def revocations(self, *, after: int, now: int) -> Sequence[Revocation]:
        """Return unexpired revocations with ``sequence`` greater than ``after``, in order.

        The overlap for transactions that commit out of order is the feed's: it asks again for its last minute.
        """

    def delete_expired(self, *, now: int) -> int:
        """Delete sessions and revocations that no longer matter; return how many rows."""
