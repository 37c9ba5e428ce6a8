"""``airflow oidc sessions end``: end sessions on every server, with a reason that the audit keeps."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial

from airflow_oidc_auth.audit.event import AuditRecord
from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.fab_access import write_audit
from airflow_oidc_auth.cli.session_access import (
    confirm,
    now,
    open_directory,
    open_runner,
    open_store,
    read_reason,
    who_asks,
)
from airflow_oidc_auth.cli.session_reports import EndReport, Kind
from airflow_oidc_auth.cli.sessions import SESSIONS, read_wanted
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.login.outcome import RequestContext
from airflow_oidc_auth.login.session_office import BATCH, Order, build_ended, build_revoked
from airflow_oidc_auth.sessions.administration import Wanted
from airflow_oidc_auth.sessions.live import LONGEST_SESSION, TOKEN_GRACE
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.context import new_correlation_id

_SHOWN = 20


@command
def end_sessions(args: Namespace) -> EndReport:
    """Ask, end, and write an audit row for each."""
    wanted = read_wanted(args)
    if args.all == (wanted != Wanted()):
        raise CommandFailed("Say which sessions to end: by --user, --subject, --provider or --session, or --all alone.")
    return end_live(SESSIONS, wanted, args)


def end_live(kind: Kind, wanted: Wanted, args: Namespace) -> EndReport:
    """Ask, end what is wanted, and write an audit row for each."""
    order, correlation_id = Order(who_asks(), "", read_reason(args.reason)), new_correlation_id()
    found = open_directory().find(wanted, now=now(), limit=_SHOWN)
    if found.total:
        shown = kind.block(found.sessions, found.total, now())
        confirm(f"{kind.verb} {kind.counted(found.total)}?", shown, yes=args.yes, as_json=args.json)
    people = revoke_people(wanted)
    ended, unaudited = end_now(open_directory().ids(wanted, now=now()), order, correlation_id)
    unaudited += _audit_all(build_revoked(people, ended, order, RequestContext(None, correlation_id)))
    return EndReport(kind, ended, order, correlation_id, unaudited, len(people))


def revoke_people(wanted: Wanted) -> Sequence[str]:
    """Let nothing count that was issued to the people who are meant: tokens of their IdP have no row to end.

    Return who they are.

    :raises SessionError: ``session_store_unavailable``
    """
    people = sorted(open_directory().people(wanted, now=now()))
    for mine in people:
        revoke_all_of(mine)
    return people


def revoke_all_of(mine: str) -> None:
    """Let nothing count that was issued to a principal until now.

    :raises SessionError: ``session_store_unavailable``
    """
    moment = now()
    open_store().revoke_principal(mine, now=moment, until=moment + LONGEST_SESSION + TOKEN_GRACE)


def end_now(session_ids: Sequence[str], order: Order, correlation_id: str) -> tuple[Sequence[Session], int]:
    """End sessions and audit them; return those that ended, and how many have no audit row.

    :raises SessionError: ``session_store_unavailable``; some may have ended
    """
    store, context = open_store(), RequestContext(None, correlation_id)
    gone: list[Session] = []
    unaudited = 0
    for first in range(0, len(session_ids), BATCH):
        batch = session_ids[first : first + BATCH]
        ended = [each.session for each in store.end_many(batch, reason=order.reason, now=now())]
        unaudited += _audit_all([build_ended(session, order, context) for session in ended])
        gone += ended
    return gone, unaudited


def _audit_all(records: Sequence[AuditRecord]) -> int:
    """Write rows; return how many could not be written."""
    if not records:
        return 0
    try:
        open_runner().run(partial(write_audit, records=records))
    except SessionError:
        return len(records)
    return 0
