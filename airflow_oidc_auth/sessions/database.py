"""The session store in Airflow's metadata database.

Short transactions, no IdP call inside one. Everything the database can say wrong becomes a
:class:`~airflow_oidc_auth.errors.SessionError`; nothing it says is trusted further than it can be checked: the
Grant against its digest, the principal against ``(issuer, subject)``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.keepers import free
from airflow_oidc_auth.sessions.limits import MAX_NAME_LENGTH
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.principals_table import store_principal
from airflow_oidc_auth.sessions.rechecks_table import LeaseLost, find_due, settle, take_lease
from airflow_oidc_auth.sessions.resealing import reseal_all
from airflow_oidc_auth.sessions.revocation import TOKEN, is_session_id, token_key
from airflow_oidc_auth.sessions.rows import check_storable, new_session, parse_session
from airflow_oidc_auth.sessions.schedule import chance
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
)
from airflow_oidc_auth.sessions.sessions_table import (
    READ_SESSION,
    TOO_MANY,
    end_sessions,
    idle,
    live,
    revocation_row,
    session_row,
    surplus_sessions,
)
from airflow_oidc_auth.sessions.store import NOTHING_SAID, Revocation
from airflow_oidc_auth.sessions.token_store import DatabaseTokenStore
from airflow_oidc_auth.sessions.tokens_table import tell_tokens
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions, rows

BATCH = 500

_S = models.sessions.c
_P = models.principals.c
_R = models.revocations.c
_M = models.replays.c


def airflow_transactions() -> AbstractContextManager[Transaction]:
    """Open a transaction of Airflow's own engine and pool, private to the calling thread."""
    return create_session(scoped=False)


