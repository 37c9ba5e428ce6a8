"""Auth0 (Okta Customer Identity Cloud).

Auth0 puts no groups into tokens; an Action adds a claim, whose name must be a URL because the bare names are
reserved and dropped silently. Without a configured claim, the one claim that is obviously meant is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import (
    Derived,
    Given,
    HookContext,
    LogoutRequest,
    Preset,
    standard_logout_url,
    with_query,
)
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

_GROUPS = (GroupSource("id_token", ClaimPath(("groups",))),)


def derive(given: Given) -> Derived:
    """The issuer of every Auth0 tenant ends with a slash."""
    issuer = given.issuer or ""
    return Derived(issuer=issuer if issuer.endswith("/") else f"{issuer}/")


def enrich(context: HookContext) -> Mapping[str, object]:
    """Lay the one URL-named claim that ends with ``/groups`` (else ``/roles``) where groups are read.

    Two such claims may belong to two applications of the tenant, and a role of another application must not
    become one of Airflow's: then nobody guesses.

    :raises ProviderError: ``groups_unavailable``, several claims could be meant
    """
    if context.settings.groups != _GROUPS or "groups" in context.claims:
        return {}
    for ending in ("/groups", "/roles"):
        names = sorted(name for name in context.claims if "://" in name and name.endswith(ending))
        if len(names) > 1:
            raise ProviderError(
                "groups_unavailable",
                f"several claims could hold the groups: {', '.join(names)}",
                hint=f"Set `groups: {{claim: {names[0]!r}}}` of the provider to the one that is meant for Airflow.",
            )
        if names:
            return {"groups": context.claims[names[0]]}
    return {}


def logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """RP-initiated logout where the tenant announces it, the older ``/v2/logout`` otherwise."""
    if request.end_session_endpoint:
        return standard_logout_url(settings, request)
    parameters = {"client_id": settings.client_id, "returnTo": request.post_logout_redirect_uri}
    return with_query(f"{settings.issuer.rstrip('/')}/v2/logout", parameters)


PRESET = Preset(
    name="auth0",
    vendor="Auth0",
    # First-party applications see no consent page for it, and a tenant that does not allow it leaves it out.
    scopes=("openid", "profile", "email", "offline_access"),
    groups=_GROUPS,
    client_auth="client_secret_post",
    logout="vendor",
    # A denial by an Action, which runs at each refresh as well.
    refresh_refusals=frozenset({"access_denied"}),
    whole_refreshed_id_token=True,
    refresh_by_default=True,
    derive=derive,
    enrich=enrich,
    logout_url=logout_url,
    # The tenant's own profile says JWT, the one of RFC 9068 at+jwt.
    token_types=("at+jwt", "jwt"),
)
