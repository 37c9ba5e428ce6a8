"""FAB's pages and REST API, attacked by people with a session of their own, of others, of yesterday, or of none."""

from __future__ import annotations

import re

import pytest
from airflow.utils.session import create_session
from sqlalchemy import text

from tests.contract.conftest import BASE_URL, path_of

NEW_PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _only_fab_mode(server):
    if server.mode != "fab":
        pytest.skip("FAB's pages are there in FAB mode only")


def stored(column, email):
    with create_session(scoped=False) as session:
        return session.execute(text(f"SELECT {column} FROM ab_user WHERE email = :e"), {"e": email}).scalar_one()


def form_token(page):
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    return found.group(1) if found else ""


@pytest.mark.parametrize("page", ["resetmypassword", "resetpassword"])
def test_nobody_gives_a_user_of_single_sign_on_a_password(server, page):
    """It would sleep in FAB's table until the deployment goes back to AUTH_DB."""
    browser = server.sign_in("ada")
    form = browser.get("/auth/userinfoeditview/form")
    answer = browser.post(
        f"/auth/{page}/form",
        params={"pk": stored("id", "ada@example.com")},
        data={"csrf_token": form_token(form), "password": NEW_PASSWORD, "conf_password": NEW_PASSWORD},
    )
    assert stored("password", "ada@example.com") == "!"
    assert answer.status_code == 404


def test_fabs_home_is_airflows_home_and_fab_sets_no_session_cookie(server):
    browser = server.sign_in("vic")
    before = browser.cookies["_token"]
    answer = browser.get("/auth/")
    assert answer.status_code == 302
    assert answer.headers["location"] in {BASE_URL, f"{BASE_URL}/"}
    assert "_token" not in answer.headers.get("set-cookie", "")
    assert browser.cookies["_token"] == before


def test_a_person_goes_from_the_own_profile_to_its_form(server):
    """FAB wants to renew the session cookie with each redirect of its own."""
    browser = server.sign_in("vic")
    profile = browser.get("/auth/users/userinfo/")
    assert profile.status_code == 200
    address = f"/auth/users/action/userinfoedit/{stored('id', 'victor@example.com')}"
    answer = browser.post(address, data={"csrf_token": form_token(profile)})
    assert answer.status_code == 302
    assert path_of(answer.headers["location"]) == "/auth/userinfoeditview/form"


def test_whom_a_page_of_fabs_refuses_lands_at_home_and_not_in_a_circle(server):
    browser = server.sign_in("vic")
    answer = browser.get("/auth/roles/list/")
    assert answer.status_code == 302
    answer = browser.get(answer.headers["location"])
    assert answer.headers["location"] == BASE_URL


def test_a_thread_gives_its_database_session_back_with_each_of_fabs_answers(server):
    """It would hold a connection of the pool, and the next page there would show what FAB's tables said before."""
    from airflow import settings
    from werkzeug.test import Client

    from airflow_oidc_auth.managers.fab_pages import _forgetting

    def page(environ, start_response):
        settings.Session().execute(text("SELECT 1"))
        assert settings.Session.registry.has()
        start_response("200 OK", [])
        return [b""]

    assert Client(_forgetting(page)).get("/users/list/").status_code == 200
    assert not settings.Session.registry.has()


def test_a_public_role_opens_no_page(server, monkeypatch):
    """FAB counts everybody as signed in where there is one."""
    manager = server.client().app.state.auth_manager
    monkeypatch.setenv("AIRFLOW__FAB__AUTH_ROLE_PUBLIC", "Admin")
    monkeypatch.setitem(manager.flask_app.config, "AUTH_ROLE_PUBLIC", "Admin")
    for page in ("/auth/users/list/", "/auth/roles/list/", "/auth/users/userinfo/"):
        answer = server.client().get(page)
        assert answer.status_code == 302, page
        assert "/auth/login" in answer.headers["location"]
    assert manager.build_public_user() is None
    with manager.flask_app.test_request_context("/users/list/"):
        assert not manager.is_logged_in()
        assert (manager.get_user().roles, manager.get_user().perms) == ((), frozenset())


def test_airflows_decisions_can_be_asked_with_fabs_own_user(server):
    """FAB's decorators do, on pages of plugins."""
    from airflow_oidc_auth.fab.visitor import Visitor, visiting
    from airflow_oidc_auth.policy.permissions import EVERYTHING

    manager = server.client().app.state.auth_manager
    server.sign_in("ada")
    for visitor, expected in ((None, False), (Visitor(stored("id", "ada@example.com"), EVERYTHING), True)):
        with visiting(visitor), manager.flask_app.test_request_context("/users/list/"):
            user = manager.get_user()
            assert manager.is_authorized_dag(method="GET", user=user) is expected
            assert manager.is_authorized_custom_view(method="can_read", resource_name="Users", user=user) is expected


# Judged one by one: data, Flask's plumbing, the sync of DAG(access_control=…), and what is decided by ours underneath.
INHERITED = {
    *("cache", "appbuilder", "flask_app", "_flask_app_lock", "apiserver_endpoint", "session", "security_manager"),
    *("init_flask_resources", "_sync_appbuilder_roles", "sync_dag_perms", "get_cli_commands", "get_db_manager"),
    *("register_views", "get_user", "is_logged_in", "is_authorized_backfill", "_is_authorized", "_is_authorized_dag"),
    *("_is_authorized_list_dags", "_get_fab_action", "_get_fab_resource_types"),
}


def test_nothing_of_fabs_manager_is_inherited_unseen(server):
    """A door that a later FAB opens in its auth manager would be open here, too."""
    from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager

    ours = type(server.client().app.state.auth_manager)
    named = [name for name in vars(FabAuthManager) if not name.startswith("__")]
    of_fab = {name for name in named if next(each for each in ours.__mro__ if name in vars(each)) is FabAuthManager} - {
        "_abc_impl"
    }
    assert of_fab <= INHERITED
