"""Access tokens of identity providers at the REST API of a real Airflow, under both auth managers."""

from __future__ import annotations

import time

import pytest

from airflow_oidc_auth.managers.bearer_cache import token_digest
from airflow_oidc_auth.testing import FakeIdp, FakeUser, Program
from tests.contract.bearer import HEADER_FIRST, ME, assert_refused, call, engine_of, forget, job_token, newest, token_of
from tests.contract.conftest import API, JOBS
from tests.contract.statements import counted


@pytest.fixture(autouse=True)
def _anew(server):
    forget(server)


def test_an_access_token_opens_what_the_rules_give_its_owner(server):
    assert call(server, token_of(server, "ada"), "/api/v2/connections").status_code == 200
    viewer = token_of(server, "vic")
    assert call(server, viewer, "/api/v2/dags").status_code == 200
    assert call(server, viewer, "/api/v2/connections").status_code == 403


def test_the_owner_is_named_as_after_a_sign_in(server):
    signed_in = server.sign_in("uma").get(ME).json()
    assert call(server, token_of(server, "uma")).json() == signed_in


def test_a_job_without_a_person_gets_the_roles_of_its_rule(server):
    token = job_token(server)
    assert call(server, token).status_code == 200
    assert call(server, token, "/api/v2/dags").status_code == 200
    assert call(server, token, "/api/v2/connections").status_code == 403


def test_a_job_of_another_branch_is_known_to_nobody(server, audit_rows):
    refused = call(server, job_token(server, "repo:acme/dags:pull_request"))
    assert_refused(refused, "token_no_role", 403)
    assert "insufficient_scope" in refused.headers["www-authenticate"]
    row = newest(audit_rows, "auth.token_refused", reason="token_no_role", provider="jobs", count=None)
    assert (row["owner"], row["subject"]) == ("repo:acme/dags:pull_request", "repo:acme/dags:pull_request")


