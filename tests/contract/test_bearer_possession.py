"""Tokens that are bound to a key (RFC 9449): worth nothing to whoever has the token alone."""

from __future__ import annotations

import time

import jwt
import pytest

from airflow_oidc_auth.testing import Program, ProofKey
from tests.contract.bearer import ME, assert_refused, call, engine_of, forget, token_of
from tests.contract.conftest import BASE_URL

KEY = ProofKey()
URL = BASE_URL + ME


@pytest.fixture(autouse=True)
def _anew(server):
    forget(server)


def bound_token(server, subject="ada", key=KEY):
    return token_of(server, subject, Program(jkt=key.jkt))


def prove(token, *, method="GET", url=URL, key=KEY, **changes):
    return {"DPoP": key.prove(method, url, token, **changes)}


def with_proof(server, token, headers, **options):
    return call(server, token, scheme=options.pop("scheme", "DPoP"), headers=headers, **options)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_bound_token_with_a_proof_opens(server, algorithm):
    key = ProofKey(algorithm)
    token = bound_token(server, key=key)
    for _ in range(2):  # cold and warm
        assert with_proof(server, token, prove(token, key=key)).status_code == 200
    assert with_proof(server, token, prove(token, key=key), scheme="dpop").status_code == 200


def test_a_stolen_bound_token_is_worth_nothing(server):
    token = bound_token(server)
    refused = call(server, token)
    assert_refused(refused, "dpop_scheme")
    assert refused.headers["www-authenticate"].startswith("DPoP ")
    assert_refused(with_proof(server, token, {}), "dpop_missing")
    thief = ProofKey()
    assert_refused(with_proof(server, token, prove(token, key=thief)), "dpop_other_key")
    assert_refused(call(server, token, headers=prove(token)), "dpop_scheme")
    # Warm, too: that its owner has just called opens nothing for others.
    assert with_proof(server, token, prove(token)).status_code == 200
    assert_refused(call(server, token), "dpop_scheme")
    assert_refused(with_proof(server, token, prove(token, key=thief)), "dpop_other_key")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"method": "POST"}, "dpop_method"),
        ({"url": f"{BASE_URL}/api/v2/dags"}, "dpop_address"),
        ({"url": f"https://evil.example{ME}"}, "dpop_address"),
        ({"now": 1}, "dpop_time"),
        ({"now": time.time() + 3600}, "dpop_time"),
        ({"claims": {"ath": "another"}}, "dpop_token"),
        ({"claims": {"ath": None}}, "dpop_token"),
        ({"claims": {"jti": None}}, "dpop_malformed"),
        ({"header": {"typ": "JWT"}}, "dpop_malformed"),
    ],
)
def test_a_proof_for_something_else_proves_nothing(server, changes, code):
    token = bound_token(server)
    assert_refused(with_proof(server, token, prove(token, **changes)), code)


def test_the_address_is_the_configured_one_whatever_host_the_caller_names(server):
    token = bound_token(server)
    host = {"Host": "evil.example"}
    assert with_proof(server, token, {**prove(token), **host}).status_code == 200
    spoofed = prove(token, url=f"http://evil.example{ME}")
    assert_refused(with_proof(server, token, {**spoofed, **host}), "dpop_address")


def test_a_query_is_no_part_of_the_proof(server):
    token = bound_token(server)
    url = f"{BASE_URL}/api/v2/dags"
    assert with_proof(server, token, prove(token, url=url), path="/api/v2/dags?limit=1").status_code == 200


def test_a_proof_counts_once(server):
    token = bound_token(server)
    proof = prove(token)
    assert with_proof(server, token, proof).status_code == 200
    assert_refused(with_proof(server, token, proof), "dpop_replayed")


def test_two_proofs_prove_nothing(server):
    token = bound_token(server)
    headers = [("Authorization", f"DPoP {token}"), ("DPoP", prove(token)["DPoP"]), ("DPoP", prove(token)["DPoP"])]
    assert_refused(server.client().get(ME, headers=headers), "dpop_malformed")


def test_an_unbound_token_is_no_bound_one(server):
    token = token_of(server)
    assert_refused(with_proof(server, token, prove(token)), "dpop_unbound")


def test_where_possession_is_required_no_unbound_token_opens(server, monkeypatch):
    settings = engine_of(server)._runtime.config.tokens
    unbound, bound = token_of(server), bound_token(server)
    cookie = server.sign_in("ada")
    object.__setattr__(settings, "require_dpop", True)
    try:
        assert_refused(call(server, unbound), "dpop_required")
        assert_refused(call(server, cookie.cookies["_token"]), "dpop_required")
        assert with_proof(server, bound, prove(bound)).status_code == 200
        assert cookie.get(ME).status_code == 200
    finally:
        object.__setattr__(settings, "require_dpop", False)


def test_a_token_of_ours_keeps_the_key_of_the_one_it_was_made_from(server):
    token = bound_token(server)
    refused = with_proof(
        server,
        token,
        prove(token, method="POST", url=f"{BASE_URL}/ui/auth/token"),
        path="/ui/auth/token",
        method="POST",
        json={"token_type": "api"},
    )
    assert (refused.status_code, refused.json()["error"]) == (403, "token_exchange_needed")


def test_a_bound_token_of_ours_needs_its_proof_and_is_no_cookie(server):
    from airflow_oidc_auth.login.outcome import RequestContext
    from airflow_oidc_auth.sessions.session import CLI, TokenRequest

    engine = engine_of(server)
    browser = server.sign_in("ada")
    sid = jwt.decode(browser.cookies["_token"], options={"verify_signature": False})["sid"]
    owner = engine.live.peek(sid)
    made = engine.token_desk.issue_now(owner, TokenRequest(CLI, jkt=KEY.jkt), RequestContext(None, "test"))
    assert_refused(call(server, made.token), "dpop_scheme")
    assert with_proof(server, made.token, prove(made.token)).status_code == 200
    thief = server.client()
    thief.cookies.set("_token", made.token)
    assert thief.get(ME).status_code == 401
