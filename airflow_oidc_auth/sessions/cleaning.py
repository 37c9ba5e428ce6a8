"""Count what a clean-up would delete."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.break_glass import KEPT_FOR

_B = models.break_glass.c


def count_expired(transaction: Transaction, *, now: int) -> int:
    """Return how many rows no longer matter: expired sessions, revocations, used messages, old break-glass links."""
    old = now - KEPT_FOR
    conditions = [
        (models.sessions, models.sessions.c.expires_at <= now),
        (models.revocations, models.revocations.c.expires_at <= now),
        (models.replays, models.replays.c.expires_at <= now),
        (models.break_glass, or_(_B.ended_at <= old, _B.used_at.is_(None) & (_B.expires_at <= old))),
    ]
    counts = (select(func.count()).select_from(table).where(condition) for table, condition in conditions)
    return sum(transaction.execute(statement).scalar_one() for statement in counts)
