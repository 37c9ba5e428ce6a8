"""``airflow oidc break-glass``: a one-time address that lets somebody in while the IdP is down."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, command
from airflow_oidc_auth.cli.fab_access import write_audit
from airflow_oidc_auth.cli.session_access import now, open_runner, open_transaction, read_reason, who_asks
from airflow_oidc_auth.cli.text import SUGGESTION, table
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.paths import did_you_mean, one_of
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.login.break_glass_records import build_created
from airflow_oidc_auth.login.keys import derive_break_glass_keys
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.break_glass import MAX_MINUTES, OPEN_FOR, Link, insert_link, new_link
from airflow_oidc_auth.web.context import new_correlation_id


@dataclass(frozen=True, slots=True)
class LinkReport:
    """The address, which is shown this once.

    :param link: None where break-glass is switched off
    """

    link: Link | None
    url: Secret | None = field(default=None, repr=False)
    correlation_id: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """Switched off is denied."""
        return ExitCode.DENIED if self.link is None else ExitCode.OK

    def text(self) -> list[str]:
        """The address and what it does."""
        if self.link is None or self.url is None:
            return ["Break-glass is switched off: `sessions.break_glass` is false in the configuration."]
        rows = [
            ("role", self.link.role),
            ("lasts", f"{self.link.minutes} minutes from its use, then it ends"),
            ("reason", self.link.reason),
            ("audit", self.correlation_id),
        ]
        return [
            f"Open this address within {OPEN_FOR // 60} minutes. It works once, for whoever opens it:",
            "",
            f"{SUGGESTION}{self.url.reveal()}",
            "",
            *table(rows),
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        if self.link is None or self.url is None:
            return {"error": "break_glass_disabled"}
        return {
            "url": self.url.reveal(),
            "role": self.link.role,
            "minutes": self.link.minutes,
            "reason": self.link.reason,
            "expires_at": self.link.expires_at,
            "correlation_id": self.correlation_id,
        }


@command
def break_glass(args: Namespace) -> LinkReport:
    """Make a link, with its audit row or not at all."""
    settings = load_settings(resolve_secrets=False)
    compiled = _compile(settings)
    if not compiled.sessions.break_glass:
        return LinkReport(None)
    _check_role(args.role, settings, compiled)
    if not 1 <= args.minutes <= MAX_MINUTES:
        raise CommandFailed(f"--minutes must be 1 to {MAX_MINUTES}.")
    terms = {"role": args.role, "reason": read_reason(args.reason), "created_by": who_asks(), "minutes": args.minutes}
    link, token, token_hash = new_link(derive_break_glass_keys(settings.required_fernet_keys()), **terms, now=now())
    correlation_id = new_correlation_id()

    def work(transaction: Transaction) -> None:
        insert_link(transaction, link, token_hash)
        write_audit(transaction, [build_created(link, correlation_id)])

    open_runner().run(work)
    return LinkReport(link, Secret(f"{settings.base_url}/auth/break-glass?link={token.reveal()}"), correlation_id)


def _compile(settings: Settings) -> CompiledConfig:
    """Read whether break-glass is allowed; what cannot be read allows nothing."""
    if settings.document is None:
        raise ConfigurationError(settings.problems)
    if not settings.base_url:
        raise ConfigurationError([Problem("[api] base_url", "is not set: the address cannot be built")])
    return settings.compile_document(settings.document)


def _check_role(role: str, settings: Settings, compiled: CompiledConfig) -> None:
    known = _roles_of_fab() if settings.fab is not None else {*BUILTIN_ROLES, *compiled.roles}
    if role not in known:
        hint = did_you_mean(role, known) or one_of(sorted(known)[:20])
        raise CommandFailed(f"There is no role {role!r}: {hint}")


def _roles_of_fab() -> Collection[str]:
    from airflow_oidc_auth.fab.existing_roles import read_existing_roles

    known = read_existing_roles(open_transaction)
    if known is None:
        raise CommandFailed("FAB's roles cannot be read: is the metadata database there?")
    return known
