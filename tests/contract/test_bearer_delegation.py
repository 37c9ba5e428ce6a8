"""What anybody does shows who it was, whatever they are called; on somebody's behalf, also who acted."""

from __future__ import annotations

import json

import pytest

from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.testing import Program
from airflow_oidc_auth.testing.users import FakeUser
from tests.contract.bearer import ME, call, forget, newest, token_of
from tests.contract.test_token_endpoint import ACCESS_TOKEN, EXCHANGE


@pytest.fixture(autouse=True)
def _anew(server):
    forget(server)


def newest_rows(event, limit=1):
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        found = session.scalars(select(Log).where(Log.event == event).order_by(Log.id.desc()).limit(limit)).all()
        return [(row.owner, json.loads(row.extra)) for row in found]


def make_pool(server, token, name):
    body = {"name": name, "slots": 1, "include_deferred": False}
    return call(server, token, "/api/v2/pools", method="POST", json=body)


def test_airflows_own_row_names_owner_and_actor(server):
    agent = Program("agent-app", actors=("agent-7", "orchestrator"))
    token = token_of(server, "ada", agent)
    assert make_pool(server, token, f"agent-{server.mode}").status_code == 201
    owner, extra = newest_rows("post_pool")[0]
    assert owner == server.name_of("ada")
    assert (extra["via"], extra["client_id"]) == ("bearer", "agent-app")
    assert (extra["actor"], extra["actor_2"]) == ("agent-7", "orchestrator")
    assert extra["session_ref"].startswith("bearer.")
    assert extra["method"] == "POST"
    assert token not in str(extra)


def test_the_row_of_the_one_who_came_in_names_them_too(server, audit_rows):
    assert call(server, token_of(server, "uma", Program("agent-app", actors=("agent-8",)))).status_code == 200
    row = newest(audit_rows, "auth.login")
    assert (row["subject"], row["client_id"], row["actor"]) == ("uma", "agent-app", "agent-8")


def test_a_request_cannot_tell_who_acts(server):
    token = token_of(server, "ada", Program("agent-app", actors=("agent-7",)))
    body = {"name": f"forged-{server.mode}", "slots": 1, "include_deferred": False, "actor": "ceo", "via": "browser"}
    call(server, token, "/api/v2/pools", method="POST", json=body)
    _, extra = newest_rows("post_pool")[0]
    assert (extra["actor"], extra["via"]) == ("agent-7", "bearer")


def test_a_browsers_row_names_its_session_and_no_program(server, audit_rows):
    browser = server.sign_in("ada")
    body = {"name": f"browser-{server.mode}", "slots": 1, "include_deferred": False}
    assert browser.post("/api/v2/pools", json=body).status_code == 201
    _, extra = newest_rows("post_pool")[0]
    assert not {"via", "actor", "client_id"} & extra.keys()
    login = newest(audit_rows, "auth.login")
    assert (extra["session_ref"], extra["principal_id"]) == (login["session_ref"], login["principal_id"])


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"DPoP": "x"}])
def test_who_takes_the_name_of_another_does_not_act_in_their_name(server, header):
    """Display names are chosen: ``owner`` alone would say that Ada did it."""
    before = server.idp.users
    server.idp.users = (*before, FakeUser("mallory", name="Ada", email="m@example.com", groups=("admins",)))
    try:
        browser = server.sign_in("mallory")
    finally:
        server.idp.users = before
    name = f"as-ada-{server.mode}-{len(header)}{''.join(header)}"
    body = {"name": name, "slots": 1, "include_deferred": False}
    assert browser.post("/api/v2/pools", json=body, headers=header).status_code == 201
    _, extra = newest_rows("post_pool")[0]
    assert extra["principal_id"] == principal_id(server.idp.issuer, "mallory")
    assert len(extra["session_ref"]) == 8


def test_a_browser_cannot_say_that_a_program_or_somebody_else_did_it(server):
    browser = server.sign_in("ops")
    body = {"name": f"blamed-{server.mode}", "slots": 1, "include_deferred": False}
    lies = {"via": "bearer", "actor": "agent-7", "actor_2": "ada", "principal_id": "ada", "session_ref": "12345678"}
    assert browser.post("/api/v2/pools", params={**lies, "client_id": "ci"}, json=body).status_code == 201
    _, extra = newest_rows("post_pool")[0]
    assert not {"via", "actor", "actor_2", "client_id"} & extra.keys()
    assert extra["principal_id"] == principal_id(server.idp.issuer, "ops")
    assert extra["session_ref"] != "12345678"
    assert extra["request_actor"] == "agent-7"


def test_a_row_of_a_personal_token_names_the_token(server):
    browser = server.sign_in("ada")
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    assert make_pool(server, token, f"personal-{server.mode}").status_code == 201
    owner, extra = newest_rows("post_pool")[0]
    assert (owner, extra["via"]) == (server.name_of("ada"), "personal")
    assert len(extra["session_ref"]) == 8


def test_an_actor_with_control_characters_forges_no_line(server):
    refused = call(server, token_of(server, "ada", Program("x", actors=("a\nINFO root logged in",))))
    assert refused.status_code == 401


@pytest.mark.parametrize("actors", [(), ("agent-7",)])
def test_a_programs_token_is_no_cookie_where_no_row_would_tell_who_acts(server, actors):
    form = {"grant_type": EXCHANGE, "subject_token_type": ACCESS_TOKEN}
    given = token_of(server, "ada", Program("agent-app", actors=actors))
    token = server.client().post("/auth/token", data={**form, "subject_token": given}).json()["access_token"]
    agent = server.client()
    agent.cookies.set("_token", token)
    body = {"name": f"hidden-{server.mode}-{len(actors)}", "slots": 1, "include_deferred": False}
    assert agent.post("/api/v2/pools", json=body).status_code == 401
    assert agent.get("/auth/access").status_code == 303
    assert make_pool(server, token, f"told-{server.mode}-{len(actors)}").status_code == 201


def test_a_personal_token_is_no_cookie(server):
    browser = server.sign_in("ada")
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    thief = server.client()
    thief.cookies.set("_token", token)
    assert thief.get(ME).status_code == 401
    assert call(server, token).status_code == 200
