"""What each preset says about a configuration mistake, and the logout address it builds."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.providers.presets import Given, LogoutRequest, preset, preset_names
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.vendors import CLIENT_ID, settings_for

BACK = "https://airflow.example/auth/signed-out"
END = "https://idp.example.com/end"
HINT = Secret("id.token.hint")


@pytest.mark.parametrize(
    "name, issuer, options, path",
    [
        ("oidc", None, {}, "issuer"),
        ("oidc", "http://idp.example.com", {}, "issuer"),
        ("oidc", "idp.example.com", {}, "issuer"),
        ("oidc", "https://user:password@idp.example.com", {}, "issuer"),
        ("oidc", "https://idp.example.com/?tenant=1", {}, "issuer"),
        ("oidc", "https://idp.example.com/#x", {}, "issuer"),
        ("auth0", None, {}, "issuer"),
        ("okta", "https://acme-admin.okta.com", {}, "issuer"),
        ("keycloak", "https://sso.example.com", {}, "issuer"),
        ("keycloak", "https://sso.example.com/realms/", {}, "issuer"),
        ("google", "https://accounts.google.example", {}, "issuer"),
        ("google", None, {"hosted_domain": []}, "hosted_domain"),
        ("google", None, {"hosted_domain": "not a domain"}, "hosted_domain"),
        ("google", None, {"hosted_domain": {"example.com": True}}, "hosted_domain"),
        ("google", None, {"cloud_identity_groups": 1}, "cloud_identity_groups"),
        ("gitlab", "http://gitlab.example.com", {}, "issuer"),
        ("cognito", "https://acme.auth.eu-central-1.amazoncognito.com", {}, "issuer"),
        ("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", {"domain": "https://x.y"}, "domain"),
        ("cloudfoundry", None, {}, "issuer"),
        ("github", "https://github.com/acme", {}, "issuer"),
        ("github", None, {"host": "https://git.example.com"}, "host"),
        ("github", "https://github.com", {"host": "git.example.com"}, "host"),
        ("github", None, {"organizations": []}, "organizations"),
        ("github", None, {"organizations": ["acme", ""]}, "organizations[1]"),
    ],
)
def test_a_mistake_is_told_with_its_place(name, issuer, options, path):
    problems = preset(name).check(Given(issuer=issuer, options=options))
    assert [problem.path for problem in problems] == [path]


def test_the_suggestion_for_the_admin_console_is_the_issuer():
    (problem,) = preset("okta").check(Given(issuer="https://acme-admin.okta.com"))
    assert "https://acme.okta.com" in problem.suggestion


@pytest.mark.parametrize("name", ["google", "gitlab", "github"])
def test_vendors_of_one_address_need_no_issuer(name):
    assert preset(name).check(Given()) == ()
    assert settings_for(name).issuer.startswith("https://")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_accepts_only_asymmetric_algorithms(name):
    assert not [alg for alg in preset(name).algorithms if alg == "none" or alg.startswith("HS")]


@pytest.mark.parametrize(
    "name, issuer, options, endpoint, hint, expected",
    [
        ("oidc", END, {}, END, HINT, [f"{END}?client_id={CLIENT_ID}", "id_token_hint=id.token.hint"]),
        (
            "oidc",
            END,
            {},
            f"{END}?p=1",
            None,
            [f"{END}?p=1&client_id={CLIENT_ID}", "post_logout_redirect_uri=https%3A"],
        ),
        ("oidc", END, {}, None, HINT, None),
        ("okta", "https://acme.okta.com", {}, END, HINT, ["id_token_hint=id.token.hint"]),
        ("okta", "https://acme.okta.com", {}, END, None, None),
        (
            "auth0",
            "https://acme.auth0.com",
            {},
            "https://acme.auth0.com/oidc/logout",
            HINT,
            ["/oidc/logout?client_id="],
        ),
        ("auth0", "https://acme.auth0.com", {}, None, HINT, ["https://acme.auth0.com/v2/logout?", "returnTo=https%3A"]),
        (
            "cognito",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
            {"domain": "acme.auth.eu-west-1.amazoncognito.com"},
            None,
            None,
            ["https://acme.auth.eu-west-1.amazoncognito.com/logout?client_id=", "logout_uri=https%3A"],
        ),
        (
            "cognito",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1",
            {},
            END,
            HINT,
            [f"{END}?", "logout_uri="],
        ),
        ("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", {}, None, HINT, None),
        ("cloudfoundry", "https://uaa.example.com", {}, None, HINT, ["https://uaa.example.com/logout.do?redirect="]),
        ("google", None, {}, END, HINT, None),
        ("github", None, {}, None, None, None),
    ],
)
def test_logout_address(name, issuer, options, endpoint, hint, expected):
    settings = settings_for(name, issuer, **options)
    url = preset(name).logout_url(settings, LogoutRequest(endpoint, hint, BACK))
    if expected is None:
        assert url is None
    else:
        assert url is not None
        assert all(part in url for part in expected)


@pytest.mark.parametrize(
    "name, issuer", [("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"), ("cloudfoundry", END)]
)
def test_vendor_logout_never_shows_the_id_token(name, issuer):
    url = preset(name).logout_url(settings_for(name, issuer), LogoutRequest(END, HINT, BACK))
    assert HINT.reveal() not in str(url)
