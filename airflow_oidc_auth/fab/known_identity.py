"""Check an identity that an administrator typed: a sign-in must be able to bring exactly this issuer and subject.

A link to a misspelt identity is a link to nobody, and is noticed by the person who cannot get in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.errors import LoginRefused, ProviderError
from airflow_oidc_auth.providers.no_network import NoNetwork
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.entra_tenants import TEMPLATE, tenant_of
from airflow_oidc_auth.providers.presets.preset import HookContext
from airflow_oidc_auth.providers.settings import ProviderSettings

_MAX_SUBJECT = 255
# Spreadsheets turn long numbers into 1.17E+20.
_NUMBER = re.compile(r"[0-9]+")
_NUMBERED = frozenset({"google", "github", "gitlab"})


@dataclass(frozen=True, slots=True)
class KnownIssuer:
    """An issuer that a provider signs people in from.

    :param issuer: in the spelling that sign-ins bring
    """

    provider: ProviderSettings
    issuer: str


def find_issuer(issuer: str, providers: Sequence[ProviderSettings]) -> KnownIssuer | str:
    """Return whose issuer it is, or why it is nobody's.

    Any tenant's issuer fits a shared endpoint of Entra unless its ``tenants`` leave it out; that the tenant exists
    only a sign-in can tell.
    """
    for provider in providers:
        canonical = _canonical(issuer, provider)
        if canonical is not None:
            return KnownIssuer(provider, canonical)
    near = did_you_mean(issuer, [each.issuer for each in providers])
    known = ", ".join(f"{each.issuer} ({each.id})" for each in providers)
    return f"No configured provider has the issuer {issuer!r}{f': {near}' if near else '.'} Configured: {known}."


def subject_problem(subject: str, provider: ProviderSettings) -> str | None:
    """Say why no sign-in with this provider brings such a subject, or None."""
    if not 0 < len(subject) <= _MAX_SUBJECT:
        return f"the subject must have 1 to {_MAX_SUBJECT} characters"
    if not (subject.isascii() and subject.isprintable()):
        return "the subject has characters that are not printable ASCII"
    if subject != subject.strip():
        return "the subject has spaces around it"
    if provider.preset in _NUMBERED and _NUMBER.fullmatch(subject) is None:
        return f"{preset(provider.preset).vendor} gives numbers as subjects, and {subject[:60]!r} is none"
    return None


def _canonical(issuer: str, provider: ProviderSettings) -> str | None:
    spellings = (provider.issuer, *provider.issuer_aliases)
    if TEMPLATE not in provider.issuer:
        return provider.issuer if issuer in spellings else None
    tenant = next((found for each in spellings if (found := tenant_of(each, issuer))), None)
    if tenant is None:
        return None
    context = HookContext(provider, NoNetwork("linking"), provider.issuer, {"tid": tenant})
    try:
        return preset(provider.preset).check_issuer(context, issuer)
    except ProviderError:
        # A tenant that the document names by its domain; its sign-ins are checked, whatever is linked here.
        return provider.issuer.replace(TEMPLATE, tenant)
    except LoginRefused:
        # With `tenants` the tenant is not one of them; else only discovery knows which tenant the domain is.
        return None if provider.options.get("tenants") else provider.issuer.replace(TEMPLATE, tenant)
