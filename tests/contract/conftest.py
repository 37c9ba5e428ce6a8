"""A whole Airflow API server in this process: real app, real database, real manager, a real IdP on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from airflow_oidc_auth.sessions.principal import principal_id
from airflow_oidc_auth.testing import FakeIdp
from airflow_oidc_auth.testing.users import FakeUser
from tests.contract.audit_key import AUDIT_KEY
from tests.e2e.processes import wait_until

BASE_URL = "http://localhost:8080"
CALLBACK = f"{BASE_URL}/auth/callback/oidc"
USERS = (
    FakeUser("ada", name="Ada", email="ada@example.com", groups=("admins",)),
    FakeUser("ops", name="Oskar", email="oskar@example.com", groups=("ops",)),
    FakeUser("uma", name="Uma", email="uma@example.com", groups=("users",)),
    FakeUser("vic", name="Victor", email="victor@example.com", groups=("viewers",)),
    FakeUser("fin", name="Fiona", email="fiona@example.com", groups=("finance",)),
    FakeUser("con", name="Conrad", email="conrad@example.com", groups=("ops", "contractors")),
    FakeUser("teo", name="Teo", email="teo@example.com", groups=("team-fin-Op",)),
    FakeUser("tea", name="Tea", email="tea@example.com", groups=("team-fin-Admin",)),
    FakeUser("nora", name="Nora", email="nora@example.com", groups=("canteen",)),
)
ROLE_MAPPING = {"admins": "Admin", "ops": "Op", "users": "User", "viewers": "Viewer"}
API = "urn:airflow:api"
JOBS = "urn:airflow:jobs"
TOKEN_CLIENT_SECRET = "a-token-client-secret-for-tests-only"


FINANCE = {
    "allow": [
        {"actions": ["read"], "resources": ["Website"]},
        {"actions": ["read", "run", "clear"], "dags": ["finance_*"], "parts": ["all"]},
        {"actions": ["pause"], "dags": {"tags": ["month-end"]}},
        {"actions": ["read", "create", "edit", "delete"], "connections": ["fin-*"]},
        {"actions": ["read"], "variables": ["fin_*"]},
        {"actions": ["read"], "pools": ["fin-*"]},
        {"actions": ["read"], "configuration": ["core", "log*"]},
        {"actions": ["menu"], "menu": ["DAGs", "Connections"]},
    ],
    "deny": [
        {"actions": ["read", "edit"], "dags": ["finance_secret_*"]},
        {"actions": ["read"], "dags": ["finance_payroll"], "parts": ["runs"]},
        {"actions": ["delete"], "connections": ["fin-bank"]},
    ],
}
# Taken from whoever is an operator by another group.
CONTRACTOR = {
    "deny": [
        {"actions": ["read"], "dags": ["finance_*"], "parts": ["runs"]},
        {"actions": ["read", "edit", "delete"], "connections": ["fin-*"]},
        {"actions": ["read"], "dags": ["finance_*"], "parts": ["code"]},
    ],
}
DELEGATED = ["Admin", "Op", "User", "Viewer", "finance"]


MANAGERS = {"native": "airflow_oidc_auth.OidcAuthManager", "fab": "airflow_oidc_auth.OidcFabAuthManager"}
WEBSERVER_CONFIG = """
from airflow_oidc_auth import OidcSecurityManager

