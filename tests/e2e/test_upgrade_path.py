"""The whole way of one deployment and one person: stock FAB's AUTH_OAUTH, our FAB mode, the native manager."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.airflow_server import ROOT, Airflow
from tests.e2e.identity_providers import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.e2e.visitor import UMA, Visitor

# Six servers start one after the other.
pytestmark = [pytest.mark.xdist_group("e2e-upgrade"), pytest.mark.timeout(600)]

UMA_SUBJECT = "op-0003"

# As deployments have it: the name is made from a claim that people can choose.
STOCK_CONFIG = """
import os

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask_appbuilder.security.manager import AUTH_OAUTH

AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {{"airflow-users": ["Marketing"]}}
OAUTH_PROVIDERS = [
    {{
        "name": "op",
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {{
            "client_id": "{client_id}",
            "client_secret": os.environ["E2E_CLIENT_SECRET"],
            "server_metadata_url": "{issuer}/.well-known/openid-configuration",
            "client_kwargs": {{"scope": "openid profile email groups", "code_challenge_method": "S256"}},
        }},
    }}
]


class CompanySecurityManager(FabAirflowSecurityManagerOverride):
    def get_oauth_user_info(self, provider, response):
        me = self.oauth_remotes[provider].userinfo()
        return {{
            "username": me["email"].partition("@")[0],
            "email": me["email"],
            "first_name": me["name"].partition(" ")[0],
            "last_name": me["name"].partition(" ")[2],
            "role_keys": me["groups"],
        }}


SECURITY_MANAGER_CLASS = CompanySecurityManager
"""

DAGS = """
from __future__ import annotations

from airflow.sdk import dag


@dag(schedule=None, access_control={"Marketing": {"can_read", "can_edit"}})
def newsletter() -> None:
    pass


@dag(schedule=None)
def payroll() -> None:
    pass


newsletter()
payroll()
"""

ROLE = [
    {"name": "Marketing", "resource": "Website", "action": "can_read"},
    {"name": "Marketing", "resource": "DAG Runs", "action": "can_read,can_create"},
    {"name": "Marketing", "resource": "Connections", "action": "can_read"},
]

NATIVE_CONFIG = """\
version: 1
providers:
  op:
    preset: oidc
    label: Company login
    issuer: {issuer}
    client_id: {client_id}
    client_secret: {{env: E2E_CLIENT_SECRET}}
    scopes: [openid, profile, email, groups]
grants:
  rules:
    - {{name: marketing, when: {{group: airflow-users}}, roles: [Marketing]}}
