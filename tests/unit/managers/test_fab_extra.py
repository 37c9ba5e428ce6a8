"""FAB mode without FAB."""

from __future__ import annotations

import sys

import pytest

import airflow_oidc_auth


@pytest.mark.parametrize(
    "name, module",
    [
        ("OidcFabAuthManager", "airflow_oidc_auth.managers.fab"),
        ("OidcSecurityManager", "airflow_oidc_auth.fab.security_manager"),
    ],
)
def test_without_the_extra_the_error_names_it(monkeypatch, name, module):
    monkeypatch.delitem(sys.modules, module, raising=False)
    for missing in ("auth_manager.fab_auth_manager", "auth_manager.models.anonymous_user"):
        monkeypatch.setitem(sys.modules, f"airflow.providers.fab.{missing}", None)
    with pytest.raises(ImportError, match=rf"{name} needs FAB: pip install 'airflow-oidc-auth\[fab\]'"):
        getattr(airflow_oidc_auth, name)
