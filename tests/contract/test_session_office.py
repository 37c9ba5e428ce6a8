"""The sessions page and break-glass in the real Airflow app, under both auth managers."""

from __future__ import annotations

import re
import time

import pytest
from airflow.configuration import conf

from airflow_oidc_auth.audit.airflow_log import airflow_transactions
from airflow_oidc_auth.login.keys import derive_break_glass_keys
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.break_glass import insert_link, new_link
from tests.storage.airflow_database import run_airflow

PAGE = "/auth/sessions"


def field_of(page, name: str) -> str:
    return page.text.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def engine_of(server):
    return server.client().app.state.auth_manager.engine


def reference_of(server, browser) -> str:
    """Return how the page names the session of a browser."""
    verified = engine_of(server).tokens.verify_now(browser.cookies["_token"])
    return verified.session_id[:8]


def end(browser, target: dict, reason: str = "the laptop was stolen"):
    page = browser.get(f"{PAGE}/end", params=target)
    assert page.status_code == 200, page.text
    return browser.post(PAGE, data={"csrf_token": field_of(page, "csrf_token"), "reason": reason, **target})


def make_link(role: str = "Admin", minutes: int = 30) -> str:
    keys = derive_break_glass_keys(Secret(conf.get("core", "fernet_key")))
    terms = {"reason": "IdP down", "created_by": "root", "minutes": minutes, "now": int(time.time())}
    link, token, token_hash = new_link(keys, role=role, **terms)
    with airflow_transactions() as transaction:
        insert_link(transaction, link, token_hash)
    return token.reveal()


def use(browser, token: str):
    page = browser.get("/auth/break-glass", params={"link": token})
    assert page.status_code == 200, page.text
    form = {"link": token, "csrf_token": field_of(page, "csrf_token")}
    return browser.post("/auth/break-glass", data=form)


def test_an_administrator_sees_and_ends_the_session_of_another(server, audit_rows):
    vic, ada = server.sign_in("vic"), server.sign_in("ada")
    assert vic.get("/ui/auth/me").status_code == 200
    assert server.name_of("vic") in ada.get(PAGE, params={"q": "victor@example.com"}).text
    answer = end(ada, {"session": reference_of(server, vic)})
    assert answer.status_code == 303
    assert vic.get("/ui/auth/me").status_code == 401
    row = audit_rows(1)[0]
    assert (row["event"], row["reason"], row["owner"]) == (
        "auth.session_ended",
        "ended_by_admin",
        server.name_of("vic"),
    )
    assert (row["ended_by"], row["explanation"]) == (server.name_of("ada"), "the laptop was stolen")


@pytest.mark.parametrize("user", ["ops", "uma", "vic"])
def test_every_lesser_role_sees_its_own_sessions_only(server, user):
    ada, browser = server.sign_in("ada"), server.sign_in(user)
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert server.name_of("ada") not in page.text
    assert reference_of(server, browser) in page.text
    target = {"session": reference_of(server, ada)}
    assert browser.get(f"{PAGE}/end", params=target).status_code == 404
    form = {"csrf_token": field_of(page, "csrf_token"), "reason": "x", **target}
    assert browser.post(PAGE, data=form).status_code == 404
    assert ada.get("/ui/auth/me").status_code == 200


def test_in_fab_mode_who_may_edit_users_may_end_their_sessions(server):
    if server.mode != "fab":
        pytest.skip("roles of the native manager have no permission on FAB's users")
    manager = server.client().app.state.auth_manager
    browser, ada = server.sign_in("ops"), server.sign_in("ada")
    assert reference_of(server, ada) not in browser.get(PAGE).text
    with manager.flask_app.app_context():
        from airflow.providers.fab.www.security import permissions

        security = manager.security_manager
        role = security.find_role("Op")
        pair = security.create_permission(permissions.ACTION_CAN_EDIT, permissions.RESOURCE_USER)
        security.add_permission_to_role(role, pair)
        try:
            engine_of(server)._admission._directory.poll()
            assert reference_of(server, ada) in browser.get(PAGE).text
        finally:
            security.remove_permission_from_role(role, pair)
            engine_of(server)._admission._directory.poll()
    assert reference_of(server, ada) not in browser.get(PAGE).text


