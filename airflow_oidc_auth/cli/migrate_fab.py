"""``airflow oidc migrate-fab``: the users of stock FAB's AUTH_OAUTH become the accounts of their identities."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.fab_access import (
    choose_providers,
    fab_transaction,
    read_configuration,
    write_audit,
)
from airflow_oidc_auth.cli.migrate_report import MigrationReport
from airflow_oidc_auth.cli.session_access import who_asks
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.fab import links
from airflow_oidc_auth.fab.mapped_identities import Linked, MappedIdentities
from airflow_oidc_auth.fab.mapping import parse_mapping
from airflow_oidc_auth.fab.proposals import Evidence, propose
from airflow_oidc_auth.fab.users import has_own_password, read_users
from airflow_oidc_auth.web.context import new_correlation_id

_MAX_BYTES = 20_000_000


@command
def migrate_fab(args: Namespace) -> MigrationReport:
    """Propose the links and, unless ``--dry-run``, make them after a confirmation."""
    configuration = read_configuration()
    mapping = None if args.mapping is None else _read(args.mapping)
    with fab_transaction() as transaction:
        report = plan(transaction, configuration, args.provider, mapping)
    if args.dry_run or report.exit_code is not ExitCode.OK or not report.to_link:
        return report
    _confirm(report, yes=args.yes, as_json=args.json)
    return _carry_out(report)


def plan(
    transaction: Transaction, configuration: CompiledConfig, provider: str | None, mapping: bytes | None
) -> MigrationReport:
    """Say what would be linked; writes nothing.

    :param provider: id of the only provider that people may be from, or None
    :param mapping: the mapping file
    """
    providers = choose_providers(configuration, provider)
    users = read_users(transaction)
    found = links.find_links(transaction)
    linked = Linked({each.username: (each.issuer, each.subject) for each in found if each.username is not None})
    rows, problems = parse_mapping(mapping) if mapping is not None else ((), ())
    mapped = MappedIdentities([user.username for user in users], linked, providers)
    for row in rows:
        mapped.add(row)
    return MigrationReport(
        proposals=propose(users, Evidence(providers, linked, mapped, partial(has_own_password, transaction))),
        problems=tuple(sorted([*problems, *mapped.problems], key=lambda problem: problem.line)),
        keep_assigned_roles=configuration.keep_assigned_roles,
    )


def _carry_out(report: MigrationReport) -> MigrationReport:
    """Make every link in one transaction with its audit row, or none."""
    by, correlation_id, now = who_asks(), new_correlation_id(), int(time.time())
    with fab_transaction() as transaction:
        for proposal in report.to_link:
            identity = proposal.identity
            if identity is not None:
                made = links.link(transaction, proposal.user.id, *identity.key, by=by, now=now)
                write_audit(transaction, [links.build_linked(made, by=by, correlation_id=correlation_id)])
    return report.as_done(by, correlation_id)


def _confirm(report: MigrationReport, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise CommandFailed("Nobody can be asked here: look at --dry-run, then add --yes. Nothing was changed.")
    sys.stdout.write("\n".join(report.text()) + "\n")
    sys.stdout.flush()
    try:
        answer = input(f"Link {len(report.to_link)} FAB users? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was changed.")


def _read(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CommandFailed(f"Cannot read {path}: {error.strerror}.") from None
    if len(data) > _MAX_BYTES:
        raise CommandFailed(f"{path} is larger than {_MAX_BYTES} bytes.")
    return data
