"""Okta: the org authorization server, or a custom one whose issuer has ``/oauth2/`` in its path."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import (
    Derived,
    Given,
    LogoutRequest,
    Preset,
    require_issuer,
    standard_logout_url,
)
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

_SCOPES = ("openid", "profile", "email")


def check(given: Given) -> tuple[Problem, ...]:
    """The address of the admin console is not the issuer, and is what people copy."""
    problems = list(require_issuer(given))
    host = urlsplit(given.issuer or "").hostname or "" if not problems else ""
    first, _, rest = host.partition(".")
    if first.endswith("-admin"):
        better = f"https://{first.removesuffix('-admin')}.{rest}"
        problems.append(Problem("issuer", "is the address of the admin console", f"write {better}"))
    return tuple(problems)


def derive(given: Given) -> Derived:
    """Only the org server knows the scope ``groups`` by itself; a custom server refuses scopes it does not know."""
    issuer = (given.issuer or "").rstrip("/")
    is_custom = "/oauth2/" in urlsplit(issuer).path
    return Derived(issuer=issuer, scopes=_SCOPES if is_custom else (*_SCOPES, "groups"))


def logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """Okta's logout requires ``id_token_hint``; without one the browser would see an error page."""
    return standard_logout_url(settings, request) if request.id_token_hint is not None else None


PRESET = Preset(
    name="okta",
    vendor="Okta",
    scopes=(*_SCOPES, "groups"),
    groups=(GroupSource("id_token", ClaimPath(("groups",))),),
    whole_refreshed_id_token=True,
    check=check,
    derive=derive,
    logout_url=logout_url,
    # Authorization servers leave `typ` out; `sub` of an access token is the login, which can change hands.
    token_types=("at+jwt", ""),
    subject_claim="uid",
)
