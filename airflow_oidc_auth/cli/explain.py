"""``airflow oidc explain``: the server's own reasoning about a file of claims, offline."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from airflow_oidc_auth.cli.claims_file import identify, read_claims
from airflow_oidc_auth.cli.command import CommandFailed, command
from airflow_oidc_auth.cli.explanation import Explanation
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import ConfigurationError
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.managers.document_source import read_document_file
from airflow_oidc_auth.managers.settings import load_settings
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.providers.settings import ProviderSettings


@command
def explain(args: Namespace) -> Explanation:
    """Evaluate the rules for the claims."""
    compiled = _compile(args.config_file)
    settings = choose_provider(compiled.providers, args.provider)
    found = identify(settings, read_claims(args.claims))
    evaluation = compiled.grants.evaluate(found.identity)
    decision = evaluation.decision
    roles = decision.roles if isinstance(decision, Grant) and found.refusal is None else ()
    return Explanation(
        settings=settings,
        identity=found.identity,
        evaluation=evaluation,
        provider_refusal=found.refusal,
        notes=found.notes,
        permissions=Policy().permissions(roles),
        list_permissions=bool(args.permissions),
    )


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


def _compile(config_file: str | None) -> CompiledConfig:
    # Neither secrets nor the rest of airflow.cfg matter here: what [core] fernet_key lacks changes no role.
    settings = load_settings(resolve_secrets=False)
    document = read_document_file(config_file) if config_file else settings.document
    if document is None:
        raise ConfigurationError(settings.problems)
    return settings.compile_document(document)
