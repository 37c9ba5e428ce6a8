"""FAB mode of airflow-oidc-auth, complete and commented.

Put this file at $AIRFLOW_HOME/webserver_config.py (or name it in `[fab] config_file`) and write in airflow.cfg:

    [core]
    auth_manager = airflow_oidc_auth.OidcFabAuthManager

Check it:                   airflow oidc check
See who would get what:     airflow oidc explain --claims claims.json
What changes, and the rest: docs/tasks/fab-mode.md
"""

# ruff: noqa: ERA001 (what is commented out shows what else is possible)

from airflow_oidc_auth import OidcSecurityManager

# FAB's pages stay; its own ways to sign in are closed. Inherit from it if you must change FAB's pages.
SECURITY_MANAGER_CLASS = OidcSecurityManager

# A FAB user for everybody who signs in for the first time and gets at least one role.
# False (FAB's default): only people whom an administrator has linked to a FAB user with `airflow oidc link`.
AUTH_USER_REGISTRATION = True

# Group at the identity provider, spelled exactly so, to FAB roles. Computed anew at every sign-in.
AUTH_ROLES_MAPPING = {
    "airflow-admins": ["Admin"],
    "airflow-operators": ["Op"],
    "data-engineers": ["User"],
}

# A role for everybody who can sign in, whatever their groups. Without it, whom no rule knows is refused.
# AUTH_USER_REGISTRATION_ROLE = "Viewer"

# The same keys as the YAML document has: docs/reference/configuration.md. To keep them in YAML, and to have changes
# count without a restart, write the full path instead: OIDC_AUTH = "/opt/airflow/config/oidc_auth.yaml"
OIDC_AUTH = {
    "version": 1,
    # With one provider people are sent there at once; with several they choose.
    "providers": {
        # The id is part of the URL to register: https://airflow.example.com/auth/callback/company
        "company": {
            "preset": "oidc",
            "label": "Company login",
            "issuer": "https://login.example.com",
            "client_id": "airflow",
            # Secrets are only ever references: {"env": NAME}, {"file": PATH} or {"connection": ID}.
            "client_secret": {"env": "COMPANY_CLIENT_SECRET"},
            "scopes": ["openid", "profile", "email", "groups"],
            "groups": {"claim": "groups"},
        },
        # Okta:
        # "okta": {
        #     "preset": "okta",
        #     "issuer": "https://acme.okta.com",
        #     "client_id": "0oa1b2c3d4e5",
        #     "client_secret": {"env": "OKTA_CLIENT_SECRET"},
        # },
        #
        # Microsoft Entra ID; groups are object ids, app roles are names:
        # "entra": {
        #     "preset": "entra",
        #     "issuer": "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        #     "client_id": "66666666-7777-8888-9999-000000000000",
        #     "client_secret": {"env": "ENTRA_CLIENT_SECRET"},
        # },
        #
        # Keycloak:
        # "keycloak": {
        #     "preset": "keycloak",
        #     "issuer": "https://login.example.com/realms/airflow",
        #     "client_id": "airflow",
        #     "client_secret": {"file": "/run/secrets/keycloak-client-secret"},
        #     "groups": {"claim": "groups", "from": "id_token", "strip_prefix": "/"},
        # },
    },
    # May be left out where AUTH_ROLES_MAPPING says it all.
    "grants": {
        # What everybody must show, whatever their groups. All of them must hold.
        "require": [
            {"email_verified": True, "message": "Confirm your e-mail address first, then sign in again."},
        ],
        # Rules beyond exact groups; every rule that is for somebody adds its FAB roles.
        "rules": [
            {"name": "finance department", "when": {"claims": {"department": "finance"}}, "roles": ["Viewer"]},
            # Custom roles of FAB, one per team; a role that does not exist is not given, and audited as missing.
            # {"name": "teams", "when": {"group_regex": "airflow-team-(?P<team>[a-z]+)"}, "roles": ["Team {team}"]},
        ],
        # Keep the roles that somebody assigned on FAB's Users page. Without it a sign-in replaces all roles.
        # "keep_assigned_roles": True,
    },
    "sessions": {"lifetime": "12h"},
    "audit": {"on_failure": "fail"},
}
