"""What Airflow reads through the ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from airflow_oidc_auth.managers.options import provider_options


def get_provider_info() -> dict[str, Any]:
    """Return the provider description: auth manager, CLI, DB manager, configuration options."""
    return {
        "package-name": "airflow-oidc-auth",
        "name": "OIDC Auth",
        "description": "Single sign-on for Airflow: OIDC sign-in, roles from IdP groups, audit.",
        "auth-managers": _auth_managers(),
        "cli": ["airflow_oidc_auth.cli.definition.get_oidc_cli_commands"],
        "db-managers": ["airflow_oidc_auth.sessions.db_manager.OidcAuthDBManager"],
        "config": provider_options(),
    }


def _auth_managers() -> list[str]:
    """Return ours; the FAB one only where its extra is installed, because Airflow imports what it is told."""
    managers = ["airflow_oidc_auth.managers.native.OidcAuthManager"]
    if find_spec("airflow.providers.fab"):
        managers.append("airflow_oidc_auth.managers.fab.OidcFabAuthManager")
    return managers
