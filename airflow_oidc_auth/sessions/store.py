"""What a session store does. The real one is in :mod:`airflow_oidc_auth.sessions.database`.

Methods are synchronous: the server awaits them on the store's own threads, never on the event loop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens, SignIn
from airflow_oidc_auth.sessions.session import (
    DueSession,
    Ended,
    Ending,
    Leased,
    Opened,
    Opening,
    Recheck,
    Regraded,
    Session,
    TokenRequest,
)
from airflow_oidc_auth.sessions.token_session import UNVERIFIED_LIFETIME

NOTHING_SAID = Opening()


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of the revocation feed.

    :param kind: ``session``, ``token``, ``grant`` or ``principal``
    :param key: session id, ``jti``, of a changed Grant the session id, a dot and what tells the changes apart, of a
        principal its id, a dot and until when what was issued to it counts no more
    :param expires_at: epoch seconds after which nothing bearing the key can be valid
    """

    sequence: int
    kind: str
    key: str
    expires_at: int


class SessionStore(Protocol):
    """Open, load, re-check and end sessions; publish to every API server what ended or changed."""

    def open(
        self,
        sign_in: SignIn,
        grant: Grant,
        *,
        now: int,
        expires_at: int,
        client_address: str | None,
        opening: Opening = NOTHING_SAID,
    ) -> Opened:
        """Store a new session (one transaction; principal row created or updated by (issuer, subject)).

        Where the principal may have only so many, the oldest end with the reason ``too_many_sessions``.

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

    def find_ending(self, session_id: str, *, now: int) -> Ending | None:
        """Return whether a browser's session has ended and why, None where there is none. One indexed read.

        :raises SessionError: ``session_store_unavailable``
        """

    def end_many(
        self, session_ids: Collection[str], *, reason: str, now: int, idle_since: int | None = None
    ) -> Sequence[Ended]:
        """End sessions as :meth:`end` does, many in one transaction; return those that this call ended.

        :param idle_since: leave out what was seen at or after this time, epoch seconds
        :raises SessionError: ``session_store_unavailable``; some may have ended
        """

    def revoke_token(self, jti: str, *, expires_at: int, now: int) -> None:
        """Publish the revocation of one token."""

    def claim(self, message_key: str, *, expires_at: int, now: int) -> bool:
        """Use a message up: True for the first caller on any API server, False for every later one.

        :param message_key: a hash, at most 64 ASCII characters
        :param expires_at: epoch seconds after which the message is refused for its age alone
        :raises SessionError: ``session_store_unavailable``: whether it was used before is not known
        """

    def is_claimed(self, message_key: str, *, now: int) -> bool:
        """Tell whether a message was used up, and is not too old by now anyway.

        :raises SessionError: ``session_store_unavailable``
        """

    def list_sessions(
        self,
        *,
        now: int,
        principal_id: str | None = None,
        provider: str | None = None,
        idp_sid: str | None = None,
        sid_begins: str | None = None,
        user: str | None = None,
        limit: int | None = None,
    ) -> Sequence[Session]:
        """Return live sessions, newest first.

        :param idp_sid: the identity provider's whole name of the session; only together with ``provider``
        :param sid_begins: how that name begins, likewise; never a stranger's word, it may be that of everybody
        :param user: exactly the name, the e-mail or the subject; names and e-mails can be those of several people
        :param limit: at most so many; None for all
        """

    def sessions_by_identity(self, issuer: str, subject: str, *, now: int) -> Sequence[Session]:
        """Return the live sessions of one identity, newest first."""

    def touch(self, seen: Mapping[str, int]) -> None:
        """Note activity.

        :param seen: epoch seconds of the last activity, by session id; an older time than the stored one is left out
        :raises SessionError: ``session_store_unavailable``; some may have been noted
        """

    def idle_sessions(self, *, now: int, idle_since: int, limit: int) -> Sequence[str]:
        """Return ids of live sessions that were last seen (or opened, if never seen) before ``idle_since``."""

    def due_sessions(
        self, *, now: int, active_since: int, limit: int, providers: Collection[str]
    ) -> Sequence[DueSession]:
        """Return sessions whose re-check is due and that nobody re-checks now.

        Due is what was seen at or after ``active_since`` and has ``check_due_at`` in the past, and whatever has
        ``regrade_at`` in the past.

        :param providers: those whose IdP can be asked now; ``regrade_at`` asks nobody
        """

    def take_lease(self, due: DueSession, *, owner: str, now: int, seconds: int) -> Leased | None:
        """Let the caller alone re-check a session for some seconds; None if somebody else does or has just done.

        One compare-and-set: it holds without row locks, and no transaction is open afterwards.

        :param owner: at most 32 ASCII characters, never used before
        :raises SessionError: ``session_store_unavailable``: it may have been given, and then runs out
        """

    def settle_recheck(self, leased: Leased, recheck: Recheck, *, now: int) -> Regraded | None:
        """Store what came of a re-check and give the lease back, in one transaction; None if it was lost meanwhile.

        A Grant that differs is published to every API server (kind ``grant``), an account elsewhere is settled.

        :raises LoginRefused: the account elsewhere lets this person in no more; nothing is stored
        :raises SessionError: ``session_store_unavailable``
        """

    def end_leased(self, leased: Leased, *, reason: str, now: int) -> Ended | None:
        """End a session as :meth:`end` does, but only while the lease is held.

        Whoever has lost it heard the answer to a question that somebody else has asked again since.
        """

    def open_token(
        self,
        owner: Session,
        request: TokenRequest,
        *,
        identity: Identity | None,
        now: int,
        client_address: str | None = None,
        unverified_lifetime: int = UNVERIFIED_LIFETIME,
    ) -> Opened:
        """Store the session behind a token that is made for a program, with the owner's roles or fewer.

        :param owner: a live session, or one of kind ``bearer``, which has no row
        :param request: with a lifetime
        :param identity: what the IdP said of the owner; None for what the owner's session keeps of it
        :param unverified_lifetime: seconds for which it may live without its owner being confirmed
        :raises SessionError: ``token_owner_gone``: the owner's session has ended, or all that they had was revoked;
            ``token_owner_unverified``, ``token_scope_not_held``, ``session_store_unavailable``
        """

    def list_tokens(self, *, now: int, principal_id: str | None = None, reference: str = "") -> Sequence[Session]:
        """Return live token sessions, newest first; a store may return at most 10,000.

        :param reference: what their ids begin with, plain ASCII
        """

    def count_tokens(self, principal_id: str, *, now: int) -> int:
        """Return how many live token sessions a principal has. One indexed read."""

    def revoke_principal(self, principal_id: str, *, now: int, until: int) -> None:
        """Publish that nothing counts any more that was issued to a principal until now, whoever issued it.

        No token is made from what was revoked, also not at the same moment.

        :param until: epoch seconds after which nothing that was issued by then can be valid
        :raises SessionError: ``session_store_unavailable``
        """

    def end_refused(self, leased: Leased, *, reason: str, now: int, everything: bool = True) -> Sequence[Ended]:
        """End a session as :meth:`end_leased` does, what was made from it, and all tokens of its person.

        The leased session comes first; nothing ends if the lease was lost.

        :param everything: False to leave the person's other tokens alone
        """

    def find_keeper(self, leased: Leased, *, now: int) -> int | None:
        """Return until when another live session of the same person at the same provider can be confirmed.

        If there is none, a leased token session takes over what one that has expired still holds.
        """

    def pass_on(self, leased: Leased, tokens: HeldTokens, *, now: int) -> None:
        """Give the IdP's new tokens of a token session that ended while they came to another one of its person."""

    def revocations(self, *, after: int, now: int) -> Sequence[Revocation]:
        """Return unexpired revocations with ``sequence`` greater than ``after``, in order.

        The overlap for transactions that commit out of order is the feed's: it asks again for its last minute.
        """

    def reseal_tokens(self) -> int:
        """Encrypt with the newest key what an older one encrypted; return how many values.

        :raises SessionError: ``session_store_unavailable``; what was done stays done
        """

    def delete_expired(self, *, now: int) -> int:
        """Delete sessions and revocations that no longer matter; return how many rows."""
