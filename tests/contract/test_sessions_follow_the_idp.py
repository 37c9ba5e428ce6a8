"""A session ends when the IdP says so, and nobody gets in while a server cannot hear of ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.testing.misbehaviour import Misbehaviour
from tests.contract.bearer import engine_of
from tests.contract.rechecks import recheck_now, session_id_of

ADDRESS = "/auth/backchannel-logout/oidc"


def announce(server, token):
    """Be the IdP's server: no cookie."""
    return server.client().post(ADDRESS, data={"logout_token": token})


def is_signed_in(browser):
    return browser.get("/ui/auth/me").status_code == 200


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.1)


@pytest.fixture
def honest_afterwards(server) -> Iterator[None]:
    yield
    server.idp.misbehaviour = Misbehaviour()


def test_a_back_channel_logout_ends_the_cookie_on_the_next_request(server, audit_rows):
    browser = server.sign_in("ada")
    other = server.sign_in("ada")
    assert is_signed_in(browser)
    sid = server.idp.sids("ada")[-2]
    answer = announce(server, server.idp.logout_token("ada", sid=sid))
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert not is_signed_in(browser)
    assert is_signed_in(other)
    row = audit_rows(1)[0]
    assert (row["event"], row["reason"], row["owner"]) == (
        "auth.session_ended",
        "backchannel_logout",
        server.name_of("ada"),
    )


def test_a_logout_of_the_person_ends_every_token_made_from_their_sessions(server):
    browser = server.sign_in("uma")
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    assert announce(server, server.idp.logout_token("uma")).status_code == 200
    bearer = server.client().get("/ui/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert bearer.status_code == 401


def test_a_replayed_logout_token_ends_nothing(server, audit_rows):
    browser = server.sign_in("vic")
    token = server.idp.logout_token("vic")
    assert announce(server, token).status_code == 200
    assert not is_signed_in(browser)
    again = server.sign_in("vic")
    refused = announce(server, token)
    assert (refused.status_code, refused.json()["code"]) == (400, "logout_token_replayed")
    assert is_signed_in(again)
    assert (audit_rows(1)[0]["event"], audit_rows(1)[0]["reason"]) == ("auth.token_refused", "logout_token_replayed")


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (Misbehaviour(signature="broken"), "logout_token_signature"),
        (Misbehaviour(logout_token_claims={"aud": "another-client"}), "logout_token_audience"),
        (Misbehaviour(logout_token_claims={"iss": "https://attacker.example"}), "logout_token_issuer"),
    ],
)
@pytest.mark.usefixtures("honest_afterwards")
def test_a_forged_or_misaddressed_logout_token_ends_nothing(server, lie, code):
    browser = server.sign_in("ada")
    server.idp.misbehaviour = lie
    refused = announce(server, server.idp.logout_token("ada"))
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert is_signed_in(browser)


def test_a_frame_of_the_idp_ends_the_session_that_it_names(server):
    browser = server.sign_in("ada")
    query = {"iss": server.idp.issuer, "sid": server.idp.sids("ada")[-1]}
    answer = server.client().get("/auth/frontchannel-logout/oidc", params=query)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].endswith(f"frame-ancestors {server.idp.origin}")
    assert not is_signed_in(browser)


def test_without_revocations_for_half_a_minute_nobody_gets_in_until_they_are_back(server, monkeypatch, caplog):
    browser = server.sign_in("ada")
    token = browser.post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    feed = engine_of(server).live.feed
    ahead, monotonic = [0.0], feed._monotonic

    def down(**_: object) -> None:
        raise SessionError("session_store_unavailable", "the database is away")

    monkeypatch.setattr(feed, "_monotonic", lambda: monotonic() + ahead[0])
    caplog.set_level(logging.WARNING, "airflow_oidc_auth.managers.freshness")
    with monkeypatch.context() as outage:
        outage.setattr(engine_of(server).live.store, "revocations", down)
        ahead[0] = 29.0
        assert is_signed_in(browser)
        ahead[0] = 45.0
        answers = [
            browser.get("/ui/auth/me"),
            browser.get("/api/v2/dags"),
            browser.patch("/api/v2/dags/x", json={"is_paused": True}),
            browser.get("/auth/access", headers={"accept": "application/json"}),
            server.client().get("/ui/auth/me", headers={"Authorization": f"Bearer {token}"}),
        ]
        assert [answer.status_code for answer in answers] == [503] * 5
        assert {answer.json()["error"] for answer in answers} == {"revocations_stale"}
        assert not any("set-cookie" in answer.headers for answer in answers)
        assert server.client().get("/ui/auth/me").status_code == 401
        health = server.client().get("/auth/health").json()
        assert (health["status"], health["closed"]) == ("degraded", "revocations_stale")
        assert health["revocations_stale_for"] >= 30
    # The feed's own thread notices: its pauses are five seconds at most.
    wait_until(lambda: is_signed_in(browser))
    health = server.client().get("/auth/health").json()
    assert "closed" not in health
    told = [record.levelname for record in caplog.records if record.name.endswith(".freshness")]
    assert told == ["ERROR", "WARNING"]


def test_who_loses_a_group_loses_its_role_at_the_next_check(server, audit_rows):
    people = server.idp.users

    def give(*groups: str) -> None:
        server.idp.users = [replace(each, groups=groups) if each.subject == "ops" else each for each in people]

    try:
        give("ops", "viewers")
        browser = server.sign_in("ops")
        assert browser.get("/api/v2/variables").status_code == 200
        give("viewers")
        recheck_now(server, session_id_of(server, browser))
    finally:
        server.idp.users = people
    row = audit_rows(1)[0]
    assert (row["event"], row["reason"], row["owner"]) == ("auth.roles_changed", "recheck", server.name_of("ops"))
    assert (row["roles_before"], row["roles_after"]) == (["Op", "Viewer"], ["Viewer"])
    wait_until(lambda: browser.get("/api/v2/variables").status_code == 403)
    assert is_signed_in(browser)


def test_who_is_disabled_at_the_idp_loses_the_session_at_the_next_check(server, audit_rows):
    browser = server.sign_in("uma")
    server.idp.disable("uma")
    try:
        recheck_now(server, session_id_of(server, browser))
    finally:
        server.idp.enable("uma")
    assert not is_signed_in(browser)
    row = audit_rows(1)[0]
    assert (row["event"], row["reason"]) == ("auth.session_ended", "session_refused_by_provider")


def test_health_tells_how_each_provider_is(server):
    server.sign_in("ada")
    [provider] = server.client().get("/auth/health").json()["providers"]
    assert (provider["state"], provider["circuit"]) == ("ok", "closed")


def test_what_a_browser_does_is_activity_and_what_its_page_polls_is_not(server):
    browser = server.sign_in("ada")
    engine = engine_of(server)
    browser.get("/ui/auth/me")
    session = engine.live.peek(engine.tokens.recall(browser.cookies["_token"]).session_id)
    seen, notes = engine._care.requests, []
    seen.hand_over()
    assert engine.last_seen(session.id) == pytest.approx(time.time(), abs=30)
    judge = seen._judge

    class Judge:
        def note(self, *said: str, navigation: bool) -> None:
            notes.append((*said, navigation))

    try:
        seen._judge = Judge()
        browser.get("/ui/auth/menus", headers={"sec-fetch-mode": "navigate"})
        browser.get("/ui/auth/me", headers={"Authorization": f"Bearer {browser.cookies['_token']}"})
        seen.hand_over()
    finally:
        seen._judge = judge
    assert [note for note in notes if note[0] == session.id] == [(session.id, "/ui/auth/menus", "GET", True)]
