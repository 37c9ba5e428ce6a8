"""Each switch delivers its attack: a test that passes without its attack proves nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import http.client
import json
import time

import pytest
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

from airflow_oidc_auth.testing import ATTACKS, DOWN, FOREIGN_ISSUER, ODD_BUT_HONEST, FakeIdp, FakeUser, Misbehaviour
from airflow_oidc_auth.testing.keys import at_hash
from airflow_oidc_auth.testing.misbehaviour import ENDPOINTS, FAULTS, GROUP_SHAPES, SIGNATURES
from tests.unit.testing.relying_party import authorization_url, decode, fetch, fetch_json, token_form, tokens

NOW = int(time.time())


@pytest.fixture(scope="module")
def shared():
    with FakeIdp(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture
def idp(shared):
    shared.misbehaviour = Misbehaviour()
    return shared


def id_token_of(idp, name):
    idp.misbehaviour = ATTACKS[name] if name in ATTACKS else ODD_BUT_HONEST[name]
    return decode(tokens(idp)["id_token"])


def verifies(idp, token, algorithm="RS256"):
    signing_input, _, _ = token.rpartition(".")
    keys = [each for each in fetch_json(f"{idp.origin}/jwks")["keys"] if each["kty"] == "RSA" and each["n"] != "!!"]
    model = JWSRegistry.algorithms[algorithm]
    return any(model.verify(signing_input.encode(), decode(token)[2], RSAKey.import_key(key)) for key in keys)


@pytest.mark.parametrize(
    "name, claim, value",
    [
        ("id_token of a foreign issuer", "iss", FOREIGN_ISSUER),
        ("id_token whose issuer has a further slash", "iss", "{issuer}/"),
        ("id_token for another client", "aud", "another-client"),
        ("id_token for a list of other clients", "aud", ["one", "two"]),
        ("id_token with foreign aud and our azp", "azp", "airflow"),
        ("id_token with foreign aud and our azp", "aud", "another-client"),
        ("id_token with empty aud", "aud", []),
        ("id_token with aud of a wrong type", "aud", {"airflow": True}),
        ("id_token with foreign azp", "azp", "another-client"),
        ("id_token with foreign nonce", "nonce", "replayed"),
        ("id_token expired", "exp", NOW - 3600),
        ("id_token with exp as text", "exp", "9999999999"),
        ("id_token issued in the future", "iat", NOW + 3600),
        ("id_token not yet valid", "nbf", NOW + 3600),
        ("id_token with empty sub", "sub", ""),
        ("id_token with a number as sub", "sub", 7),
        ("id_token with a list as sub", "sub", ["5d3a-0001"]),
        ("id_token without issuer", "iss", ...),
        ("id_token without aud", "aud", ...),
        ("id_token without nonce", "nonce", ...),
        ("id_token without exp", "exp", ...),
        ("id_token without iat", "iat", ...),
        ("id_token without sub", "sub", ...),
        ("aud is a list", "aud", ["airflow"]),
        ("azp is us", "azp", "airflow"),
        ("auth_time is a float", "auth_time", 1700000000.25),
        ("clock a little ahead", "iat", NOW + 20),
        ("no at_hash", "at_hash", ...),
    ],
    # Two test processes begin at different seconds and must still collect the same names.
    ids=lambda value: "time" if isinstance(value, int) and value > 1_000_000_000 else None,
)
def test_a_wrong_claim_is_sent_under_a_valid_signature(idp, name, claim, value):
    idp.misbehaviour = ATTACKS[name] if name in ATTACKS else ODD_BUT_HONEST[name]
    token = tokens(idp)["id_token"]
    expected = value.replace("{issuer}", idp.issuer) if isinstance(value, str) else value
    assert decode(token)[1].get(claim, ...) == expected
    assert verifies(idp, token)


@pytest.mark.parametrize(
    "name",
    [
        "id_token with a broken signature",
        "id_token tampered with after signing",
        "id_token signed by a foreign key",
        "id_token that brings its own key",
        "id_token that points at a key",
    ],
)
def test_a_wrong_signature_does_not_verify_with_the_published_keys(idp, name):
    idp.misbehaviour = ATTACKS[name]
    token = tokens(idp)["id_token"]
    assert decode(token)[0]["alg"] == "RS256"
    assert not verifies(idp, token)


def test_the_tampered_token_asks_for_more(idp):
    claims = id_token_of(idp, "id_token tampered with after signing")[1]
    assert (claims["sub"], claims["groups"]) == ("root", ["airflow-admins"])


def test_the_foreign_key_hides_behind_our_kid(idp):
    header = id_token_of(idp, "id_token signed by a foreign key")[0]
    assert header["kid"] == fetch_json(f"{idp.origin}/jwks")["keys"][0]["kid"]


def test_the_embedded_key_verifies_the_token_that_brings_it(idp):
    idp.misbehaviour = ATTACKS["id_token that brings its own key"]
    token = tokens(idp)["id_token"]
    header, _, signature = decode(token)
    signing_input = token.rpartition(".")[0].encode()
    assert JWSRegistry.algorithms["RS256"].verify(signing_input, signature, RSAKey.import_key(header["jwk"]))


def test_the_remote_key_is_at_the_attackers(idp):
    assert id_token_of(idp, "id_token that points at a key")[0]["jku"].startswith(FOREIGN_ISSUER)


@pytest.mark.parametrize(
    "name, signature",
    [("id_token with alg none", b""), ("id_token with alg none that keeps a signature", b"signature")],
)
def test_alg_none(idp, name, signature):
    header, _, seen = id_token_of(idp, name)
    assert (header["alg"], seen) == ("none", signature)


@pytest.mark.parametrize("secret", ["public key", "client secret"])
def test_hs256_verifies_with_what_the_attacker_knows(idp, secret):
    idp.misbehaviour = ATTACKS[f"id_token signed HS256 with the {secret}"]
    token = tokens(idp)["id_token"]
    header, _, signature = decode(token)
    public = RSAKey.import_key(fetch_json(f"{idp.origin}/jwks")["keys"][0])
    key = public.as_pem(private=False) if secret == "public key" else idp.client_secret.encode()
    assert header["alg"] == "HS256"
    assert hmac.new(key, token.rpartition(".")[0].encode(), hashlib.sha256).digest() == signature


@pytest.mark.parametrize(
    "name, member, value",
    [
        ("id_token with an unknown kid", "kid", "nobody-knows-me"),
        ("id_token with an unknown critical header", "crit", ["exotic"]),
        ("no kid anywhere", "kid", ...),
        ("several keys without kid", "kid", ...),
        ("RS512", "alg", "RS512"),
        ("PS256", "alg", "PS256"),
        ("ES256", "alg", "ES256"),
    ],
)
def test_header_members(idp, name, member, value):
    assert id_token_of(idp, name)[0].get(member, ...) == value


def test_at_hash_of_another_token(idp):
    idp.misbehaviour = ATTACKS["at_hash of another access token"]
    answer = tokens(idp)
    assert decode(answer["id_token"])[1]["at_hash"] != at_hash(answer["access_token"], "RS256")


@pytest.mark.parametrize(
    "name, seen",
    [
        ("token response without id_token", ...),
        ("id_token that is no string", {"sub": "5d3a-0001"}),
        ("id_token that is no JWT", "a.b"),
    ],
)
def test_token_response(idp, name, seen):
    idp.misbehaviour = ATTACKS[name]
    assert tokens(idp).get("id_token", ...) == seen


@pytest.mark.parametrize(
    "name, sub", [("userinfo of another subject", "somebody-else"), ("userinfo without subject", ...)]
)
def test_userinfo(idp, name, sub):
    idp.misbehaviour = ATTACKS[name]
    headers = {"Authorization": f"Bearer {tokens(idp)['access_token']}"}
    assert fetch_json(f"{idp.origin}/userinfo", headers=headers).get("sub", ...) == sub


@pytest.mark.parametrize(
    "name, member, value",
    [
        ("discovery of a foreign issuer", "issuer", FOREIGN_ISSUER),
        ("discovery with a token endpoint on plain http", "token_endpoint", "http://idp.attacker.example/token"),
        ("discovery without token endpoint", "token_endpoint", ...),
        ("discovery without jwks_uri", "jwks_uri", ...),
        ("no iss parameter and none promised", "authorization_response_iss_parameter_supported", ...),
        ("advertises none and HS256", "id_token_signing_alg_values_supported", ["none", "HS256", "RS256"]),
    ],
)
def test_discovery(idp, name, member, value):
    idp.misbehaviour = ATTACKS[name] if name in ATTACKS else ODD_BUT_HONEST[name]
    assert fetch_json(f"{idp.issuer}/.well-known/openid-configuration").get(member, ...) == value


@pytest.mark.parametrize(
    "name, member, value",
    [
        ("answer without the promised iss", "iss", ...),
        ("answer with a foreign iss", "iss", FOREIGN_ISSUER),
        ("answer with a foreign state", "state", "forged"),
        ("answer without state", "state", ...),
        ("answer without code", "code", ...),
        ("answer with a made-up code", "code", "guessed"),
    ],
)
def test_authorization_response(idp, name, member, value):
    idp.misbehaviour = ATTACKS[name]
    assert idp.sign_in(authorization_url(idp), "ada").get(member, ...) == value


@pytest.mark.parametrize(
    "kind, status, body",
    [
        ("redirect", 302, b""),
        ("error_500", 500, b"server_error"),
        ("error_503", 503, b"maintenance"),
        ("error_429", 429, b""),
        ("malformed_json", 200, b'{"access_token": "abc'),
        ("json_array", 200, b"["),
        ("not_json", 200, b"<h1>"),
        ("empty", 200, b""),
        ("invalid_grant", 400, b"invalid_grant"),
        ("invalid_client", 401, b"invalid_client"),
    ],
)
def test_faults_answer_as_they_are_called(idp, kind, status, body):
    idp.misbehaviour = Misbehaviour(faults={"token": kind})
    seen, _, answered = fetch(f"{idp.origin}/token", token_form(idp, "c"))
    assert seen == status
    assert body in answered


def test_huge_is_valid_json_of_eight_mebibytes(idp):
    idp.misbehaviour = ATTACKS["token endpoint answers without end"]
    assert len(json.dumps(fetch_json(f"{idp.origin}/token", token_form(idp, "c")))) > 8 * 2**20


def test_hang_up_closes_without_an_answer(idp):
    idp.misbehaviour = DOWN
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        fetch(f"{idp.issuer}/.well-known/openid-configuration")


def test_slow_waits_and_then_answers(idp):
    idp.misbehaviour = Misbehaviour(faults={"jwks": "slow"}, slow_seconds=0.2)
    began = time.monotonic()
    assert fetch_json(f"{idp.origin}/jwks")["keys"]
    assert time.monotonic() - began >= 0.2


def test_stopping_does_not_wait_for_the_slow():
    with FakeIdp(misbehaviour=Misbehaviour(faults={"jwks": "slow"}, slow_seconds=30)) as idp:
        began = time.monotonic()
    assert time.monotonic() - began < 30
    assert idp.misbehaviour.slow_seconds == 30


def test_strangers_among_the_keys(idp):
    strange = {"MAC", "oct", "QUANTUM"}
    idp.misbehaviour = Misbehaviour(extra_mac_key=True, extra_strange_key=True, extra_keys=2)
    keys = fetch_json(f"{idp.origin}/jwks")["keys"]
    assert strange < {key["kty"] for key in keys}
    assert len([key for key in keys if key["kty"] == "RSA"]) == 4
    idp.misbehaviour = Misbehaviour(keys_without_kid=True)
    assert not [key for key in fetch_json(f"{idp.origin}/jwks")["keys"] if "kid" in key]


def test_rotation_publishes_only_new_keys():
    with FakeIdp() as idp:
        before = fetch_json(f"{idp.origin}/jwks")
        idp.rotate_keys()
        header = decode(tokens(idp)["id_token"])[0]
        after = fetch_json(f"{idp.origin}/jwks")
    assert {key["kid"] for key in before["keys"]}.isdisjoint(key["kid"] for key in after["keys"])
    assert KeySet.import_key_set(after).get_by_kid(header["kid"])


@pytest.mark.parametrize(
    "shape, expected",
    [
        ("list", ["a", "b"]),
        ("single", "a"),
        ("csv", "a,b"),
        ("space", "a b"),
        ("json_string", '["a", "b"]'),
        ("object", {"a": True, "b": True}),
        ("null", None),
        ("number", 1),
        ("boolean", True),
        ("nested", [["a", "b"]]),
        ("mixed", ["a", "b", 7, None, True, {"name": "object"}, ["list"], ""]),
    ],
)
def test_group_shapes(shape, expected):
    with FakeIdp(users=[FakeUser("1", "Ada", "ada@example.com", ("a", "b"))]) as idp:
        idp.misbehaviour = Misbehaviour(groups_shape=shape)
        answer = tokens(idp)
        userinfo = fetch_json(f"{idp.origin}/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert decode(answer["id_token"])[1]["groups"] == userinfo["groups"] == expected


def test_every_shape_has_its_row():
    assert len(GROUP_SHAPES) == 11


@pytest.mark.parametrize(
    "field, value",
    [
        ("signature", "hs256"),
        ("faults", {"token": "error-500"}),
        ("faults", {"tokens": "empty"}),
        ("groups_shape", "x"),
    ],
)
def test_a_switch_with_a_typing_mistake_is_refused(field, value):
    with pytest.raises(ValueError, match="unknown"):
        Misbehaviour(**{field: value})


def test_the_catalogues_use_every_kind_of_lie():
    attacks = [*ATTACKS.values(), *ODD_BUT_HONEST.values()]
    assert {lie.signature for lie in attacks} == set(SIGNATURES)
    used = {fault for lie in attacks for fault in lie.faults.values()}
    assert used | {"slow", "error_429"} == set(FAULTS)
    assert set(DOWN.faults) == set(ENDPOINTS)
    assert all(lie != Misbehaviour() for lie in attacks)
    assert len(dataclasses.fields(Misbehaviour)) == 28
