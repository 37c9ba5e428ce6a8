"""What a token is worth: signature, revocation, session; and what ends it."""

from __future__ import annotations

import time

import jwt
import pytest
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.configuration import conf
from sqlalchemy.exc import OperationalError

from airflow_oidc_auth.audit.airflow_log import AirflowLogSink
from airflow_oidc_auth.errors import SessionError
from tests.contract.bearer import HEADER_FIRST
from tests.contract.conftest import BASE_URL
from tests.contract.statements import counted


def bearer(server, token):
    return server.client().get("/ui/auth/me", headers={"Authorization": f"Bearer {token}"})


def forge(**changes):
    now = int(time.time())
    claims = {"sub": "x" * 24, "sid": "a" * 22, "gd": "b" * 22, "jti": "c" * 32, "aud": "apache-airflow"}
    claims |= {"iat": now, "nbf": now, "exp": now + 60} | changes
    key = conf.get("api_auth", "jwt_secret")
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm="HS512")


def manager_of(server):
    return server.client().app.state.auth_manager


def test_the_cookie_is_accepted_as_bearer_token_while_its_session_lives(server):
    browser = server.sign_in("ada")
    token = browser.cookies["_token"]
    assert bearer(server, token).status_code == 200
    browser.get("/auth/logout")
    refused = bearer(server, token)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")


def test_core_logout_ends_the_session_and_no_token_that_belongs_to_its_owner(server):
    browser = server.sign_in("ada")
    cookie = browser.cookies["_token"]
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    first = browser.get("/api/v2/auth/logout")
    assert first.headers["location"] == "http://localhost:8080/auth/logout"
    browser.get("/auth/logout")
    assert bearer(server, cookie).status_code == 401
    assert bearer(server, token).status_code == 200


@HEADER_FIRST
def test_core_logout_with_a_token_ends_that_token_and_its_row(server):
    token = server.sign_in("ada").post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    server.client().get("/api/v2/auth/logout", headers={"Authorization": f"Bearer {token}"})
    assert bearer(server, token).status_code == 401
    live = manager_of(server).engine.live
    session_id = jwt.decode(token, options={"verify_signature": False})["sid"]
    assert live.store.load(session_id, now=int(time.time())) is None


def test_a_token_says_when_its_row_ends_and_no_more_than_policy_allows(server):
    browser = server.sign_in("ada")
    live = manager_of(server).engine.live
    for kind in ("api", "cli"):
        token = browser.post("/ui/auth/token", json={"token_type": kind}).json()["access_token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["exp"] == live.peek(claims["sid"]).expires_at
        assert claims["exp"] - time.time() <= 86_400


def test_no_token_is_made_whose_making_cannot_be_written(server, monkeypatch):
    """It would open the API for a day, and nobody would know whose it is."""
    browser = server.sign_in("ada")
    monkeypatch.setattr(manager_of(server).engine._runtime.audit, "_fail_login", True)
    live = manager_of(server).engine.live
    before = len(live.store.list_tokens(now=int(time.time())))

    def fail(*_: object) -> None:
        raise SessionError("audit_unavailable", "the table is locked")

    with monkeypatch.context() as patch:
        patch.setattr(AirflowLogSink, "write", fail)
        refused = browser.post("/ui/auth/token", json={"token_type": "api"})
    assert (refused.status_code, refused.json()["error"]) == (503, "audit_unavailable")
    assert len(live.store.list_tokens(now=int(time.time()))) == before
    assert browser.post("/ui/auth/token", json={"token_type": "api"}).status_code == 200


def test_policy_says_no_to_a_token_that_lives_too_long(server, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME", str(40 * 86_400))
    refused = server.sign_in("ada").post("/ui/auth/token", json={"token_type": "api"})
    assert refused.json()["error"] == "token_lifetime_too_long"
    assert refused.status_code < 500


def test_a_token_made_from_a_session_is_a_row_of_the_audit_log(server, audit_rows):
    browser = server.sign_in("ada")
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    row = audit_rows(1)[0]
    assert (row["event"], row["owner"], row["reason"]) == ("auth.token_issued", server.name_of("ada"), "user_request")
    assert row["session_ref"] == jwt.decode(token, options={"verify_signature": False})["sid"][:8]
    assert 0 < row["valid_for"] <= 86400
    assert token not in str(row)


@pytest.mark.parametrize(
    "changes",
    [
        {},  # a session that never was
        {"sid": None},  # a token of this Airflow for something else, such as a task's
        {"sid": 1},
        {"sid": "../../etc/passwd"},
        {"sub": ["x"]},
        {"exp": 1},
        {"exp": None},
        {"aud": "somebody-else"},
        {"jti": None},
        {"gd": None},
    ],
)
def test_a_signed_token_without_a_live_session_is_refused(server, changes):
    assert bearer(server, forge(**changes)).status_code == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "é" * 30, "x" * 5000])
