"""What the security officer asks of the session table: who is signed in, page by page, whoever and wherever it is.

The store answers about one person or one provider; here are search, paging and counts. Reads only: sessions are ended
by the store, which publishes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, false, func, or_, select

from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.revocation import is_session_id
from airflow_oidc_auth.sessions.rows import parse_session
from airflow_oidc_auth.sessions.session import BROWSER, Session
from airflow_oidc_auth.sessions.sessions_table import READ_SESSION, live
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions

MAX_FOUND = 10_000
SHORTEST_REFERENCE = 8
ANY_TOKEN = "token"

_S = models.sessions.c
_P = models.principals.c
# What :func:`_is_meant` compares.
_NAMED = select(_S.id, _S.principal_id, _S.name, _S.email, _S.client_id, _P.subject).join_from(
    models.sessions, models.principals, _S.principal_id == _P.id
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which live sessions are meant; every field that is set must agree, and none means all of them.

    :param text: a part of the name, e-mail, subject, provider id, address, reference, or of a token's label or client,
        in any letter case
    :param user: exactly the name, the e-mail or the subject; several people may share a name or an e-mail
    :param principal_id: of one person, and of nobody else
    :param provider: exactly the provider's id
    :param reference: what the session id begins with, at least eight characters (``session_ref`` of the audit)
    :param kind: ``browser``, one kind of token, or ``token`` for all of them
    :param client_id: exactly the client that a token was made for
    """

    text: str = ""
    user: str | None = None
    principal_id: str | None = None
    provider: str | None = None
    reference: str | None = None
    kind: str | None = None
    client_id: str | None = None

    @property
    def names_somebody(self) -> bool:
        """Nobody but certain people is meant, and every token that they have."""
        people = Wanted(user=self.user, principal_id=self.principal_id, kind=self.kind)
        return self == people and (self.user or self.principal_id) is not None and self.kind in (None, ANY_TOKEN)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of sessions, newest first, and how many there are on all pages."""

    sessions: Sequence[Session]
    total: int


class SessionDirectory:
    """Search the live sessions of the whole deployment. Thread-safe; every method blocks."""

    def __init__(self, *, transactions: Transactions = airflow_transactions) -> None:
        self._runner = TransactionRunner(transactions)

    def find(self, wanted: Wanted, *, now: int, offset: int = 0, limit: int = MAX_FOUND) -> Found:
        """Return a page.

        :raises SessionError: ``session_store_unavailable``
        """
        conditions = _conditions(wanted, now)
        page = READ_SESSION.where(*conditions).order_by(_S.created_at.desc(), _S.id).offset(offset).limit(limit)
        counting = select(func.count()).select_from(models.sessions).join(models.principals).where(*conditions)

        def work(transaction: Any) -> tuple[Any, int]:
            return transaction.execute(page).all(), transaction.execute(counting).scalar_one()

        found, total = self._runner.run(work)
        # A row that was tampered with opens nothing and says nothing that could be believed.
        sessions = (parse_session(row) for row in found if _is_meant(row, wanted))
        return Found(tuple(session for session in sessions if session is not None), total)

    def ids(self, wanted: Wanted, *, now: int) -> Sequence[str]:
        """Return the ids of all sessions that are meant, to be ended: also of rows that were tampered with.

        However many there are: whoever makes tokens by the thousand shall not keep what is beyond some limit.

        :raises SessionError: ``session_store_unavailable``
        """
        statement = _NAMED.where(*_conditions(wanted, now)).order_by(_S.created_at, _S.id)
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        return tuple(row.id for row in found if _is_meant(row, wanted))

    def people(self, wanted: Wanted, *, now: int) -> frozenset[str]:
        """Return the principals that are meant, whether or not they have a session: tokens of their IdP have no row.

        :raises SessionError: ``session_store_unavailable``
        """
        meant = Wanted(user=wanted.user, principal_id=wanted.principal_id)
        if not wanted.names_somebody or not _is_storable(meant):
            return frozenset()
        signed_in = (each.principal_id for each in self.find(meant, now=now).sessions)
        return frozenset((*signed_in, *([meant.principal_id] if meant.principal_id else self._known_as(meant.user))))

    def _known_as(self, user: str | None) -> Sequence[str]:
        """Return the principals whose last sign-in told this name, e-mail or subject."""
        if user is None:
            return ()
        columns = (_P.name, _P.email, _P.subject)
        statement = select(_P.id, *columns).where(or_(*(_is_exactly(column, user) for column in columns)))
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        return tuple(row.id for row in found if user in (row.name, row.email, row.subject))

    def providers(self, *, now: int) -> Sequence[str]:
        """Return the ids of all providers with a live session, also of those that are not configured any more.

        :raises SessionError: ``session_store_unavailable``
        """
        statement = select(_S.provider).where(live(now)).distinct().order_by(_S.provider)
        return tuple(self._runner.run(lambda transaction: transaction.execute(statement).scalars().all()))


def is_reference(text: str) -> bool:
    """Tell whether a text can name a session: at least the first eight characters of an id."""
    return len(text) >= SHORTEST_REFERENCE and is_session_id(text[:22].ljust(22, "x")) and len(text) <= 22


def _conditions(wanted: Wanted, now: int) -> list[Any]:
    conditions = [live(now)]
    named = (wanted.principal_id, wanted.provider, wanted.reference, wanted.kind)
    if not all(text is None or text.isascii() for text in named) or not _is_storable(wanted):
        # MySQL would rather fail than compare such a text with an ASCII column, PostgreSQL than look for a NUL.
        return [false()]
    if wanted.principal_id is not None:
        conditions.append(_S.principal_id == wanted.principal_id)
    if wanted.provider is not None:
        conditions.append(_S.provider == wanted.provider)
    if wanted.user is not None:
        conditions.append(or_(*(_is_exactly(column, wanted.user) for column in (_S.name, _S.email, _P.subject))))
    if wanted.reference is not None:
        conditions.append(_S.id.startswith(wanted.reference, autoescape=True))
    if wanted.kind is not None:
        conditions.append(_is_of(wanted.kind))
    if wanted.client_id is not None:
        conditions.append(_is_exactly(_S.client_id, wanted.client_id))
    if wanted.text:
        conditions.append(_contains(wanted.text))
    return conditions


def _is_of(kind: str) -> Any:
    if kind == BROWSER:
        return or_(_S.kind.is_(None), _S.kind == BROWSER)
    return _S.kind.is_not(None) if kind == ANY_TOKEN else _S.kind == kind


def _is_storable(wanted: Wanted) -> bool:
    named = (wanted.user, wanted.principal_id, wanted.provider, wanted.reference, wanted.kind, wanted.client_id)
    texts = [wanted.text, *(text or "" for text in named)]
    return not any("\0" in text or any("\ud800" <= c <= "\udfff" for c in text) for text in texts)


def _is_exactly(column: Any, text: str) -> Any:
    """Compare twice: MySQL's ``=`` passes over spaces at the end, and SQLite's LIKE over letter case."""
    pattern = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return and_(column == text, column.like(pattern, escape="/"))


def _contains(text: str) -> Any:
    """Return the condition of the search box. SQLite folds ASCII only, so the letters as typed are tried, too."""
    columns = [_S.name, _S.email, _P.subject, _S.client_address, _S.label, _S.client_id]
    if text.isascii():
        columns += [_S.provider, _S.id]
    folded = (func.lower(column).contains(text.lower(), autoescape=True) for column in columns)
    typed = (column.contains(text, autoescape=True) for column in columns)
    return or_(*folded, *typed)


def _is_meant(row: Any, wanted: Wanted) -> bool:
    """Compare again what a database may compare loosely, before anything is ended."""
    if wanted.user is not None and wanted.user not in (row.name, row.email, row.subject):
        return False
    if wanted.principal_id is not None and row.principal_id != wanted.principal_id:
        return False
    if wanted.client_id is not None and row.client_id != wanted.client_id:
        return False
    return wanted.reference is None or row.id.startswith(wanted.reference)
