"""Who sees which tokens of programs, and who can revoke whose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx import Response

from airflow_oidc_auth.sessions.session import Session, TokenRequest
from tests.unit.web.office import Office, field_of, open_office, send
from tests.unit.web.rig import Browser


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path, provider_ids=("okta", "entra")) as opened:
        yield opened


def session_of(office: Office, browser: Browser) -> Session:
    session_id = office.browser.engine.tokens.read(browser.client.cookies["_token"])
    assert session_id is not None
    session = office.browser.rig.store.load(session_id, now=office.now)
    assert session is not None
    return session


def make(office: Office, browser: Browser, **more: Any) -> Session:
    request = TokenRequest(**{"kind": "personal", "label": "laptop <b>", "lifetime": 7200, **more})
    owner = session_of(office, browser)
    return office.browser.rig.store.open_token(owner, request, identity=None, now=office.now).session


def revoke(browser: Browser, token: str, **changes: str) -> Response:
    page = browser.get("/auth/access")
    form = {"csrf_token": field_of(page, "csrf_token"), "token": token, **changes}
    return browser.post("/auth/access/tokens", data=form)


def lives(office: Office, session: Session) -> bool:
    return office.browser.rig.store.load(session.id, now=office.now) is not None


def test_my_access_lists_my_tokens_and_says_what_each_is_for(office: Office) -> None:
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    token = make(office, vic, kind="exchanged", client_id="dbt", actors=("agent-7",), jkt="k" * 43)
    page = vic.get("/auth/access").text
    said = ("laptop &lt;b&gt;", "Exchanged", "dbt, agent-7 acts", "bound to a key", "never", "in 2 h", token.id[:8])
    assert [text for text in said if text not in page] == []
    assert token.id not in page
    assert "k" * 43 not in page
    assert "laptop" not in ada.get("/auth/access").text
    assert "No program has a token of yours." in ada.get("/auth/access").text


def test_a_thousand_tokens_make_no_page_that_everybody_waits_for(office: Office) -> None:
    vic = office.signed_in("vic")
    tokens = [make(office, vic, label=f"job {number:03}") for number in range(103)]
    page = vic.get("/auth/access").text
    assert page.count('name="token"') == 100
    assert "3 older ones are among your" in page
    listed = vic.get("/auth/sessions?kind=token&page=3").text
    assert sum(each.id[:8] in page + listed for each in tokens) == 103


def test_a_use_is_shown_that_is_not_written_yet_and_never_one_before_what_is(office: Office) -> None:
    vic = office.signed_in("vic")
    token = make(office, vic)
    assert "never" in vic.get("/auth/access").text
    office.browser.engine.seen[token.id] = office.now
    assert "never" not in vic.get("/auth/access").text
    office.browser.rig.store.touch({token.id: office.now})
    office.browser.engine.seen[token.id] = office.now - 7 * 86_400
    assert "7 d ago" not in vic.get("/auth/access").text


def test_a_token_whose_owner_must_be_confirmed_says_by_when(office: Office) -> None:
    vic = office.signed_in("vic")
    make(office, vic, lifetime=9 * 86_400)
    page = vic.get("/auth/access").text
    assert "in 9 d" in page
    assert "unless Company login confirms you" in page


def test_the_same_end_is_not_said_twice(office: Office) -> None:
    vic = office.signed_in("vic")
    make(office, vic, lifetime=86_400)
    page = vic.get("/auth/access").text
    assert "in 1 d" in page
    assert "unless" not in page


def test_its_owner_revokes_it_with_one_click(office: Office) -> None:
    vic = office.signed_in("vic")
    token, other = make(office, vic), make(office, vic)
    answer = revoke(vic, token.id[:8])
    assert (answer.status_code, answer.headers["location"].endswith("/auth/access?revoked=1#tokens")) == (303, True)
    assert (lives(office, token), lives(office, other), office.is_signed_in(vic)) == (False, True, True)
    assert "The token is revoked." in vic.get("/auth/access?revoked=1").text
    record = office.records[-1]
    assert (record.event.value, record.reason, record.owner) == ("auth.session_ended", "ended_by_user", "Vic <b>")
    assert dict(record.detail)["label"] == "laptop <b>"


def test_nobody_revokes_a_token_of_somebody_else(office: Office) -> None:
    vic, ada, walt = (office.signed_in(name) for name in ("vic", "ada", "walt"))
    token = make(office, vic)
    for browser in (ada, walt):
        assert revoke(browser, token.id[:8]).status_code == 404
    assert revoke(walt, session_of(office, walt).id[:8]).status_code == 404, "a browser's session is no token"
    for nonsense in ("", "short", "x" * 23, "%" * 8, "x" * 8):
        assert revoke(vic, nonsense).status_code == 404
    assert lives(office, token)


def test_no_other_site_and_no_old_page_revokes_anything(office: Office) -> None:
    vic, other = office.signed_in("vic"), office.signed_in("vic")
    token = make(office, vic)
    foreign = field_of(other.get("/auth/access"), "csrf_token")
    assert {revoke(vic, token.id[:8], csrf_token=bad).status_code for bad in ("", foreign)} == {403}
    answer = vic.post(
        "/auth/access/tokens",
        data={"csrf_token": field_of(vic.get("/auth/access"), "csrf_token"), "token": token.id[:8]},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert vic.get("/auth/access/tokens").status_code == 405
    assert office.browser.post("/auth/access/tokens", data={"token": token.id[:8]}).status_code == 401
    assert lives(office, token)


def test_the_officer_sees_and_filters_tokens_and_revokes_one(office: Office) -> None:
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    token = make(office, vic, client_id="dbt")
    listed = {kind: ada.get("/auth/sessions", params={"kind": kind}).text for kind in ("", "token", "browser")}
    assert all("Personal token" in listed[kind] and "laptop &lt;b&gt; · dbt" in listed[kind] for kind in ("", "token"))
    assert "this browser" not in listed["token"]
    assert "Personal token" not in listed["browser"]
    assert "Personal token" in ada.get("/auth/sessions", params={"q": "DBT"}).text
    confirmation = ada.get("/auth/sessions/end", params={"session": token.id[:8]}).text
    assert "Revoke this token?" in confirmation
    assert send(ada, {"session": token.id[:8]}).status_code == 303
    assert (lives(office, token), office.is_signed_in(vic)) == (False, True)


def test_whoever_is_not_an_officer_finds_their_own_tokens_only(office: Office) -> None:
    vic, walt = office.signed_in("vic"), office.signed_in("walt")
    make(office, vic)
    assert "laptop" in vic.get("/auth/sessions", params={"kind": "token"}).text
    assert "laptop" not in walt.get("/auth/sessions", params={"kind": "token"}).text


def test_an_officer_ends_all_that_somebody_has_tokens_and_what_the_provider_issued_too(office: Office) -> None:
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    token, principal = make(office, vic), session_of(office, vic).principal_id
    assert "Tokens of programs are among them." in ada.get("/auth/sessions/end", params={"person": principal}).text
    assert send(ada, {"person": principal}).status_code == 303
    assert (lives(office, token), office.is_signed_in(vic)) == (False, False)
    assert office.browser.rig.sessions.feed.principal_revoked_at(principal) is not None


@pytest.mark.parametrize("name", ["vic", "ada"])
def test_ending_my_other_sessions_leaves_my_tokens(office: Office, name: str) -> None:
    """They belong to the person, not to a browser, and are revoked one by one."""
    first, second = office.signed_in(name), office.signed_in(name)
    token, principal = make(office, first), session_of(office, first).principal_id
    assert send(second, {"person": principal}, None).status_code == 303
    assert (lives(office, token), office.is_signed_in(first)) == (True, False)
    assert office.browser.rig.sessions.feed.principal_revoked_at(principal) is None


def test_signing_out_leaves_my_tokens(office: Office) -> None:
    vic = office.signed_in("vic")
    token = make(office, vic)
    form = {"csrf_token": field_of(vic.get("/auth/access"), "csrf_token")}
    assert vic.post("/auth/logout", data=form).status_code in {200, 303}
    assert (lives(office, token), office.is_signed_in(vic)) == (True, False)


@pytest.mark.parametrize("of_session", [True, False])
def test_the_providers_logout_of_one_session_leaves_tokens_and_that_of_the_person_ends_them(
    office: Office, of_session: bool
) -> None:
    vic = office.signed_in("vic")
    token, idp = make(office, vic), office.browser.rig.idp
    sent = idp.logout_token("vic", sid=idp.sids("vic")[-1]) if of_session else idp.logout_token("vic")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    address = "/auth/backchannel-logout/okta"
    answer = office.browser.another().post(address, content=urlencode({"logout_token": sent}), headers=headers)
    assert answer.status_code == 200
    assert (lives(office, token), office.is_signed_in(vic)) == (of_session, False)
    revoked_at = office.browser.rig.sessions.feed.principal_revoked_at(token.principal_id)
    assert (revoked_at is None) == of_session
