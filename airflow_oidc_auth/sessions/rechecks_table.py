"""Who re-checks which session: leases by compare-and-set. SQLite has no row locks, and no transaction spans a call.

A lease is one column that names its holder. Whoever writes afterwards names it again, so that a server which was
stopped in the middle, and is overtaken, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity
from airflow_oidc_auth.sessions.keepers import TOKENS, free, has_tokens, owners_of_tokens, read_held
from airflow_oidc_auth.sessions.principals_table import store_roles
from airflow_oidc_auth.sessions.revocation import GRANT, grant_key
from airflow_oidc_auth.sessions.rows import changed_session, parse_session, storable_sid
from airflow_oidc_auth.sessions.scope import narrow_again, scoped
from airflow_oidc_auth.sessions.session import DueSession, Leased, Recheck, Regraded, Session
from airflow_oidc_auth.sessions.sessions_table import READ_SESSION, live, revocation_row
from airflow_oidc_auth.sessions.tokens_table import note_confirmed, tell_tokens
from airflow_oidc_auth.sessions.transactions import rows

_S = models.sessions.c

_READ_LEASED = READ_SESSION.add_columns(_S.id_token, _S.refresh_token, _S.access_token, _S.claims, _S.check_failures)


class LeaseLost(Exception):  # never leaves the store: it undoes a transaction
    """Somebody else has the lease, or the session has ended."""


def find_due(
    transaction: Transaction, *, now: int, active_since: int, limit: int, providers: Collection[str]
) -> Sequence[DueSession]:
    """Return sessions that are due and nobody's, those that have waited longest first."""
    # For the sake of tokens that live, the IdP is asked about their owner whether anybody is active or not.
    wanted = or_(_S.seen_at >= active_since, _S.kind.is_not(None), _S.principal_id.in_(owners_of_tokens(now)))
    check = and_(_S.check_due_at <= now, wanted, _S.provider.in_(sorted(providers)))
    due = or_(check, _S.regrade_at <= now) if providers else _S.regrade_at <= now
    statement = (
        select(_S.id, _S.provider, _S.check_due_at, _S.regrade_at)
        .where(due, live(now), free(now))
        .order_by(_due_since(), _S.id)
        .limit(limit)
    )
    return tuple(DueSession(*row) for row in transaction.execute(statement))


def _due_since() -> Any:
    """Return since when a session is due, one way or the other.

    Databases sort what is not there first or last: somebody's tokens, marked by a sign-in, would hold up everybody.
    """
    check, regrade = func.coalesce(_S.check_due_at, _S.regrade_at), func.coalesce(_S.regrade_at, _S.check_due_at)
    return case((check <= regrade, check), else_=regrade)


def take_lease(
    transaction: Transaction, cipher: TokenCipher, due: DueSession, *, owner: str, now: int, seconds: int
) -> Leased | None:
    """Write the holder's name if the row is as it was read; return what it holds."""
    mine = _S.id == due.id
    unchanged = and_(_is(_S.check_due_at, due.check_due_at), _is(_S.regrade_at, due.regrade_at))
    taking = update(models.sessions).where(mine, live(now), free(now), unchanged)
    until = now + seconds
    if not rows(transaction.execute(taking.values(lease_owner=owner, lease_until=until))):
        return None
    row = transaction.execute(_READ_LEASED.add_columns(has_tokens(now).label("watched")).where(mine)).one()
    session = parse_session(row)
    if session is None:
        return None
    tokens = read_held(cipher, row)
    claims = cipher.decrypt(row.claims, f"claims:{row.id}")
    identity = parse_identity(claims, session.provider, session.issuer, session.subject)
    return Leased(session, tokens, identity, owner, until, row.check_failures or 0, bool(row.watched))


def settle(
    transaction: Transaction,
    cipher: TokenCipher,
    accounts: Accounts | None,
    leased: Leased,
    recheck: Recheck,
    now: int,
) -> Regraded:
    """Store what came of a re-check and give the lease back.

    :raises LeaseLost: everything is to be undone
    :raises LoginRefused: as :meth:`Accounts.settle`
    """
    grant, notes = _settle_account(transaction, accounts, leased, recheck, now)
    before, session = leased.session.grant, changed_session(leased.session, recheck, grant, now)
    if not _write(transaction, cipher, leased, recheck, grant, now):
        return _give_back(transaction, cipher, leased, recheck)
    told = _tell_tokens(transaction, cipher, leased, recheck, grant, now)
    if grant != before:
        # The lease's name is new with each change, and a Grant may come back.
        key = grant_key(session.id, leased.owner)
        entry = revocation_row(GRANT, key, expires_at=session.expires_at, now=now)
        transaction.execute(insert(models.revocations).values(entry))
    return Regraded(session, before, notes, told)


