"""Airflow's own audit rows tell on whose behalf a program called: the owner is the subject, the actor is in ``extra``.

Airflow writes these rows itself and asks nobody; a listener on their insert is where every one of them passes.
"""

from __future__ import annotations

import json

from airflow.models.log import Log
from sqlalchemy import event

from airflow_oidc_auth.audit.delegation import delegation_facts
from airflow_oidc_auth.audit.fields import dump_fields, visible
from airflow_oidc_auth.sessions.session import BROWSER
from airflow_oidc_auth.web.api_call import CALL, ApiCall


def tell_callers() -> None:
    """Begin to listen in this process; a second time changes nothing."""
    if not event.contains(Log, "before_insert", _tell_caller):
        event.listen(Log, "before_insert", _tell_caller)


def facts_of(call: ApiCall) -> dict[str, str]:
    """Return what a row of this call tells beside its owner; nothing for a browser's session and for nobody."""
    if call.kind in ("", BROWSER):
        return {}
    facts = {"via": call.kind, "session_ref": call.session_ref, **dict(delegation_facts(call.client_id, call.actors))}
    return {name: visible(value) for name, value in facts.items()}


def add_facts(extra: str | None, facts: dict[str, str]) -> str | None:
    """Return a row's ``extra`` with the facts, unchanged where it is not what Airflow writes: an object of JSON.

    What a request calls ``actor`` is the request's: the facts are ours to tell.
    """
    try:
        told = json.loads(extra) if extra else {}
    except ValueError:
        return extra
    return dump_fields({**told, **facts}) if isinstance(told, dict) else extra


def complete_extra(extra: str) -> str:
    """Return what the listener will make of the ``extra`` of a row that is written now; a second time changes nothing.

    A row that is sealed into a chain must hold it before: the seal is over every character.
    """
    call = CALL.get()
    facts = {} if call is None else facts_of(call)
    return add_facts(extra, facts) or extra if facts else extra


def _tell_caller(_mapper: object, _connection: object, row: Log) -> None:
    call = CALL.get()
    if call is None:
        return
    facts = facts_of(call)
    if facts:
        row.extra = add_facts(row.extra, facts)
