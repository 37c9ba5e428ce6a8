"""One-time links: what they open, and every way to get in that must fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_oidc_auth.sessions.break_glass import new_link
from tests.unit.web.office import KEYS, Office, field_of, open_office, send
from tests.unit.web.rig import set_cookies


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


def look(office: Office, token: str, browser=None):
    return (browser or office.browser).get("/auth/break-glass", params={"link": token})


def use(office: Office, token: str, browser=None):
    page = look(office, token, browser)
    assert page.status_code == 200, page.text
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    return (browser or office.browser).post("/auth/break-glass", data=form)


def events(office: Office) -> list[tuple[str, str]]:
    return [(record.event.value, record.reason) for record in office.records]


def code_of(answer) -> str:
    found = re.search(r"break_glass_[a-z]+|csrf_failed", answer.text)
    assert found, answer.text
    return found.group()


def test_a_link_opens_one_session_with_its_role_and_no_identity_provider(office):
    office.browser.rig.idp.requests.clear()
    _, token = office.make_link("Op", minutes=30)
    page = look(office, token)
    assert all(text in page.text for text in ("Op", "30 minutes", "root", "IdP &lt;down&gt;"))
    answer = use(office, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://airflow.example/data/")
    assert "_token@/data/" in set_cookies(answer)
    assert office.browser.rig.idp.requests == []
    access = office.browser.get("/auth/access").text
    assert all(text in access for text in ("break-glass (root)", "Op", "made by root: IdP &lt;down&gt;"))
    (session_id,) = office.session_ids()
    session = office.browser.rig.store.load(session_id, now=office.now)
    assert (session.provider, session.check_due_at, session.regrade_at) == ("break-glass", None, None)
    assert session.expires_at == session.created_at + 1800


def test_creation_use_and_end_are_told(office):
    link, token = office.make_link("Op")
    use(office, token)
    assert events(office) == [("auth.login", "break_glass"), ("auth.break_glass", "used")]
    used = office.records[-1]
    assert (used.owner, used.subject, used.roles_after) == ("break-glass (root)", link.id, ("Op",))
    assert dict(used.detail) == {"created_by": "root", "explanation": "IdP <down>", "minutes": 30}
    office.watch.poll()
    assert len(office.records) == 2
    office.browser.rig.clock.ahead = 1801
    office.watch.poll()
    office.watch.poll()
    assert events(office)[2:] == [("auth.break_glass", "ended")]
    assert dict(office.records[-1].detail)["ended_because"] == "expired"
    assert office.records[-1].session_ref == used.session_ref
    assert token not in repr(office.records)


def test_the_session_ends_by_the_clock(office):
    _, token = office.make_link(minutes=1)
    use(office, token)
    assert office.browser.get("/auth/access").status_code == 200
    office.browser.rig.clock.ahead = 61
    assert office.browser.get("/auth/access").status_code == 303


def test_a_preview_does_not_use_the_link_up(office):
    _, token = office.make_link()
    for _ in range(3):
        assert look(office, token).status_code == 200
    assert office.browser.request("HEAD", "/auth/break-glass", params={"link": token}).status_code == 405
    assert office.session_ids() == []
    assert use(office, token).status_code == 303


def test_a_link_opens_once(office):
    _, token = office.make_link()
    page = look(office, token)
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    assert office.browser.post("/auth/break-glass", data=form).status_code == 303
    again = office.browser.another().post("/auth/break-glass", data=form)
    assert (again.status_code, code_of(again)) == (403, "break_glass_used")
    assert "If it was not you" in again.text
    assert "_token@/data/" not in set_cookies(again)
    assert code_of(look(office, token)) == "break_glass_used"
    assert len(office.session_ids()) == 1
    assert events(office)[2:] == [("auth.break_glass", "break_glass_used")]


def test_of_ten_uses_at_once_one_wins(office):
    _, token = office.make_link()
    found = [office.links.find(token) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        won = list(pool.map(lambda each: office.links.use(each, now=office.now, used_from=None), found))
    assert sum(each is not None for each in won) == 1


def test_the_database_holds_no_token(office):
    _, token = office.make_link()
    stored = str(office.links.find(token))
    with office.transactions() as transaction:
        row = transaction.connection().exec_driver_sql("SELECT * FROM oidc_auth_break_glass").one()
    secret = token.partition(".")[2]
    assert secret not in str(tuple(row))
    assert secret not in stored


@pytest.mark.parametrize("attack", ["other secret", "other id", "empty", "hash", "long", "wildcard", "case", "dot"])
def test_a_guess_opens_nothing_and_learns_nothing(office, attack):
    link, token = office.make_link()
    other, _ = office.make_link()
    secret = token.partition(".")[2]
    guess = {
        "other secret": f"{link.id}.{'A' * 43}",
        "other id": f"{other.id}.{secret}",
        "empty": "",
        "hash": f"{link.id}.",
        "long": token + "A",
        "wildcard": f"{'%' * 16}.{secret}",
        "case": token.swapcase(),
        "dot": token.replace(".", ""),
    }[attack]
    assert code_of(look(office, guess)) == "break_glass_unknown"
    form = {"link": guess, "csrf_token": field_of(look(office, token), "csrf_token")}
    assert office.browser.post("/auth/break-glass", data=form).status_code == 403
    assert office.session_ids() == []


def test_guesses_cannot_fill_the_audit(office):
    for number in range(50):
        look(office, f"{number:016}.{'A' * 43}")
    assert events(office) == [("auth.break_glass", "break_glass_unknown")]


@pytest.mark.parametrize(
    "change",
    [
        {"role": "Admin"},
        {"minutes": 240},
        {"expires_at": 2**40},
        {"created_by": "somebody else"},
        {"reason": "harmless"},
        {"token_hash": "0" * 64},
        {"created_at": 1},
    ],
)
def test_a_link_that_was_changed_in_the_database_opens_nothing(office, change):
    """Attack: somebody who can write to the database, but has not the Fernet key, gives a link more than it had."""
    link, token = office.make_link("Viewer", minutes=5)
    office.change(link, **change)
    assert code_of(look(office, token)) == "break_glass_unknown"


def test_a_link_written_without_the_key_opens_nothing(office):
    link, token, token_hash = new_link(
        [b"not the key"], role="Admin", reason="x", created_by="eve", minutes=30, now=office.now
    )
    made, _ = office.make_link()
    office.change(made, id=link.id, token_hash=token_hash)
    assert code_of(look(office, token.reveal())) == "break_glass_unknown"


def test_a_key_that_was_rotated_out_in_front_still_opens(office):
    old = [b"the old key"]
    link, token, token_hash = new_link(old, role="Op", reason="x", created_by="root", minutes=30, now=office.now)
    made, _ = office.make_link()
    values = {name: getattr(link, name) for name in ("id", "role", "reason", "created_at", "expires_at", "minutes")}
    office.change(made, token_hash=token_hash, **values)
    office.links._keys = (*KEYS, *old)
    assert look(office, token.reveal()).status_code == 200


def test_a_link_can_be_opened_for_ten_minutes(office):
    _, token = office.make_link()
    page = look(office, token)
    office.browser.rig.clock.ahead = 601
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    assert code_of(office.browser.post("/auth/break-glass", data=form)) == "break_glass_expired"
    assert code_of(look(office, token)) == "break_glass_expired"
    assert office.session_ids() == []


def test_a_link_is_refused_when_break_glass_was_switched_off_meanwhile(office):
    _, token = office.make_link()
    page = look(office, token)
    office.allowed = False
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    assert code_of(office.browser.post("/auth/break-glass", data=form)) == "break_glass_disabled"
    assert code_of(look(office, token)) == "break_glass_disabled"
    assert office.session_ids() == []


def test_switching_it_off_ends_the_sessions_that_it_opened(office):
    _, token = office.make_link()
    use(office, token)
    assert office.is_signed_in(office.browser)
    office.allowed = False
    office.watch.poll()
    assert not office.is_signed_in(office.browser)
    assert dict(office.records[-1].detail)["ended_because"] == "break_glass_disabled"


@pytest.mark.parametrize("forgery", ["none", "other link", "cross-site"])
def test_nobody_is_signed_in_by_a_form_of_another_site(office, forgery):
    """Attack: somebody lures an administrator into a session that is watched."""
    _, token = office.make_link()
    _, other = office.make_link()
    csrf = (
        "" if forgery == "none" else field_of(look(office, other if forgery == "other link" else token), "csrf_token")
    )
    headers = {"Sec-Fetch-Site": "cross-site"} if forgery == "cross-site" else {}
    answer = office.browser.post("/auth/break-glass", data={"link": token, "csrf_token": csrf}, headers=headers)
    assert code_of(answer) == "csrf_failed"
    assert office.session_ids() == []


def test_a_use_that_cannot_be_audited_leaves_no_session(office):
    _, token = office.make_link()
    page = look(office, token)
    office.browser.rig.sink.down = True
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    answer = office.browser.post("/auth/break-glass", data=form)
    assert answer.status_code == 503
    assert "_token@/data/" not in set_cookies(answer)
    (session_id,) = office.session_ids()
    assert office.browser.rig.store.load(session_id, now=office.now) is None


def test_the_session_of_the_browser_is_replaced(office):
    vic = office.signed_in("vic")
    old = vic.client.cookies["_token"]
    _, token = office.make_link()
    assert "that session ends" in look(office, token, vic).text
    use(office, token, vic)
    assert office.browser.get("/auth/access", headers={"Cookie": f"_token={old}"}).status_code == 303
    assert ("auth.session_ended", "replaced") in events(office)


def test_an_administrator_sees_and_ends_the_session_and_that_is_told(office):
    _, token = office.make_link()
    rescued = office.browser.another()
    use(office, token, rescued)
    ada = office.signed_in("ada")
    page = ada.get("/auth/sessions")
    assert all(text in page.text for text in ("break-glass (root)", "Break-glass", "alarming", "never"))
    (session_id, _) = office.session_ids()
    assert send(ada, {"session": session_id[:8]}, "who is that?").status_code == 303
    assert not office.is_signed_in(rescued)
    office.watch.poll()
    assert dict(office.records[-1].detail)["ended_because"] == "session_ended"


def test_signing_out_ends_it_and_asks_no_identity_provider(office):
    _, token = office.make_link()
    use(office, token)
    answer = office.browser.get("/auth/logout")
    assert answer.headers["location"] == "https://airflow.example/data/auth/signed-out"
    office.watch.poll()
    assert dict(office.records[-1].detail)["ended_because"] == "session_ended"


@pytest.mark.parametrize("minutes", [0, -1, 241])
def test_no_link_is_made_for_longer_than_four_hours(office, minutes):
    with pytest.raises(ValueError, match="1 to 240"):
        office.make_link(minutes=minutes)


def test_old_links_are_deleted_and_young_ones_are_not(office):
    _, unused = office.make_link()
    _, used = office.make_link()
    use(office, used)
    office.browser.rig.clock.ahead = 29 * 86400
    office.watch.poll()
    assert office.links.find(unused) is not None
    office.browser.rig.clock.ahead = 31 * 86400
    office.watch.poll()
    assert office.links.find(unused) is None
    assert office.links.find(used) is not None
    office.browser.rig.clock.ahead = 60 * 86400
    office.watch.poll()
    assert office.links.find(used) is None