SECURITY_MANAGER_CLASS = OidcSecurityManager
AUTH_USER_REGISTRATION = True
"""


@dataclass(frozen=True)
class Server:
    """The running app and its IdP.

    :param mode: ``native`` or ``fab``
    :param environment: what says so
    :param jobs: the issuer of a CI system's tokens, where nobody signs in
    """

    client: Callable[[], TestClient]
    idp: FakeIdp
    mode: str
    environment: dict[str, str]
    jobs: FakeIdp

    def name_of(self, user: str) -> str:
        """Return what Airflow calls a person: the display name, or the name of the FAB user."""
        person = next(each for each in self.idp.users if each.subject == user)
        if self.mode == "native":
            return person.name
        return f"{person.email}~{principal_id(self.idp.issuer, user)[:10]}"

    def sign_in(self, user: str, next_path: str = "/dags") -> TestClient:
        """Return a browser that is signed in as ``user``."""
        browser = self.client()
        answer = self.finish(browser, self.begin(browser, next_path), user)
        assert answer.status_code == 303, answer.text
        return browser

    def begin(self, browser: TestClient, next_path: str = "/dags") -> str:
        """Return the address of the IdP that the login sends to."""
        answer = browser.get("/auth/login", params={"next": BASE_URL + next_path})
        assert answer.status_code in {303, 307}, answer.text
        return answer.headers["location"]

    def finish(self, browser: TestClient, authorization_url: str, user: str):
        """Sign in at the IdP and bring its answer back."""
        return browser.get("/auth/callback/oidc", params=self.idp.sign_in(authorization_url, user))


@pytest.fixture(scope="session")
def migrated() -> None:
    """Airflow's tables and ours, in this process's own database."""
    from airflow.utils.db import initdb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        initdb()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one server on one xdist worker, one after the other."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        manager = callspec.params.get("running") if callspec else None
        if manager is not None:
            item.add_marker(pytest.mark.xdist_group(f"contract-{manager}"))


# Per package: its threads write logs and audit rows, and tests of other folders look at what their process writes.
@pytest.fixture(scope="package", params=sorted(MANAGERS))
def running(
    migrated: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The API server, started once per auth manager."""
    webserver_config = tmp_path_factory.mktemp("fab") / "webserver_config.py"
    webserver_config.write_text(WEBSERVER_CONFIG, encoding="utf-8")
    with contextlib.ExitStack() as stack:
        idp = stack.enter_context(FakeIdp(redirect_uris=[CALLBACK, f"{BASE_URL}/auth/signed-out"], users=USERS))
        jobs = stack.enter_context(FakeIdp())
        document = webserver_config.with_name("oidc_auth.yaml")
        built = build_document(idp, jobs)
        document.write_text(json.dumps(built if request.param == "fab" else with_rights(built)), encoding="utf-8")
        # Not taken away between the tests: the server reads the document anew every few seconds.
        secrets = {"TEST_IDP_SECRET": idp.client_secret, "TEST_TOKEN_CLIENT_SECRET": TOKEN_CLIENT_SECRET}
        secrets["TEST_AUDIT_KEY"] = AUDIT_KEY
        stack.enter_context(_environment(secrets))
        mode = {
            "AIRFLOW__CORE__AUTH_MANAGER": MANAGERS[request.param],
            "AIRFLOW__FAB__CONFIG_FILE": str(webserver_config),
        }
        with contextlib.ExitStack() as running:
            # Only tests that ask for the server may find this.
            with _environment({**mode, "AIRFLOW__OIDC_AUTH__CONFIG_FILE": str(document)}):
                start = _start(running)
            # Done in the background; tests count what a request costs the identity provider.
            wait_until(lambda: any(request.path == "/jwks" for request in idp.requests), "the fetch of the keys")
            yield Server(start, idp, request.param, mode, jobs)


def build_document(idp: FakeIdp, jobs: FakeIdp) -> dict[str, Any]:
    """Return the configuration (YAML is a superset of JSON): people and programs of one IdP, and jobs of another."""
    rules: list[dict[str, object]] = [
        {"name": f"role_mapping: {group}", "when": {"group": group}, "roles": [role]}
        for group, role in ROLE_MAPPING.items()
    ]
    deploy = {"claims": {"sub": "repo:acme/dags:ref:refs/heads/main"}}
    rules.append({"name": "deploy", "provider": "jobs", "when": deploy, "roles": ["User"]})
    return {
        "version": 1,
        "providers": {
            "oidc": {
                "preset": "oidc",
                "issuer": idp.issuer,
                "client_id": idp.client_id,
                "client_secret": {"env": "TEST_IDP_SECRET"},
                "api": {"audience": API, "opaque": True},
                "cli": {"client_id": "airflow-cli"},
            },
            "jobs": {"preset": "jwt", "label": "Jobs", "issuer": jobs.issuer, "audience": JOBS},
        },
        "grants": {"rules": rules},
        "tokens": {"clients": {"dbt": {"secret": {"env": "TEST_TOKEN_CLIENT_SECRET"}, "roles": ["User"]}}},
        "audit": {"signing_key": {"env": "TEST_AUDIT_KEY"}, "checkpoint_every": "5s"},
        "rate_limits": {"token": "10000/minute", "login": "10000/minute", "callback": "10000/minute"},
    }


