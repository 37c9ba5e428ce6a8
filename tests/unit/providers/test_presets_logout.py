"""Every vendor's own form of RP-initiated logout, to the last parameter, from a provider that knows its discovery."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_oidc_auth.providers.presets import preset_names
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.test_entra import HOST, OURS, entra
from tests.unit.providers.test_presets_sign_in import (
    auth0,
    cloudfoundry,
    cognito,
    generic,
    gitlab,
    google,
    keycloak,
    okta,
)
from tests.unit.providers.vendors import CLIENT_ID, settings_for

BACK = "https://airflow.example/auth/signed-out"
HINT = Secret("head.payload.signature")
STANDARD = {"client_id": CLIENT_ID, "post_logout_redirect_uri": BACK, "id_token_hint": HINT.reveal()}
CASES = {
    "oidc": (generic, "https://idp.example.com/end", "https://idp.example.com/end", STANDARD),
    "auth0": (auth0, "https://acme.eu.auth0.com/oidc/logout", "https://acme.eu.auth0.com/oidc/logout", STANDARD),
    "okta": (okta, "https://acme.okta.com/oauth2/v1/logout", "https://acme.okta.com/oauth2/v1/logout", STANDARD),
    "entra": (
        entra,
        f"{HOST}/{OURS}/oauth2/v2.0/logout",
        f"{HOST}/{OURS}/oauth2/v2.0/logout",
        STANDARD,
    ),
    "keycloak": (
        keycloak,
        "https://sso.example.com/realms/acme/protocol/openid-connect/logout",
        "https://sso.example.com/realms/acme/protocol/openid-connect/logout",
        STANDARD,
    ),
    "gitlab": (gitlab, "https://gitlab.com/oauth/logout", "https://gitlab.com/oauth/logout", STANDARD),
    "cognito": (
        cognito,
        None,
        "https://acme.auth.eu-central-1.amazoncognito.com/logout",
        {"client_id": CLIENT_ID, "logout_uri": BACK},
    ),
    "cloudfoundry": (
        cloudfoundry,
        None,
        "https://uaa.sys.example.com/logout.do",
        {"client_id": CLIENT_ID, "redirect": BACK},
    ),
    "google": (google, "https://accounts.google.com/logout", None, {}),
}


def address(paper, endpoint, hint=HINT):
    if endpoint:
        paper.discovery = {**paper.discovery, "end_session_endpoint": endpoint}
        paper.__post_init__()
    provider = paper.provider()
    provider.warm_up()
    return provider.build_logout_url(id_token_hint=hint, post_logout_redirect_uri=BACK)


def test_every_preset_has_its_case():
    assert {*CASES, "github"} == set(preset_names())


@pytest.mark.parametrize("name", CASES)
def test_the_address_is_the_vendors(name):
    vendor, endpoint, expected, query = CASES[name]
    url = address(vendor(), endpoint)
    if expected is None:
        assert url is None
        return
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == expected
    assert dict(parse_qsl(parts.query)) == query


def test_github_has_none():
    provider = build_provider(settings_for("github", "https://github.com"))
    assert provider.build_logout_url(id_token_hint=None, post_logout_redirect_uri=BACK) is None


def test_auth0_without_discovery_of_logout_uses_the_older_address():
    parts = urlsplit(address(auth0(), None))
    assert (parts.netloc, parts.path) == ("acme.eu.auth0.com", "/v2/logout")
    assert dict(parse_qsl(parts.query)) == {"client_id": CLIENT_ID, "returnTo": BACK}


def test_okta_is_not_visited_without_the_hint_that_it_requires():
    assert address(okta(), "https://acme.okta.com/oauth2/v1/logout", hint=None) is None
    assert address(okta(), "https://acme.okta.com/oauth2/v1/logout", hint=Secret("a" * 9000)) is None


@pytest.mark.parametrize("name", ["oidc", "entra", "keycloak", "auth0", "gitlab"])
def test_the_others_do_without_a_hint(name):
    vendor, endpoint, expected, query = CASES[name]
    url = address(vendor(), endpoint, hint=None)
    assert dict(parse_qsl(urlsplit(url).query)) == {k: v for k, v in query.items() if k != "id_token_hint"}
    assert url.startswith(expected)


@pytest.mark.parametrize("name", ["cognito", "cloudfoundry", "auth0"])
def test_vendors_with_an_address_of_their_own_need_no_discovery(name):
    provider = build_provider(CASES[name][0]().settings)
    assert provider.build_logout_url(id_token_hint=HINT, post_logout_redirect_uri=BACK)
