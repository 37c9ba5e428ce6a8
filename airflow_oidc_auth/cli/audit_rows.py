"""Find and rewrite our rows of one person in Airflow's ``log`` table, and sign for it where rows are sealed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow.models.log import Log
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.chain.keys import SigningKey
from airflow_oidc_auth.audit.chain.row import (
    EVENTS,
    PLACE_FIELDS,
    Place,
    StoredRow,
    add_link,
    add_place,
    decode,
    find_place,
    leaf_of,
)
from airflow_oidc_auth.audit.chain.statement import ERASED, Statement
from airflow_oidc_auth.audit.fields import dump_fields, visible
from airflow_oidc_auth.audit.pseudonym import Person, forget
from airflow_oidc_auth.cli.audit_chain import new_salt, store
from airflow_oidc_auth.cli.session_access import now, who_asks
from airflow_oidc_auth.sessions.transactions import TransactionRunner

BATCH = 500

_TABLE: Any = Log.__table__
_COLUMNS = tuple(_TABLE.c[name] for name in StoredRow._fields)


@dataclass(frozen=True, slots=True)
class _Change:
    """A row as it will be.

    :param place: None for a row that was never sealed
    """

    row: StoredRow
    place: Place | None


def rewrite(
    runner: TransactionRunner, person: Person, pseudonym: str, *, dry_run: bool, read_key: Callable[[], SigningKey]
) -> int:
    """Put the pseudonym into every row that names the person; return how many there are.

    :param read_key: asked only if one of the rows is sealed, also in a dry run: it shall fail before anything is done
    :raises SessionError: ``session_store_unavailable``; some may be done, and a second run does the rest
    :raises ConfigurationError: sealed rows, and no key that signs for their change
    """
    done, after = 0, 0
    while True:
        batch = partial(
            _rewrite_batch, person=person, pseudonym=pseudonym, after=after, dry_run=dry_run, read_key=read_key
        )
        found, changed = runner.run(batch)
        done += changed
        if not found:
            return done
        after = found[-1]


def _rewrite_batch(
    transaction: Transaction,
    *,
    person: Person,
    pseudonym: str,
    after: int,
    dry_run: bool,
    read_key: Callable[[], SigningKey],
) -> tuple[list[int], int]:
    found = transaction.execute(_named(person).where(_TABLE.c.id > after).order_by(_TABLE.c.id).limit(BATCH)).all()
    rows = [StoredRow._make(each) for each in found]
    changes = list(_changes(rows, person, pseudonym))
    key = read_key() if any(each.place for each in changes) else None
    if not dry_run:
        for change in changes:
            row = change.row
            values = {"owner": row.owner, "owner_display_name": row.owner_display_name, "extra": row.extra}
            transaction.execute(update(Log).where(Log.id == row.id).values(values))
        if key is not None:
            _sign(transaction, key, changes)
    return [row.id for row in rows], len(changes)


def _named(person: Person) -> Any:
    """Return the rows that may name the person; Python decides, databases fold letters."""
    subject = json.dumps(visible(person.subject), ensure_ascii=False)
    mentioned = [Log.extra.contains(text, autoescape=True) for text in (person.principal_id, subject)]
    return select(*_COLUMNS).where(Log.event.like(EVENTS), or_(*mentioned))


def _changes(rows: Sequence[StoredRow], person: Person, pseudonym: str) -> Iterator[_Change]:
    for row in rows:
        try:
            fields = json.loads(row.extra or "")
        except ValueError:
            continue  # not ours
        kept = forget(row.event, row.owner, fields, person, pseudonym) if isinstance(fields, dict) else None
        if kept is not None:
            place = find_place(row.extra)
            extra = dump_fields(kept[1]) if place is None else _with_place(kept[1], place)
            yield _Change(row._replace(owner=kept[0], owner_display_name=kept[0], extra=extra), place)


def _with_place(fields: dict[str, object], place: Place) -> str:
    """Keep the place and the link, which others build on; the old salt goes, and with it every guess at the old row."""
    kept = {name: value for name, value in fields.items() if name not in PLACE_FIELDS}
    return add_link(add_place(dump_fields(kept), place.chain, place.seq, new_salt()), decode(place.link))


def _sign(transaction: Transaction, key: SigningKey, changes: Sequence[_Change]) -> None:
    """Sign for the new leaves, one statement for each chain."""
    chains: dict[str, dict[int, bytes]] = {}
    for change in changes:
        if change.place is not None:
            chains.setdefault(change.place.chain, {})[change.place.seq] = leaf_of(change.row)
    for chain, leaves in sorted(chains.items()):
        numbers = tuple(sorted(leaves))
        joined = b"".join(leaves[seq] for seq in numbers)
        statement = Statement(ERASED, chain, numbers[0], numbers[-1], now(), leaves=joined, numbers=numbers)
        store(transaction, key, statement.signed_by(who_asks()))
