"""Identity providers that are down, slow or flooded: nobody new gets in, nobody who is known is sent away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from airflow_oidc_auth.testing import Misbehaviour
from tests.contract.bearer import ME, assert_refused, call, engine_of, forget, token_of
from tests.contract.conftest import API, BASE_URL


@pytest.fixture(autouse=True)
def _anew(server):
    forget(server)
    engine_of(server).doors.bearer._runtime().issuers.forget()


@pytest.fixture
def lying(server):
    def lie(**switches):
        server.idp.misbehaviour = Misbehaviour(**switches)

    yield lie
    lie()
    settle(server)


def settle(server):
    """Let nobody remember the outage."""
    engine_of(server)._runtime.transports["oidc"]._circuits._by_host.clear()


def opaque(server, subject="ada", **options):
    return server.idp.programs.opaque(subject, options.pop("audience", API), **options)


def test_an_opaque_token_opens_what_the_rules_give_and_is_asked_about_once(server):
    token = opaque(server, "vic")
    before = len(server.idp.calls("/introspect"))
    for _ in range(3):
        assert call(server, token, "/api/v2/dags").status_code == 200
    assert call(server, token, "/api/v2/connections").status_code == 403
    assert len(server.idp.calls("/introspect")) == before + 1


def test_an_opaque_token_for_another_api_is_refused(server):
    assert_refused(call(server, opaque(server, audience="urn:another:api")), "token_audience")
    assert_refused(call(server, opaque(server, claims={"aud": None})), "token_audience")


def test_a_token_that_the_provider_does_not_know_is_refused_and_not_asked_about_again(server):
    before = len(server.idp.calls("/introspect"))
    for _ in range(3):
        assert_refused(call(server, "an-invented-token"), "token_inactive")
    assert len(server.idp.calls("/introspect")) == before + 1


@pytest.mark.parametrize("fault", ["error_500", "hang_up", "malformed_json", "unauthorized"])
def test_an_outage_of_introspection_is_no_judgement(server, lying, fault):
    token = opaque(server, "vic")
    lying(faults={"introspect": fault})
    unknown = call(server, token)
    assert (unknown.status_code, unknown.json()["error"]) == (503, "token_issuer_unavailable")
    assert unknown.headers["retry-after"]
    assert "www-authenticate" not in unknown.headers
    lying()
    settle(server)
    assert call(server, token).status_code == 200


def test_whoever_is_known_goes_on_while_the_provider_is_down(server, lying):
    token = token_of(server, "vic")
    assert call(server, token).status_code == 200
    lying(faults=dict.fromkeys(("discovery", "jwks", "introspect"), "error_503"))
    assert call(server, token).status_code == 200
    # The keys are at hand: even a token that is new to us.
    assert call(server, token_of(server, "vic", claims={"n": 1})).status_code == 200


def test_a_flood_of_unknown_keys_keeps_nobody_out(server):
    known = [token_of(server, "vic", claims={"n": number}) for number in range(10)]
    unknown = [token_of(server, "ada", signature="unknown_kid", claims={"n": number}) for number in range(60)]
    before = len(server.idp.calls("/jwks"))
    with ThreadPoolExecutor(12) as pool:
        bad = pool.map(lambda token: call(server, token).status_code, unknown)
        good = pool.map(lambda token: call(server, token).status_code, known)
        assert set(good) == {200}
        assert set(bad) <= {401, 503}
    assert len(server.idp.calls("/jwks")) <= before + 1


def test_a_flood_of_invented_tokens_from_one_address_is_told_when_to_come_again_and_others_carry_on(server):
    app = server.client().app
    flooder = TestClient(app, base_url=BASE_URL, client=("198.51.100.66", 1))
    health = server.client().get("/auth/health").json()

    def invent(number):
        return flooder.get(ME, headers={"Authorization": f"Bearer invented-{number}"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(invent, range(90)))
    limited = [each for each in answers if each.status_code == 429]
    assert len(limited) == 30
    assert {each.status_code for each in answers} == {401, 429}
    assert all(1 <= int(each.headers["retry-after"]) <= 60 for each in limited)
    assert "www-authenticate" not in limited[0].headers
    assert limited[0].json()["error"] == "rate_limited"
    assert call(server, opaque(server, "vic")).status_code == 200
    assert server.client().get("/auth/health").json()["bearer_issuers"] == health["bearer_issuers"]


def test_who_brings_the_same_unknown_token_at_the_same_time_is_asked_about_once(server):
    token = opaque(server, "vic")
    before = len(server.idp.calls("/introspect"))
    gate = threading.Barrier(8)

    def ask(_):
        gate.wait()
        return call(server, token).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {200}
    assert len(server.idp.calls("/introspect")) == before + 1
