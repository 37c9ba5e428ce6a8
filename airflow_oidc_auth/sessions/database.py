"""The session store in Airflow's metadata database.

Short transactions, no IdP call inside one. Everything the database can say wrong becomes a
:class:`~airflow_oidc_auth.errors.SessionError`; nothing it says is trusted further than it can be checked: the
Grant against its digest, the principal against ``(issuer, subject)``.
"""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from airflow.utils.session import create_session
from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.database_errors import is_conflict, store_unavailable
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant, dump_roles, parse_roles
from airflow_oidc_auth.sessions.limits import MAX_NAME_LENGTH, MAX_REASON_LENGTH
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.revocation import SESSION, TOKEN, is_session_id, token_key
from airflow_oidc_auth.sessions.rows import check_storable, new_session, parse_session
from airflow_oidc_auth.sessions.session import Ended, Opened, Session
from airflow_oidc_auth.sessions.store import Revocation

log = logging.getLogger(__name__)

T = TypeVar("T")
Transactions = Callable[[], AbstractContextManager[Transaction]]

ATTEMPTS = 5
BATCH = 500
LIST_LIMIT = 10_000

_S = models.sessions.c
_P = models.principals.c
_R = models.revocations.c
_M = models.replays.c

_READ_SESSION = select(
    _S.id,
    _S.principal_id,
    _S.provider,
    _P.issuer,
    _P.subject,
    _S.name,
    _S.email,
    _S.grant_document,
    _S.grant_digest,
    _S.created_at,
    _S.expires_at,
    _S.idp_sid,
    _S.client_address,
).join_from(models.sessions, models.principals, _S.principal_id == _P.id)


def airflow_transactions() -> AbstractContextManager[Transaction]:
    """Open a transaction of Airflow's own engine and pool, private to the calling thread."""
    return create_session(scoped=False)


