"""Airflow's own audit rows tell who called: ``owner`` is a name that people choose, the facts are in ``extra``.

Airflow writes these rows itself and asks nobody; a listener on their insert is where every one of them passes. What a
request says of itself (parameters, members of a body) is in ``extra`` as well: under the names of the facts it would
be taken for one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from airflow.models.log import Log
from sqlalchemy import event

from airflow_oidc_auth.audit.delegation import delegation_facts
from airflow_oidc_auth.audit.fields import dump_fields, visible
from airflow_oidc_auth.login.records import SESSION_REF_LENGTH
from airflow_oidc_auth.sessions.session import BROWSER
from airflow_oidc_auth.web.api_call import CALL, ApiCall
from airflow_oidc_auth.web.seen import CURRENT, Seen

OF_THE_REQUEST = "request_"
_OURS = "auth."
_FACT = re.compile(r"via|principal_id|session_ref|client_id|actor(_[0-9]+)?")


def tell_callers() -> None:
    """Begin to listen in this process; a second time changes nothing."""
    if not event.contains(Log, "before_insert", _tell_caller):
        event.listen(Log, "before_insert", _tell_caller)


def facts_of(call: ApiCall) -> dict[str, str]:
    """Return what every row of this call tells of a program; nothing for a browser's session and for nobody."""
    if call.kind in ("", BROWSER):
        return {}
    facts = {"via": call.kind, "session_ref": call.session_ref, **dict(delegation_facts(call.client_id, call.actors))}
    return {name: visible(value) for name, value in facts.items()}


def add_facts(extra: str | None, facts: dict[str, str]) -> str | None:
    """Return a row's ``extra`` with the facts, unchanged where it is not what Airflow writes: an object of JSON.

    What a request calls ``actor`` is the request's: the facts are ours to tell.
    """
    told = _read(extra)
    return extra if told is None else dump_fields({**told, **facts})


def complete_extra(extra: str) -> str:
    """Return what the listener will make of the ``extra`` of a row that is written now; a second time changes nothing.

    A row that is sealed into a chain must hold it before: the seal is over every character.
    """
    call = CALL.get()
    facts = {} if call is None else facts_of(call)
    return add_facts(extra, facts) or extra if facts else extra


def caller_of(call: ApiCall | None, seen: Seen | None) -> dict[str, str]:
    """Return what a row of Airflow's tells of the caller; nothing of somebody unknown.

    Two people may have one name, and one of them may have chosen it for that.

    :param seen: of a request that has cookies and no credentials but those
    """
    if call is not None and call.kind:
        return {"principal_id": call.principal_id, "session_ref": call.session_ref, **facts_of(call)}
    if seen is not None and seen.session_id is not None:
        return {"principal_id": seen.principal_id, "session_ref": seen.session_id[:SESSION_REF_LENGTH]}
    return {}


def set_apart(extra: str | None) -> str | None:
    """Return a row's ``extra`` with what the request calls by the name of a fact under another name."""
    told = _read(extra)
    if told is None or not any(map(_FACT.fullmatch, told)):
        return extra
    return dump_fields({f"{OF_THE_REQUEST}{name}" if _FACT.fullmatch(name) else name: told[name] for name in told})


def _read(extra: str | None) -> dict[str, Any] | None:
    """Return the members of a row's ``extra``; None for what is no object of JSON."""
    try:
        told = json.loads(extra) if extra else {}
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _tell_caller(_mapper: object, _connection: object, row: Log) -> None:
    call, seen = CALL.get(), CURRENT.get()
    if call is None and seen is None:
        return
    if (row.event or "").startswith(_OURS):
        facts = {} if call is None else facts_of(call)
    else:
        row.extra = set_apart(row.extra)
        facts = caller_of(call, seen)
    if facts:
        row.extra = add_facts(row.extra, facts)
