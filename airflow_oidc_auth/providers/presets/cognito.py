"""Amazon Cognito user pools. The pages, and so the logout, live on another host than the issuer."""

from __future__ import annotations

import re
from collections.abc import Mapping

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.options import is_host
from airflow_oidc_auth.providers.presets.preset import (
    NAME_CLAIMS,
    Derived,
    Given,
    LogoutRequest,
    Preset,
    require_issuer,
    with_query,
)
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

_ISSUER = re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9-]+_[A-Za-z0-9]+/?")


def check(given: Given) -> tuple[Problem, ...]:
    """The issuer is the user pool, the domain that of its pages."""
    problems = list(require_issuer(given))
    if not problems and _ISSUER.fullmatch(given.issuer or "") is None:
        better = "write https://cognito-idp.REGION.amazonaws.com/USER_POOL_ID"
        problems.append(Problem("issuer", "is not the address of a user pool", better))
    domain = given.options.get("domain")
    if domain is not None and not is_host(domain):
        better = "write it without https://, such as acme.auth.eu-central-1.amazoncognito.com"
        problems.append(Problem("domain", "is not a host name", better))
    return tuple(problems)


def derive(given: Given) -> Derived:
    """No trailing slash, although the console sometimes shows one."""
    return Derived(issuer=(given.issuer or "").rstrip("/"), options=dict(given.options))


def logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """Cognito's own form: ``logout_uri`` must be among the app client's sign-out URLs."""
    domain = settings.options.get("domain")
    endpoint = f"https://{domain}/logout" if domain else request.end_session_endpoint
    if not endpoint:
        return None
    return with_query(endpoint, {"client_id": settings.client_id, "logout_uri": request.post_logout_redirect_uri})


def check_token(claims: Mapping[str, object]) -> str | None:
    """Both kinds of token look alike, but for this claim."""
    return None if claims.get("token_use") == "access" else "it is another kind of token (claim `token_use`)"


PRESET = Preset(
    name="cognito",
    vendor="Amazon Cognito",
    # A scope that the app client does not list is refused, and `profile` is not listed by default.
    scopes=("openid", "email"),
    groups=(GroupSource("id_token", ClaimPath(("cognito:groups",))),),
    name_claims=(*NAME_CLAIMS, ClaimPath(("cognito:username",))),
    logout="vendor",
    option_keys=("domain",),
    # Issued without any scope, and not rotated unless the app client says so.
    whole_refreshed_id_token=True,
    refresh_by_default=True,
    check=check,
    derive=derive,
    logout_url=logout_url,
    token_types=("at+jwt", "jwt", ""),
    check_token=check_token,
)
