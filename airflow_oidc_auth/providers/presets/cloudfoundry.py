"""Cloud Foundry UAA, where groups are scopes.

The issuer is ``{uaa}/oauth/token`` while discovery lives below ``{uaa}``. UAA narrows the token to the scopes
that are asked for, so nothing is asked for: then the access token lists every scope (group) of the person that
the client may see.
"""

from __future__ import annotations

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import NAME_CLAIMS, Derived, Given, LogoutRequest, Preset, with_query
from airflow_oidc_auth.providers.settings import GroupSource, ProviderSettings

_TOKEN_PATH = "/oauth/token"


def derive(given: Given) -> Derived:
    """Accept the UAA's address and its issuer alike."""
    base = _base(given.issuer or "")
    return Derived(issuer=f"{base}{_TOKEN_PATH}", discovery_url=f"{base}/.well-known/openid-configuration")


def logout_url(settings: ProviderSettings, request: LogoutRequest) -> str | None:
    """``/logout.do``; the target must be among the client's redirect URIs."""
    parameters = {"redirect": request.post_logout_redirect_uri, "client_id": settings.client_id}
    return with_query(f"{_base(settings.issuer)}/logout.do", parameters)


def _base(issuer: str) -> str:
    return issuer.rstrip("/").removesuffix(_TOKEN_PATH).rstrip("/")


PRESET = Preset(
    name="cloudfoundry",
    vendor="Cloud Foundry",
    scopes=(),
    groups=(GroupSource("access_token", ClaimPath(("scope",))),),
    name_claims=(*NAME_CLAIMS, ClaimPath(("user_name",))),
    # In the form: UAA decodes a percent-encoded Basic header only when another header tells it to.
    client_auth="client_secret_post",
    logout="vendor",
    # UAA says so, with status 401, of a refresh token that expired or was revoked.
    refresh_refusals=frozenset({"invalid_token"}),
    refresh_by_default=True,
    derive=derive,
    logout_url=logout_url,
    token_types=("at+jwt", "jwt"),
)