def test_an_unsigned_token_is_refused(server, token):
    answer = server.client().get("/ui/auth/me", headers={"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 401


def test_a_token_of_one_person_does_not_open_the_session_of_another(server):
    ada = jwt.decode(server.sign_in("ada").cookies["_token"], options={"verify_signature": False})
    assert bearer(server, forge(sub="y" * 24, sid=ada["sid"])).status_code == 401


def test_two_authorization_headers_are_refused(server):
    token = server.sign_in("ada").cookies["_token"]
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer other")]
    refused = server.client().get("/ui/auth/me", headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (401, "token_repeated")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_a_store_that_cannot_be_read_answers_503_and_keeps_the_cookie(server, monkeypatch):
    """Core's middleware deletes the cookie on an HTTPException: an outage must not sign everybody out."""
    browser = server.sign_in("ada")
    live = manager_of(server).engine.live

    async def unreachable(session_id):
        raise SessionError("session_store_unavailable", "the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(live, "peek", lambda session_id: None)
        patch.setattr(live, "load", unreachable)
        answer = browser.get("/ui/auth/me")
    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers
    assert browser.get("/ui/auth/me").status_code == 200


def test_authorizing_a_request_asks_neither_database_nor_identity_provider(server):
    browser = server.sign_in("ada")
    browser.get("/ui/auth/me")
    server.idp.requests.clear()
    with counted() as statements:
        for _ in range(70):  # one in 64 is counted for metrics
            assert browser.get("/ui/auth/me", headers={"sec-fetch-mode": "navigate"}).status_code == 200
        assert browser.get("/ui/auth/menus").status_code == 200
    assert statements == []
    assert server.idp.requests == []


def test_the_user_of_a_session_is_named_by_id_and_shown_by_name(server):
    me = server.sign_in("ada").get("/ui/auth/me").json()
    assert me["username"] == server.name_of("ada")
    assert len(me["id"]) == 24 if server.mode == "native" else me["id"].isdecimal()


def test_a_token_revoked_while_core_cannot_write_is_worth_nothing_here(server, monkeypatch):
    token = server.sign_in("ada").cookies["_token"]
    manager = manager_of(server)

    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("the database is gone"))

    monkeypatch.setattr(BaseAuthManager, "revoke_token", fail)
    with pytest.raises(OperationalError):
        manager.revoke_token(token)
    assert bearer(server, token).status_code == 401


def test_a_browser_signs_out_even_when_core_cannot_write_that_its_token_is_revoked(server, monkeypatch, caplog):
    browser = server.sign_in("ada")
    token = browser.cookies["_token"]

    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(BaseAuthManager, "revoke_token", fail)
        assert browser.get("/api/v2/auth/logout").headers["location"] == f"{BASE_URL}/auth/logout"
    assert "a token is revoked on this server only, its session is about to end: OperationalError" in caplog.text
    assert "INSERT" not in caplog.text
    assert "You are signed out" in browser.get("/auth/logout").text
    assert bearer(server, token).status_code == 401


def test_signing_in_as_somebody_else_ends_the_session_that_the_browser_had(server, audit_rows):
    browser = server.sign_in("ada")
    kept = browser.cookies["_token"]
    begun = browser.get("/auth/login/oidc", params={"account": "other"}).headers["location"]
    assert server.finish(browser, begun, "vic").status_code == 303
    assert browser.get("/ui/auth/me").json()["username"] == server.name_of("vic")
    replaced, login = [row for row in audit_rows(9) if row["event"] in {"auth.login", "auth.session_ended"}][:2]
    assert (replaced["event"], replaced["reason"], replaced["owner"]) == (
        "auth.session_ended",
        "replaced",
        server.name_of("ada"),
    )
    assert replaced["correlation_id"] == login["correlation_id"]
    # Last: once in a minute a refusal is a row, too.
    assert bearer(server, kept).status_code == 401


def test_a_refused_sign_in_leaves_the_session_of_the_browser_alone(server):
    browser = server.sign_in("ada")
    begun = browser.get("/auth/login/oidc", params={"account": "other"}).headers["location"]
    assert server.finish(browser, begun, "nora").status_code == 403
    assert browser.get("/ui/auth/me").json()["username"] == server.name_of("ada")


def test_the_use_of_a_token_is_seen(server):
    token = server.sign_in("ada").post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    session_id = jwt.decode(token, options={"verify_signature": False})["sid"]
    engine = manager_of(server).engine
    assert engine.last_seen(session_id) is None
    assert bearer(server, token).status_code == 200
    engine._care.requests.hand_over()
    assert abs(engine.last_seen(session_id) - time.time()) < 60
