"""Where an administrator finds the subjects that sign-ins will bring, per vendor."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_oidc_auth.providers.settings import ProviderSettings

_OTHERS = "List the users at the identity provider with the value that it sends as `sub`."
_EXPORTS = {
    "auth0": "Export the users (Management API, GET /api/v2/users): `user_id` is the subject.",
    "cloudfoundry": "List the users with `uaac users`: `id` is the subject.",
    "cognito": "Run `aws cognito-idp list-users --user-pool-id POOL`: the attribute `sub` is the subject.",
    "entra": "Entra makes `sub` per application and exports it nowhere. With AUTH_USER_REGISTRATION = False, let "
    "the person sign in once: the row auth.login_refused in Airflow's audit log has the issuer and the subject.",
    "github": "Run `gh api users/LOGIN --jq .id` for each member of the organisation: the number is the subject.",
    "gitlab": "List the users (GET /api/v4/users): `id` is the subject.",
    "google": "List the users (Admin SDK, Directory API): `id` is the subject.",
    "keycloak": "Run `kcadm.sh get users -r REALM --fields username,id --format csv --noquotes`: `id` is the subject.",
    "okta": "List the users (GET /api/v1/users): `id` is the subject.",
}


def how_to_export(providers: Sequence[ProviderSettings]) -> str:
    """Return what to look up at the provider that is meant; a general answer where several could be."""
    presets = {each.preset for each in providers}
    return _EXPORTS.get(presets.pop(), _OTHERS) if len(presets) == 1 else _OTHERS
