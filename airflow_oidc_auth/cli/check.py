"""``airflow oidc check``: everything that is wrong, at once, and what to register at the identity providers."""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Collection, Iterator, Sequence

from airflow_oidc_auth.cli import migration
from airflow_oidc_auth.cli.check_machines import diagnose_machines, diagnose_workload, missing_client_roles
from airflow_oidc_auth.cli.check_report import AUDIENCE, Address, CheckReport, ProviderReport
from airflow_oidc_auth.cli.command import command
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.paths import format_path
from airflow_oidc_auth.errors import ConfigurationError, Problem, ProviderError
from airflow_oidc_auth.fab.missing_roles import missing_roles
from airflow_oidc_auth.login.journey import build_redirect_uri, build_signed_out_uri
from airflow_oidc_auth.login.logouts import build_backchannel_logout_uri, build_frontchannel_logout_uri
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.managers.teams import is_multi_team, read_teams
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret

_FAB_LIMITS = (
    "FAB mode has no multi-team and no rights per connection, variable or pool: FAB's permissions know single DAGs only"
)

_UNREADABLE = (
    "whether FAB has these roles is not known: its tables cannot be read here. "
    "`airflow db migrate` makes them where they are missing"
)
# What a SAML provider finds about our own keys.
_OF_KEYS = {"requests", "logout"}


@command
def check(args: Namespace) -> CheckReport:
    """Look at airflow.cfg, the document and, unless ``--offline``, every live provider."""
    settings, unread = _with_teams(load_settings(resolve_secrets=not args.offline), offline=bool(args.offline))
    compiled, problems, resolved = _compile(settings)
    tables = () if args.offline else tuple(migration.missing_tables())
    warnings = [*tables, *unread, *settings.warnings, *_document_warnings(compiled)]
    errors, notes = _fab_mode(settings, compiled, offline=bool(args.offline))
    return CheckReport(
        source=f"FAB mode, {settings.source}" if settings.fab else settings.source,
        problems=tuple(problems),
        warnings=tuple(warnings),
        rules=len(compiled.grants.rules) if compiled else 0,
        requirements=len(compiled.grants.requirements) if compiled else 0,
        providers=tuple(_providers(compiled, settings, offline=args.offline, resolved=resolved)) if compiled else (),
        offline=bool(args.offline),
        errors=tuple(errors),
        notes=tuple(notes),
    )


def _with_teams(settings: Settings, *, offline: bool) -> tuple[Settings, Sequence[Problem]]:
    """Let rules be held against Airflow's teams, as a server does; where they cannot be read, say so."""
    if offline or settings.fab is not None or not is_multi_team():
        return settings, ()
    try:
        teams = read_teams()
    except ConfigurationError as error:
        return settings, error.problems
    return dataclasses.replace(settings, read_teams=lambda: teams), ()


def _document_warnings(compiled: CompiledConfig | None) -> Iterator[Problem]:
    if compiled is not None:
        yield from compiled.warnings
        yield from () if is_multi_team() else compiled.without_teams


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
        return _missing_roles(compiled, BUILTIN_ROLES), [_FAB_LIMITS, note]
    return _missing_roles(compiled, existing), [_FAB_LIMITS]


def _missing_roles(compiled: CompiledConfig, existing: Collection[str]) -> list[Problem]:
    return [*missing_roles(compiled.grants, existing), *missing_client_roles(compiled.tokens, existing)]


def _compile(settings: Settings) -> tuple[CompiledConfig | None, list[Problem], bool]:
    """Compile as far as it goes: whatever else is wrong, the providers are tested and what to register is told.

    A client secret is only known once the redirect URI is registered, so its absence must not hide that address.

    :return: also whether secrets and keys are in it
    """
    problems = list(settings.problems)
    if settings.document is None:
        return None, problems, False
    try:
        return settings.compile_document(settings.document), problems, settings.resolve_secrets
    except ConfigurationError as error:
        problems = settings.problems_with(error.problems)
    try:
        without = dataclasses.replace(settings, resolve_secrets=False)
        return without.compile_document(settings.document), problems, False
    except ConfigurationError:
        return None, problems, False


