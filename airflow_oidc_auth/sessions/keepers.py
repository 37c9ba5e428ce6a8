"""Who can still ask the IdP about the owner of tokens, after the browser is closed.

A *keeper* is a live session of the same principal and provider that holds the IdP's tokens: the browser's, as long as
it lives; then the token session that was handed them. A refresh token has one keeper at a time, because one that two
use is taken for stolen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.transactions import rows

_S = models.sessions.c

TOKENS = ("id_token", "refresh_token", "access_token")
HELD = or_(_S.refresh_token.is_not(None), _S.access_token.is_not(None))
_NOTHING_HELD = dict.fromkeys(TOKENS)


def free(now: int) -> Any:
    """Return the condition that nobody re-checks a session now."""
    return or_(_S.lease_until.is_(None), _S.lease_until <= now)


def live_tokens_of(principal_id: str, provider: str, now: int) -> Any:
    """Return the condition for the live token sessions of a principal that a provider's answer is about."""
    mine = and_(_S.principal_id == principal_id, _S.provider == provider, _S.kind.is_not(None))
    return and_(mine, _S.ended_at.is_(None), _S.expires_at > now)


def has_tokens(now: int) -> Any:
    """Return whether the principal of a session has a live token session besides it, for a select."""
    other = models.sessions.alias()
    theirs = and_(other.c.principal_id == _S.principal_id, other.c.kind.is_not(None), other.c.id != _S.id)
    return exists().where(theirs, other.c.ended_at.is_(None), other.c.expires_at > now)


def owners_of_tokens(now: int) -> Any:
    """Return the principals with a live token session, for ``IN``."""
    other = models.sessions.alias()
    return select(other.c.principal_id).where(
        other.c.kind.is_not(None), other.c.ended_at.is_(None), other.c.expires_at > now
    )


def keeper_until(
    transaction: Transaction, principal_id: str, provider: str, *, now: int, apart_from: Collection[str] = ()
) -> int | None:
    """Return until when there is a session that the IdP can be asked about, None where there is none."""
    mine = and_(_S.principal_id == principal_id, _S.provider == provider, _S.id.not_in(sorted(apart_from)))
    live = and_(_S.ended_at.is_(None), _S.expires_at > now, _S.check_due_at.is_not(None))
    until = transaction.execute(select(func.max(_S.expires_at)).where(mine, live)).scalar_one()
    return None if until is None else int(until)


def hand_over(
    transaction: Transaction,
    cipher: TokenCipher,
    held: HeldTokens,
    of: Session,
    *,
    now: int,
    apart_from: Collection[str],
) -> str | None:
    """Give the IdP's tokens to the token session that lives longest; return its id, None if they are not needed."""
    if held.refresh_token is None and held.access_token is None:
        return None
    if keeper_until(transaction, of.principal_id, of.provider, now=now, apart_from=apart_from) is not None:
        return None
    heirs = select(_S.id).where(live_tokens_of(of.principal_id, of.provider, now), _S.id.not_in(sorted(apart_from)))
    heir = transaction.execute(heirs.order_by(_S.expires_at.desc(), _S.id).limit(1)).scalar_one_or_none()
    if heir is not None:
        _give(transaction, cipher, held, heir, now)
    return heir


def adopt(transaction: Transaction, cipher: TokenCipher, heir: Session, *, now: int) -> bool:
    """Take over the IdP's tokens of a session that has expired; return whether there were any.

    Not those of one that is being re-checked: its tokens may just have been replaced.
    """
    mine = and_(_S.principal_id == heir.principal_id, _S.provider == heir.provider, _S.id != heir.id)
    gone = and_(mine, HELD, _S.ended_at.is_(None), _S.expires_at <= now, free(now))
    columns = (_S.id, _S.id_token, _S.refresh_token, _S.access_token)
    donor = transaction.execute(select(*columns).where(gone).order_by(_S.expires_at.desc()).limit(1)).one_or_none()
    if donor is None:
        return False
    # Of two servers that have read it one takes it.
    if not rows(transaction.execute(update(models.sessions).where(_S.id == donor.id, gone).values(_NOTHING_HELD))):
        return False
    held = read_held(cipher, donor)
    if held.refresh_token is None and held.access_token is None:
        return False
    _give(transaction, cipher, held, heir.id, now)
    return True


def read_held(cipher: TokenCipher, row: Any) -> HeldTokens:
    """Return the IdP's tokens of a row."""
    return HeldTokens(**{name: cipher.decrypt(getattr(row, name), f"{name}:{row.id}") for name in TOKENS})


def _give(transaction: Transaction, cipher: TokenCipher, held: HeldTokens, heir: str, now: int) -> None:
    values: dict[str, Any] = {name: cipher.encrypt(getattr(held, name), f"{name}:{heir}") for name in TOKENS}
    values |= {"check_due_at": now, "check_failures": 0}
    transaction.execute(update(models.sessions).where(_S.id == heir, _S.ended_at.is_(None)).values(values))
