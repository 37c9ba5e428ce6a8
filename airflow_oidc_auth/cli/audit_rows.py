"""Find and rewrite our rows of one person in Airflow's ``log`` table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from airflow.models.log import Log
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.fields import dump_fields, visible
from airflow_oidc_auth.audit.pseudonym import Person, forget
from airflow_oidc_auth.sessions.transactions import TransactionRunner

BATCH = 500


def rewrite(runner: TransactionRunner, person: Person, pseudonym: str, *, dry_run: bool) -> int:
    """Put the pseudonym into every row that names the person; return how many there are.

    :raises SessionError: ``session_store_unavailable``; some may be done, and a second run does the rest
    """
    done, after = 0, 0
    while True:
        batch = partial(_rewrite_batch, person=person, pseudonym=pseudonym, after=after, dry_run=dry_run)
        found, changed = runner.run(batch)
        done += changed
        if not found:
            return done
        after = found[-1]


def _rewrite_batch(
    transaction: Transaction, *, person: Person, pseudonym: str, after: int, dry_run: bool
) -> tuple[list[int], int]:
    rows = transaction.execute(_named(person).where(Log.id > after).order_by(Log.id).limit(BATCH)).all()
    changes = list(_changes(rows, person, pseudonym))
    if not dry_run:
        for row_id, owner, extra in changes:
            values = {"owner": owner, "owner_display_name": owner, "extra": extra}
            transaction.execute(update(Log).where(Log.id == row_id).values(values))
    return [row.id for row in rows], len(changes)


def _named(person: Person) -> Any:
    """Return the rows that may name the person; Python decides, databases fold letters."""
    subject = json.dumps(visible(person.subject), ensure_ascii=False)
    mentioned = [Log.extra.contains(text, autoescape=True) for text in (person.principal_id, subject)]
    return select(Log.id, Log.event, Log.owner, Log.extra).where(Log.event.like("auth.%"), or_(*mentioned))


def _changes(rows: Any, person: Person, pseudonym: str) -> Iterator[tuple[int, str | None, str]]:
    for row in rows:
        try:
            fields = json.loads(row.extra)
        except ValueError:
            continue  # not ours
        kept = forget(row.event, row.owner, fields, person, pseudonym) if isinstance(fields, dict) else None
        if kept is not None:
            yield row.id, kept[0], dump_fields(kept[1])
