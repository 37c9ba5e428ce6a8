"""One-time links that let somebody in while the IdP is down: made on a host with database access, used once.

The database holds a keyed hash (HMAC) of the token and of everything that the link allows. Who reads the table learns
no token; who writes it can neither make a link, nor raise a role, nor give a link more time, without ``[core]
fernet_key``. Using a link up is one compare-and-set: of two uses at the same moment, on any two servers, one wins.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.limits import MAX_ADDRESS_LENGTH
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions, rows

# What a break-glass session has for its provider's id and issuer: no configured provider may be called so.
PROVIDER = "break-glass"
ISSUER = "urn:airflow-oidc-auth:break-glass"

OPEN_FOR = 600
MAX_MINUTES = 240
KEPT_FOR = 30 * 24 * 3600

_TOKEN = re.compile(r"([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{43})")
_B = models.break_glass.c


@dataclass(frozen=True, slots=True)
class Link:
    """A link and what became of it; times are epoch seconds.

    :param expires_at: until when it can be opened
    :param minutes: how long the session then lasts
    :param ended_at: when its session was known to have ended
    """

    id: str
    role: str
    reason: str
    created_by: str
    created_at: int
    expires_at: int
    minutes: int
    used_at: int | None = None
    used_from: str | None = None
    session_id: str | None = None
    ended_at: int | None = None

    @property
    def session_ends_at(self) -> int | None:
        """The hard end of the session; None for a link that was not used."""
        return None if self.used_at is None else self.used_at + self.minutes * 60


def new_link(  # one argument per fact
    keys: Sequence[bytes],
    *,
    role: str,
    reason: str,
    created_by: str,
    minutes: int,
    now: int,
    token_urlsafe: Callable[[int], str] = secrets.token_urlsafe,
) -> tuple[Link, Secret, str]:
    """Return a link, the token that opens it, and the hash to store.

    :param keys: from :func:`airflow_oidc_auth.login.keys.derive_break_glass_keys`
    :raises ValueError: ``minutes`` is not 1 to 240
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise ValueError(f"minutes must be 1 to {MAX_MINUTES}")
    link = Link(token_urlsafe(12), role, reason, created_by, now, now + OPEN_FOR, minutes)
    secret = token_urlsafe(32)
    return link, Secret(f"{link.id}.{secret}"), _hash(keys[0], link, secret)


def insert_link(transaction: Transaction, link: Link, token_hash: str) -> None:
    """Write a new link; the caller audits it in the same transaction."""
    row = {
        "id": link.id,
        "token_hash": token_hash,
        "role": link.role,
        "reason": link.reason,
        "created_by": link.created_by,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "minutes": link.minutes,
    }
    transaction.execute(insert(models.break_glass).values(row))


class BreakGlassLinks:
    """Find links, use them up, and note what became of their sessions. Thread-safe; every method blocks.

    :param keys: the first signs, every key verifies
    """

    def __init__(self, keys: Sequence[bytes], *, transactions: Transactions = airflow_transactions) -> None:
        self._keys = tuple(keys)
        self._runner = TransactionRunner(transactions)

    def find(self, token: str) -> Link | None:
        """Return the link of a genuine token, used or expired as it may be; None for anything else.

        :raises SessionError: ``session_store_unavailable``
        """
        parsed = _TOKEN.fullmatch(token)
        if parsed is None:
            return None
        link_id, secret = parsed.groups()
        statement = select(models.break_glass).where(_B.id == link_id)
        row = self._runner.run(lambda transaction: transaction.execute(statement).one_or_none())
        if row is None:
            return None
        link, stored = _parse(row), row.token_hash.encode()
        genuine = [hmac.compare_digest(_hash(key, link, secret).encode(), stored) for key in self._keys]
        return link if any(genuine) else None

    def use(self, link: Link, *, now: int, used_from: str | None) -> Link | None:
        """Use a link up; None if it was used or has expired meanwhile.

        :param link: as :meth:`find` returned it
        :raises SessionError: ``session_store_unavailable``; it may be used up all the same
        """
        used = replace(link, used_at=now, used_from=used_from and used_from[:MAX_ADDRESS_LENGTH])
        free = (_B.id == link.id, _B.used_at.is_(None), _B.expires_at > now)
        change = update(models.break_glass).where(*free).values(used_at=now, used_from=used.used_from)
        won = self._runner.run(lambda transaction: rows(transaction.execute(change)))
        return used if won else None

    def note_session(self, link: Link, session_id: str) -> None:
        """Keep which session the link opened."""
        change = update(models.break_glass).where(_B.id == link.id).values(session_id=session_id)
        self._runner.run(lambda transaction: transaction.execute(change))

    def close(self, link: Link, *, now: int) -> bool:
        """Note that the session of a link has ended; True for the first of all servers to do so."""
        change = update(models.break_glass).where(_B.id == link.id, _B.ended_at.is_(None)).values(ended_at=now)
        return bool(self._runner.run(lambda transaction: rows(transaction.execute(change))))

    def running(self) -> Sequence[Link]:
        """Return the links that were used and whose session is not known to have ended."""
        return self._links(_B.used_at.is_not(None), _B.ended_at.is_(None))

    def waiting(self, *, now: int) -> Sequence[Link]:
        """Return the links that can still be opened."""
        return self._links(_B.used_at.is_(None), _B.expires_at > now)

    def delete_old(self, *, now: int) -> int:
        """Delete links that ended, or expired unused, thirty days ago; the audit still tells of them."""
        before = now - KEPT_FOR
        old = or_(_B.ended_at <= before, _B.used_at.is_(None) & (_B.expires_at <= before))
        gone = delete(models.break_glass).where(old)
        return self._runner.run(lambda transaction: rows(transaction.execute(gone)))

    def _links(self, *conditions: Any) -> Sequence[Link]:
        statement = select(models.break_glass).where(*conditions).order_by(_B.created_at, _B.id)
        found = self._runner.run(lambda transaction: transaction.execute(statement).all())
        return tuple(map(_parse, found))


def _parse(row: Any) -> Link:
    return Link(
        id=row.id,
        role=row.role,
        reason=row.reason,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        minutes=row.minutes,
        used_at=row.used_at,
        used_from=row.used_from,
        session_id=row.session_id,
        ended_at=row.ended_at,
    )


def _hash(key: bytes, link: Link, secret: str) -> str:
    """Return the hash over the token and all that was decided when the link was made."""
    terms = [link.id, secret, link.role, link.minutes, link.expires_at, link.created_at, link.created_by, link.reason]
    return hmac.new(key, json.dumps(terms).encode(), hashlib.sha256).hexdigest()
