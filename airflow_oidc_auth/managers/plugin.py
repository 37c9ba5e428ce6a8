"""The "My access" entry of the user menu, for people who may read the list of plugins.

Airflow's UI builds that menu from the plugin list, which Op and Admin may read; everybody else finds the page as
Security → Permissions (docs/decisions/0005).
"""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_oidc_auth.managers.address import base_url


def _external_views() -> list[dict[str, Any]]:
    # The package may be installed beside another auth manager, whose users have no such page.
    if "airflow_oidc_auth" not in (conf.get("core", "auth_manager", fallback="") or ""):
        return []
    href = f"{base_url()}/auth/access"
    return [{"name": "My access", "href": href, "destination": "nav", "category": "user"}]


class OidcAuthPlugin(AirflowPlugin):
    """Loaded by Airflow's plugin manager, after the configuration."""

    name = "airflow-oidc-auth"
    external_views = _external_views()
