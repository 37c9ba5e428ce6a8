"""``airflow oidc check``: everything that is wrong, at once, and what to register at the identity providers."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Sequence

from airflow_oidc_auth.cli import migration
from airflow_oidc_auth.cli.check_report import CheckReport, ProviderReport
from airflow_oidc_auth.cli.command import command
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.paths import format_path
from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.missing_roles import missing_roles
from airflow_oidc_auth.login.journey import build_redirect_uri, build_signed_out_uri
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret

_FAB_LIMITS = (
    "FAB mode has no multi-team and no rights per connection, variable or pool: FAB's permissions know single DAGs only"
)

_UNREADABLE = (
    "whether FAB has these roles is not known: its tables cannot be read here. "
    "`airflow db migrate` makes them where they are missing"
)


@command
def check(args: Namespace) -> CheckReport:
    """Look at airflow.cfg, the document and, unless ``--offline``, every live provider."""
    settings = load_settings(resolve_secrets=not args.offline)
    compiled, problems = _compile(settings)
    tables = () if args.offline else tuple(migration.missing_tables())
    warnings = [*tables, *settings.warnings, *(compiled.warnings if compiled else ())]
    errors, notes = _fab_mode(settings, compiled, offline=bool(args.offline))
    return CheckReport(
        source=f"FAB mode, {settings.source}" if settings.fab else settings.source,
        problems=tuple(problems),
        warnings=tuple(warnings),
        rules=len(compiled.grants.rules) if compiled else 0,
        requirements=len(compiled.grants.requirements) if compiled else 0,
        providers=tuple(_providers(compiled, settings, offline=args.offline)) if compiled else (),
        offline=bool(args.offline),
        errors=tuple(errors),
        notes=tuple(notes),
    )


def _fab_mode(settings: Settings, compiled: CompiledConfig | None, *, offline: bool) -> tuple[list[Problem], list[str]]:
    """Return roles that FAB does not have, and what is worth knowing about FAB mode."""
    if settings.fab is None:
        return [], []
    if compiled is None or settings.mapped_rules.problems:
        return [], [_FAB_LIMITS]
    if offline:
        return [], [_FAB_LIMITS, "whether FAB has these roles was not looked up (--offline)"]
    # Imports FAB's models, which native mode does without.
    from airflow_oidc_auth.fab.existing_roles import read_existing_roles

    if (existing := read_existing_roles()) is None:
        return [], [_FAB_LIMITS, _UNREADABLE]
    if not existing:
        note = "FAB has no roles yet: `airflow sync-perm`, or the first start, makes Admin, Op, User, Viewer and Public"
        return missing_roles(compiled.grants, BUILTIN_ROLES), [_FAB_LIMITS, note]
    return missing_roles(compiled.grants, existing), [_FAB_LIMITS]


def _compile(settings: Settings) -> tuple[CompiledConfig | None, list[Problem]]:
    """Compile as far as it goes: whatever else is wrong, the providers are tested and what to register is told.

    A client secret is only known once the redirect URI is registered, so its absence must not hide that address.
    """
    problems = list(settings.problems)
    if settings.document is None:
        return None, problems
    try:
        return settings.compile_document(settings.document), problems
    except ConfigurationError as error:
        problems = settings.problems_with(error.problems)
    try:
        return dataclasses.replace(settings, resolve_secrets=False).compile_document(settings.document), problems
    except ConfigurationError:
        return None, problems


def _providers(compiled: CompiledConfig, read: Settings, *, offline: bool) -> list[ProviderReport]:
    base_url = read.base_url
    return [
        ProviderReport(
            id=settings.id,
            label=settings.label,
            vendor=preset(settings.preset).vendor,
            issuer=settings.issuer,
            redirect_uri=build_redirect_uri(base_url, settings.id) if base_url else "",
            post_logout_uri=build_signed_out_uri(base_url) if base_url and settings.logout != "none" else "",
            findings=() if offline else tuple(_named(finding, read) for finding in _diagnose(settings, base_url)),
        )
        for settings in compiled.providers.values()
    ]


def _named(finding: Finding, read: Settings) -> Finding:
    """Call a setting what its author calls it: without a document there is no ``providers.okta.issuer``."""
    suggestion = finding.suggestion
    for path, name in read.document.names.items() if read.document else ():
        suggestion = suggestion.replace(f"`{format_path(path)}`", f"`{name}`")
    return dataclasses.replace(finding, suggestion=suggestion)


def _diagnose(settings: ProviderSettings, base_url: str) -> Sequence[Finding]:
    if sys.stderr.isatty():
        sys.stderr.write(f"Asking {settings.id} …\n")
    # Credentials that are missing are among the problems already: then nothing is said about the client.
    known = base_url and (settings.client_secret or settings.private_key or settings.client_auth == "none")
    testable = dataclasses.replace(settings, client_secret=settings.client_secret or Secret("not known yet"))
    try:
        return build_provider(testable).diagnose(
            redirect_uri=build_redirect_uri(base_url, settings.id) if known else ""
        )
    except ConfigurationError as error:
        return [Finding("error", "settings", f"{each.path}: {each.text}", each.suggestion) for each in error.problems]
