"""The people whom our tables know: who they are, the session they have, and what is held of their claims.

Reads only. Claims are held, encrypted, while a session lives that is re-checked at its identity provider; of everybody
else there are the roles of the last sign-in.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import false, func, or_, select, true
from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.session_access import now, open_directory, open_runner
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.administration import Wanted
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.grant_document import parse_roles
from airflow_oidc_auth.sessions.identity_document import parse_identity
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.rows import parse_session
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.sessions_table import READ_SESSION, live

log = logging.getLogger(__name__)

MANY = 500
"""Databases bound the length of an IN list."""
SHOWN = 10

_P = models.principals.c
_S = models.sessions.c
_SESSIONS = READ_SESSION.add_columns(_S.claims)


@dataclass(frozen=True, slots=True)
class Person:
    """A principal as our tables know it.

    :param last_roles: of the last sign-in or re-check
    :param seen_at: the last sign-in or activity, epoch seconds
    :param session: the live session that counts: the newest of a browser, else of a token that has all of their roles;
        None for none
    :param grant: of that session, as it is now; None without a session, or when its roles have ended by the clock
    :param identity: what the identity provider said last, as the rules look at it; None where nothing is held
    """

    principal_id: str
    issuer: str
    subject: str
    name: str
    email: str | None
    last_roles: tuple[str, ...]
    seen_at: int
    session: Session | None = None
    grant: Grant | None = None
    identity: Identity | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """Name and address in one cell."""
        return self.name if self.email in (None, self.name) else f"{self.name} <{self.email}>"


def find_person(subject: str, issuer: str | None = None) -> Person:
    """Return the one person who is meant: by principal id, or exactly by name, e-mail or subject.

    :param issuer: makes ``subject`` the identity provider's own id of the person
    :raises CommandFailed: nobody, or several
    :raises SessionError: ``session_store_unavailable``
    """
    if issuer is not None:
        found = _read(frozenset({principal_id(issuer, subject)}))
    else:
        named = open_directory().people(Wanted(user=subject), now=now())
        found = _read(named | _as_id(subject))
    if not found:
        text = f"Nobody is known here as {subject!r}: our tables know who has signed in before. Letter case counts."
        raise CommandFailed(f"{text} For somebody new, write their claims into a file and use --claims.")
    if len(found) > 1:
        raise CommandFailed("\n".join([f"Several people are known as {subject!r}. Name one by the id:", *_ids(found)]))
    return found[0]


def people_since(since: int) -> Sequence[Person]:
    """Return everybody who signed in or was active since then, the last seen first.

    :raises SessionError: ``session_store_unavailable``
    """
    return sorted((each for each in _read(None, since) if each.seen_at >= since), key=lambda each: -each.seen_at)


def _as_id(text: str) -> frozenset[str]:
    """Return what could be a principal id; MySQL compares no other letters with that column."""
    return frozenset({text}) if text.isascii() and text.isalnum() else frozenset()


def _ids(found: Iterable[Person]) -> list[str]:
    lines = [f"  {each.principal_id}  {each.label}, {each.subject} at {each.issuer}" for each in found]
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"  … and {len(lines) - SHOWN} more"]


def _read(ids: frozenset[str] | None, since: int = 0) -> list[Person]:
    moment = now()

    def work(transaction: Transaction) -> tuple[Sequence[Any], Sequence[Any], Mapping[str, int]]:
        return _principals(transaction, ids, since), _sessions(transaction, ids, moment), _seen(transaction, ids)

    principals, sessions, seen = open_runner().run(work)
    cipher = _cipher()
    by_principal: dict[str, list[Any]] = {}
    for row in sessions:
        by_principal.setdefault(row.principal_id, []).append(row)
    people = (_person(row, by_principal.get(row.id, ()), cipher, moment, seen.get(row.id)) for row in principals)
    return [each for each in people if each is not None]


def _principals(transaction: Transaction, ids: frozenset[str] | None, since: int) -> Sequence[Any]:
    columns = (_P.id, _P.issuer, _P.subject, _P.name, _P.email, _P.roles, _P.signed_in_at)
    active = select(_S.principal_id).where(or_(_S.seen_at >= since, _S.created_at >= since))
    wanted = or_(_P.signed_in_at >= since, _P.id.in_(active)) if ids is None else _among(_P.id, ids)
    rows = transaction.execute(select(*columns).where(wanted).order_by(_P.id)).all()
    return [row for row in rows if ids is None or row.id in ids]


def _sessions(transaction: Transaction, ids: frozenset[str] | None, moment: int) -> Sequence[Any]:
    newest_first = _SESSIONS.where(live(moment), true() if ids is None else _among(_S.principal_id, ids))
    return transaction.execute(newest_first.order_by(_S.created_at.desc(), _S.id)).all()


def _seen(transaction: Transaction, ids: frozenset[str] | None) -> Mapping[str, int]:
    """Return when somebody was last active, also in sessions that have ended meanwhile."""
    last = select(_S.principal_id, func.max(_S.seen_at)).where(_S.seen_at.is_not(None))
    found = last.where(true() if ids is None else _among(_S.principal_id, ids)).group_by(_S.principal_id)
    return {row[0]: row[1] for row in transaction.execute(found)}


def _among(column: Any, ids: Collection[str]) -> Any:
    if len(ids) > MANY:
        return true()
    return column.in_(sorted(ids)) if ids else false()


def _cipher() -> TokenCipher | None:
    keys = read_secret_option("core", "fernet_key")
    return TokenCipher(Secret(keys)) if keys else None


def _person(
    row: Any, sessions: Sequence[Any], cipher: TokenCipher | None, moment: int, seen_at: int | None
) -> Person | None:
    if principal_id(row.issuer, row.subject) != row.id:
        log.error("Principal %s is passed over: it has another issuer or subject", row.id)
        return None
    parsed = [each for each in map(parse_session, sessions) if each is not None and not each.is_over(moment)]
    counts = _counting(parsed)
    return Person(
        principal_id=row.id,
        issuer=row.issuer,
        subject=row.subject,
        name=row.name,
        email=row.email,
        last_roles=_last_roles(row),
        seen_at=max(row.signed_in_at, seen_at or 0),
        session=counts,
        grant=None if counts is None else counts.grant.at(moment),
        identity=_identity(sessions, {each.id: each for each in parsed}, cipher),
    )


def _counting(sessions: Sequence[Session]) -> Session | None:
    """Return the session that says what the person may do: a token may have been narrowed to less."""
    whole = [each for each in sessions if not each.is_token or (each.scope is None and not each.actors)]
    return next((each for each in whole if not each.is_token), whole[0] if whole else None)


def _last_roles(row: Any) -> tuple[str, ...]:
    try:
        return parse_roles(row.roles)
    except ValueError:
        log.warning("The roles of principal %s cannot be read; they are taken as none", row.id)
        return ()


def _identity(sessions: Sequence[Any], parsed: Mapping[str, Session], cipher: TokenCipher | None) -> Identity | None:
    """Return what was told last, of a browser's session before that of a token."""
    if cipher is None:
        return None
    held = [(parsed[row.id], row.claims) for row in sessions if row.id in parsed and row.claims]
    for whose, claims in sorted(held, key=lambda each: (each[0].is_token, -(each[0].checked_at or each[0].created_at))):
        text = cipher.decrypt(claims, f"claims:{whose.id}")
        found = parse_identity(text, whose.provider, whose.issuer, whose.subject)
        if found is not None:
            return found
    return None
