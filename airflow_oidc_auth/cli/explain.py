"""``airflow oidc explain``: the server's own reasoning about a file of claims, offline."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from airflow_oidc_auth.cli.command import command
from airflow_oidc_auth.cli.configured import read_configured
from airflow_oidc_auth.cli.explanation import Explanation
from airflow_oidc_auth.cli.read_identity import choose_provider, read_identity
from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.managers.settings import Settings, load_settings
from airflow_oidc_auth.policy.overview import Overview, overview_of


@command
def explain(args: Namespace) -> Explanation:
    """Evaluate the rules for the claims."""
    read = load_settings(resolve_secrets=False)
    configured = read_configured(read, args.config_file, option="--config-file")
    compiled = configured.compiled
    settings = choose_provider(compiled.providers, args.provider)
    found = read_identity(settings, args.claims, read.base_url)
    evaluation = compiled.grants.evaluate(found.identity, time.time())
    granted = evaluation.decision if isinstance(evaluation.decision, Grant) and found.refusal is None else None
    return Explanation(
        settings=settings,
        identity=found.identity,
        evaluation=evaluation,
        provider_refusal=found.refusal,
        provider_code=found.code,
        for_api=found.for_api,
        notes=(*found.notes, *_notes(read)),
        rights=overview_of(*scoped_roles(granted), compiled.roles) if granted and read.fab is None else Overview(),
        where=configured.where,
        list_permissions=bool(args.permissions) and read.fab is None,
    )


def _notes(read: Settings) -> Iterator[str]:
    """Say what FAB's database decides and a file of claims cannot tell."""
    if read.fab is None:
        return
    yield "FAB mode: whether these roles exist, and what they allow, is in FAB's database."
    if not read.fab.registration:
        yield "Registration is closed: whoever is not linked to a FAB user is refused, whatever the rules give."
    if read.fab.keep_assigned_roles:
        yield "Roles that somebody assigned in FAB are kept beside these."
