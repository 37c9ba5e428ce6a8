"""Read the usernames that stock FAB gives at AUTH_OAUTH: which of them hold the subject, and whose it is.

Source: ``FabAirflowSecurityManagerOverride.get_oauth_user_info`` of the FAB provider. Only a name that the identity
provider's own id is part of says who somebody is. A ``preferred_username`` says nothing: people choose it, and give it
up for others to take, so that a link made from it could hand one person's roles to another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.fab.subject_export import how_to_export
from airflow_oidc_auth.providers.presets.entra_tenants import GUID
from airflow_oidc_auth.providers.settings import ProviderSettings

_MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Told:
    """The username holds the subject that a sign-in with this provider brings."""

    provider: ProviderSettings
    subject: str


@dataclass(frozen=True, slots=True)
class Untold:
    """The username does not say who it is.

    :param export: what to look up at the identity provider; empty if that would not help
    """

    reason: str
    export: str = ""


@dataclass(frozen=True, slots=True)
class _Prefix:
    """One prefix of stock FAB.

    :param preset: whose sign-ins have the same subject; None if no preset has
    :param subject: what the vendor's ids look like; None if no id follows the prefix
    """

    text: str
    preset: str | None
    subject: re.Pattern[str] | None = None
    instead: str = ""


_PREFIXES = (
    _Prefix("google_", "google", re.compile(r"[0-9]{10,30}")),
    _Prefix("okta_", "okta", re.compile(r"00u[A-Za-z0-9]{17}")),
    _Prefix("auth0_", "auth0", re.compile(r"[!-{}~]+\|[ -~]*[!-~]")),
    _Prefix("github_", "github", instead="the login, which its owner can give up and another can take"),
    _Prefix("openshift_", None, instead="a name, and no preset is for OpenShift"),
    _Prefix("linkedin_", None, instead="an id of LinkedIn's older API, and no preset is for LinkedIn"),
    _Prefix("twitter_", None, instead="a screen name, and no preset is for Twitter"),
)


def read_username(username: str, providers: Sequence[ProviderSettings]) -> Told | Untold:
    """Return whom the username names at one of the providers, or why nobody can know.

    :param providers: those that people may be from; more than one of the same vendor is told apart by nobody
    """
    for prefix in _PREFIXES:
        if username[: len(prefix.text)].lower() == prefix.text:
            return _read_prefixed(username, prefix, providers)
    if GUID.fullmatch(username.lower()):
        reason = "the name is an Entra object id (oid), and Entra's sign-ins are known by `sub`, which is another value"
        return Untold(reason, how_to_export(_of(providers, "entra") or providers))
    reason = "people can choose such a name at the identity provider, so it does not say who somebody is"
    return Untold(reason, how_to_export(providers))


def _read_prefixed(username: str, prefix: _Prefix, providers: Sequence[ProviderSettings]) -> Told | Untold:
    found = _of(providers, prefix.preset)
    export = how_to_export(found or providers)
    subject = username[len(prefix.text) :]
    if not username.startswith(prefix.text):
        # FAB finds users in any letter case, but writes this one: somebody else made this user.
        return Untold(f"stock FAB writes {prefix.text}… in lower case: it did not make this name", export)
    if prefix.subject is None:
        return Untold(f"what follows {prefix.text} is {prefix.instead}", export)
    if len(subject) > _MAX_SUBJECT or prefix.subject.fullmatch(subject) is None:
        return Untold(f"what follows {prefix.text} is not an id as {prefix.preset} gives them", export)
    if not found:
        return Untold(f"no provider with the preset {prefix.preset} is configured", "")
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        return Untold(f"it could be any of the providers {ids}: name one with --provider", "")
    return Told(found[0], subject)


def _of(providers: Sequence[ProviderSettings], preset: str | None) -> Sequence[ProviderSettings]:
    return [each for each in providers if each.preset == preset]
