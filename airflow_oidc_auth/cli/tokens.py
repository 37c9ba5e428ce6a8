"""``airflow oidc tokens list|revoke``: which programs act for whom, and an end to it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.end_sessions import end_live
from airflow_oidc_auth.cli.session_reports import REFERENCE_LENGTH, EndReport, Kind, ListReport, describe_owner
from airflow_oidc_auth.cli.sessions import list_live, read_wanted
from airflow_oidc_auth.sessions.administration import ANY_TOKEN, Wanted
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.my_access import describe_distance


@command
def list_tokens(args: Namespace) -> ListReport:
    """Read them."""
    return list_live(TOKENS, _read_wanted(args))


@command
def revoke_tokens(args: Namespace) -> EndReport:
    """Ask, end, and write an audit row for each."""
    wanted = _read_wanted(args)
    if args.all == (wanted != Wanted(kind=ANY_TOKEN)):
        raise CommandFailed(
            "Say which tokens to revoke: by --user, --subject, --provider, --client or --id, or --all alone."
        )
    return end_live(TOKENS, wanted, args)


def _data(token: Session) -> dict[str, object]:
    """Return a token's session for JSON; times are epoch seconds. The token itself is nowhere kept."""
    return {
        "token": token.id[:REFERENCE_LENGTH],
        "kind": token.kind,
        "label": token.label,
        "client_id": token.client_id,
        "actors": list(token.actors),
        "bound": token.jkt is not None,
        "name": token.name,
        "email": token.email,
        "issuer": token.issuer,
        "subject": token.subject,
        "principal_id": token.principal_id,
        "provider": token.provider,
        "roles": list(token.grant.roles),
        "scope": None if token.scope is None else list(token.scope),
        "made_at": token.created_at,
        "last_used_at": token.seen_at,
        "checked_at": token.checked_at,
        "verify_by": token.verify_by,
        "ends_at": token.expires_at,
    }


def _read_wanted(args: Namespace) -> Wanted:
    try:
        wanted = read_wanted(args)
    except CommandFailed as error:
        raise CommandFailed(str(error).replace("--session", "--id").replace("session id", "token's id")) from None
    return replace(wanted, kind=ANY_TOKEN, client_id=args.client)


def _row(token: Session, moment: int) -> tuple[str, ...]:
    client = " for ".join(filter(None, (*token.actors[:1], token.client_id))) or "-"
    return (
        token.id[:REFERENCE_LENGTH],
        token.kind,
        describe_owner(token),
        token.label or "-",
        client[:40],
        describe_distance(token.created_at - moment),
        "never" if token.seen_at is None else describe_distance(token.seen_at - moment),
        describe_distance(min(token.expires_at, token.verify_by or token.expires_at) - moment),
        ", ".join(token.grant.roles),
    )


TOKENS = Kind(
    noun="token",
    verb="Revoke",
    done="revoked",
    head=("token", "kind", "whose", "label", "client", "made", "last used", "ends", "roles"),
    row=_row,
    data=_data,
)
