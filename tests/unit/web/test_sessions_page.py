"""Who sees which sessions, and who can end whose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_oidc_auth.errors import SessionError
from tests.unit.web.office import Office, field_of, open_office, send


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path, provider_ids=("okta", "entra")) as opened:
        yield opened


def reference(office: Office, browser) -> str:
    """Return how the pages name the session of a browser."""
    session_id = office.browser.engine.tokens.read(browser.client.cookies["_token"])
    assert session_id is not None
    return session_id[:8]


def person(office: Office, browser) -> str:
    session_id = office.browser.engine.tokens.read(browser.client.cookies["_token"])
    session = office.browser.rig.store.load(session_id, now=office.now)
    return session.principal_id


def test_an_administrator_sees_everybody(office):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    page = ada.get("/auth/sessions")
    assert page.status_code == 200
    assert "Vic &lt;b&gt;" in page.text
    assert all(text in page.text for text in ("vic@example.com", "198.51.100.7", "Viewer", "Company login"))
    assert reference(office, vic) in page.text
    assert page.text.count("this browser") == 1


def test_everybody_else_sees_their_own_only(office):
    office.signed_in("ada")
    first, second = office.signed_in("vic"), office.signed_in("vic")
    page = second.get("/auth/sessions", params={"q": "ada", "provider": ""})
    assert "Ada" not in page.text
    page = second.get("/auth/sessions")
    assert "Ada" not in page.text
    assert "Search" not in page.text
    assert reference(office, first) in page.text
    assert reference(office, second) in page.text


def test_nobody_is_sent_to_sign_in_first(office):
    answer = office.browser.get("/auth/sessions")
    assert answer.status_code == 303
    assert "next=" in answer.headers["location"]
    narrowed = office.browser.get("/auth/sessions?kind=token&q=a%26b").headers["location"]
    assert parse_qs(urlsplit(narrowed).query)["next"][0].endswith("/auth/sessions?kind=token&q=a%26b")
    answer = office.browser.get("/auth/sessions", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert office.browser.post("/auth/sessions", data={}).status_code == 401


def test_the_full_session_id_is_on_no_page(office):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    pages = [ada.get("/auth/sessions"), ada.get("/auth/sessions/end", params={"session": reference(office, vic)})]
    for session_id in office.session_ids():
        assert all(session_id not in page.text for page in pages)


def test_search_and_provider_narrow_the_list(office):
    office.signed_in("vic")
    office.signed_in("walt", provider="entra")
    ada = office.signed_in("ada")
    found = ada.get("/auth/sessions", params={"q": "WALT"}).text
    assert "walt@example.com" in found
    assert "vic@example.com" not in found
    found = ada.get("/auth/sessions", params={"provider": "entra"}).text
    assert "walt@example.com" in found
    assert "vic@example.com" not in found
    assert "No session matches." in ada.get("/auth/sessions", params={"q": "%"}).text


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999", "²"])
def test_a_strange_page_number_is_the_first_page(office, number):
    ada = office.signed_in("ada")
    assert "1 to 1 of 1" in ada.get("/auth/sessions", params={"page": number}).text


def test_long_lists_have_pages(office, monkeypatch):
    monkeypatch.setattr("airflow_oidc_auth.web.routes.sessions.PAGE_SIZE", 2)
    browsers = [office.signed_in("vic") for _ in range(4)]
    ada = office.signed_in("ada")
    first = ada.get("/auth/sessions").text
    assert "1 to 2 of 5" in first
    assert "page=2" in first
    assert 'rel="prev"' not in first
    last = ada.get("/auth/sessions", params={"page": "3"}).text
    assert "5 to 5 of 5" in last
    assert 'rel="next"' not in last
    shown = "".join(ada.get("/auth/sessions", params={"page": str(n)}).text for n in (1, 2, 3))
    assert all(reference(office, each) in shown for each in browsers)


def test_an_administrator_ends_one_session_with_a_reason(office):
    vic, other, ada = office.signed_in("vic"), office.signed_in("vic"), office.signed_in("ada")
    answer = send(ada, {"session": reference(office, vic)}, "laptop   stolen\u202e")
    assert answer.status_code == 303
    assert "1 session ended" in ada.get(answer.headers["location"]).text
    assert not office.is_signed_in(vic)
    assert office.is_signed_in(other)
    record = office.records[-1]
    assert (record.event.value, record.reason, record.owner) == ("auth.session_ended", "ended_by_admin", "Vic <b>")
    detail = dict(record.detail)
    assert (detail["ended_by"], detail["explanation"]) == ("Ada", "laptop stolen\\u202e")
    assert detail["ended_by_id"] == person(office, ada)
    assert record.client_address == "198.51.100.7"


def test_an_administrator_ends_all_of_a_person(office):
    vics, walt, ada = [office.signed_in("vic") for _ in range(3)], office.signed_in("walt"), office.signed_in("ada")
    answer = send(ada, {"person": person(office, vics[0])}, "left the company")
    assert answer.headers["location"].endswith("ended=3")
    assert not any(office.is_signed_in(each) for each in vics)
    assert office.is_signed_in(walt)
    assert [record.reason for record in office.records[-3:]] == ["ended_by_admin"] * 3


def test_who_has_no_session_any_more_is_shut_out_with_a_row(office):
    """Whatever the identity provider issued to them counts no more: an act, whether or not a session ended with it."""
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    target = {"person": person(office, vic)}
    page = ada.get("/auth/sessions/end", params=target)
    form = {"csrf_token": field_of(page, "csrf_token"), **target, "reason": "left"}
    for _ in range(2):
        ada.post("/auth/sessions", data=form)
    ended, again = office.records[-2:]
    assert (ended.principal_id, ended.session_ref is None) == (target["person"], False)
    assert (again.event, again.reason, again.principal_id) == (ended.event, "ended_by_admin", target["person"])
    assert dict(again.detail) == {
        "issued": "all until now",
        "ended_by": "Ada",
        "ended_by_id": person(office, ada),
        "explanation": "left",
    }


def test_an_administrator_ends_all_of_a_provider_but_not_their_own_session(office):
    vic, walt = office.signed_in("vic"), office.signed_in("walt", provider="entra")
    ada, elsewhere = office.signed_in("ada"), office.signed_in("ada")
    page = ada.get("/auth/sessions/end", params={"provider": "okta"})
    assert "End 2 sessions?" in page.text
    assert "The session of this browser stays" in page.text
    assert send(ada, {"provider": "okta"}, "okta was breached").headers["location"].endswith("ended=2")
    assert [office.is_signed_in(each) for each in (vic, elsewhere, walt, ada)] == [False, False, True, True]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 251, None])
def test_a_reason_is_required_of_an_administrator(office, reason):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    answer = send(ada, {"session": reference(office, vic)}, reason)
    assert answer.status_code == 400
    assert "Say why" in answer.text
    assert office.is_signed_in(vic)


def test_people_end_their_own_sessions_without_a_reason(office):
    phone, laptop = office.signed_in("vic"), office.signed_in("vic")
    page = laptop.get("/auth/sessions/end", params={"session": reference(office, phone)})
    assert "Reason" not in page.text
    assert send(laptop, {"session": reference(office, phone)}, None).status_code == 303
    assert not office.is_signed_in(phone)
    assert office.is_signed_in(laptop)
    assert office.records[-1].reason == "ended_by_user"


def test_people_end_all_their_other_sessions(office):
    others, mine, walt = [office.signed_in("vic") for _ in range(2)], office.signed_in("vic"), office.signed_in("walt")
    assert send(mine, {"person": person(office, mine)}, None).headers["location"].endswith("ended=2")
    assert [office.is_signed_in(each) for each in (*others, mine, walt)] == [False, False, True, True]


@pytest.mark.parametrize("kind", ["session", "person", "provider"])
def test_nobody_ends_a_session_of_somebody_else(office, kind):
    """Attack: a viewer takes a form of their own and names somebody else in it."""
    ada, vic = office.signed_in("ada"), office.signed_in("vic")
    named = {"session": reference(office, ada), "person": person(office, ada), "provider": "okta"}[kind]
    token = field_of(vic.get("/auth/sessions"), "csrf_token")
    answer = vic.post("/auth/sessions", data={"csrf_token": token, kind: named, "reason": "because"})
    assert (answer.status_code, "session_not_found" in answer.text) == (404, True)
    asked = vic.get("/auth/sessions/end", params={kind: named})
    assert asked.status_code == 404
    assert "Ada" not in asked.text
    assert office.is_signed_in(ada)


def test_a_session_of_somebody_else_and_one_that_never_was_look_the_same(office):
    ada, vic = office.signed_in("ada"), office.signed_in("vic")
    theirs = vic.get("/auth/sessions/end", params={"session": reference(office, ada)})
    nobodys = vic.get("/auth/sessions/end", params={"session": "AAAAAAAA"})
    assert theirs.status_code == nobodys.status_code
    without_reference = [re.sub(r"[a-z2-7]{16}</code>", "", each.text) for each in (theirs, nobodys)]
    assert without_reference[0] == without_reference[1]


@pytest.mark.parametrize("forgery", ["missing", "stranger", "cross-site", "other origin"])
def test_a_form_from_elsewhere_ends_nothing(office, forgery):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    token = field_of(ada.get("/auth/sessions"), "csrf_token")
    if forgery == "stranger":
        token = field_of(vic.get("/auth/sessions"), "csrf_token")
    form = {"session": reference(office, vic), "reason": "x", "csrf_token": "" if forgery == "missing" else token}
    headers = {
        "cross-site": {"Sec-Fetch-Site": "cross-site"},
        "other origin": {"Origin": "https://evil.example"},
    }.get(forgery, {})
    answer = ada.post("/auth/sessions", data=form, headers=headers)
    assert (answer.status_code, "csrf_failed" in answer.text) == (403, True)
    assert office.is_signed_in(vic)


def test_a_get_ends_nothing(office):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    target = {"session": reference(office, vic), "reason": "x"}
    ada.get("/auth/sessions", params=target)
    ada.get("/auth/sessions/end", params=target)
    assert ada.request("HEAD", "/auth/sessions").status_code == 405
    assert office.is_signed_in(vic)


@pytest.mark.parametrize(
    "target",
    [
        {},
        {"session": ""},
        {"session": "%"},
        {"session": "____"},
        {"session": "AAAAAAA"},
        {"session": "A" * 23},
        {"session": "AAAAAAA%"},
        {"session": "AAAAAAAA", "person": "x"},
        {"person": "nobody"},
        {"provider": "x" * 201},
        {"all": "1"},
    ],
)
def test_a_form_that_names_nothing_or_two_things_ends_nothing(office, target):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    token = field_of(ada.get("/auth/sessions"), "csrf_token")
    answer = ada.post("/auth/sessions", data={"csrf_token": token, "reason": "x", **target})
    assert answer.status_code == 404
    assert office.is_signed_in(vic)


def test_a_session_that_has_ended_meanwhile_is_told(office):
    vic, ada = office.signed_in("vic"), office.signed_in("ada")
    target = {"session": reference(office, vic)}
    send(ada, target)
    token = field_of(ada.get("/auth/sessions"), "csrf_token")
    assert ada.post("/auth/sessions", data={"csrf_token": token, "reason": "x", **target}).status_code == 404


def test_a_store_that_is_away_is_told_as_such(office, monkeypatch):
    ada = office.signed_in("ada")

    async def fail(*_, **__):
        raise SessionError("session_store_unavailable", "away")

    monkeypatch.setattr(ada.engine.office, "search", fail)
    assert ada.get("/auth/sessions").status_code == 503


def test_the_page_runs_no_script_and_is_framed_by_nobody(office):
    page = office.signed_in("ada").get("/auth/sessions")
    assert "<script" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_my_access_leads_here(office):
    assert "auth/sessions" in office.signed_in("vic").get("/auth/access").text


def test_links_that_wait_are_shown_to_administrators_only(office):
    _, token = office.make_link()
    assert "IdP &lt;down&gt;" in office.signed_in("ada").get("/auth/sessions").text
    assert "IdP &lt;down&gt;" not in office.signed_in("vic").get("/auth/sessions").text
    assert token not in office.signed_in("ada").get("/auth/sessions").text