"""

# What the example is filled in with; its client id is that of these tests already.
FILLED_IN = {
    '"company": {': '"op": {',
    '"https://login.example.com"': '"{issuer}"',
    "COMPANY_CLIENT_SECRET": "E2E_CLIENT_SECRET",
    '"data-engineers": ["User"],': '"airflow-users": ["Marketing"],',
}


class Deployment(Airflow):
    """One Airflow that changes its auth manager; ``mode`` is what its ``airflow.cfg`` says."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.mode: dict[str, str] = {}

    def environ(self, **more: str) -> dict[str, str]:
        own = {"AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"), "AIRFLOW__OIDC_AUTH__CONFIG_FILE": ""}
        return super().environ(**{**own, **self.mode, "E2E_CLIENT_SECRET": CLIENT_SECRET, **more})

    def query(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Ask FAB's tables."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=20)) as database, database:
            return database.execute(statement, values).fetchall()

    def user(self) -> dict[str, object]:
        """Return what FAB has about Uma, who is one user all the time."""
        users = self.query("SELECT id, username, login_count, password FROM ab_user WHERE email LIKE 'uma@%'")
        assert len(users) == 1, users
        roles = "SELECT name FROM ab_role JOIN ab_user_role ON role_id = ab_role.id WHERE user_id = ?"
        names = {str(row[0]) for row in self.query(roles, users[0][0])}
        return dict(zip(("id", "username", "logins", "password"), users[0], strict=True)) | {"roles": names}


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    airflow = Deployment(tmp_path / "airflow")
    (airflow.home / "dags").mkdir()
    (airflow.home / "dags" / "both.py").write_text(DAGS, encoding="utf-8")
    yield airflow
    airflow.stop()


@pytest.fixture
def op(tmp_path: Path, deployment: Deployment) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(tmp_path / "op.log", deployment.base_url)
    yield provider
    provider.stop()


def rights(visitor: Visitor) -> dict[str, object]:
    """Ask the API for what the custom role and the DAG's own access control give, and for what they do not."""
    run = {"logical_date": None}
    return {
        "dags": sorted(dag["dag_id"] for dag in visitor.get("/api/v2/dags").json()["dags"]),
        "read payroll": visitor.get("/api/v2/dags/payroll").status,
        "start newsletter": visitor.post("/api/v2/dags/newsletter/dagRuns", run).status,
        "start payroll": visitor.post("/api/v2/dags/payroll/dagRuns", run).status,
        "connections": visitor.get("/api/v2/connections").status,
        "variables": visitor.get("/api/v2/variables").status,
    }


RIGHTS = {
    "dags": ["newsletter"],
    "read payroll": 403,
    "start newsletter": 200,
    "start payroll": 403,
    "connections": 200,
    "variables": 403,
}


def fill_in(op: OpenIdProvider) -> str:
    """Return the example ``webserver_config.py`` with this provider and this group in it."""
    assert CLIENT_ID == "airflow"
    text = (ROOT / "examples" / "webserver_config.py").read_text(encoding="utf-8")
    for placeholder, value in FILLED_IN.items():
        assert text.count(placeholder) == 1, placeholder
        text = text.replace(placeholder, value.replace("{issuer}", op.issuer))
    return text


def test_a_person_keeps_account_and_rights_from_stock_fab_to_the_native_manager(
    deployment: Deployment, op: OpenIdProvider, browser: Browser
) -> None:
    before = be_with_stock_fab(deployment, op, browser)
    be_in_fab_mode(deployment, op, browser, before)
    be_native(deployment, op, browser)


def be_with_stock_fab(airflow: Deployment, op: OpenIdProvider, browser: Browser) -> dict[str, object]:
    config = airflow.home / "webserver_config.py"
    config.write_text(STOCK_CONFIG.format(issuer=op.issuer, client_id=CLIENT_ID), encoding="utf-8")
    airflow.mode = {
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__FAB__CONFIG_FILE": str(config),
    }
    airflow.migrate()
    roles = airflow.home / "roles.json"
    roles.write_text(json.dumps(ROLE), encoding="utf-8")
    airflow.succeed("roles", "import", str(roles))
    server = airflow.launch()
    airflow.succeed("dags", "reserialize")
    server.wait_for(f"{airflow.base_url}/api/v2/monitor/health")

    visitor = new_visitor(browser, airflow)
    visitor.open("/auth/login/")
    visitor.page.locator("#btn-signin-op").click()
    visitor.choose_person(UMA)
    visitor.page.wait_for_url(f"{airflow.base_url}/")
    assert rights(visitor) == RIGHTS
    user = airflow.user()
    assert (user["username"], user["roles"]) == ("uma", {"Marketing", "Public"})
    # Somebody is kind on FAB's Users page.
    airflow.query("INSERT INTO ab_user_role (user_id, role_id) SELECT ?, id FROM ab_role WHERE name = 'Op'", user["id"])
    visitor.page.context.close()
    server.stop()
    return user


def be_in_fab_mode(airflow: Deployment, op: OpenIdProvider, browser: Browser, before: dict[str, object]) -> None:
    config = airflow.home / "new_webserver_config.py"
    config.write_text(fill_in(op), encoding="utf-8")
    # Everything can be looked at before the switch, and linked then, too.
    airflow.mode["AIRFLOW__FAB__CONFIG_FILE"] = str(config)
    propose_users(airflow)
    airflow.mode["AIRFLOW__CORE__AUTH_MANAGER"] = "airflow_oidc_auth.OidcFabAuthManager"
    server = airflow.launch()
    migrate_users(airflow)
    server.wait_for(f"{airflow.base_url}/api/v2/monitor/health")

    visitor = new_visitor(browser, airflow)
    sign_in(visitor)
    assert visitor.get("/ui/auth/me").json()["username"] == "uma"
    user = airflow.user()
    assert (user["id"], user["username"]) == (before["id"], "uma")
    # The role that was assigned by hand goes: the switch for keeping it is off.
    assert user["roles"] == {"Marketing"}
    assert int(str(user["logins"])) > int(str(before["logins"]))
    assert rights(visitor) == RIGHTS
    visitor.page.context.close()
    server.stop()


def propose_users(airflow: Deployment) -> None:
    """Nothing is guessed from a name that people can choose."""
    proposed = json.loads(airflow.succeed("oidc", "migrate-fab", "--dry-run", "--json"))
    assert {user["username"]: user["outcome"] for user in proposed["users"]} == {"uma": "needs_mapping"}


def migrate_users(airflow: Deployment) -> None:
    """The administrator's file decides."""
    mapping = airflow.home / "users.csv"
    mapping.write_text(f"username,subject\numa,{UMA_SUBJECT}\n", encoding="utf-8")
    told = airflow.succeed("oidc", "migrate-fab", "--yes", "--mapping", str(mapping))
    assert "Linked: 1 FAB user" in told
    assert "roles now: Marketing, Op, Public" in told
    (row,) = airflow.audit()
    assert (row["event"], row["fab_user"], row["subject"]) == ("auth.user_linked", "uma", UMA_SUBJECT)


def be_native(airflow: Deployment, op: OpenIdProvider, browser: Browser) -> None:
    exported = airflow.succeed("oidc", "export-roles")
    native = NATIVE_CONFIG.format(issuer=op.issuer, client_id=CLIENT_ID)
    airflow.document.write_text(native + exported, encoding="utf-8")
    airflow.mode = {"AIRFLOW__OIDC_AUTH__CONFIG_FILE": str(airflow.document)}
    airflow.start()

    visitor = new_visitor(browser, airflow)
    sign_in(visitor)
    assert rights(visitor) == RIGHTS
    visitor.page.context.close()
    logins = [row for row in airflow.audit() if row["event"] == "auth.login"]
    assert [row["roles_after"] for row in logins] == [["Marketing"]] * 2
    assert {(row["issuer"], row["subject"]) for row in logins} == {(op.issuer, UMA_SUBJECT)}


def new_visitor(browser: Browser, airflow: Airflow) -> Visitor:
    """Return a person with a browser that nobody has used before."""
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(20_000)
    return Visitor(context.new_page(), airflow)


def sign_in(visitor: Visitor) -> None:
    visitor.sign_in(UMA, "/auth/access")
    expect(visitor.page.get_by_role("heading", name="My access")).to_be_visible()
