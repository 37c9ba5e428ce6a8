"""The main job on a real API server: link → IdP → role → audit row, and every way out of it."""

from __future__ import annotations

import jwt
import pytest

from airflow_oidc_auth.testing.misbehaviour import ATTACKS, DOWN, Misbehaviour
from airflow_oidc_auth.testing.users import FakeUser

MENU_OF = {
    "ada": {"Audit Log", "Config", "Connections", "Variables", "Dags"},
    "ops": {"Config", "Connections", "Variables", "Dags"},
    "uma": {"Dags"},
    "vic": {"Dags"},
}
ADMIN_ONLY = {"Audit Log", "Config", "Connections", "Variables"}


@pytest.mark.parametrize("user", sorted(MENU_OF))
def test_each_person_gets_the_role_of_their_group(server, user):
    browser = server.sign_in(user)
    menu = set(browser.get("/ui/auth/menus").json()["authorized_menu_items"])
    assert MENU_OF[user] <= menu
    assert not (ADMIN_ONLY - MENU_OF[user]) & menu


def test_lands_where_the_link_pointed(server):
    browser = server.client()
    answer = server.finish(browser, server.begin(browser, "/dags/finance_daily?tab=code"), "vic")
    assert answer.headers["location"] == "http://localhost:8080/dags/finance_daily?tab=code"


def test_login_and_logout_are_rows_of_the_audit_log_with_one_session(server, audit_rows):
    browser = server.sign_in("ada")
    browser.get("/auth/logout")
    logout, login = [row for row in audit_rows(9) if row["event"] in {"auth.login", "auth.logout"}][:2]
    assert (login["event"], login["owner"], login["roles_after"]) == ("auth.login", server.name_of("ada"), ["Admin"])
    assert (logout["event"], logout["reason"]) == ("auth.logout", "user_logout")
    assert login["session_ref"] == logout["session_ref"]
    assert login["subject"] == "ada"
    assert login["issuer"] == server.idp.issuer


def test_a_person_whom_no_rule_knows_is_refused_with_a_reference_that_the_audit_knows(server, audit_rows):
    browser = server.client()
    answer = server.finish(browser, server.begin(browser), "nora")
    row = audit_rows(1)[0]
    assert answer.status_code == 403
    assert "canteen" in answer.text
    assert row["correlation_id"] in answer.text
    assert (row["event"], row["reason"], row["subject"]) == ("auth.login_refused", "no_matching_rule", "nora")
    assert "_token" not in browser.cookies
    assert browser.get("/ui/auth/me").status_code == 401


def test_the_cookie_is_small_and_names_nobody(server):
    browser = server.sign_in("ada")
    token = browser.cookies["_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert len(token) <= 1024
    assert set(claims) <= {"sub", "sid", "gd", "jti", "aud", "iss", "nbf", "iat", "exp", "fab"}
    # Not three letters, which chance puts into an id now and then.
    assert "ada@example" not in str(claims).lower()


def test_thousands_of_groups_make_no_bigger_cookie_and_no_bigger_row(server, audit_rows):
    many = ("users", "adm\u0131ns", "Admins", "admins\0", *(f"team-{n:04d}-{'x' * 20}" for n in range(4_000)))
    before = server.idp.users
    server.idp.users = (*before, FakeUser("max", name="Max", email="max@example.com", groups=many))
    try:
        browser = server.sign_in("max")
    finally:
        server.idp.users = before
    row = audit_rows(1)[0]
    assert len(browser.cookies["_token"]) <= 1024
    assert row["roles_after"] == ["User"]
    assert len(str(row)) < 2_000
    assert browser.get("/auth/access").status_code == 200


def test_signed_in_people_carry_on_while_the_identity_provider_is_down(server):
    browser = server.sign_in("vic")
    server.idp.misbehaviour = DOWN
    try:
        assert browser.get("/ui/auth/me").status_code == 200
        refused = server.client().get("/auth/login/oidc")
    finally:
        server.idp.misbehaviour = Misbehaviour()
    assert refused.status_code in (303, 502)
    assert "_token" not in refused.cookies


def test_one_login_asks_the_identity_provider_once(server):
    server.sign_in("vic")
    server.idp.requests.clear()
    server.sign_in("ops")
    asked = [request.path for request in server.idp.requests if request.path not in {"/authorize", "/login"}]
    assert asked == ["/token"]


def test_a_callback_brought_twice_opens_nothing_and_sends_nobody_in_circles(server):
    browser = server.client()
    response = server.idp.sign_in(server.begin(browser), "ada")
    assert browser.get("/auth/callback/oidc", params=response).status_code == 303
    stranger = server.client()
    again = stranger.get("/auth/callback/oidc", params=response)
    assert again.status_code == 400
    assert "location" not in again.headers
    assert "_token" not in stranger.cookies


def test_two_tabs_finish_in_any_order(server):
    browser = server.client()
    first, second = server.begin(browser, "/dags/first"), server.begin(browser, "/dags/second")
    assert server.finish(browser, second, "ada").headers["location"].endswith("/dags/second")
    assert server.finish(browser, first, "ada").headers["location"].endswith("/dags/first")


# A running server has discovery and keys already and asks for no userinfo here: tests/unit/providers delivers those.
DELIVERED = sorted(name for name in ATTACKS if name.split()[0] not in {"discovery", "keys", "userinfo"})


@pytest.mark.parametrize("attack", DELIVERED)
def test_no_lie_of_the_identity_provider_opens_a_session(server, attack):
    browser = server.client()
    url = server.begin(browser)
    server.idp.misbehaviour = ATTACKS[attack]
    try:
        answer = server.finish(browser, url, "ada")
    finally:
        server.idp.misbehaviour = type(ATTACKS[attack])()
    assert answer.status_code >= 400
    assert "location" not in answer.headers
    assert "Traceback" not in answer.text
    assert "_token" not in browser.cookies


def test_health_says_which_side_is_down_and_keeps_answering(server):
    def state() -> tuple[str, str]:
        answer = server.client().get("/auth/health")
        assert answer.status_code == 200
        return answer.json()["status"], answer.json()["providers"][0]["state"]

    browser = server.sign_in("vic")
    assert state() == ("ok", "ok")
    lost = server.client()
    response = server.idp.sign_in(server.begin(lost), "ada")
    server.idp.misbehaviour = DOWN
    try:
        answer = lost.get("/auth/callback/oidc", params=response)
    finally:
        server.idp.misbehaviour = type(DOWN)()
    assert answer.status_code == 502
    assert "identity provider" in answer.text.lower()
    assert state() == ("degraded", "failing")
    assert browser.get("/ui/auth/me").status_code == 200
    server.sign_in("ada")
    assert state() == ("ok", "ok")


def test_roles_of_a_new_sign_in_count_in_the_very_next_request(server):
    """What was known of the person before the sign-in must not answer for them after it."""
    before = server.idp.users
    moving = FakeUser("mona", name="Mona", email="mona@example.com", groups=("ops",))
    server.idp.users = (*before, moving)
    try:
        browser = server.sign_in("mona")
        assert browser.get("/api/v2/connections").status_code == 200
        server.idp.users = (*before, FakeUser("mona", name="Mona", email="mona@example.com", groups=("viewers",)))
        browser = server.sign_in("mona")
        assert browser.get("/api/v2/connections").status_code == 403
        server.idp.users = (*before, moving)
        browser = server.sign_in("mona")
        assert browser.get("/api/v2/connections").status_code == 200
    finally:
        server.idp.users = before