def test_who_signs_in_and_has_no_role_has_none_with_a_token(server):
    assert_refused(call(server, token_of(server, "nora")), "token_no_role", 403)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"audience": "urn:another:api"}, "token_audience"),
        ({"audience": "airflow"}, "token_audience"),  # our own client: an id_token has that
        ({"audience": []}, "token_audience"),
        ({"claims": {"aud": None}}, "token_audience"),
        ({"claims": {"exp": 1}}, "token_expired"),
        ({"claims": {"exp": None}}, "token_claim"),
        ({"claims": {"nbf": 99999999999}}, "token_not_yet_valid"),
        ({"lifetime": 90_000}, "token_lifetime"),
        ({"header": {"typ": "JWT"}}, "token_type"),
        ({"header": {"typ": "id_token+jwt"}}, "token_type"),
        ({"signature": "broken"}, "token_signature"),
        ({"signature": "tampered"}, "token_signature"),
        ({"signature": "foreign_key"}, "token_signature"),
        ({"signature": "embedded_key"}, None),
        ({"signature": "remote_key"}, None),
        ({"signature": "none"}, None),
        ({"signature": "none_keeping_signature"}, None),
        ({"signature": "hs256_public_key"}, None),
        ({"signature": "hs256_client_secret"}, None),
        ({"signature": "unknown_kid"}, "token_key_unknown"),
        ({"claims": {"sub": ""}}, "token_subject"),
        ({"claims": {"sub": None}}, "token_subject"),
        ({"claims": {"act": "somebody"}}, "token_actor"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_refused(server, options, code):
    refused = call(server, token_of(server, "ada", **options))
    assert refused.status_code == 401
    assert refused.json()["error"].startswith("token_")
    assert refused.json()["error"] in refused.headers["www-authenticate"]
    if code:
        assert_refused(refused, code)


def test_an_id_token_is_no_access_token(server):
    """In the form in which the IdP signs it: for our client, typed JWT, with the nonce of a sign-in."""
    told = {"nonce": "n", "at_hash": "x", "client_id": None, "jti": None}
    for audience in (server.idp.client_id, [server.idp.client_id, API]):
        token = token_of(server, "ada", audience=audience, header={"typ": "JWT"}, claims=told)
        assert call(server, token).status_code == 401


def test_the_token_of_an_issuer_that_nobody_configured_is_refused(server):
    with FakeIdp(users=(FakeUser("ada", "Ada", "ada@example.com", ("admins",)),)) as stranger:
        assert_refused(call(server, stranger.programs.jwt("ada", API)), "token_unknown")


def test_one_issuer_does_not_speak_for_another(server):
    spoofed = server.jobs.programs.jwt("ada", API, claims={"iss": server.idp.issuer, "groups": ["admins"]})
    assert call(server, spoofed).status_code == 401
    assert_refused(call(server, server.jobs.programs.jwt("ada", API)), "token_audience")
    assert_refused(call(server, server.idp.programs.jwt("ada", JOBS)), "token_audience")


def test_a_cookie_is_never_judged_as_a_token_of_an_identity_provider(server):
    browser = server.client()
    token = token_of(server, "ada")
    assert call(server, token).status_code == 200
    browser.cookies.set("_token", token)
    assert browser.get(ME).status_code == 401
    # Nor when the same request has it in the header, too, where it counts.
    both = browser.get(ME, headers={"Authorization": f"Bearer {token}"})
    assert both.status_code == 200
    assert "set-cookie" not in both.headers


@HEADER_FIRST
def test_a_program_keeps_the_session_of_the_browser_that_it_runs_in(server):
    browser = server.sign_in("vic")
    refused = browser.get(ME, headers={"Authorization": "Bearer nonsense"})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers
    assert browser.get(ME).json()["username"] == server.name_of("vic")


@pytest.mark.parametrize("name", ["access_token", "jwt", "access%5Ftoken", "Access_Token"])
@pytest.mark.parametrize("path", ["/api/v2/dags", ME, "/auth/access"])
def test_a_token_in_the_address_is_refused_and_logged_nowhere(server, caplog, name, path):
    token = token_of(server, "ada")
    refused = server.client().get(f"{path}?limit=1&{name}={token}", headers={"Authorization": f"Bearer {token}"})
    assert_refused(refused, "token_in_address")
    assert token not in caplog.text


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "bearer", "DPoP", "Bearer \t"])
def test_a_header_without_one_token_is_refused_and_no_cookie_stands_in(server, header):
    browser = server.sign_in("ada")
    assert_refused(browser.get(ME, headers={"Authorization": header}), "token_malformed")


def test_an_oversized_token_is_refused_before_anybody_reads_it(server):
    assert_refused(call(server, "x" * 40_000), "token_too_large")


def test_the_scheme_may_be_spelled_in_any_case(server):
    token = token_of(server, "vic")
    assert call(server, token, scheme="bEARER").status_code == 200
    assert call(server, f"  {token} ").status_code == 200


def test_a_warm_token_asks_neither_database_nor_identity_provider(server):
    token = token_of(server, "ada")
    assert call(server, token).status_code == 200
    server.idp.requests.clear()
    with counted() as statements:
        for _ in range(70):
            assert call(server, token).status_code == 200
    assert statements == []
    assert server.idp.requests == []


def test_who_comes_in_is_told_once_in_an_hour(server, audit_rows):
    client = f"dbt-{server.mode}"
    for _ in range(3):
        token = token_of(server, "uma", Program(client))
        assert call(server, token).status_code == 200
    first = newest(audit_rows, "auth.login")
    assert (first["via"], first["client_id"]) == ("bearer", client)
    assert (first["owner"], first["subject"], first["rules"]) == (server.name_of("uma"), "uma", ["role_mapping: users"])
    assert first["roles_after"] == ["User"]
    assert token not in str(first)
    told = [row for row in audit_rows(50, counts=True) if row.get("client_id") == client]
    assert len(told) == 1
    assert call(server, token_of(server, "uma", Program("other"))).status_code == 200
    assert newest(audit_rows, "auth.login")["client_id"] == "other"


