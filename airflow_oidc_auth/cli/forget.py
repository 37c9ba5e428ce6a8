"""``airflow oidc forget``: delete what is kept of a person, and take them out of the audit's rows."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from functools import partial

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.pseudonym import Person, pseudonym_of
from airflow_oidc_auth.cli.audit_keys import read_signing_key
from airflow_oidc_auth.cli.audit_rows import rewrite
from airflow_oidc_auth.cli.command import ExitCode, command
from airflow_oidc_auth.cli.end_sessions import end_now, revoke_all_of
from airflow_oidc_auth.cli.fab_access import write_audit
from airflow_oidc_auth.cli.session_access import confirm, now, open_directory, open_runner, who_asks
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.login.keys import derive_pseudonym_key
from airflow_oidc_auth.login.session_office import Order
from airflow_oidc_auth.managers.secret_option import read_secret_option
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.administration import Wanted
from airflow_oidc_auth.sessions.forgetting import Kept, delete_kept, find_kept
from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.web.context import new_correlation_id

REASON = "forgotten"


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What was, or would be, forgotten."""

    kept: Kept
    audit_rows: int
    pseudonym: str
    dry_run: bool

    @property
    def exit_code(self) -> ExitCode:
        """A person of whom nothing is kept may be a subject that was misspelt."""
        return ExitCode.OK if self.kept.known or self.audit_rows else ExitCode.FAILED

    def text(self) -> list[str]:
        """What went, and what stays."""
        if self.exit_code is not ExitCode.OK:
            return ["Nothing is kept of this subject of this issuer."]
        rows = [
            ("sessions", str(self.kept.sessions)),
            ("audit rows", str(self.audit_rows)),
            ("pseudonym", self.pseudonym),
        ]
        lines = section("Would be forgotten" if self.dry_run else "Forgotten", table(rows))
        if self.kept.fab_user_id is not None:
            lines.append(
                f"FAB's own user (id {self.kept.fab_user_id}) stays, with name and e-mail: "
                "delete it on FAB's Users page or with `airflow users delete`."
            )
        return [
            *lines,
            "Rows that Airflow itself wrote (runs, changes of connections, …) and log files stay as they are.",
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "known": self.kept.known,
            "sessions": self.kept.sessions,
            "audit_rows": self.audit_rows,
            "pseudonym": self.pseudonym,
            "fab_user_id": self.kept.fab_user_id,
            "dry_run": self.dry_run,
        }


@command
def forget(args: Namespace) -> ForgetReport:
    """End, delete, pseudonymise; each step can be repeated."""
    mine = principal_id(args.issuer, args.subject)
    pseudonym = pseudonym_of(derive_pseudonym_key(_fernet_keys()), mine)
    kept = open_runner().run(lambda transaction: find_kept(transaction, mine))
    person = Person(args.issuer, args.subject, mine, kept.names)
    planned = ForgetReport(kept, _rewrite(person, pseudonym, dry_run=True), pseudonym, dry_run=True)
    if args.dry_run or planned.exit_code is not ExitCode.OK:
        return planned
    confirm(f"Forget {args.subject!r} of {args.issuer} for good?", planned.text(), yes=args.yes, as_json=args.json)
    # Their end is published and audited first; the rows of that lose the name below, with the others.
    order = Order(who_asks(), "", f"{count(kept.sessions, 'session')} forgotten", REASON)
    revoke_all_of(mine)
    correlation_id = new_correlation_id()
    end_now(open_directory().ids(Wanted(principal_id=mine), now=now()), order, correlation_id)
    record = _told(order, pseudonym, planned, correlation_id)
    open_runner().run(partial(_delete, mine=mine, record=record))
    return ForgetReport(kept, _rewrite(person, pseudonym, dry_run=False), pseudonym, dry_run=False)


def _told(order: Order, pseudonym: str, planned: ForgetReport, correlation_id: str) -> AuditRecord:
    """Return the row that stays of it, whether or not a session was there to end: names in an audit were changed."""
    facts = (("ended_by", order.by), ("sessions", planned.kept.sessions), ("audit_rows", planned.audit_rows))
    return AuditRecord(
        AuthEvent.USER_FORGOTTEN,
        correlation_id,
        "admin_request",
        owner=pseudonym,
        subject=pseudonym,
        principal_id=pseudonym,
        detail=facts,
    )


def _delete(transaction: Transaction, *, mine: str, record: AuditRecord) -> None:
    delete_kept(transaction, mine)
    write_audit(transaction, [record])


def _rewrite(person: Person, pseudonym: str, *, dry_run: bool) -> int:
    return rewrite(open_runner(), person, pseudonym, dry_run=dry_run, read_key=read_signing_key)


def _fernet_keys() -> Secret:
    keys = read_secret_option("core", "fernet_key")
    if not keys:
        raise ConfigurationError([Problem("[core] fernet_key", "is empty: pseudonyms need a key")])
    return Secret(keys)
