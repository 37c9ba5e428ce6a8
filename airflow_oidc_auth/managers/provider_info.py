"""What Airflow reads through the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from typing import Any

from airflow_oidc_auth.managers.options import provider_options


def get_provider_info() -> dict[str, Any]:
    """Return the provider description: auth manager, CLI, DB manager, configuration options."""
    return {
        "package-name": "airflow-oidc-auth",
        "name": "OIDC Auth",
        "description": "Single sign-on for Airflow: OIDC sign-in, roles from IdP groups, audit.",
        "auth-managers": ["airflow_oidc_auth.managers.native.OidcAuthManager"],
        "cli": ["airflow_oidc_auth.cli.definition.get_oidc_cli_commands"],
        "db-managers": ["airflow_oidc_auth.sessions.db_manager.OidcAuthDBManager"],
        "config": provider_options(),
    }
