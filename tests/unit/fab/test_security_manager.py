"""What FAB's Flask app is told about cookies."""

from __future__ import annotations

import pytest
from flask import Flask

from airflow_oidc_auth.fab.security_manager import UNUSED_REMEMBER_COOKIE, OidcSecurityManager


@pytest.mark.parametrize(
    ("base_url", "configured", "expected"),
    [
        ("https://airflow.example.com", False, True),
        ("http://localhost:8080", False, False),
        ("http://localhost:8080", True, True),
    ],
)
def test_the_cookie_of_fabs_forms_stays_within_tls(
    monkeypatch: pytest.MonkeyPatch, base_url: str, configured: bool, expected: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    app = Flask("fab")
    app.config["SESSION_COOKIE_SECURE"] = configured
    with app.app_context():
        OidcSecurityManager.create_login_manager(object.__new__(OidcSecurityManager))
    assert app.config["SESSION_COOKIE_SECURE"] is expected
    assert app.config["REMEMBER_COOKIE_NAME"] == UNUSED_REMEMBER_COOKIE


def test_fab_meets_no_closed_form_twice_and_makes_one_resource_for_both() -> None:
    forms = [OidcSecurityManager.resetpasswordview, OidcSecurityManager.resetmypasswordview]
    assert len(set(forms)) == 2
    assert {form().class_permission_name for form in forms} == {"ClosedPasswordView"}
