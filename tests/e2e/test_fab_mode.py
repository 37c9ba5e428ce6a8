"""FAB mode in a real browser: the same sign-in, FAB's pages behind our cookie, FAB's users and roles as they are."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, OpenIdProvider, document
from tests.e2e.processes import wait_until
from tests.e2e.visitor import ADA, NORA, UMA, VICTOR, Visitor

pytestmark = pytest.mark.xdist_group("e2e-fab")

WEBSERVER_CONFIG = """
from airflow_oidc_auth import OidcSecurityManager

SECURITY_MANAGER_CLASS = OidcSecurityManager
OIDC_AUTH = {document!r}
AUTH_USER_REGISTRATION = True
"""
OUT_SECONDS = 5
FAB_PAGES = ("users/list/", "roles/list/", "users/add", "roles/add", "permissions/list/", "actions/list/")


class FabAirflow(Airflow):
    """An Airflow in FAB mode."""

    def environ(self, **more: str) -> dict[str, str]:
        mode = {"AIRFLOW__CORE__AUTH_MANAGER": "airflow_oidc_auth.OidcFabAuthManager"}
        return super().environ(**mode, AIRFLOW__OIDC_AUTH__CONFIG_FILE="", **more)

    def write_webserver_config(self) -> None:
        """Write the file that FAB reads; the document is beside it."""
        text = WEBSERVER_CONFIG.format(document=str(self.document))
        (self.home / "webserver_config.py").write_text(text, encoding="utf-8")

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Change or read FAB's tables, as an administrator would through its pages."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def fab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FabAirflow]:
    folder = tmp_path_factory.mktemp("fab-mode")
    airflow = FabAirflow(folder / "airflow")
    op = OpenIdProvider(folder / "op.log", airflow.base_url)
    try:
        airflow.document.write_text(document(op), encoding="utf-8")
        airflow.write_webserver_config()
        airflow.migrate(dags=True)
        airflow.start(E2E_CLIENT_SECRET=CLIENT_SECRET)
        yield airflow
    finally:
        airflow.stop()
        op.stop()


@pytest.fixture
def visitor(context: BrowserContext, fab: FabAirflow) -> Visitor:
    return Visitor(context.new_page(), fab)


def sign_in(visitor: Visitor, name: str) -> None:
    visitor.sign_in(name, "/auth/access")
    expect(visitor.page.get_by_role("heading", name="My access")).to_be_visible()


def test_fabs_pages_open_with_our_cookie_alone_and_close_at_sign_out(visitor: Visitor, fab: FabAirflow) -> None:
    sign_in(visitor, ADA)
    visitor.open("/auth/users/list/")
    expect(visitor.page.get_by_text("ada@example.com", exact=True)).to_be_visible()
    visitor.open("/auth/roles/list/")
    expect(visitor.page.get_by_role("cell", name="Viewer", exact=True)).to_be_visible()
    kept = {cookie["name"]: cookie["value"] for cookie in visitor.page.context.cookies()}
    visitor.open("/auth/logout")
    expect(visitor.page.get_by_role("heading", name="Sign out of the identity provider?")).to_be_visible()
    assert not {"_token", "session"} & visitor.cookie_names()
    # Whoever kept a copy of every cookie has nothing.
    for page in FAB_PAGES:
        answer = requests.get(f"{fab.base_url}/auth/{page}", cookies=kept, allow_redirects=False, timeout=20)
        assert answer.status_code in {302, 303, 307}, page
        assert "/auth/login" in answer.headers["location"], page


def test_a_viewer_signs_in_and_finds_fabs_pages_shut(visitor: Visitor) -> None:
    sign_in(visitor, VICTOR)
    assert visitor.get("/ui/auth/me").json()["username"].startswith("victor@example.com~")
    for page in FAB_PAGES:
        answer = visitor.get(f"/auth/{page}")
        assert answer.status in {302, 403, 404, 405}, page
        assert "ada@example.com" not in answer.text()
    assert visitor.get("/auth/fab/v1/users").status == 403
    assert visitor.get("/api/v2/dags").status == 200
    assert visitor.get("/api/v2/connections").status == 403


def test_a_person_whom_no_rule_knows_gets_no_fab_user(visitor: Visitor, fab: FabAirflow) -> None:
    visitor.sign_in(NORA)
    expect(visitor.page.get_by_text("canteen")).to_be_visible()
    assert fab.execute("SELECT count(*) FROM ab_user WHERE email LIKE 'nora%'") == [(0,)]


@pytest.mark.parametrize("path", ["/auth/login/", "/auth/login/?next=http%3A%2F%2Flocalhost%2F"])
def test_fabs_old_login_address_goes_on_to_ours(fab: FabAirflow, path: str) -> None:
    answer = requests.get(f"{fab.base_url}{path}", allow_redirects=False, timeout=20)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{fab.base_url}/auth/login")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/token", {"username": "local", "password": "correct horse"}),
        ("/auth/token/cli", {"username": "local", "password": "correct horse"}),
        ("/auth/api/v1/security/login", {"username": "local", "password": "correct horse", "provider": "db"}),
        ("/auth/login/", {"username": "local", "password": "correct horse"}),
    ],
)
def test_a_local_password_opens_nothing(fab: FabAirflow, path: str, body: dict[str, str]) -> None:
    if not fab.execute("SELECT 1 FROM ab_user WHERE username = 'local'"):
        options = ["--firstname", "L", "--lastname", "O", "--email", "local@example.com", "--role", "Admin"]
        done = fab.run("users", "create", "-u", "local", "-p", body["password"], *options)
        assert done.returncode == 0, done.stderr
    for how in ({"json": body}, {"data": body}):
        answer = requests.post(f"{fab.base_url}{path}", allow_redirects=False, timeout=20, **how)
        assert answer.status_code >= 400, answer.text
        assert "_token" not in answer.cookies
        assert "access_token" not in answer.text


def test_a_user_deactivated_in_fab_is_out_within_seconds(visitor: Visitor, fab: FabAirflow) -> None:
    sign_in(visitor, UMA)
    before = fab.last_audit_id()
    fab.execute("UPDATE ab_user SET active = 0 WHERE username LIKE 'uma@%'")
    began = time.monotonic()
    wait_until(lambda: visitor.get("/ui/auth/me").status == 401, "the end", OUT_SECONDS)
    assert time.monotonic() - began < OUT_SECONDS
    wait_until(lambda: fab.audit(before), "the audit row")
    row = fab.audit(before)[0]
    assert (row["event"], row["reason"]) == ("auth.session_ended", "fab_user_inactive")
    # The provider still knows the browser, so nobody is asked anything.
    visitor.open("/auth/login/op")
    expect(visitor.page.get_by_text("fab_user_inactive")).to_be_visible()
    assert not visitor.is_signed_in()
    fab.execute("UPDATE ab_user SET active = 1 WHERE username LIKE 'uma@%'")


def test_a_role_taken_away_in_fab_denies_within_seconds(visitor: Visitor, fab: FabAirflow) -> None:
    sign_in(visitor, UMA)
    assert visitor.get("/api/v2/dags").status == 200
    fab.execute("DELETE FROM ab_user_role WHERE user_id = (SELECT id FROM ab_user WHERE username LIKE 'uma@%')")
    wait_until(lambda: visitor.get("/api/v2/dags").status == 403, "the denial", OUT_SECONDS)


def test_a_foreign_flask_session_proves_nothing(fab: FabAirflow) -> None:
    """A cookie of stock FAB, signed with the same key, names the administrator."""
    from flask import Flask
    from flask.sessions import SecureCookieSessionInterface

    app = Flask("attack")
    app.secret_key = fab.run("config", "get-value", "api", "secret_key").stdout.strip()
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    cookies = {"session": signer.dumps({"_user_id": "1", "_fresh": True}), "remember_token": "1|x"}
    answer = requests.get(f"{fab.base_url}/auth/users/list/", cookies=cookies, allow_redirects=False, timeout=20)
    assert re.search("/auth/login", answer.headers["location"])
    assert requests.get(f"{fab.base_url}/ui/auth/me", cookies=cookies, timeout=20).status_code == 401