def test_nobody_comes_in_whose_coming_cannot_be_written(server, monkeypatch):
    from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
    from airflow_oidc_auth.errors import SessionError

    def fail(*_):
        raise SessionError("audit_unavailable", "the table is locked")

    token = token_of(server, "ada", Program("unwritten"))
    monkeypatch.setattr(engine_of(server)._runtime.audit, "_fail_login", True)
    with monkeypatch.context() as patch:
        patch.setattr(AirflowLogSink, "write", fail)
        assert call(server, token).status_code == 503
        assert call(server, token).status_code == 503
    assert call(server, token).status_code == 200


def test_a_flood_of_bad_tokens_is_few_rows(server, audit_rows):
    def written():
        return len([row for row in audit_rows(1000, counts=True) if row["reason"] == "token_expired"])

    before = written()
    for number in range(40):
        call(server, token_of(server, "ada", claims={"exp": 1, "n": number}))
    assert written() - before <= 2


def test_roles_follow_the_groups_of_each_token(server):
    assert (
        call(server, token_of(server, "uma", claims={"groups": ["admins"]}), "/api/v2/connections").status_code == 200
    )
    assert call(server, token_of(server, "uma"), "/api/v2/connections").status_code == 403
    assert_refused(call(server, token_of(server, "uma", claims={"groups": []})), "token_no_role", 403)


def test_a_token_does_not_change_what_the_browser_of_its_owner_may(server):
    browser = server.sign_in("vic")
    assert (
        call(server, token_of(server, "vic", claims={"groups": ["admins"]}), "/api/v2/connections").status_code == 200
    )
    assert browser.get("/api/v2/connections").status_code == 403
    assert browser.get("/api/v2/dags").status_code == 200


def test_revoking_a_principal_refuses_the_tokens_that_it_has(server):
    token = token_of(server, "ops")
    assert call(server, token).status_code == 200
    principal = engine_of(server).doors.bearer.recall(token_digest(token)).session.principal_id
    feed = engine_of(server).live.feed
    now = int(time.time())
    feed.note_principal(principal, now, expires_at=now + 600)
    try:
        assert_refused(call(server, token), "token_revoked")
        assert_refused(call(server, token_of(server, "ops", claims={"n": 1, "iat": now})), "token_revoked")
        assert_refused(call(server, token_of(server, "ops", claims={"iat": None})), "token_claim")
        later = token_of(server, "ops", claims={"iat": now + 1})
        assert call(server, later).status_code == 200
    finally:
        feed._principals.pop(principal)


def test_no_token_is_taken_while_nobody_knows_who_was_revoked(server, monkeypatch):
    token = token_of(server, "ada")
    assert call(server, token).status_code == 200
    freshness = engine_of(server)._freshness
    with monkeypatch.context() as patch:
        patch.setattr(freshness, "_stale_for", lambda: 31.0)
        closed = call(server, token)
        assert (closed.status_code, closed.json()["error"]) == (503, "revocations_stale")
        assert closed.headers["retry-after"]
    assert call(server, token).status_code == 200


def test_a_reload_judges_every_token_anew(server):
    engine = engine_of(server)
    token = token_of(server, "ada")
    assert call(server, token).status_code == 200
    assert len(engine.doors.bearer._cache) == 1
    engine._reload(engine._runtime.config)
    assert len(engine.doors.bearer._cache) == 0
    assert call(server, token).status_code == 200


def test_health_names_the_issuers_whose_tokens_are_taken(server):
    health = server.client().get("/auth/health").json()
    assert [each["id"] for each in health["bearer_issuers"]] == ["oidc", "jobs"]
    assert [each["id"] for each in health["providers"]] == ["oidc"]


def test_an_issuer_of_jobs_is_no_way_to_sign_in(server):
    assert "Jobs" not in server.client().get("/auth/login", headers={"accept": "text/html"}).text
    assert server.client().get("/auth/login/jobs").status_code == 404
