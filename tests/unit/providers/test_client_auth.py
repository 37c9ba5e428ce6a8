from __future__ import annotations

import base64
import json

import pytest

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.client_auth import ASSERTION_TYPE, ClientAuthenticator, basic
from airflow_oidc_auth.providers.keys import parse_jwks
from airflow_oidc_auth.providers.signed_token import parse_token, verify_signature
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.making import (
    CLIENT,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    make_key,
    make_metadata,
    make_settings,
    public,
)


def test_basic_encodes_both_halves_first() -> None:
    header = basic("an id:x", Secret("p%:ü+"))
    assert base64.b64decode(header.removeprefix("Basic ")) == b"an+id%3Ax:p%25%3A%C3%BC%2B"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_signs_an_assertion_that_our_own_check_accepts(algorithm: str) -> None:
    pem = Secret(make_key(algorithm).as_pem(private=True).decode())
    settings = make_settings(client_auth="private_key_jwt", private_key=pem, private_key_id="k1")
    credentials = ClientAuthenticator(settings, lambda: NOW, lambda: "j1").credentials(make_metadata())
    token = parse_token(credentials.form["client_assertion"])
    ring = parse_jwks({"keys": [public(algorithm)]})
    signed = verify_signature(token, (algorithm,), ring.candidates, lambda: None)
    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert signed.claims == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": f"{ISSUER}/token",
        "jti": "j1",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
    }
    assert credentials.form["client_assertion_type"] == ASSERTION_TYPE
    assert not credentials.headers


def test_each_assertion_has_its_own_id() -> None:
    pem = Secret(make_key("ES256").as_pem(private=True).decode())
    authenticator = ClientAuthenticator(make_settings(client_auth="private_key_jwt", private_key=pem), lambda: NOW)
    ids = {
        parse_token(authenticator.credentials(make_metadata()).form["client_assertion"]).claims["jti"] for _ in range(5)
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("supported", "chosen"), [(["PS256"], "PS256"), (["HS256"], "RS256"), (["RS512", "PS512"], "RS512")]
)
def test_an_rsa_key_signs_as_the_idp_prefers(supported: list[str], chosen: str) -> None:
    pem = Secret(make_key("RS256").as_pem(private=True).decode())
    settings = make_settings(client_auth="private_key_jwt", private_key=pem)
    metadata = make_metadata(document={"token_endpoint_auth_signing_alg_values_supported": supported})
    form = ClientAuthenticator(settings, lambda: NOW).credentials(metadata).form
    assert parse_token(form["client_assertion"]).algorithm == chosen


@pytest.mark.parametrize("pem", [None, Secret("nonsense"), Secret(make_key("RS256").as_pem(private=False).decode())])
def test_an_unusable_key_is_told_without_being_shown(pem: Secret | None) -> None:
    settings = make_settings(client_auth="private_key_jwt", private_key=pem)
    with pytest.raises(ProviderError) as caught:
        ClientAuthenticator(settings, lambda: NOW).credentials(make_metadata())
    assert caught.value.code == "client_key_unusable"
    assert "nonsense" not in str(caught.value)


def test_a_missing_secret_is_told() -> None:
    with pytest.raises(ProviderError, match="client_rejected"):
        ClientAuthenticator(make_settings(client_secret=None), lambda: NOW).credentials(make_metadata())


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_credentials_stay_out_of_the_repr(method: str) -> None:
    credentials = ClientAuthenticator(make_settings(client_auth=method), lambda: NOW).credentials(make_metadata())
    assert CLIENT_SECRET not in repr(credentials)
    assert (CLIENT_SECRET in json.dumps(dict(credentials.form))) is (method == "client_secret_post")
