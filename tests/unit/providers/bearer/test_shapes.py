"""The vendors' published tokens, signed by test keys: their access tokens are believed, their other tokens never."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer.shapes import token_shape
from airflow_oidc_auth.providers.presets import preset_names, workload_preset_names
from tests.unit.providers.bearer.tokens import API, KID, Documents, Rig, settings_of
from tests.unit.providers.making import NOW, sign

TENANT = "0a1b2c3d-1111-2222-3333-444455556666"
OBJECT = "5f0d9c1e-6f7b-4d3c-9a53-0c8a4f2b7d11"
CLIENT = "9b1f3c5d-2a4e-4c6b-8d7f-1e3a5c7b9d20"
TIMES = {"iat": int(NOW), "nbf": int(NOW), "exp": int(NOW) + 600}

AUTH0 = "https://acme.eu.auth0.com/"
OKTA = "https://acme.okta.com/oauth2/default"
ENTRA = f"https://login.microsoftonline.com/{TENANT}/v2.0"
ENTRA_V1 = f"https://sts.windows.net/{TENANT}/"
KEYCLOAK = "https://sso.example/realms/acme"
COGNITO = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"
UAA = "https://uaa.sys.example/oauth/token"
GITLAB = "https://gitlab.com"
ACTIONS = "https://token.actions.githubusercontent.com"
CLUSTER = "https://kubernetes.default.svc.cluster.local"
AWS = "https://0123abcd-0000-1111-2222-333344445555.tokens.sts.global.api.aws"
GOOGLE = "https://accounts.google.com"

UAA_PERSON: dict[str, Any] = {
    "iss": UAA, "jti": "a1", "sub": "u-1", "cid": "ci", "client_id": "ci", "azp": "ci", "grant_type": "password",
    "user_id": "u-1", "origin": "uaa", "user_name": "ada", "email": "ada@example.com", "rev_sig": "d5", "zid": "uaa",
}  # fmt: skip
ENTRA_SHARED = {"tid": TENANT, "oid": OBJECT, "sub": "pairwise", "aio": "x", "rh": "x", "uti": "x"}
KEYCLOAK_SHARED = {"iss": KEYCLOAK, "jti": "j", "sub": "s-1", "azp": "ci", "sid": "x", "acr": "1"}
COGNITO_SHARED = {"iss": COGNITO, "sub": "s-1", "jti": "j", "origin_jti": "o", "event_id": "e", "auth_time": int(NOW)}

# preset, issuer as configured, header's typ, claims, client
ACCESS: list[tuple[str, str, object, dict[str, Any], str | None]] = [
    ("auth0", AUTH0, "JWT", {"iss": AUTH0, "sub": "auth0|1", "aud": [API, AUTH0 + "userinfo"], "azp": "app",
     "scope": "openid profile"}, "app"),
    ("auth0", AUTH0, "at+jwt", {"iss": AUTH0, "sub": "app@clients", "aud": API, "client_id": "app", "jti": "j"}, "app"),
    ("okta", OKTA, ..., {"ver": 1, "jti": "AT.1", "iss": OKTA, "aud": API, "cid": "app", "uid": "00u1",
     "scp": ["openid", "dags"], "sub": "ada@example.com", "auth_time": int(NOW)}, "app"),
    ("okta", OKTA, ..., {"ver": 1, "jti": "AT.1", "iss": OKTA, "aud": API, "cid": "0oa1", "scp": ["dags"],
     "sub": "0oa1"}, "0oa1"),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA, "aud": API, "ver": "2.0", "azp": CLIENT, "azpacr": "1",
     "scp": "Dags.Read", "name": "Ada", "preferred_username": "ada@example.com"}, CLIENT),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA_V1, "aud": API, "ver": "1.0", "appid": CLIENT,
     "appidacr": "1", "roles": ["Airflow.Run"], "idp": ENTRA_V1}, CLIENT),
    ("azure-workload", ENTRA, "JWT", {**ENTRA_SHARED, "sub": OBJECT, "iss": ENTRA_V1, "aud": API, "appid": CLIENT,
     "idtyp": "app", "ver": "1.0", "xms_mirid": "/subscriptions/x"}, CLIENT),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": [API, "account"], "typ": "Bearer",
     "scope": "openid email", "realm_access": {"roles": ["x"]}, "nonce": "of older versions"}, "ci"),
    ("keycloak", KEYCLOAK, "at+jwt", {**KEYCLOAK_SHARED, "aud": API, "typ": "DPoP"}, "ci"),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "token_use": "access", "client_id": API, "username": "ada",
     "scope": "openid", "cognito:groups": ["data"], "version": 2}, API),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "token_use": "access", "client_id": "app", "aud": API,
     "username": "ada", "scope": "openid"}, "app"),
    ("cloudfoundry", UAA, "JWT", {**UAA_PERSON, "aud": [API, "openid", "ci"], "scope": ["openid", "airflow.run"]},
     "ci"),
    ("cloudfoundry-clients", UAA, "JWT", {"iss": UAA, "jti": "a", "sub": "etl", "cid": "etl", "client_id": "etl",
     "azp": "etl", "grant_type": "client_credentials", "authorities": ["airflow.run"], "scope": ["airflow.run"],
     "rev_sig": "d5", "zid": "uaa", "aud": [API, "etl"]}, "etl"),
    ("github-actions", ACTIONS, "JWT", {"iss": ACTIONS, "jti": "g", "sub": "repo:acme/etl:ref:refs/heads/main",
     "aud": API, "repository": "acme/etl", "repository_owner": "acme", "ref": "refs/heads/main", "run_id": "1",
     "job_workflow_ref": "acme/etl/.github/workflows/x.yml@refs/heads/main", "runner_environment": "github-hosted"},
     None),
    ("gitlab-ci", GITLAB, "JWT", {"iss": GITLAB, "sub": "project_path:acme/etl:ref_type:branch:ref:main", "aud": API,
     "project_path": "acme/etl", "job_id": "1", "pipeline_id": "2", "ref_protected": "true", "jti": "l"}, None),
    ("kubernetes", CLUSTER, ..., {"iss": CLUSTER, "sub": "system:serviceaccount:data:etl", "aud": [API], "jti": "k",
     "kubernetes.io": {"namespace": "data", "serviceaccount": {"name": "etl", "uid": "u"}}}, None),
    ("aws", AWS, "JWT", {"iss": AWS, "sub": "arn:aws:iam::123456789012:role/etl", "aud": API, "jti": "a",
     "https://sts.amazonaws.com/": {"aws_account": "123456789012"}}, None),
    ("gcp-workload", GOOGLE, "JWT", {"iss": GOOGLE, "sub": "1048576", "azp": "1048576", "aud": API,
     "email": "etl@acme.iam.gserviceaccount.com", "email_verified": True}, "1048576"),
    ("jwt", "https://agent.buildkite.com", "JWT", {"iss": "https://agent.buildkite.com", "sub": "organization:acme",
     "aud": API}, None),
]  # fmt: skip

# What the same issuer signs for the same person, and even for our audience: never an access token.
OTHERS: list[tuple[str, str, object, dict[str, Any], str]] = [
    ("auth0", AUTH0, "JWT", {"iss": AUTH0, "sub": "auth0|1", "aud": API, "sid": "x", "name": "Ada"},
     "token_is_no_access_token"),
    ("okta", OKTA, ..., {"ver": 1, "jti": "ID.1", "iss": OKTA, "aud": API, "sub": "00u1", "amr": ["pwd"], "uid": "00u1",
     "idp": "00o1", "auth_time": int(NOW)}, "token_is_no_access_token"),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA, "aud": API, "ver": "2.0", "name": "Ada",
     "roles": ["Airflow.Run"]}, "token_is_no_access_token"),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA, "aud": API, "ver": "2.0", "azp": CLIENT},
     "token_is_no_access_token"),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA.replace("0a1b", "ffff"), "aud": API, "azp": CLIENT,
     "scp": "x"}, "token_issuer"),
    ("entra", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA, "aud": API, "azp": CLIENT, "scp": "x", "hasgroups": "true"},
     "token_groups_elsewhere"),
    ("azure-workload", ENTRA, "JWT", {**ENTRA_SHARED, "iss": ENTRA, "aud": API, "azp": CLIENT, "scp": "x"},
     "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API, "typ": "ID"}, "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API, "typ": "Refresh"}, "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API, "typ": "Offline"}, "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API}, "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API, "typ": ["Bearer"]}, "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": API, "typ": "Bearer", "at_hash": "x"},
     "token_is_no_access_token"),
    ("keycloak", KEYCLOAK, "JWT", {**KEYCLOAK_SHARED, "aud": "account", "typ": "Bearer", "azp": API}, "token_audience"),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "token_use": "id", "aud": API, "cognito:groups": ["data"]},
     "token_is_no_access_token"),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "aud": API}, "token_is_no_access_token"),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "token_use": "access", "client_id": "app"}, "token_audience"),
    ("cognito", COGNITO, ..., {**COGNITO_SHARED, "token_use": "access", "client_id": API, "aud": "https://other"},
     "token_audience"),
    ("cloudfoundry", UAA, "JWT", {**UAA_PERSON, "cid": API, "client_id": API, "azp": API, "aud": [API],
     "scope": ["openid"], "email_verified": True}, "token_is_no_access_token"),
    ("cloudfoundry", UAA, "JWT", {**UAA_PERSON, "aud": [API, API], "client_id": API}, "token_is_no_access_token"),
    ("cloudfoundry", UAA, "JWT", {**UAA_PERSON, "jti": "a-r", "aud": [API, "ci"], "granted_scopes": ["x"]},
     "token_is_no_access_token"),
    ("cloudfoundry-clients", UAA, "JWT", {**UAA_PERSON, "aud": [API, "ci"], "scope": ["airflow.run"]},
     "token_is_no_access_token"),
    ("gitlab-ci", GITLAB, "JWT", {"iss": GITLAB, "sub": "1234", "aud": API, "nonce": "n", "groups_direct": ["acme"]},
     "token_is_no_access_token"),
    ("gitlab-ci", GITLAB, "JWT", {"iss": GITLAB, "sub": "1234", "aud": API, "groups_direct": ["acme"]},
     "token_is_no_access_token"),
    ("gcp-workload", GOOGLE, "JWT", {"iss": GOOGLE, "sub": "117", "azp": "app", "aud": API, "at_hash": "h",
     "email": "ada@example.com", "email_verified": True}, "token_is_no_access_token"),
    ("gcp-workload", GOOGLE, "JWT", {"iss": GOOGLE, "sub": "117", "azp": "app", "aud": API,
     "email": "ada@example.com", "email_verified": True}, "token_is_no_access_token"),
]  # fmt: skip


def rig_of(name: str, issuer: str) -> Rig:
    settings = settings_of(name, issuer)
    discovered = settings.issuer
    return Rig(settings, Documents(discovered, settings.discovery_url))


def signed(typ: object, claims: dict[str, Any]) -> str:
    return sign({**TIMES, **claims}, header={"kid": KID} if typ is ... else {"kid": KID, "typ": typ})


@pytest.mark.parametrize("name,issuer,typ,claims,client", ACCESS)
def test_an_access_token_of_the_vendor_is_believed(
    name: str, issuer: str, typ: object, claims: dict[str, Any], client: str | None
) -> None:
    rig, token = rig_of(name, issuer), signed(typ, claims)
    found = rig.issuer.verify(token)
    assert rig.issuers.of_token(token) is rig.issuer
    assert rig.issuer.verify_known(token) == found
    assert found.identity.issuer == rig.settings.issuer
    assert found.client_id == client


@pytest.mark.parametrize("name,issuer,typ,claims,client", ACCESS)
def test_it_is_not_believed_for_another_audience(
    name: str, issuer: str, typ: object, claims: dict[str, Any], client: str | None
) -> None:
    assert rig_of(name, issuer).settings.api is not None
    rig = rig_of(name, issuer).with_api(audiences=("https://another.example/api",))
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify(signed(typ, claims))
    assert refused.value.code == "token_audience"


@pytest.mark.parametrize("name,issuer,typ,claims,code", OTHERS)
def test_what_is_no_access_token_for_us_is_refused(
    name: str, issuer: str, typ: object, claims: dict[str, Any], code: str
) -> None:
    rig = rig_of(name, issuer)
    with pytest.raises(TokenRefused) as refused:
        rig.issuer.verify(signed(typ, claims))
    assert refused.value.code == code


@pytest.mark.parametrize("name,issuer,typ,claims,client", ACCESS)
@pytest.mark.parametrize("mark", [{"at_hash": "h"}, {"events": {}}, {"token_use": "id"}, {"typ": "ID"}])
def test_the_marks_of_an_id_token_are_seen_on_every_vendors_token(
    name: str, issuer: str, typ: object, claims: dict[str, Any], client: str | None, mark: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused) as refused:
        rig_of(name, issuer).issuer.verify(signed(typ, {**claims, **mark}))
    assert refused.value.code == "token_is_no_access_token"


def test_every_vendor_that_has_differences_is_a_preset() -> None:
    known = {*preset_names(), *workload_preset_names()}
    from airflow_oidc_auth.providers.bearer import shapes

    assert set(shapes._SHAPES) <= known
    assert token_shape("oidc") == token_shape("jwt") == token_shape("nobody")


def test_groups_are_read_from_the_token_wherever_sign_in_finds_them() -> None:
    rig = rig_of("cloudfoundry", UAA)
    claims = {**UAA_PERSON, "aud": [API, "ci"], "scope": ["airflow.run", "openid"]}
    assert rig.issuer.verify(signed("JWT", claims)).identity.groups == {"airflow.run", "openid"}
    source = rig.settings.groups[0]
    from_userinfo = Rig(replace(rig.settings, groups=(replace(source, document="userinfo"),)), rig.documents)
    assert from_userinfo.issuer.verify(signed("JWT", claims)).identity.groups == {"airflow.run", "openid"}
