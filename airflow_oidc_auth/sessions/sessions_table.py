"""The rows of ``oidc_auth_session`` and ``oidc_auth_revocation``: write, read and end sessions in a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, true, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import dump_grant
from airflow_oidc_auth.sessions.identity_document import dump_identity
from airflow_oidc_auth.sessions.keepers import hand_over, has_tokens, read_legacy
from airflow_oidc_auth.sessions.limits import MAX_REASON_LENGTH
from airflow_oidc_auth.sessions.revocation import SESSION
from airflow_oidc_auth.sessions.rows import parse_session
from airflow_oidc_auth.sessions.session import Ended, Session
from airflow_oidc_auth.sessions.tokens_table import children_of, mark_tokens
from airflow_oidc_auth.sessions.transactions import rows

_S = models.sessions.c
_P = models.principals.c

AT_ONCE = 500
TOO_MANY = "too_many_sessions"
IDLE_TIMEOUT = "idle_timeout"
# What an ended session has no use for.
_FORGOTTEN: Mapping[str, None] = dict.fromkeys(
    ("id_token", "refresh_token", "access_token", "claims", "check_due_at", "regrade_at", "lease_until")
)

READ_SESSION = select(
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
    _S.auth_time,
    _S.seen_at,
    _S.checked_at,
    _S.check_due_at,
    _S.regrade_at,
    _S.kind,
    _S.label,
    _S.client_id,
    _S.actors,
    _S.jkt,
    _S.scope,
    _S.verify_by,
    _S.parent,
).join_from(models.sessions, models.principals, _S.principal_id == _P.id)
_READ_ENDED = READ_SESSION.add_columns(_S.id_token, _S.refresh_token, _S.access_token, _S.claims, _S.lease_until)


def live(now: int) -> Any:
    """Return the condition that a session has neither ended nor expired."""
    return and_(_S.ended_at.is_(None), _S.expires_at > now)


def idle(since: int) -> Any:
    """Return the condition that a browser's session was not seen since; one of an older release was when it was opened.

    A program that calls once a day is not idle.
    """
    return and_(_S.kind.is_(None), or_(_S.seen_at < since, and_(_S.seen_at.is_(None), _S.created_at < since)))


def session_row(session: Session, sign_in: SignIn, cipher: TokenCipher) -> Mapping[str, Any]:
    """Return the row of a new session; claims and access token only where a re-check will want them."""
    confirmed = session.check_due_at is not None
    regraded = confirmed or session.regrade_at is not None
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
        "id_token": cipher.encrypt(sign_in.id_token, f"id_token:{session.id}"),
        "refresh_token": cipher.encrypt(sign_in.refresh_token, f"refresh_token:{session.id}"),
        "access_token": cipher.encrypt(sign_in.access_token if confirmed else None, f"access_token:{session.id}"),
        "claims": cipher.encrypt(dump_identity(sign_in.identity) if regraded else None, f"claims:{session.id}"),
        "created_at": session.created_at,
        "expires_at": session.expires_at,
        "auth_time": session.auth_time,
        "seen_at": session.seen_at,
        "check_due_at": session.check_due_at,
        "regrade_at": session.regrade_at,
    }


@dataclass(frozen=True, slots=True)
class _Gone:
    """Sessions that one step has ended: their rows as they were, and those that could be read.

    :param watched: some person among them still has tokens
    """

    rows: Sequence[Any]
    ended: Sequence[Ended]
    watched: bool


def end_sessions(
    transaction: Transaction,
    cipher: TokenCipher,
    session_ids: Collection[str],
    *,
    reason: str,
    now: int,
    only: ColumnElement[bool] | None = None,
) -> Sequence[Ended]:
    """Mark sessions as ended, publish that and forget their tokens; return those that this transaction ended.

    What was made from a token ends with it; those that were asked for come first.

    :param only: a further condition on those that were asked for, tested when the row is written
    """
    end = partial(_end_these, transaction, cipher, reason=reason, now=now)
    steps = [end(session_ids, only=only)]
    # And once more, for what was made of them meanwhile.
    while made := _made_from(transaction, steps[-1], now):
        steps.append(end(made))
    # The last first: what somebody leaves behind must not go to a token that ends, too.
    for gone in reversed(steps):
        _follow_up(transaction, cipher, gone, reason=reason, now=now)
    return tuple(each for gone in steps for each in gone.ended)


def _end_these(
    transaction: Transaction,
    cipher: TokenCipher,
    session_ids: Collection[str],
    *,
    reason: str,
    now: int,
    only: ColumnElement[bool] | None = None,
) -> _Gone:
    """Write that these sessions have ended, a bounded number at once, and publish it."""
    names = sorted(session_ids)
    found: list[Any] = []
    order = {name: number for number, name in enumerate(session_ids)}
    for first in range(0, len(names), AT_ONCE):
        found += _mark(transaction, names[first : first + AT_ONCE], reason=reason, now=now, only=only)
    found.sort(key=lambda row: order[row.id])
    parsed = ((parse_session(row), cipher.decrypt(row.id_token, f"id_token:{row.id}")) for row in found)
    ended = tuple(Ended(session, id_token) for session, id_token in parsed if session is not None)
    return _Gone(found, ended, any(row.watched for row in found))


def _mark(
    transaction: Transaction, names: Sequence[str], *, reason: str, now: int, only: ColumnElement[bool] | None
) -> Sequence[Any]:
    # First to write wins, on every database and without row locks (SQLite has none); the mark says who was first, and
    # takes a lease away.
    mark = secrets.token_hex(16)
    mine = _S.id.in_(names)
    ending = update(models.sessions).where(mine, live(now), true() if only is None else only)
    ended = {"ended_at": now, "end_reason": reason[:MAX_REASON_LENGTH], "lease_owner": mark}
    if not rows(transaction.execute(ending.values(ended))):
        return ()
    found = transaction.execute(
        _READ_ENDED.add_columns(has_tokens(now).label("watched")).where(mine, _S.lease_owner == mark)
    ).all()
    transaction.execute(update(models.sessions).where(mine, _S.lease_owner == mark).values(_FORGOTTEN))
    entries = [revocation_row(SESSION, row.id, expires_at=row.expires_at, now=now) for row in found]
    transaction.execute(insert(models.revocations), entries)
    return found


def _made_from(transaction: Transaction, gone: _Gone, now: int) -> Sequence[str]:
    """Return what was made from these and lives, what was made from that, and so on.

    By no recursion: of a thousand tokens, each made from the last, none could be ended any more.
    """
    found: dict[str, None] = {}
    names = [row.id for row in gone.rows] if gone.watched else []
    while names:
        batch, names = names[:AT_ONCE], names[AT_ONCE:]
        new = [name for name in children_of(transaction, batch, now) if name not in found]
        found.update(dict.fromkeys(new))
        names += new
    return tuple(found)


def _follow_up(transaction: Transaction, cipher: TokenCipher, gone: _Gone, *, reason: str, now: int) -> None:
    """See to the tokens of those whose session has ended.

    The IdP's tokens go to another token session, but not where somebody wanted an end: a sign-out also ends them at the
    IdP. Those of a session that is being re-checked are being replaced: whoever does that passes them on.
    """
    sessions = {each.session.id: each.session for each in gone.ended}
    for row in gone.rows:
        session = sessions.get(row.id)
        if session is None or not row.watched:
            continue
        if (session.is_token or reason == IDLE_TIMEOUT) and (row.lease_until is None or row.lease_until <= now):
            legacy = read_legacy(cipher, row, session)
            hand_over(transaction, cipher, legacy, session, now=now, apart_from=())
        if row.refresh_token is not None or row.access_token is not None:
            mark_tokens(transaction, session, now=now)


def surplus_sessions(transaction: Transaction, principal_id: str, keep: int, now: int) -> Sequence[str]:
    """Return the live browser sessions of a principal but for the newest ``keep``; the principal's row is locked."""
    mine = select(_S.id).where(_S.principal_id == principal_id, _S.kind.is_(None), live(now))
    return transaction.execute(mine.order_by(_S.created_at.desc(), _S.id)).scalars().all()[keep:]


def revocation_row(kind: str, key: str, *, expires_at: int, now: int) -> Mapping[str, Any]:
    """Return an entry of the feed."""
    return {"kind": kind, "revoked_key": key, "expires_at": expires_at, "created_at": now}