class DatabaseSessionStore(DatabaseTokenStore):
    """Open, load and end sessions; publish revocations. Thread-safe; every method blocks.

    :param cipher: encrypts the IdP's tokens
    :param accounts: settled by every sign-in, in its transaction; None when sessions alone are the accounts
    :param transactions: opens a transaction that commits on success
    :param new_id: makes a session id: 128 random bits, base64url
    """

    def __init__(
        self,
        cipher: TokenCipher,
        *,
        accounts: Accounts | None = None,
        transactions: Transactions = airflow_transactions,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = chance,
    ) -> None:
        self._cipher = cipher
        self._accounts = accounts
        self._new_id = new_id
        self._runner = TransactionRunner(transactions, sleep=sleep, jitter=jitter)

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
        """Store a new session; see :class:`~airflow_oidc_auth.sessions.store.SessionStore`.

        :raises SessionError: ``session_store_unavailable``, ``identity_not_storable`` or ``principal_conflict``
        :raises LoginRefused: the account may not sign in; nothing is stored
        """
        check_storable(sign_in.identity)
        session = new_session(self._new_id(), sign_in, grant, now, expires_at, client_address, opening)

        def work(transaction: Transaction) -> Opened:
            opened = self._settle(transaction, Opened(session, store_principal(transaction, session)), sign_in, now)
            ended = self._make_room(transaction, session.principal_id, opening.max_sessions, now)
            row = session_row(opened.session, sign_in, self._cipher)
            transaction.execute(insert(models.sessions).values(row))
            if opened.previous_roles is not None:
                tell_tokens(transaction, self._cipher, opened.session, sign_in.identity, now=now)
            return replace(opened, ended=ended)

        return self._runner.run(work)

    def withdraw(self, identity: Identity) -> tuple[str, ...]:
        """Take the roles of an identity to whom the rules give nothing; return those that went."""
        accounts = self._accounts
        if accounts is None:
            return ()
        mine = principal_id(identity.issuer, identity.subject)
        return self._runner.run(lambda transaction: accounts.withdraw(transaction, mine))

    def load(self, session_id: str, *, now: int) -> Session | None:
        """Return the session if it is neither unknown, ended, expired nor tampered with."""
        if not is_session_id(session_id):
            return None
        statement = READ_SESSION.where(_S.id == session_id, live(now))
        row = self._runner.run(lambda transaction: transaction.execute(statement).one_or_none())
        session = None if row is None else parse_session(row)
        return None if session is None or session.is_over(now) else session

    def end(self, session_id: str, *, reason: str, now: int) -> Ended | None:
        """End a session, publish its revocation and forget its tokens, in one transaction."""
        return next(iter(self.end_many([session_id], reason=reason, now=now)), None)

    def find_ending(self, session_id: str, *, now: int) -> Ending | None:
        """Return whether a browser's session has ended and why; None for one that is unknown or expired."""
        if not is_session_id(session_id):
            return None
        this = (_S.id == session_id, _S.kind.is_(None), _S.expires_at > now)
        statement = select(_S.provider, _S.ended_at, _S.end_reason).where(*this)
        row = self._runner.run(lambda transaction: transaction.execute(statement).one_or_none())
        return None if row is None else Ending(row.provider, row.ended_at, row.end_reason)

    def end_many(
        self, session_ids: Collection[str], *, reason: str, now: int, idle_since: int | None = None
    ) -> Sequence[Ended]:
        """End sessions, at most 500 in a transaction."""
        # One that is being re-checked is not idle for good: its tokens are just being replaced.
        only = None if idle_since is None else and_(idle(idle_since), free(now))
        known = sorted(filter(is_session_id, session_ids))
        ended: list[Ended] = []
        for first in range(0, len(known), BATCH):
            ended += self._end(known[first : first + BATCH], reason, now, only)
        return tuple(ended)

    def _end(self, session_ids: Collection[str], reason: str, now: int, only: Any) -> Sequence[Ended]:
        ending = partial(end_sessions, cipher=self._cipher, session_ids=session_ids, reason=reason, now=now, only=only)
        return self._runner.run(ending)

    def revoke_token(self, jti: str, *, expires_at: int, now: int) -> None:
        """Publish the revocation of one token; a second time changes nothing."""
        entry = revocation_row(TOKEN, token_key(jti), expires_at=expires_at, now=now)
        statement = insert(models.revocations).values(entry)
        self._runner.run(lambda transaction: transaction.execute(statement), settled_by_duplicate=True)

    def claim(self, message_key: str, *, expires_at: int, now: int) -> bool:
        """Use a message up; the unique insert wins, whichever API server makes it."""
        if expires_at <= now:
            return False
        statement = insert(models.replays).values(message_key=message_key, expires_at=expires_at)

        def work(transaction: Transaction) -> bool:
            transaction.execute(statement)
            return True

        # None: somebody has done it already.
        return bool(self._runner.run(work, settled_by_duplicate=True))

    def is_claimed(self, message_key: str, *, now: int) -> bool:
        """Tell whether a message was used up: one indexed read."""
        used = select(_M.message_key).where(_M.message_key == message_key, _M.expires_at > now)
        return self._runner.run(lambda transaction: transaction.execute(used).first()) is not None

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
        """Return live sessions, newest first; all, unless the caller bounds them.

        Who asks is about to end them: somebody with ten thousand tokens must not keep the browser that is older.
        """
        wanted = [live(now)]
        if principal_id is not None:
            wanted.append(_S.principal_id == principal_id)
        if provider is not None:
            wanted.append(_S.provider == provider)
        if idp_sid is not None:
            wanted.append(_S.idp_sid == idp_sid)
        if sid_begins is not None:
            wanted.append(_S.idp_sid.startswith(sid_begins, autoescape=True))
        if user is not None:
            wanted.append(or_(_S.name == user, _S.email == user, _P.subject == user))
        statement = READ_SESSION.where(*wanted).order_by(_S.created_at.desc(), _S.id).limit(limit)
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        sessions = (session for row in found if (session := parse_session(row)) is not None)
        return tuple(session for session in sessions if _is_meant(session, idp_sid, sid_begins, user))

    def sessions_by_identity(self, issuer: str, subject: str, *, now: int) -> Sequence[Session]:
        """Return the live sessions of one identity, newest first."""
        return self.list_sessions(now=now, principal_id=principal_id(issuer, subject))

    def touch(self, seen: Mapping[str, int]) -> None:
        """Note activity: one statement for at most 500 sessions that were seen in the same second."""
        by_time: dict[int, list[str]] = {}
        for session_id, moment in sorted(seen.items()):
            by_time.setdefault(moment, []).append(session_id)
        for moment, ids in by_time.items():
            older = or_(_S.seen_at.is_(None), _S.seen_at < moment)
            for first in range(0, len(ids), BATCH):
                mine = _S.id.in_(ids[first : first + BATCH])
                statement = update(models.sessions).where(mine, older, _S.ended_at.is_(None)).values(seen_at=moment)
                self._runner.run(partial(_execute, statement=statement))

    def idle_sessions(self, *, now: int, idle_since: int, limit: int) -> Sequence[str]:
        """Return ids of live sessions that were not seen since."""
        statement = select(_S.id).where(live(now), idle(idle_since)).order_by(_S.seen_at).limit(limit)
        return self._runner.run(lambda transaction: transaction.execute(statement).scalars().all())

    def due_sessions(
        self, *, now: int, active_since: int, limit: int, providers: Collection[str]
    ) -> Sequence[DueSession]:
        """Return sessions whose re-check is due and that nobody re-checks now."""
        found = partial(find_due, now=now, active_since=active_since, limit=limit, providers=providers)
        return self._runner.run(found)

    def take_lease(self, due: DueSession, *, owner: str, now: int, seconds: int) -> Leased | None:
        """Let the caller alone re-check a session for some seconds."""
        taken = partial(take_lease, cipher=self._cipher, due=due, owner=owner, now=now, seconds=seconds)
        return self._runner.run(taken)

    def settle_recheck(self, leased: Leased, recheck: Recheck, *, now: int) -> Regraded | None:
        """Store what came of a re-check and give the lease back."""
        work = partial(settle, cipher=self._cipher, accounts=self._accounts, leased=leased, recheck=recheck, now=now)
        try:
            return self._runner.run(work)
        except LeaseLost:
            return None

    def end_leased(self, leased: Leased, *, reason: str, now: int) -> Ended | None:
        """End a session while the lease is held."""
        ended = self._end([leased.session.id], reason, now, _S.lease_owner == leased.owner)
        return next(iter(ended), None)

    def revocations(self, *, after: int, now: int) -> Sequence[Revocation]:
        """Return unexpired revocations with a number above ``after``, in order.

        The overlap for transactions that committed out of order is the caller's: see
        :class:`~airflow_oidc_auth.sessions.feed.RevocationFeed`.
        """
        statement = (
            select(_R.sequence, _R.kind, _R.revoked_key, _R.expires_at)
            .where(_R.sequence > after, _R.expires_at > now)
            .order_by(_R.sequence)
        )
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        return tuple(Revocation(row.sequence, row.kind, row.revoked_key, row.expires_at) for row in found)

    def reseal_tokens(self) -> int:
        """Encrypt with the first Fernet key what an older one encrypted; return how many values."""
        return reseal_all(self._runner, self._cipher)

    def delete_expired(self, *, now: int) -> int:
        """Delete expired sessions, revocations and used messages in small transactions; return how many rows."""
        expired_sessions = self._delete_batches(models.sessions, _S.id, _S.expires_at <= now)
        expired_replays = self._delete_batches(models.replays, _M.message_key, _M.expires_at <= now)
        expired = self._delete_batches(models.revocations, _R.sequence, _R.expires_at <= now)
        return expired_sessions + expired_replays + expired

    def _delete_batches(self, table: Any, key: Any, condition: Any) -> int:
        total = 0
        while True:
            found, deleted = self._runner.run(partial(_delete_batch, table=table, key=key, condition=condition))
            total += deleted
            if found < BATCH:
                return total

    def _settle(self, transaction: Transaction, opened: Opened, sign_in: SignIn, now: int) -> Opened:
        if self._accounts is None:
            return opened
        session = opened.session
        settled = self._accounts.settle(transaction, session.principal_id, sign_in, session.grant, now=now)
        name = settled.name[:MAX_NAME_LENGTH] or session.name
        held = replace(session, name=name, grant=settled.grant, grant_digest=grant_digest(settled.grant))
        return Opened(held, settled.previous_roles, settled.notes)

    def _make_room(
        self, transaction: Transaction, principal: str, max_sessions: int | None, now: int
    ) -> tuple[Ended, ...]:
        """End the oldest sessions of a principal so that one more fits; the principal's row is locked."""
        if max_sessions is None:
            return ()
        surplus = surplus_sessions(transaction, principal, max_sessions - 1, now)
        if not surplus:
            return ()
        return tuple(end_sessions(transaction, self._cipher, surplus, reason=TOO_MANY, now=now))


def _delete_batch(transaction: Transaction, *, table: Any, key: Any, condition: Any) -> tuple[int, int]:
    """Return how many rows were found and how many of them this transaction deleted (others clean up, too)."""
    # MySQL knows no LIMIT inside IN (SELECT …).
    keys = transaction.execute(select(key).where(condition).limit(BATCH)).scalars().all()
    return len(keys), rows(transaction.execute(delete(table).where(key.in_(keys)))) if keys else 0


def _execute(transaction: Transaction, *, statement: Any) -> None:
    transaction.execute(statement)


def _is_meant(session: Session, idp_sid: str | None, sid_begins: str | None, user: str | None) -> bool:
    """Compare again: SQLite's LIKE folds case, and no database is asked to compare text from outside."""
    if user is not None and user not in (session.name, session.email, session.subject):
        return False
    return idp_sid in (None, session.idp_sid) and (session.idp_sid or "").startswith(sid_begins or "")
