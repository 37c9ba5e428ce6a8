"""From a file of claims, or of an assertion, to the Identity that its provider would build, were it genuine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from airflow_oidc_auth.cli.assertion_file import identify_assertion
from airflow_oidc_auth.cli.claim_times import note_times
from airflow_oidc_auth.cli.claims_file import ReadClaims, identify, read_claims
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.explain_token import as_access_token, is_access_token
from airflow_oidc_auth.providers.settings import ProviderSettings


def read_identity(settings: ProviderSettings, source: str, base_url: str) -> ReadClaims:
    """Read the file.

    :raises CommandFailed: it cannot be read, or names nobody
    """
    if settings.saml is not None:
        return identify_assertion(settings, source, base_url)
    documents = read_claims(source)
    found, claims = identify(settings, documents), documents["id_token"] or documents["access_token"]
    if settings.api is not None and is_access_token(settings, claims):
        found = as_access_token(settings, settings.api, found, claims)
    told = note_times(claims, time.time(), settings.leeway, for_api=found.for_api)
    return replace(found, notes=(*found.notes, *told))


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