def _write(
    transaction: Transaction, cipher: TokenCipher, leased: Leased, recheck: Recheck, grant: Grant, now: int
) -> bool:
    session = leased.session
    held = update(models.sessions).where(_S.id == session.id, live(now), _S.lease_owner == leased.owner)
    if session.is_token:
        # Told meanwhile by the re-check of another session, or handed the IdP's tokens: that is newer.
        held = held.where(_is(_S.check_due_at, session.check_due_at), _is(_S.regrade_at, session.regrade_at))
    return bool(rows(transaction.execute(held.values(_changed_values(cipher, leased, recheck, grant, now)))))


def _give_back(transaction: Transaction, cipher: TokenCipher, leased: Leased, recheck: Recheck) -> Regraded:
    """Keep new tokens of a session that has expired meanwhile or was told something newer, and nothing else.

    :raises LeaseLost: somebody else has the lease, or the session was ended
    """
    session = leased.session
    held = update(models.sessions).where(_S.id == session.id, _S.ended_at.is_(None), _S.lease_owner == leased.owner)
    given_back = {"lease_owner": None, "lease_until": None, **_token_values(cipher, leased, recheck)}
    if not rows(transaction.execute(held.values(given_back))):
        raise LeaseLost
    return Regraded(session, session.grant)


def _tell_tokens(
    transaction: Transaction, cipher: TokenCipher, leased: Leased, recheck: Recheck, grant: Grant, now: int
) -> tuple[DueSession, ...]:
    """Let the other tokens of the principal follow what the IdP said about this session."""
    if not recheck.confirmed:
        return ()
    identity = recheck.identity
    if (identity is None or identity == leased.identity) and grant == leased.session.grant:
        if leased.watched:
            note_confirmed(transaction, leased.session, now=now)
        return ()
    return tell_tokens(transaction, cipher, leased.session, identity or leased.identity, now=now)


def _settle_account(
    transaction: Transaction, accounts: Accounts | None, leased: Leased, recheck: Recheck, now: int
) -> tuple[Grant, tuple[tuple[str, str | int], ...]]:
    session, grant = leased.session, recheck.grant
    asked = recheck.confirmed or not session.is_token
    if grant is None or (_is_same(session, grant) and (accounts is None or not asked)):
        return session.grant, ()
    whole = recheck.whole or grant
    if asked:
        store_roles(transaction, session.principal_id, whole.roles)
    identity = recheck.identity or leased.identity
    if accounts is None or identity is None:
        return scoped(session, recheck, grant), ()
    settled = accounts.settle(
        transaction,
        session.principal_id,
        SignIn(identity),
        whole,
        now=now,
        signing_in=False,
        session_id=session.id,
    )
    return scoped(session, recheck, grant, settled.grant), settled.notes


def _is_same(session: Session, grant: Grant) -> bool:
    return session.grant == (narrow_again(session, grant) if session.is_token else grant)


def _changed_values(cipher: TokenCipher, leased: Leased, recheck: Recheck, grant: Grant, now: int) -> dict[str, Any]:
    session = leased.session
    values: dict[str, Any] = {
        "lease_owner": None,
        "lease_until": None,
        "check_due_at": recheck.check_due_at,
        "regrade_at": recheck.regrade_at,
        "check_failures": recheck.failures,
    }
    if recheck.confirmed:
        values["checked_at"] = now
    if recheck.verify_by is not None:
        values["verify_by"] = recheck.verify_by
    values |= _token_values(cipher, leased, recheck)
    if recheck.identity is not None and recheck.identity != leased.identity:
        values["claims"] = cipher.encrypt(dump_identity(recheck.identity), f"claims:{session.id}")
    if sid := storable_sid(recheck.sid):
        values["idp_sid"] = sid
    if grant != session.grant:
        values |= {"grant_document": dump_grant(grant), "grant_digest": grant_digest(grant)}
    return values


def _token_values(cipher: TokenCipher, leased: Leased, recheck: Recheck) -> dict[str, Any]:
    if recheck.tokens is None:
        return {}
    pairs = ((name, getattr(recheck.tokens, name), getattr(leased.tokens, name)) for name in TOKENS)
    return {name: cipher.encrypt(new, f"{name}:{leased.session.id}") for name, new, old in pairs if new != old}


def _is(column: Any, value: int | None) -> Any:
    return column.is_(None) if value is None else column == value