def with_rights(document: dict[str, Any]) -> dict[str, Any]:
    """Add what only the native manager knows: roles that allow and deny single things, and their groups."""
    for role, group in (("finance", "finance"), ("contractor", "contractors")):
        document["grants"]["rules"].append({"name": group, "when": {"group": group}, "roles": [role]})
    of_team = {"group_regex": "team-(?P<team>[a-z]+)-(?P<role>Op|Admin)"}
    document["grants"]["rules"].append({"name": "teams", "when": of_team, "roles": ["{role}"], "teams": ["{team}"]})
    document["grants"]["hitl_by_verified_email"] = True
    document["grants"]["delegated_roles"] = DELEGATED
    return {**document, "roles": {"finance": FINANCE, "contractor": CONTRACTOR}}


@pytest.fixture(scope="module")
def things(migrated: None) -> Iterator[None]:
    """DAGs, connections, variables and pools of two departments."""
    from tests.contract.departments import departments

    with departments():
        yield


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The API server, in the environment of its auth manager."""
    with _environment(running.environment):
        yield running
    _end_sessions()
    _outlast_revocations()
    _begin_another_minute(running)


@pytest.fixture
def native(server: Server, things: None) -> Server:
    """The native manager, which knows the two departments; in FAB mode roles are FAB's."""
    from tests.contract.departments import forget_dags

    if server.mode != "native":
        pytest.skip("roles of the document are the native manager's")
    forget_dags(server)
    index = server.client().app.state.auth_manager.engine._admission._index
    index._read_at = None
    index.look()
    return server


@pytest.fixture
def fiona(native: Server) -> TestClient:
    """A browser of somebody of the finance department."""
    return native.sign_in("fin")


def _begin_another_minute(running: Server) -> None:
    """Let no refusal be counted with those of other tests, instead of told: the audit tells 32 kinds a minute apart."""
    running.client().app.state.auth_manager.engine._audit().close()


def _end_sessions() -> None:
    """Leave no session behind: the server would confirm it during another test, and audit that there."""
    from airflow.utils.session import create_session
    from sqlalchemy import update

    from airflow_oidc_auth.sessions.models import sessions

    over = update(sessions).where(sessions.c.ended_at.is_(None)).values(ended_at=int(time.time()), end_reason="over")
    with create_session(scoped=False) as session:
        session.execute(over)


def _outlast_revocations() -> None:
    """Let the second pass in which a principal was revoked: what is issued to them within it is refused, too."""
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_oidc_auth.sessions.models import revocations
    from airflow_oidc_auth.sessions.revocation import PRINCIPAL, parse_principal_key

    keys = select(revocations.c.revoked_key).where(revocations.c.kind == PRINCIPAL)
    with create_session(scoped=False) as session:
        moments = [revoked[1] for key in session.scalars(keys) if (revoked := parse_principal_key(key))]
    wait_until(lambda: max(moments, default=0) < int(time.time()), "the next second")


def _start(stack: contextlib.ExitStack) -> Callable[[], TestClient]:
    from airflow.api_fastapi.app import create_app, purge_cached_app

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        purge_cached_app()
        app = create_app(apps="core")
    stack.callback(purge_cached_app)
    # The lifespan belongs to one client; the others share the running app, each with a cookie jar of its own.
    stack.enter_context(TestClient(app, base_url=BASE_URL, follow_redirects=False))
    return lambda: TestClient(app, base_url=BASE_URL, follow_redirects=False)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture
def audit_rows(server: Server) -> Callable[..., list[dict]]:
    """Read the newest audit rows as ``{event, owner, **extra}``, newest first."""
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    def read(limit: int = 5, *, counts: bool = False) -> list[dict]:
        """:param counts: those of refusals, too, which come whenever a minute is over, whatever the test does."""
        with create_session(scoped=False) as session:
            wanted = select(Log).where(Log.event.like("auth.%")).order_by(Log.id.desc())
            rows = session.scalars(wanted.limit(limit if counts else limit + 100)).all()
            found = [{"event": row.event, "owner": row.owner, **json.loads(row.extra)} for row in rows]
            return [row for row in found if counts or "count" not in row][:limit]

    return read


def path_of(url: str) -> str:
    """Return path and query of an address."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
