"""The session store's part for tokens of programs, in Airflow's metadata database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.keepers import Legacy, adopt, hand_over, keeper_until
from airflow_oidc_auth.sessions.rows import check_storable, parse_session
from airflow_oidc_auth.sessions.session import Ended, Leased, Opened, Session, TokenRequest
from airflow_oidc_auth.sessions.sessions_table import READ_SESSION, end_sessions, live
from airflow_oidc_auth.sessions.token_session import UNVERIFIED_LIFETIME, new_token_session
from airflow_oidc_auth.sessions.tokens_table import insert_token, revoke_issued
from airflow_oidc_auth.sessions.transactions import TransactionRunner

LIST_LIMIT = 10_000

_S = models.sessions.c


class DatabaseTokenStore:
    """Make, list and end token sessions; mix in to what has these three."""

    _cipher: TokenCipher
    _runner: TransactionRunner
    _new_id: Callable[[], str]

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
        """Store the session behind a token; see :class:`~airflow_oidc_auth.sessions.store.SessionStore`."""
        if identity is not None:
            check_storable(identity)
        token_id = self._new_id()

        def make(current: Session) -> Session:
            return new_token_session(token_id, current, request, now=now, client_address=client_address)

        work = partial(
            insert_token,
            cipher=self._cipher,
            owner=owner,
            make=make,
            now=now,
            identity=identity,
            unverified_lifetime=unverified_lifetime,
        )
        return Opened(self._runner.run(work), None)

    def list_tokens(self, *, now: int, principal_id: str | None = None, reference: str = "") -> Sequence[Session]:
        """Return live token sessions whose id begins so, newest first, at most 10,000."""
        wanted = [live(now), _S.kind.is_not(None)]
        if principal_id is not None:
            wanted.append(_S.principal_id == principal_id)
        if reference:
            wanted.append(_S.id.startswith(reference, autoescape=True))
        statement = READ_SESSION.where(*wanted).order_by(_S.created_at.desc(), _S.id).limit(LIST_LIMIT)
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        # SQLite's LIKE passes over letter case.
        sessions = (parse_session(row) for row in found if row.id.startswith(reference))
        return tuple(each for each in sessions if each is not None and not each.is_over(now))

    def count_tokens(self, principal_id: str, *, now: int) -> int:
        """Return how many live token sessions a principal has."""
        theirs = (_S.principal_id == principal_id, _S.kind.is_not(None), live(now))
        statement = select(func.count()).select_from(models.sessions).where(*theirs)
        return int(self._runner.run(lambda transaction: transaction.execute(statement).scalar_one()))

    def revoke_principal(self, principal_id: str, *, now: int, until: int) -> None:
        """Publish that nothing counts any more that was issued to a principal until now; a second time is no news."""
        work = partial(revoke_issued, principal_id=principal_id, now=now, until=until)
        self._runner.run(work, settled_by_duplicate=True)

    def end_refused(self, leased: Leased, *, reason: str, now: int, everything: bool = True) -> Sequence[Ended]:
        """End a session while the lease is held, and with it the tokens of its principal."""

        def work(transaction: Transaction) -> Sequence[Ended]:
            session, ending = leased.session, partial(end_sessions, transaction, self._cipher, reason=reason, now=now)
            theirs = select(_S.id).where(
                *(_S.principal_id == session.principal_id, _S.provider == session.provider, _S.kind.is_not(None)),
                *(live(now), _S.id != session.id),
            )
            tokens = transaction.execute(theirs).scalars().all() if everything else ()
            ended = ending([session.id], only=_S.lease_owner == leased.owner)
            return (*ended, *(ending(tokens) if ended and tokens else ()))

        return self._runner.run(work)

    def find_keeper(self, leased: Leased, *, now: int) -> int | None:
        """Return until when the IdP can be asked about a token's owner; take over what an expired session held."""
        token = leased.session

        def work(transaction: Transaction) -> int | None:
            until = keeper_until(transaction, token.principal_id, token.provider, now=now, apart_from=[token.id])
            if until is None and adopt(transaction, self._cipher, token, now=now):
                return token.expires_at
            return until

        return self._runner.run(work)

    def pass_on(self, leased: Leased, tokens: HeldTokens, *, now: int) -> None:
        """Give the IdP's new tokens of a token session that ended meanwhile to another one of its principal."""
        legacy, session = Legacy(tokens, leased.identity), leased.session
        giving = partial(hand_over, cipher=self._cipher, legacy=legacy, of=session, now=now, apart_from=[session.id])
        self._runner.run(giving)
