"""Take a person out of an audit row and leave what happened: subject, names and e-mail become a pseudonym.

The pseudonym is keyed: rows of one person still belong together, and nobody without the key can tell whose they are,
not even by trying every employee.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.audit.fields import visible

LENGTH = 12

# Their owner is the administrator who did it, not the person whom the row is about.
_OWNED_BY_OTHERS = frozenset({AuthEvent.USER_LINKED.value, AuthEvent.USER_UNLINKED.value})
_ALWAYS = frozenset({"subject", "principal_id", "fab_user", "name", "email"})


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be forgotten.

    :param names: what else names them: display names, e-mails
    """

    issuer: str
    subject: str
    principal_id: str
    names: frozenset[str] = frozenset()


def pseudonym_of(key: bytes, principal_id: str) -> str:
    """Return the same pseudonym for the same person, as long as the key is the same."""
    return f"forgotten-{hmac.new(key, principal_id.encode(), hashlib.sha256).hexdigest()[:LENGTH]}"


def is_about(fields: Mapping[str, object], person: Person) -> bool:
    """Tell whether a row's fields name this identity; a name or an e-mail alone could be somebody else's."""
    if fields.get("principal_id") == person.principal_id:
        return True
    named = (fields.get("issuer"), fields.get("subject"))
    return named == (visible(person.issuer), visible(person.subject))


def forget(
    event: str, owner: str | None, fields: Mapping[str, object], person: Person, pseudonym: str
) -> tuple[str | None, dict[str, object]] | None:
    """Return owner and fields without the person, None for a row that does not name them."""
    ended_by_them = fields.get("ended_by_id") == person.principal_id
    about = is_about(fields, person)
    if not about and not ended_by_them:
        return None
    kept = dict(fields)
    if ended_by_them:
        kept.update(ended_by=pseudonym, ended_by_id=pseudonym)
    if about:
        names = {visible(name) for name in (person.subject, person.principal_id, *person.names)}
        for name, value in fields.items():
            if name in _ALWAYS or (isinstance(value, str) and value in names):
                kept[name] = pseudonym
    return (pseudonym if about and event not in _OWNED_BY_OTHERS else owner), kept
