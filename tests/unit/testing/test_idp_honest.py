"""The fake IdP is a strict OpenID provider until it is told to lie."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote_plus

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from airflow_oidc_auth.testing import REDIRECT_URI, FakeClient, FakeIdp, FakeUser
from airflow_oidc_auth.testing.keys import at_hash, sign
from airflow_oidc_auth.testing.urls import parameters_of
from tests.unit.testing.relying_party import (
    authorization_url,
    decode,
    fetch,
    fetch_json,
    token_form,
    tokens,
)


@pytest.fixture
def idp():
    with FakeIdp() as fake:
        yield fake


def test_discovery_names_itself_and_its_endpoints(idp):
    document = fetch_json(f"{idp.issuer}/.well-known/openid-configuration")
    assert document["issuer"] == idp.issuer
    assert document["token_endpoint"] == f"{idp.origin}/token"
    assert document["authorization_response_iss_parameter_supported"] is True


def test_the_answer_carries_state_and_iss(idp):
    answer = idp.sign_in(authorization_url(idp), "ada")
    assert (answer["state"], answer["iss"]) == ("st", idp.issuer)


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"])
def test_the_id_token_verifies_with_the_published_keys(algorithm):
    with FakeIdp(algorithm=algorithm) as idp:
        answer = tokens(idp)
        keys = fetch_json(f"{idp.origin}/jwks")
        token = answer["id_token"].encode()
        header, claims, signature = decode(answer["id_token"])
        key = KeySet.import_key_set(keys).get_by_kid(header["kid"])
        assert jws.JWSRegistry.algorithms[algorithm].verify(token.rpartition(b".")[0], signature, key)
    assert header["alg"] == algorithm
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (idp.issuer, idp.client_id, "no")
    assert claims["groups"] == ["airflow-admins"]
    assert claims["at_hash"] == at_hash(answer["access_token"], algorithm)


def test_keys_hold_no_private_part(idp):
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(fetch_json(f"{idp.origin}/jwks")["keys"][0])


def test_userinfo_is_about_the_same_person(idp):
    answer = tokens(idp)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert fetch_json(f"{idp.origin}/userinfo", headers=headers)["sub"] == decode(answer["id_token"])[1]["sub"]
    assert fetch(f"{idp.origin}/userinfo", headers={"Authorization": "Bearer made-up"})[0] == 401


@pytest.mark.parametrize("place", ["id_token", "userinfo", "access_token"])
def test_groups_are_only_where_they_are_asked_for(place):
    with FakeIdp(groups_in=[place]) as idp:
        answer = tokens(idp)
        userinfo = fetch_json(f"{idp.origin}/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"})
    found = {"id_token": "groups" in decode(answer["id_token"])[1], "userinfo": "groups" in userinfo}
    found["access_token"] = answer["access_token"].count(".") == 2
    assert found == {name: name == place for name in found}


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": REDIRECT_URI + "/"},
        {"redirect_uri": REDIRECT_URI + "?x=1"},
        {"redirect_uri": "https://attacker.example/"},
        {"redirect_uri": None},
        {"client_id": "another"},
        {"client_id": None},
    ],
)
def test_an_unregistered_client_or_redirect_uri_is_never_redirected_to(idp, changes):
    status, headers, _ = fetch(authorization_url(idp, **changes))
    assert (status, headers.get("Location")) == (400, None)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_faulty_request_is_answered_with_an_error(idp, changes, error):
    answer = parameters_of(fetch(authorization_url(idp, **changes))[1]["Location"])
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "st", idp.issuer)


@pytest.mark.parametrize(
    "changes, status, error",
    [
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"redirect_uri": REDIRECT_URI + "/"}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 43}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_faulty_token_request_is_refused(idp, changes, status, error):
    code = idp.sign_in(authorization_url(idp), "ada")["code"]
    seen, _, body = fetch(f"{idp.origin}/token", token_form(idp, code, **changes))
    assert (seen, json.loads(body)["error"]) == (status, error)


def test_a_code_is_good_for_one_use_and_one_minute():
    now = [1_800_000_000.0]
    with FakeIdp(clock=lambda: now[0]) as idp:
        used = idp.sign_in(authorization_url(idp), "ada")["code"]
        assert fetch(f"{idp.origin}/token", token_form(idp, used))[0] == 200
        assert fetch(f"{idp.origin}/token", token_form(idp, used))[0] == 400
        late = idp.sign_in(authorization_url(idp), "ada")["code"]
        now[0] += 61
        assert fetch(f"{idp.origin}/token", token_form(idp, late))[0] == 400


def test_basic_credentials_are_form_decoded():
    with FakeIdp(client_id="air flow", client_secret="p:ß%+") as idp:
        code = idp.sign_in(authorization_url(idp), "ada")["code"]
        pair = f"{quote_plus('air flow')}:{quote_plus('p:ß%+')}"
        headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        form = token_form(idp, code, client_id=None, client_secret=None)
        assert fetch(f"{idp.origin}/token", form, headers)[0] == 200


def assertion(idp, key, alg="RS256", **changes):
    now = 1_800_000_000
    claims = {"iss": "jwt", "sub": "jwt", "aud": f"{idp.origin}/token", "exp": now + 60, "jti": "1", **changes}
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign({"alg": alg}, claims, key),
        "client_id": None,
        "client_secret": None,
    }


@pytest.mark.parametrize(
    "changes, status",
    [
        ({}, 200),
        ({"aud": "https://elsewhere.example"}, 401),
        ({"exp": 1}, 401),
        ({"iss": "x"}, 401),
        ({"jti": ""}, 401),
    ],
)
def test_private_key_jwt(changes, status):
    key = RSAKey.generate_key(2048)
    client = FakeClient("jwt", "", (REDIRECT_URI,), "private_key_jwt", key.as_dict(private=False))
    with FakeIdp(clients=[client], clock=lambda: 1_800_000_000) as idp:
        code = idp.sign_in(authorization_url(idp, client_id="jwt"), "ada")["code"]
        assert fetch(f"{idp.origin}/token", token_form(idp, code, **assertion(idp, key, **changes)))[0] == status
        foreign = assertion(idp, RSAKey.generate_key(2048))
        assert fetch(f"{idp.origin}/token", token_form(idp, code, **foreign))[0] == 401


@pytest.mark.parametrize(
    "alg, key",
    [
        ("EdDSA", OKPKey.generate_key("Ed25519")),
        ("ES256", ECKey.generate_key("P-256")),
        ("PS256", RSAKey.generate_key(2048)),
    ],
)
def test_private_key_jwt_of_every_kind_of_key(alg, key):
    client = FakeClient("jwt", "", (REDIRECT_URI,), "private_key_jwt", key.as_dict(private=False))
    with FakeIdp(clients=[client], clock=lambda: 1_800_000_000) as idp:
        code = idp.sign_in(authorization_url(idp, client_id="jwt"), "ada")["code"]
        assert fetch(f"{idp.origin}/token", token_form(idp, code, **assertion(idp, key, alg)))[0] == 200


def test_public_client_needs_no_secret_and_cannot_use_one():
    with FakeIdp(clients=[FakeClient("public", "", (REDIRECT_URI,), "none")]) as idp:
        code = idp.sign_in(authorization_url(idp, client_id="public"), "ada")["code"]
        assert fetch(f"{idp.origin}/token", token_form(idp, code, client_id="public"))[0] == 401
        assert fetch(f"{idp.origin}/token", token_form(idp, code, client_id="public", client_secret=None))[0] == 200


def test_a_code_belongs_to_its_client():
    with FakeIdp(clients=[FakeClient("public", "", (REDIRECT_URI,), "none")]) as idp:
        code = idp.sign_in(authorization_url(idp, client_id="public"), "ada")["code"]
        assert fetch(f"{idp.origin}/token", token_form(idp, code))[0] == 400


def test_pushed_requests_are_good_for_one_use(idp):
    pushed = parameters_of(authorization_url(idp)) | {"client_secret": idp.client_secret}
    status, _, body = fetch(f"{idp.origin}/par", pushed)
    assert status == 201
    url = f"{idp.origin}/authorize?client_id={idp.client_id}&request_uri={json.loads(body)['request_uri']}"
    assert idp.sign_in(url, "ada")["state"] == "st"
    assert fetch(url)[0] == 400


def test_refresh_tokens_rotate_and_come_only_with_offline_access(idp):
    assert "refresh_token" not in tokens(idp)
    first = tokens(idp, scope="openid offline_access")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": first}
    form |= {"client_id": idp.client_id, "client_secret": idp.client_secret}
    second = fetch_json(f"{idp.origin}/token", form)
    assert second["refresh_token"] != first
    assert fetch(f"{idp.origin}/token", form)[0] == 400


def test_the_login_page_shows_everybody_and_signs_in_by_a_click(idp):
    idp.users = (FakeUser("1", "<b>Eve</b>", "eve@example.com", ("<i>",)), *idp.users)
    status, headers, body = fetch(authorization_url(idp))
    page = body.decode()
    assert status == 200
    assert "<b>Eve" not in page
    assert "<i>" not in page
    assert "Ada Admin" in page
    assert "airflow-admins" in page
    assert "script" not in headers["Content-Security-Policy"]
    action = page.partition('action="')[2].partition('"')[0]
    assert parameters_of(fetch(f"{idp.origin}{action}", {"user": "5d3a-0001"})[1]["Location"])["code"]
    assert fetch(f"{idp.origin}{action}", {"user": "5d3a-0001"})[0] == 400


@pytest.mark.parametrize(
    "back, status", [("http://127.0.0.1:8080/auth/signed-out", 302), ("https://attacker.example/", 200), ("", 200)]
)
def test_logout_returns_only_to_the_client(idp, back, status):
    query = f"client_id={idp.client_id}&post_logout_redirect_uri={quote_plus(back)}&state=x"
    seen, headers, _ = fetch(f"{idp.origin}/end_session?{query}")
    assert seen == status
    assert headers.get("Location") == (f"{back}?state=x" if status == 302 else None)


def test_a_stopped_idp_answers_nobody():
    with FakeIdp() as idp:
        url = f"{idp.issuer}/.well-known/openid-configuration"
    with pytest.raises(OSError):
        fetch(url)


def test_the_issuer_may_have_a_path_and_a_trailing_slash():
    with FakeIdp(issuer_path="/realms/demo/") as idp:
        document = fetch_json(f"{idp.issuer.rstrip('/')}/.well-known/openid-configuration")
    assert document["issuer"].endswith("/realms/demo/")
