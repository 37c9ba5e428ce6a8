"""Who re-checks which session: leases by compare-and-set. SQLite has no row locks, and no transaction spans a call.

A lease is one column that names its holder. Whoever writes afterwards names it again, so that a server which was
stopped in the middle, and is overtaken, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.grants.digest import grant_digest
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.provider import HeldTokens, SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity
from airflow_oidc_auth.sessions.principals_table import store_roles
from airflow_oidc_auth.sessions.revocation import GRANT, grant_key
from airflow_oidc_auth.sessions.rows import changed_session, parse_session, storable_sid
from airflow_oidc_auth.sessions.session import DueSession, Leased, Recheck, Regraded
from airflow_oidc_auth.sessions.sessions_table import READ_SESSION, live, revocation_row
from airflow_oidc_auth.sessions.transactions import rows

_S = models.sessions.c

TOKENS = ("id_token", "refresh_token", "access_token")
_READ_LEASED = READ_SESSION.add_columns(_S.id_token, _S.refresh_token, _S.access_token, _S.claims, _S.check_failures)


class LeaseLost(Exception):  # never leaves the store: it undoes a transaction
    """Somebody else has the lease, or the session has ended."""


def find_due(
    transaction: Transaction, *, now: int, active_since: int, limit: int, providers: Collection[str]
) -> Sequence[DueSession]:
    """Return sessions that are due and nobody's, those that have waited longest first."""
    check = and_(_S.check_due_at <= now, _S.seen_at >= active_since, _S.provider.in_(sorted(providers)))
    due = or_(check, _S.regrade_at <= now) if providers else _S.regrade_at <= now
    statement = (
        select(_S.id, _S.provider, _S.check_due_at, _S.regrade_at)
        .where(due, live(now), _free(now))
        .order_by(_S.check_due_at)
        .limit(limit)
    )
    return tuple(DueSession(*row) for row in transaction.execute(statement))


def take_lease(
    transaction: Transaction, cipher: TokenCipher, due: DueSession, *, owner: str, now: int, seconds: int
) -> Leased | None:
    """Write the holder's name if the row is as it was read; return what it holds."""
    mine = _S.id == due.id
    unchanged = and_(_is(_S.check_due_at, due.check_due_at), _is(_S.regrade_at, due.regrade_at))
    taking = update(models.sessions).where(mine, live(now), _free(now), unchanged)
    until = now + seconds
    if not rows(transaction.execute(taking.values(lease_owner=owner, lease_until=until))):
        return None
    row = transaction.execute(_READ_LEASED.where(mine)).one()
    session = parse_session(row)
    if session is None:
        return None
    tokens = HeldTokens(**{name: cipher.decrypt(getattr(row, name), f"{name}:{row.id}") for name in TOKENS})
    claims = cipher.decrypt(row.claims, f"claims:{row.id}")
    identity = parse_identity(claims, session.provider, session.issuer, session.subject)
    return Leased(session, tokens, identity, owner, until, row.check_failures or 0)


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
    held = update(models.sessions).where(_S.id == session.id, live(now), _S.lease_owner == leased.owner)
    if not rows(transaction.execute(held.values(_changed_values(cipher, leased, recheck, grant, now)))):
        raise LeaseLost
    if grant != before:
        # The lease's name is new with each change, and a Grant may come back.
        key = grant_key(session.id, leased.owner)
        entry = revocation_row(GRANT, key, expires_at=session.expires_at, now=now)
        transaction.execute(insert(models.revocations).values(entry))
    return Regraded(session, before, notes)


def _settle_account(
    transaction: Transaction, accounts: Accounts | None, leased: Leased, recheck: Recheck, now: int
) -> tuple[Grant, tuple[tuple[str, str | int], ...]]:
    session, grant = leased.session, recheck.grant
    if grant is None or (accounts is None and grant == session.grant):
        return session.grant, ()
    store_roles(transaction, session.principal_id, grant.roles)
    identity = recheck.identity or leased.identity
    if accounts is None or identity is None:
        return grant, ()
    settled = accounts.settle(
        transaction,
        session.principal_id,
        SignIn(identity),
        grant,
        now=now,
        signing_in=False,
        session_id=session.id,
    )
    return settled.grant, settled.notes


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
    if recheck.tokens is not None:
        for name in TOKENS:
            if (token := getattr(recheck.tokens, name)) != getattr(leased.tokens, name):
                values[name] = cipher.encrypt(token, f"{name}:{session.id}")
    if recheck.identity is not None and recheck.identity != leased.identity:
        values["claims"] = cipher.encrypt(dump_identity(recheck.identity), f"claims:{session.id}")
    if sid := storable_sid(recheck.sid):
        values["idp_sid"] = sid
    if grant != session.grant:
        values |= {"grant_document": dump_grant(grant), "grant_digest": grant_digest(grant)}
    return values


def _free(now: int) -> Any:
    return or_(_S.lease_until.is_(None), _S.lease_until <= now)


def _is(column: Any, value: int | None) -> Any:
    return column.is_(None) if value is None else column == value
