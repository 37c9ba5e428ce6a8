"""``airflow oidc tokens list|revoke``: which programs act for whom, and an end to it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.end_sessions import end_now, revoke_people
from airflow_oidc_auth.cli.session_access import confirm, now, open_directory, read_reason, who_asks
from airflow_oidc_auth.cli.sessions import REFERENCE_LENGTH, read_wanted
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.login.session_office import Order
from airflow_oidc_auth.sessions.administration import ANY_TOKEN, Wanted
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web.context import new_correlation_id
from airflow_oidc_auth.web.my_access import describe_distance

_SHOWN = 20
_HEAD = ("token", "kind", "whose", "label", "client", "made", "last used", "ends", "roles")


@dataclass(frozen=True, slots=True)
class TokensReport:
    """Live tokens, newest first.

    :param total: how many there are, more than are listed where there are more than 10,000
    :param now: epoch seconds
    """

    tokens: Sequence[Session]
    total: int
    now: int

    @property
    def exit_code(self) -> ExitCode:
        """No token is an answer, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One line per token."""
        if not self.tokens:
            return ["No live token."]
        lines = section(count(self.total, "token"), _token_table(self.tokens, self.now))
        if self.total > len(self.tokens):
            lines.append(f"Only the newest {len(self.tokens)} are listed.")
        return lines

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"tokens": [token_data(each) for each in self.tokens], "total": self.total}


@dataclass(frozen=True, slots=True)
class RevokeReport:
    """What was revoked.

    :param unaudited: how many of them have no audit row
    :param people: for how many nothing counts any more that their identity provider issued until now
    """

    tokens: Sequence[Session]
    order: Order
    correlation_id: str
    unaudited: int
    people: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """Nothing to revoke, or an end that nobody can look up, is what a script must hear of."""
        return ExitCode.OK if (self.tokens or self.people) and not self.unaudited else ExitCode.FAILED

    def text(self) -> list[str]:
        """What was done."""
        if not self.tokens and not self.people:
            return ["No live token matches; nothing was revoked."]
        rows = [
            ("revoked", count(len(self.tokens), "token")),
            ("reason", self.order.explanation),
            ("by", self.order.by),
            ("audit", self.correlation_id),
        ]
        if self.people:
            rows.append(("refused", f"what was issued until now to {count(self.people, 'principal')}"))
        if self.unaudited:
            rows.append(("missing", f"{count(self.unaudited, 'audit row')} could not be written"))
        return [*section("Revoked", table(rows)), "Every API server knows within seconds."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "revoked": [token_data(each) for each in self.tokens],
            "reason": self.order.explanation,
            "by": self.order.by,
            "correlation_id": self.correlation_id,
            "unaudited": self.unaudited,
            "people": self.people,
        }


@command
def list_tokens(args: Namespace) -> TokensReport:
    """Read them."""
    moment = now()
    found = open_directory().find(_read_wanted(args), now=moment)
    return TokensReport(found.sessions, found.total, moment)


@command
def revoke_tokens(args: Namespace) -> RevokeReport:
    """Ask, end, and write an audit row for each."""
    wanted = _read_wanted(args)
    if args.all == (wanted != Wanted(kind=ANY_TOKEN)):
        raise CommandFailed(
            "Say which tokens to revoke: by --user, --subject, --provider, --client or --id, or --all alone."
        )
    order, correlation_id = Order(who_asks(), "", read_reason(args.reason)), new_correlation_id()
    found = open_directory().find(wanted, now=now(), limit=_SHOWN)
    if found.total:
        shown = section(count(found.total, "token"), _token_table(found.sessions, now()))
        confirm(f"Revoke {count(found.total, 'token')}?", shown, yes=args.yes, as_json=args.json)
    people = revoke_people(wanted)
    ended, unaudited = end_now(open_directory().ids(wanted, now=now()), order, correlation_id)
    return RevokeReport(ended, order, correlation_id, unaudited, people)


def token_data(token: Session) -> dict[str, object]:
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


def _token_table(tokens: Sequence[Session], moment: int) -> list[str]:
    return table([_HEAD, *(_row(each, moment) for each in tokens)])


def _row(token: Session, moment: int) -> tuple[str, ...]:
    who = token.name if token.email in (None, token.name) else f"{token.name} <{token.email}>"
    client = " for ".join(filter(None, (*token.actors[:1], token.client_id))) or "-"
    return (
        token.id[:REFERENCE_LENGTH],
        token.kind,
        who[:40],
        token.label or "-",
        client[:40],
        describe_distance(token.created_at - moment),
        "never" if token.seen_at is None else describe_distance(token.seen_at - moment),
        describe_distance(min(token.expires_at, token.verify_by or token.expires_at) - moment),
        ", ".join(token.grant.roles),
    )
