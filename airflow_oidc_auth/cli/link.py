"""``airflow oidc link`` and ``unlink``: whose account a FAB user is, said by an administrator and audited."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.fab_access import fab_transaction, read_configuration, write_audit
from airflow_oidc_auth.cli.session_access import who_asks
from airflow_oidc_auth.cli.text import printable, table
from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.fab import links
from airflow_oidc_auth.fab.known_identity import find_issuer, subject_problem
from airflow_oidc_auth.fab.links import FabLink
from airflow_oidc_auth.fab.users import read_users
from airflow_oidc_auth.web.context import new_correlation_id


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What became of one link.

    :param verb: ``Linked`` or ``Unlinked``
    :param after: what it means from now on
    """

    verb: str
    linked: FabLink
    by: str
    correlation_id: str
    after: str

    @property
    def exit_code(self) -> ExitCode:
        """A link that could not be changed is no report."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """What was done and what follows from it."""
        rows = [
            ("FAB user", user_label(self.linked)),
            ("issuer", self.linked.issuer),
            ("subject", self.linked.subject),
            ("by", self.by),
            ("audit", self.correlation_id),
        ]
        return [f"{self.verb}.", *table(rows), "", printable(self.after)]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {**link_data(self.linked), "by": self.by, "correlation_id": self.correlation_id}


@command
def link(args: Namespace) -> LinkReport:
    """Let an existing FAB user be the account of an identity."""
    known = find_issuer(args.issuer, tuple(read_configuration().providers.values()))
    if isinstance(known, str):
        raise CommandFailed(known)
    if problem := subject_problem(args.subject, known.provider):
        raise CommandFailed(f"No sign-in with {known.provider.id} is like that: {problem}.")
    by, correlation_id = who_asks(), new_correlation_id()
    with fab_transaction() as transaction:
        check_free(transaction, args.username, known.issuer, args.subject)
        made = links.link(transaction, args.username, known.issuer, args.subject, by=by, now=int(time.time()))
        write_audit(transaction, [links.build_linked(made, by=by, correlation_id=correlation_id)])
    after = "The next sign-in of this identity is this user's, and recomputes its roles."
    return LinkReport("Linked", made, by, correlation_id, after)


@command
def unlink(args: Namespace) -> LinkReport:
    """Take the identity away from a FAB user."""
    by_identity = (args.issuer, args.subject)
    if (args.username is None) == (by_identity == (None, None)) or by_identity.count(None) == 1:
        raise CommandFailed("Name the FAB user, or the identity with both --issuer and --subject.")
    by, correlation_id = who_asks(), new_correlation_id()
    with fab_transaction() as transaction:
        gone = _unlink(transaction, args)
        write_audit(transaction, [links.build_unlinked(gone, by=by, correlation_id=correlation_id)])
    after = "Its sessions end within seconds. The next sign-in of this identity makes a new user, or is refused."
    return LinkReport("Unlinked", gone, by, correlation_id, after)


def user_label(linked: FabLink) -> str:
    """Return the user's name, or what is left of a deleted one."""
    return linked.username or f"(deleted user {linked.user_id})"


def link_data(linked: FabLink) -> dict[str, object]:
    """Return a link for JSON."""
    return {
        "username": linked.username,
        "user_id": linked.user_id,
        "issuer": linked.issuer,
        "subject": linked.subject,
        "principal_id": linked.principal_id,
        "linked_at": linked.linked_at,
        "linked_by": linked.linked_by,
    }


def check_free(transaction: Transaction, username: str, issuer: str, subject: str) -> None:
    """Refuse with the names that the administrator needs; :func:`links.link` checks again.

    :raises CommandFailed: the user is unknown, or the user or the identity is linked
    """
    for found in links.find_links(transaction):
        if found.username is None:
            continue  # of a deleted user: it gives way
        if (found.issuer, found.subject) == (issuer, subject):
            whose = "this user already" if found.username == username else f"user {found.username!r} already"
            raise CommandFailed(f"Subject {subject!r} of {issuer} is linked to {whose}.")
        if found.username == username:
            raise CommandFailed(
                f"User {username!r} is linked to subject {found.subject!r} of {found.issuer} already. "
                f"Run `airflow oidc unlink {username}` first."
            )
    check_user(transaction, username)


def check_user(transaction: Transaction, username: str) -> None:
    """Refuse a user whom FAB does not know.

    :raises CommandFailed: with the nearest name
    """
    names = [user.username for user in read_users(transaction)]
    if username not in names:
        raise CommandFailed(unknown_user(username, names))


def unknown_user(username: str, names: Iterable[str]) -> str:
    """Say that FAB has no such user, and who may be meant."""
    near = did_you_mean(username, names)
    return f"FAB has no user {username!r}{f': {near}' if near else '.'} Letter case counts."


def _unlink(transaction: Transaction, args: Namespace) -> FabLink:
    if args.username is None:
        return links.unlink_identity(transaction, args.issuer, args.subject)
    check_user(transaction, args.username)
    try:
        return links.unlink(transaction, args.username)
    except OidcAuthError as error:
        if error.code != "fab_not_linked":
            raise
        raise CommandFailed(f"User {args.username!r} is not linked to any identity.") from None