def _providers(compiled: CompiledConfig, read: Settings, *, offline: bool, resolved: bool) -> list[ProviderReport]:
    base_url = read.base_url

    def findings(settings: ProviderSettings) -> tuple[Finding, ...]:
        found = (_named(finding, read) for finding in _diagnose(settings, base_url))
        # Of keys that were not resolved it is not known whether they are there.
        return tuple(each for each in found if resolved or settings.saml is None or each.check not in _OF_KEYS)

    return [
        ProviderReport(
            id=settings.id,
            label=settings.label,
            vendor=preset(settings.preset).vendor,
            issuer=settings.issuer,
            addresses=_addresses(settings, base_url),
            for_programs=not settings.signs_in,
            findings=() if offline else findings(settings),
        )
        for settings in compiled.providers.values()
    ]


def _addresses(settings: ProviderSettings, base_url: str) -> tuple[Address, ...]:
    """Return what to register: nothing can be said of it as long as nobody knows where this Airflow is."""
    if not settings.signs_in:
        return _audiences(settings)
    if settings.saml is None:
        return (*_openid_addresses(settings, base_url), *_audiences(settings), *_terminal(settings))
    own = service_provider(base_url, settings.id, settings.client_id)
    known = [
        Address("entity_id", "entity id", own.entity_id),
        Address("acs_url", "assertion consumer service (HTTP-POST)", own.acs_url),
        Address("slo_url", "single logout", own.slo_url if settings.logout != "none" else ""),
        Address("metadata_url", "or all of it, as metadata", own.metadata_url),
    ]
    return tuple(known) if base_url else ()


def _audiences(settings: ProviderSettings) -> tuple[Address, ...]:
    audiences = settings.api.audiences if settings.api is not None else ()
    return tuple(Address(AUDIENCE, "audience of tokens", each) for each in audiences)


def _terminal(settings: ProviderSettings) -> tuple[Address, ...]:
    """RFC 8252 §7.3: any port of the loopback."""
    if settings.cli is None:
        return ()
    return (Address("cli_redirect_uri", f"redirect URI of {settings.cli.client_id}", "http://127.0.0.1/callback"),)


def _openid_addresses(settings: ProviderSettings, base_url: str) -> tuple[Address, ...]:
    signed_out = build_signed_out_uri(base_url) if base_url and settings.logout != "none" else ""
    redirect_uri = build_redirect_uri(base_url, settings.id) if base_url else ""
    known = (
        Address("redirect_uri", "redirect URI", redirect_uri),
        Address("post_logout_redirect_uri", "post-logout redirect URI", signed_out),
    )
    # Whatever discovery says of logout: the addresses answer, and some IdPs do not tell.
    if preset(settings.preset).protocol != "oidc" or not base_url:
        return known
    backchannel = build_backchannel_logout_uri(base_url, settings.id)
    frontchannel = build_frontchannel_logout_uri(base_url, settings.id)
    return (
        *known,
        Address("backchannel_logout_uri", "back-channel logout URI", backchannel),
        Address("frontchannel_logout_uri", "front-channel logout URI", frontchannel),
    )


def _named(finding: Finding, read: Settings) -> Finding:
    """Call a setting what its author calls it: without a document there is no ``providers.okta.issuer``."""
    suggestion = finding.suggestion
    for path, name in read.document.names.items() if read.document else ():
        suggestion = suggestion.replace(f"`{format_path(path)}`", f"`{name}`")
    return dataclasses.replace(finding, suggestion=suggestion)


def _diagnose(settings: ProviderSettings, base_url: str) -> Sequence[Finding]:
    if sys.stderr.isatty():
        sys.stderr.write(f"Asking {settings.id} …\n")
    if not settings.signs_in:
        return diagnose_workload(settings)
    # Credentials that are missing are among the problems already: then nothing is said about the client.
    known = base_url and (settings.client_secret or settings.private_key or settings.client_auth == "none")
    testable = dataclasses.replace(settings, client_secret=settings.client_secret or Secret("not known yet"))
    try:
        found = build_provider(testable, base_url=base_url).diagnose(
            redirect_uri=build_redirect_uri(base_url, settings.id) if known else ""
        )
        return (*found, *diagnose_machines(settings))
    except ConfigurationError as error:
        return [Finding("error", "settings", f"{each.path}: {each.text}", each.suggestion) for each in error.problems]
    except ProviderError as error:
        return [Finding("error", "settings", f"{error.message.title}: {error.detail}", error.hint)]
