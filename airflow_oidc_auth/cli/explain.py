"""``airflow oidc explain``: the server's own reasoning about a file of claims, offline."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace

from airflow_oidc_auth.cli.assertion_file import identify_assertion
from airflow_oidc_auth.cli.claim_times import note_times
from airflow_oidc_auth.cli.claims_file import ReadClaims, identify, read_claims
from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.explain_token import as_access_token, is_access_token
from airflow_oidc_auth.cli.explanation import Explanation
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.managers.document_source import read_document_file
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.providers.settings import ProviderSettings


@command
def explain(args: Namespace) -> Explanation:
    """Evaluate the rules for the claims."""
    # Neither secrets nor the rest of airflow.cfg matter here: what [core] fernet_key lacks changes no role.
    read = load_settings(resolve_secrets=False)
    compiled = _compile(read, args.config_file)
    settings = choose_provider(compiled.providers, args.provider)
    found = _identify(settings, args.claims, read.base_url)
    evaluation = compiled.grants.evaluate(found.identity, time.time())
    decision = evaluation.decision
    roles = decision.roles if isinstance(decision, Grant) and found.refusal is None else ()
    return Explanation(
        settings=settings,
        identity=found.identity,
        evaluation=evaluation,
        provider_refusal=found.refusal,
        provider_code=found.code,
        for_api=found.for_api,
        notes=(*found.notes, *_notes(read)),
        permissions=Permissions() if read.fab else Policy(compiled.roles).permissions(roles),
        list_permissions=bool(args.permissions) and read.fab is None,
    )


def _identify(settings: ProviderSettings, source: str, base_url: str) -> ReadClaims:
    if settings.saml is not None:
        return identify_assertion(settings, source, base_url)
    documents = read_claims(source)
    found, claims = identify(settings, documents), documents["id_token"] or documents["access_token"]
    if settings.api is not None and is_access_token(settings, claims):
        found = as_access_token(settings, settings.api, found, claims)
    told = note_times(claims, time.time(), settings.leeway, for_api=found.for_api)
    return replace(found, notes=(*found.notes, *told))


def _notes(read: Settings) -> Iterator[str]:
    """Say what FAB's database decides and a file of claims cannot tell."""
    if read.fab is None:
        return
    yield "FAB mode: whether these roles exist, and what they allow, is in FAB's database."
    if not read.fab.registration:
        yield "Registration is closed: whoever is not linked to a FAB user is refused, whatever the rules give."
    if read.fab.keep_assigned_roles:
        yield "Roles that somebody assigned in FAB are kept beside these."


def choose_provider(providers: Mapping[str, ProviderSettings], wanted: str | None) -> ProviderSettings:
    """Return the named provider, or the only one.

    :raises CommandFailed: unknown, or several to choose from
    """
    known = ", ".join(providers)
    if wanted is not None:
        if wanted not in providers:
            raise CommandFailed(f"There is no provider {wanted!r}. Configured: {known}.")
        return providers[wanted]
    if len(providers) > 1:
        raise CommandFailed(f"Say which provider the claims come from: --provider with one of {known}.")
    return next(iter(providers.values()))


def _compile(read: Settings, config_file: str | None) -> CompiledConfig:
    document = read_document_file(config_file, option="--config-file") if config_file else read.document
    if document is None:
        raise ConfigurationError(read.problems)
    if read.mapped_rules.problems:
        raise ConfigurationError(read.mapped_rules.problems)
    return read.compile_document(document)
