"""``airflow oidc sessions list``: who is signed in, since when, from where."""

from __future__ import annotations

from argparse import Namespace

from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.session_access import now, open_directory
from airflow_oidc_auth.cli.session_reports import REFERENCE_LENGTH, Kind, ListReport, describe_owner
from airflow_oidc_auth.sessions.administration import Wanted, is_reference
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.my_access import describe_distance


@command
def list_sessions(args: Namespace) -> ListReport:
    """Read them."""
    return list_live(SESSIONS, read_wanted(args))


def list_live(kind: Kind, wanted: Wanted) -> ListReport:
    """Read what is wanted, and is told as this kind."""
    moment = now()
    found = open_directory().find(wanted, now=moment)
    return ListReport(kind, found.sessions, found.total, moment)


def read_wanted(args: Namespace) -> Wanted:
    """Return which sessions the arguments mean.

    :raises CommandFailed: they contradict each other
    """
    if (args.issuer is None) != (args.subject is None):
        raise CommandFailed("--subject and --issuer go together: a subject means somebody only at its issuer.")
    if args.user is not None and args.subject is not None:
        raise CommandFailed("Name the person by --user, or by --subject and --issuer.")
    if args.session is not None and not is_reference(args.session):
        raise CommandFailed(
            "--session must be at least the first 8 characters of a session id, as the list shows them."
        )
    return Wanted(
        user=args.user,
        principal_id=None if args.subject is None else principal_id(args.issuer, args.subject),
        provider=args.provider,
        reference=args.session,
        kind=getattr(args, "kind", None),
    )


def _data(session: Session) -> dict[str, object]:
    """Return a session for JSON; times are epoch seconds."""
    return {
        "session": session.id[:REFERENCE_LENGTH],
        "kind": session.kind,
        "name": session.name,
        "email": session.email,
        "issuer": session.issuer,
        "subject": session.subject,
        "principal_id": session.principal_id,
        "provider": session.provider,
        "client_address": session.client_address,
        "roles": list(session.grant.roles),
        "signed_in_at": session.created_at,
        "last_seen_at": session.seen_at,
        "checked_at": session.checked_at,
        "next_check_at": session.check_due_at,
        "ends_at": session.expires_at,
    }


def _row(session: Session, moment: int) -> tuple[str, ...]:
    def distance(at: int | None, otherwise: str) -> str:
        return otherwise if at is None else describe_distance(at - moment)

    return (
        session.id[:REFERENCE_LENGTH],
        session.kind,
        describe_owner(session),
        session.provider,
        session.client_address or "-",
        distance(session.created_at, "-"),
        distance(session.seen_at, "-"),
        distance(session.check_due_at, "never"),
        distance(session.expires_at, "-"),
        ", ".join(session.grant.roles),
    )


SESSIONS = Kind(
    noun="session",
    verb="End",
    done="ended",
    head=("session", "kind", "who", "provider", "from", "signed in", "last seen", "next re-check", "ends", "roles"),
    row=_row,
    data=_data,
)
