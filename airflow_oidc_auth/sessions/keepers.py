"""Who can still ask the IdP about the owner of tokens, after the browser is closed.

A *keeper* is a live session of the same principal and provider that holds the IdP's tokens: the browser's, as long as
it lives; then the token session that was handed them. A refresh token has one keeper at a time, because one that two
use is taken for stolen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import HeldTokens
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.identity_document import dump_identity, parse_identity
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


@dataclass(frozen=True, slots=True)
class Legacy:
    """What one session leaves to another: the IdP's tokens, and what the IdP said with them."""

    held: HeldTokens
    identity: Identity | None = field(repr=False)

    @property
    def is_empty(self) -> bool:
        """There is nothing to ask the IdP with."""
        return self.held.refresh_token is None and self.held.access_token is None


def hand_over(
    transaction: Transaction,
    cipher: TokenCipher,
    legacy: Legacy,
    of: Session,
    *,
    now: int,
    apart_from: Collection[str],
) -> str | None:
    """Give the IdP's tokens to the token session that lives longest; return its id, None if they are not needed."""
    if legacy.is_empty:
        return None
    if keeper_until(transaction, of.principal_id, of.provider, now=now, apart_from=apart_from) is not None:
        return None
    heirs = select(_S.id).where(live_tokens_of(of.principal_id, of.provider, now), _S.id.not_in(sorted(apart_from)))
    heir = transaction.execute(heirs.order_by(_S.expires_at.desc(), _S.id).limit(1)).scalar_one_or_none()
    if heir is not None:
        _give(transaction, cipher, legacy, of, heir, now)
    return heir


def adopt(transaction: Transaction, cipher: TokenCipher, heir: Session, *, now: int) -> bool:
    """Take over the IdP's tokens of a session that has expired; return whether there were any.

    Not those of one that is being re-checked: its tokens may just have been replaced.
    """
    mine = and_(_S.principal_id == heir.principal_id, _S.provider == heir.provider, _S.id != heir.id)
    gone = and_(mine, HELD, _S.ended_at.is_(None), _S.expires_at <= now, free(now))
    columns = (_S.id, _S.id_token, _S.refresh_token, _S.access_token, _S.claims)
    donor = transaction.execute(select(*columns).where(gone).order_by(_S.expires_at.desc()).limit(1)).one_or_none()
    if donor is None:
        return False
    # Of two servers that have read it one takes it.
    if not rows(transaction.execute(update(models.sessions).where(_S.id == donor.id, gone).values(_NOTHING_HELD))):
        return False
    legacy = read_legacy(cipher, donor, heir)
    if legacy.is_empty:
        return False
    _give(transaction, cipher, legacy, heir, heir.id, now)
    return True


def read_held(cipher: TokenCipher, row: Any) -> HeldTokens:
    """Return the IdP's tokens of a row."""
    return HeldTokens(**{name: cipher.decrypt(getattr(row, name), f"{name}:{row.id}") for name in TOKENS})


def read_legacy(cipher: TokenCipher, row: Any, whose: Session) -> Legacy:
    """Return what a row could leave to another session of the same person."""
    claims = cipher.decrypt(row.claims, f"claims:{row.id}")
    return Legacy(read_held(cipher, row), parse_identity(claims, whose.provider, whose.issuer, whose.subject))


def _give(transaction: Transaction, cipher: TokenCipher, legacy: Legacy, whose: Session, heir: str, now: int) -> None:
    values: dict[str, Any] = {name: cipher.encrypt(getattr(legacy.held, name), f"{name}:{heir}") for name in TOKENS}
    values |= {"check_due_at": now, "check_failures": 0}
    if legacy.identity is not None:
        # The IdP's next answer is compared with what it said to these tokens, not with what another document said.
        stored = transaction.execute(select(_S.claims).where(_S.id == heir)).scalar_one_or_none()
        known = parse_identity(cipher.decrypt(stored, f"claims:{heir}"), whose.provider, whose.issuer, whose.subject)
        told = legacy.identity if known is None else replace(legacy.identity, authentication=known.authentication)
        values["claims"] = cipher.encrypt(dump_identity(told), f"claims:{heir}")
    transaction.execute(update(models.sessions).where(_S.id == heir, _S.ended_at.is_(None)).values(values))