def test_a_break_glass_link_lets_an_administrator_in_without_the_identity_provider(server, audit_rows):
    server.idp.requests.clear()
    browser = server.client()
    token = make_link()
    answer = use(browser, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "http://localhost:8080/")
    assert server.idp.requests == []
    me = browser.get("/ui/auth/me")
    assert me.status_code == 200
    assert "break-glass (root)" in me.text
    assert browser.get("/api/v2/connections").status_code == 200
    assert browser.get(PAGE).status_code == 200
    used, login = audit_rows(2)
    assert [(row["event"], row["reason"]) for row in (login, used)] == [
        ("auth.login", "break_glass"),
        ("auth.break_glass", "used"),
    ]
    assert (used["explanation"], used["created_by"], used["roles_after"]) == ("IdP down", "root", ["Admin"])
    assert token not in str(audit_rows(20))
    again = server.client().get("/auth/break-glass", params={"link": token})
    assert "break_glass_used" in again.text


def test_a_break_glass_session_has_the_role_of_its_link_and_no_more(server):
    browser = server.client()
    use(browser, make_link("Viewer"))
    assert browser.get("/ui/auth/me").status_code == 200
    assert browser.get("/api/v2/dags").status_code == 200
    assert browser.get("/api/v2/connections").status_code == 403
    assert "Search" not in browser.get(PAGE).text


def test_the_end_of_a_break_glass_session_is_told_and_takes_its_roles(server, audit_rows, monkeypatch):
    browser = server.client()
    use(browser, make_link())
    ada = server.sign_in("ada")
    end(ada, {"session": reference_of(server, browser)}, "who is that?")
    assert browser.get("/ui/auth/me").status_code == 401
    engine_of(server)._desk._watch._action()
    row = audit_rows(1)[0]
    assert (row["event"], row["reason"], row["ended_because"]) == ("auth.break_glass", "ended", "session_ended")
    if server.mode == "fab":
        security = server.client().app.state.auth_manager.security_manager
        with server.client().app.state.auth_manager.flask_app.app_context():
            users = [user for user in security.get_all_users() if user.username.startswith("break-glass (root)~")]
            ended = [user for user in users if user.username == row["owner"] or not user.roles]
            assert ended
            assert all(user.password == "!" for user in users)


DOCUMENT = """
version: 1
providers: {okta: {preset: okta, issuer: "https://down.example", client_id: x, client_secret: {env: NOT_SET}}}
grants: {rules: [{name: all, when: {group: staff}, roles: [Viewer]}]}
"""


def wait_for(condition, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return bool(condition())


@pytest.mark.timeout(300)
def test_the_commands_on_a_host_reach_the_running_server(server, tmp_path, monkeypatch):
    """Another process, nothing shared but the database and the keys."""
    document = tmp_path / "oidc_auth.yaml"
    document.write_text(DOCUMENT, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__OIDC_AUTH__CONFIG_FILE", str(document))
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcAuthManager")
    made = run_airflow("oidc", "break-glass", "--reason", "IdP down", "--json")
    token = re.search(r"break-glass\?link=([A-Za-z0-9_.-]+)", made).group(1)
    rescued, uma = server.client(), server.sign_in("uma")
    assert use(rescued, token).status_code == 303
    listed = run_airflow("oidc", "sessions", "list", "--provider", "break-glass")
    assert "break-glass (" in listed
    for target, browser in ((["--provider", "break-glass"], rescued), (["--user", "uma@example.com"], uma)):
        assert browser.get("/ui/auth/me").status_code == 200
        run_airflow("oidc", "sessions", "end", *target, "--reason", "drill", "--yes")
        assert wait_for(lambda browser=browser: browser.get("/ui/auth/me").status_code == 401)


def test_airflows_access_log_sees_no_token(server):
    seen = {}

    async def app(scope, receive, send):
        seen["inner"] = scope["query_string"]

    from airflow_oidc_auth.web.middleware import AuthMiddleware

    scope = {"type": "http", "path": "/auth/break-glass", "headers": [], "query_string": b"link=secret"}
    coroutine = AuthMiddleware(app)(scope, None, None)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert seen["inner"] == b"link=secret"
    assert scope["query_string"] == b""