class DatabaseSessionStore:
    """Open, load and end sessions; publish revocations. Thread-safe; every method blocks.

    :param cipher: encrypts the IdP's tokens
    :param accounts: settled by every sign-in, in its transaction; None when sessions alone are the accounts
    :param transactions: opens a transaction that commits on success
    :param new_id: makes a session id: 128 random bits, base64url
    :param jitter: between 0 and 1; keeps transactions that met from meeting again
    """

    def __init__(
        self,
        cipher: TokenCipher,
        *,
        accounts: Accounts | None = None,
        transactions: Transactions = airflow_transactions,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16),
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._cipher = cipher
        self._accounts = accounts
        self._transactions = transactions
        self._new_id = new_id
        self._sleep = sleep
        self._jitter = jitter

    def open(self, sign_in: SignIn, grant: Grant, *, now: int, expires_at: int, client_address: str | None) -> Opened:
        """Store a new session; see :class:`~airflow_oidc_auth.sessions.store.SessionStore`.

        :raises SessionError: ``session_store_unavailable``, ``identity_not_storable`` or ``principal_conflict``
        :raises LoginRefused: the account may not sign in; nothing is stored
        """
        check_storable(sign_in.identity)
        session = new_session(self._new_id(), sign_in, grant, now, expires_at, client_address)

        def work(transaction: Transaction) -> Opened:
            opened = self._settle(transaction, Opened(session, _store_principal(transaction, session)), sign_in, now)
            transaction.execute(insert(models.sessions).values(self._session_row(opened.session, sign_in)))
            return opened

        return self._run(work)

    def withdraw(self, identity: Identity) -> tuple[str, ...]:
        """Take the roles of an identity to whom the rules give nothing; return those that went."""
        accounts = self._accounts
        if accounts is None:
            return ()
        mine = principal_id(identity.issuer, identity.subject)
        return self._run(lambda transaction: accounts.withdraw(transaction, mine))

    def load(self, session_id: str, *, now: int) -> Session | None:
        """Return the session if it is neither unknown, ended, expired nor tampered with."""
        if not is_session_id(session_id):
            return None
        statement = _READ_SESSION.where(_S.id == session_id, _live(now))
        row = self._run(lambda transaction: transaction.execute(statement).one_or_none())
        return None if row is None else parse_session(row)

    def end(self, session_id: str, *, reason: str, now: int) -> Ended | None:
        """End a session, publish its revocation and forget its tokens, in one transaction."""
        if not is_session_id(session_id):
            return None

        def work(transaction: Transaction) -> Ended | None:
            # First to write wins, on every database and without row locks (SQLite has none).
            ending = update(models.sessions).where(_S.id == session_id, _live(now))
            if not _rows(transaction.execute(ending.values(ended_at=now, end_reason=reason[:MAX_REASON_LENGTH]))):
                return None
            row = transaction.execute(_READ_SESSION.add_columns(_S.id_token).where(_S.id == session_id)).one()
            forget = update(models.sessions).where(_S.id == session_id)
            transaction.execute(forget.values(id_token=None, refresh_token=None))
            transaction.execute(_revocation(SESSION, session_id, expires_at=row.expires_at, now=now))
            session = parse_session(row)
            id_token = self._cipher.decrypt(row.id_token, f"id_token:{session_id}")
            return None if session is None else Ended(session, id_token)

        return self._run(work)

    def revoke_token(self, jti: str, *, expires_at: int, now: int) -> None:
        """Publish the revocation of one token; a second time changes nothing."""
        statement = _revocation(TOKEN, token_key(jti), expires_at=expires_at, now=now)
        self._run(lambda transaction: transaction.execute(statement), settled_by_duplicate=True)

    def claim(self, message_key: str, *, expires_at: int, now: int) -> bool:
        """Use a message up; the unique insert wins, whichever API server makes it."""
        if expires_at <= now:
            return False
        statement = insert(models.replays).values(message_key=message_key, expires_at=expires_at)

        def work(transaction: Transaction) -> bool:
            transaction.execute(statement)
            return True

        # None: somebody has done it already.
        return bool(self._run(work, settled_by_duplicate=True))

    def list_sessions(
        self, *, now: int, principal_id: str | None = None, provider: str | None = None, idp_sid: str | None = None
    ) -> Sequence[Session]:
        """Return live sessions, newest first, at most 10,000."""
        statement = _READ_SESSION.where(_live(now)).order_by(_S.created_at.desc(), _S.id).limit(LIST_LIMIT)
        if principal_id is not None:
            statement = statement.where(_S.principal_id == principal_id)
        if provider is not None:
            statement = statement.where(_S.provider == provider)
        if idp_sid is not None:
            statement = statement.where(_S.idp_sid.startswith(idp_sid, autoescape=True))
        rows = self._run(lambda transaction: transaction.execute(statement).all())
        found = (session for row in rows if (session := parse_session(row)) is not None)
        # SQLite's LIKE folds case.
        return tuple(each for each in found if idp_sid is None or (each.idp_sid or "").startswith(idp_sid))

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
        rows = self._run(lambda transaction: transaction.execute(statement).all())
        return tuple(Revocation(row.sequence, row.kind, row.revoked_key, row.expires_at) for row in rows)

    def delete_expired(self, *, now: int) -> int:
        """Delete expired sessions, revocations and used messages in small transactions; return how many rows."""
        expired_sessions = self._delete_batches(models.sessions, _S.id, _S.expires_at <= now)
        expired_replays = self._delete_batches(models.replays, _M.message_key, _M.expires_at <= now)
        expired = self._delete_batches(models.revocations, _R.sequence, _R.expires_at <= now)
        return expired_sessions + expired_replays + expired

    def _delete_batches(self, table: Any, key: Any, condition: Any) -> int:
        total = 0
        while True:
            found, deleted = self._run(partial(_delete_batch, table=table, key=key, condition=condition))
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

    def _session_row(self, session: Session, sign_in: SignIn) -> Mapping[str, Any]:
        return {
            "id": session.id,
            "principal_id": session.principal_id,
            "provider": session.provider,
            "name": session.name,
            "email": session.email,
            "grant_document": dump_grant(session.grant),
            "grant_digest": session.grant_digest,
            "idp_sid": session.idp_sid,
            "client_address": session.client_address,
            "id_token": self._cipher.encrypt(sign_in.id_token, f"id_token:{session.id}"),
            "refresh_token": self._cipher.encrypt(sign_in.refresh_token, f"refresh_token:{session.id}"),
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }

    def _run(self, work: Callable[[Transaction], T], *, settled_by_duplicate: bool = False) -> T:
        """Run one transaction; again when it met another one, as often as ``ATTEMPTS``.

        :param settled_by_duplicate: a unique constraint that fails means that somebody has done it already
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._transactions() as transaction:
                    return work(transaction)
            except SQLAlchemyError as error:
                if settled_by_duplicate and isinstance(error, IntegrityError):
                    return None  # type: ignore[return-value]  # revoke_token, which returns nothing, and claim
                if attempt == ATTEMPTS or not is_conflict(error):
                    # The cause shows statements and parameters.
                    raise store_unavailable(error) from None
            self._sleep((0.005 + 0.025 * self._jitter()) * attempt)
        raise AssertionError("unreachable")


def _live(now: int) -> Any:
    return and_(_S.ended_at.is_(None), _S.expires_at > now)


def _rows(result: Any) -> int:
    return int(result.rowcount)


def _delete_batch(transaction: Transaction, *, table: Any, key: Any, condition: Any) -> tuple[int, int]:
    """Return how many rows were found and how many of them this transaction deleted (others clean up, too)."""
    # MySQL knows no LIMIT inside IN (SELECT …).
    keys = transaction.execute(select(key).where(condition).limit(BATCH)).scalars().all()
    return len(keys), _rows(transaction.execute(delete(table).where(key.in_(keys)))) if keys else 0


def _revocation(kind: str, key: str, *, expires_at: int, now: int) -> Any:
    row = {"kind": kind, "revoked_key": key, "expires_at": expires_at, "created_at": now}
    return insert(models.revocations).values(row)


def _store_principal(transaction: Transaction, session: Session) -> tuple[str, ...] | None:
    """Create or update the principal's row; return the roles of the previous sign-in.

    The update comes first because it takes the row's write lock on every database: a second sign-in at the same
    moment waits here, and so sees the roles that the first one stores.
    """
    display = {"name": session.name, "email": session.email, "signed_in_at": session.created_at}
    mine = _P.id == session.principal_id
    roles = dump_roles(session.grant.roles)
    if not _rows(transaction.execute(update(models.principals).where(mine).values(display))):
        row = {"id": session.principal_id, "issuer": session.issuer, "subject": session.subject}
        created = {"roles": roles, "created_at": session.created_at}
        transaction.execute(insert(models.principals).values({**row, **display, **created}))
        return None
    stored = transaction.execute(select(_P.issuer, _P.subject, _P.roles).where(mine)).one()
    if (stored.issuer, stored.subject) != (session.issuer, session.subject):
        raise SessionError("principal_conflict", f"principal {session.principal_id} has another issuer or subject")
    transaction.execute(update(models.principals).where(mine).values(roles=roles))
    try:
        return parse_roles(stored.roles)
    except ValueError:
        log.warning("The roles of principal %s cannot be read; they are taken as none", session.principal_id)
        return ()
