"""Every preset signs somebody in with documents of the shape its vendor publishes."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath, GroupFormat
from airflow_oidc_auth.providers.presets import preset, preset_names
from airflow_oidc_auth.providers.settings import GroupSource
from tests.unit.providers.vendors import Vendor, settings_for

PERSON = {"sub": "s-1", "name": "Ada Lovelace", "email": "ada@example.com", "email_verified": True}


def auth0(**claims):
    base = "https://acme.eu.auth0.com"
    return Vendor(
        settings_for("auth0", base),
        f"{base}/",
        base,
        f"{base}/.well-known/openid-configuration",
        {**PERSON, "sub": "auth0|64f", "https://airflow.example/groups": ["ops"], "sid": "Z9", **claims},
    )


def okta(issuer="https://acme.okta.com"):
    return Vendor(
        settings_for("okta", issuer),
        issuer,
        f"{issuer}/v1",
        f"{issuer}/.well-known/openid-configuration",
        {**PERSON, "sub": "00u1", "ver": 1, "amr": ["pwd"], "idp": "00o", "groups": ["Everyone", "ops"]},
    )


def keycloak():
    issuer = "https://sso.example.com/realms/acme"
    return Vendor(
        settings_for("keycloak", issuer),
        issuer,
        f"{issuer}/protocol/openid-connect",
        f"{issuer}/.well-known/openid-configuration",
        {**PERSON, "typ": "ID", "azp": "airflow-client", "acr": "1", "groups": ["/data/ops", "/staff"]},
    )


def gitlab():
    issuer = "https://gitlab.com"
    return Vendor(
        settings_for("gitlab"),
        issuer,
        f"{issuer}/oauth",
        f"{issuer}/.well-known/openid-configuration",
        {"sub": "4711", "auth_time": 1799999990, "groups_direct": ["acme"]},
        userinfo={**PERSON, "sub": "4711", "nickname": "ada", "groups": ["acme", "acme/ops"]},
    )


def cognito():
    issuer = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"
    return Vendor(
        settings_for("cognito", issuer, domain="acme.auth.eu-central-1.amazoncognito.com"),
        issuer,
        "https://acme.auth.eu-central-1.amazoncognito.com/oauth2",
        f"{issuer}/.well-known/openid-configuration",
        {
            "sub": "c0ffee",
            "email": "ada@example.com",
            "email_verified": True,
            "token_use": "id",
            "cognito:username": "ada",
            "cognito:groups": ["ops"],
            "origin_jti": "x",
            "event_id": "y",
        },
    )


def cloudfoundry(given="https://uaa.sys.example.com"):
    base = "https://uaa.sys.example.com"
    issuer = f"{base}/oauth/token"
    return Vendor(
        settings_for("cloudfoundry", given),
        issuer,
        f"{base}/oauth",
        f"{base}/.well-known/openid-configuration",
        {"sub": "7f", "user_name": "ada", "email": "ada@example.com", "email_verified": True, "zid": "uaa"}
        | {"aud": ["airflow-client"], "azp": "airflow-client", "origin": "ldap", "scope": ["openid"]},
        discovery={"jwks_uri": f"{base}/token_keys"},
        access_claims={
            "aud": ["airflow", "openid", "airflow-client"],
            "scope": ["openid", "airflow.admin", "airflow.read"],
            "user_name": "ada",
            "origin": "ldap",
            "zid": "uaa",
            "grant_type": "authorization_code",
        },
    )


def google(**options):
    issuer = "https://accounts.google.com"
    return Vendor(
        settings_for("google", **options),
        issuer,
        "https://oauth2.googleapis.com",
        f"{issuer}/.well-known/openid-configuration",
        {**PERSON, "sub": "1089", "hd": "example.com", "azp": "airflow-client", "picture": "https://x/y"},
        discovery={"authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth"},
    )


def generic():
    issuer = "https://idp.example.com/op"
    return Vendor(
        settings_for("oidc", issuer),
        issuer,
        issuer,
        f"{issuer}/.well-known/openid-configuration",
        {**PERSON, "groups": ["ops"]},
    )


@pytest.mark.parametrize(
    "vendor, groups, name",
    [
        pytest.param(generic, {"ops"}, "Ada Lovelace", id="oidc"),
        pytest.param(auth0, {"ops"}, "Ada Lovelace", id="auth0"),
        pytest.param(okta, {"Everyone", "ops"}, "Ada Lovelace", id="okta"),
        pytest.param(keycloak, {"data/ops", "staff"}, "Ada Lovelace", id="keycloak"),
        pytest.param(gitlab, {"acme", "acme/ops"}, "Ada Lovelace", id="gitlab"),
        pytest.param(cognito, {"ops"}, "ada", id="cognito"),
        pytest.param(cloudfoundry, {"openid", "airflow.admin", "airflow.read"}, "ada", id="cloudfoundry"),
        pytest.param(google, {"example.com"}, "Ada Lovelace", id="google"),
    ],
)
def test_the_five_line_configuration_signs_in(vendor, groups, name):
    paper = vendor()
    identity = paper.sign_in().identity
    assert (identity.issuer, identity.subject) == (paper.iss, paper.claims["sub"])
    assert identity.groups == groups
    assert identity.name == name
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)


def test_every_preset_is_listed_and_has_a_vendor():
    assert preset_names()[0] == "oidc"
    assert len(preset_names()) == 10
    assert all(preset(name).name == name and preset(name).vendor for name in preset_names())


@pytest.mark.parametrize("vendor", [auth0, okta, keycloak, gitlab, cognito, cloudfoundry, google])
def test_rejects_a_token_of_a_foreign_issuer(vendor):
    with pytest.raises(ProtocolViolation) as caught:
        vendor().sign_in(iss="https://idp.attacker.example")
    assert caught.value.code == "id_token_issuer"


def test_okta_custom_server_is_not_asked_for_a_scope_it_may_not_know():
    custom = okta("https://acme.okta.com/oauth2/default")
    assert "groups" not in custom.settings.scopes
    assert "groups" in okta().settings.scopes
    assert custom.sign_in().identity.groups == {"Everyone", "ops"}


def test_auth0_takes_a_roles_claim_when_there_is_no_groups_claim():
    changes = {"https://airflow.example/groups": ..., "https://airflow.example/roles": ["admin"]}
    assert auth0().sign_in(**changes).identity.groups == {"admin"}


def test_auth0_does_not_guess_between_the_claims_of_two_applications():
    with pytest.raises(ProviderError) as caught:
        auth0(**{"https://payroll.example/groups": ["admin"]}).sign_in()
    assert caught.value.code == "groups_unavailable"
    assert "https://airflow.example/groups" in caught.value.hint


def test_auth0_configured_claim_is_not_second_guessed():
    paper = auth0(**{"https://payroll.example/groups": ["admin"]})
    source = GroupSource("id_token", ClaimPath(("https://airflow.example/groups",)))
    paper.settings = with_groups(paper.settings, source)
    assert paper.sign_in().identity.groups == {"ops"}


def test_cloud_foundry_asks_for_no_scope_so_that_uaa_grants_them_all():
    from tests.unit.providers.vendors import attempt

    assert "scope=" not in cloudfoundry().provider().build_authorization_url(attempt())


def test_cloud_foundry_takes_the_issuer_as_well_as_the_address():
    assert cloudfoundry("https://uaa.sys.example.com/oauth/token/").settings == cloudfoundry().settings


def test_keycloak_realm_roles_can_be_read_from_the_access_token():
    paper = keycloak()
    paper.access_claims = {"aud": "account", "realm_access": {"roles": ["ops", "offline_access"]}}
    source = GroupSource("access_token", ClaimPath(("realm_access", "roles")), GroupFormat.LIST)
    paper.settings = with_groups(paper.settings, source)
    assert paper.sign_in().identity.groups == {"ops", "offline_access"}


def test_google_issuer_without_scheme_is_the_same_person():
    with_scheme, without = google().sign_in(), google().sign_in(iss="accounts.google.com")
    assert with_scheme.identity.issuer == without.identity.issuer == "https://accounts.google.com"


@pytest.mark.parametrize("hd", [..., None, "evil.example", "EXAMPLE.com.evil", ["example.com"], 7, ""])
def test_google_refuses_an_account_outside_the_hosted_domain(hd):
    with pytest.raises(LoginRefused) as caught:
        google(hosted_domain="example.com").sign_in(hd=hd)
    assert caught.value.code == "identity_refused"


@pytest.mark.parametrize("hosted_domain", ["example.com", "Example.COM", ["other.example", "example.com"]])
def test_google_accepts_an_account_of_the_hosted_domain(hosted_domain):
    assert google(hosted_domain=hosted_domain).sign_in().identity.groups == {"example.com"}


def with_groups(settings, *groups):
    from dataclasses import replace

    return replace(settings, groups=groups)
