from __future__ import annotations

from typing import Any

import pytest

from airflow_oidc_auth.providers.diagnose_sessions import recheck_finding
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.testing import FakeIdp
from tests.unit.providers.making import ISSUER, make_metadata, make_settings

USERINFO = {"userinfo_endpoint": f"{ISSUER}/userinfo"}
INTROSPECTION = {"introspection_endpoint": f"{ISSUER}/introspect"}


@pytest.mark.parametrize(
    ("name", "settings", "metadata", "level", "text"),
    [
        ("oidc", {"scopes": ("openid", "offline_access")}, {}, "ok", "with refresh tokens"),
        ("google", {"authorization_parameters": {"access_type": "offline"}}, {}, "ok", "with refresh tokens"),
        ("keycloak", {}, {}, "ok", "with refresh tokens"),
        ("entra", {}, {}, "ok", "with refresh tokens"),
        ("oidc", {}, USERINFO, "ok", "by userinfo while"),
        ("okta", {}, {**USERINFO, **INTROSPECTION}, "ok", "by userinfo while"),
        ("oidc", {"userinfo": "never"}, {**USERINFO, **INTROSPECTION}, "ok", "by introspection while"),
        ("oidc", {"userinfo": "never"}, USERINFO, "warning", "people who leave stay signed in"),
        ("oidc", {}, {}, "warning", "people who leave stay signed in"),
    ],
)
def test_says_how_sessions_are_confirmed(
    name: str, settings: dict[str, Any], metadata: dict[str, Any], level: str, text: str
) -> None:
    finding = recheck_finding(make_settings(**settings), preset(name), make_metadata(**metadata))
    assert (finding.level, finding.check) == (level, "recheck")
    assert text in finding.text
    assert bool(finding.suggestion) == ("with refresh tokens" not in text)


def test_the_live_check_says_it(idp: FakeIdp, provider_at: Any) -> None:
    assert "recheck" in {finding.check for finding in provider_at().diagnose()}
