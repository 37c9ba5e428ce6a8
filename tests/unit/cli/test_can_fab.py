"""``airflow oidc can`` and ``plan`` in FAB mode: FAB's tables answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.models.dag import DagModel
from airflow.models.team import dag_bundle_team_association_table

from airflow_oidc_auth.cli import fab_roles, session_access
from airflow_oidc_auth.fab.accounts import FabAccounts
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.database import DatabaseSessionStore
from airflow_oidc_auth.sessions.fernet import TokenCipher
from airflow_oidc_auth.sessions.session import Opening
from tests.storage.backends import build_engine
from tests.storage.fab import OPEN, FabDatabase, fab_database
from tests.storage.people import VIEWER
from tests.unit.cli.rights_desk import ISSUER, TABLES
from tests.unit.cli.running import Oidc
from tests.unit.fab.webserver_files import CLASS, write

NIGHTS = (("can_read", "DAGs"), ("can_read", "Variables"), ("can_edit", "DAG:nightly"))
OIDC_AUTH = f"""{{"version": 1, "providers": {{"okta": {{
    "preset": "okta", "issuer": "{ISSUER}", "client_id": "airflow", "client_secret": {{"env": "THE_SECRET"}}}}}}}}"""
NEW = f"""\
version: 1
providers:
  okta: {{preset: okta, issuer: "{ISSUER}", client_id: airflow, client_secret: {{env: THE_SECRET}}}}
grants:
  rules:
    - {{name: nobody, when: {{group: x}}, roles: [Viewer]}}
"""


@pytest.fixture
def fab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FabDatabase]:
    """FAB's tables beside ours, and Ada, whom FAB gives the roles Viewer and Night Shift."""
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "airflow_oidc_auth.OidcFabAuthManager")
    monkeypatch.setenv("AIRFLOW__FAB__CONFIG_FILE", str(tmp_path / "webserver_config.py"))
    mapping = '{"nights": ["Night Shift"], "staff": ["Viewer"]}'
    write(
        tmp_path,
        f"{CLASS}\nAUTH_USER_REGISTRATION = True\nAUTH_ROLES_MAPPING = {mapping}\nOIDC_AUTH = {OIDC_AUTH}\n",
    )
    engine = build_engine(f"sqlite:///{tmp_path / 'airflow.db'}")
    database = fab_database(engine)
    database.add_role("Night Shift", NIGHTS)
    DagModel.metadata.create_all(engine, [*(each.__table__ for each in TABLES), dag_bundle_team_association_table])
    monkeypatch.setattr(session_access, "airflow_transactions", database.transactions)
    monkeypatch.setattr(fab_roles, "airflow_transactions", database.transactions)
    sign_in(database)
    database.assign(database.users()[-1].id, "Night Shift")
    yield database
    engine.dispose()


def sign_in(database: FabDatabase) -> None:
    cipher = TokenCipher(Secret(os.environ["AIRFLOW__CORE__FERNET_KEY"]))
    store = DatabaseSessionStore(cipher, accounts=FabAccounts(OPEN), transactions=database.transactions)
    now = int(time.time())
    identity = Identity("okta", ISSUER, "ada", "Ada", "ada@example.com", True, frozenset({"nights", "staff"}), {})
    signed_in, until = SignIn(identity, None, None), now + 3600
    opening = Opening(check_due_at=until)
    store.open(signed_in, VIEWER, now=now, expires_at=until, client_address=None, opening=opening)


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_fabs_roles_decide_and_are_named(oidc: Oidc, fab: FabDatabase) -> None:
    told = oidc("can", "Ada", "read", "variable:x")
    assert (told.code, told.err) == (0, "")
    assert {"role Night Shift", "which says FAB's role 'Night Shift' allows it"} <= set(rows(told.out))
    assert "roles Night Shift, Viewer" in rows(told.out)
    assert "FAB mode: FAB's roles decide" in told.out
    assert "decided by" not in told.out


@pytest.mark.parametrize(
    ("action", "resource", "code"),
    [
        ("edit", "dag:nightly", 0),
        ("edit", "dag:other", 2),
        ("read", "dag:other", 0),
        ("edit", "variable:x", 2),
        ("menu", "menu:variables", 2),
    ],
)
def test_single_dags_and_kinds_answer_as_fab_says(
    oidc: Oidc, fab: FabDatabase, action: str, resource: str, code: int
) -> None:
    assert oidc("can", "Ada", action, resource).code == code


def test_claims_are_judged_by_the_rules_and_fabs_roles(oidc: Oidc, fab: FabDatabase, tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text(json.dumps({"sub": "x", "groups": ["nights"]}), encoding="utf-8")
    told = oidc("can", "--claims", str(path), "read", "variable:x")
    assert (told.code, "what somebody assigned in FAB is not among them" in told.out) == (0, True)
    path.write_text(json.dumps({"sub": "x", "groups": []}), encoding="utf-8")
    assert oidc("can", "--claims", str(path), "read", "variable:x").code == 2


def test_teams_are_not_fabs(oidc: Oidc, fab: FabDatabase) -> None:
    failed = oidc("can", "Ada", "read", "team:blue")
    assert (failed.code, "FAB mode knows no teams" in failed.err) == (1, True)


BOUND = {
    "rules": [
        {"name": "nights", "when": {"group": "nights"}, "roles": ["Night Shift"], "needs": {"within": "1h"}},
        {"name": "staff", "when": {"group": "staff"}, "roles": ["Viewer"]},
    ],
    "keep_assigned_roles": True,
}


def test_a_role_that_the_session_did_not_authenticate_for_does_not_count(
    oidc: Oidc, fab: FabDatabase, tmp_path: Path
) -> None:
    """A rule binds it to an authentication; that somebody has assigned it in FAB meanwhile gives it to no session."""
    document = {**json.loads(OIDC_AUTH), "grants": BOUND}
    write(tmp_path, f"{CLASS}\nAUTH_USER_REGISTRATION = True\nOIDC_AUTH = {document!r}\n")
    told = oidc("can", "Ada", "read", "variable:x")
    assert (told.code, told.err, "roles Viewer" in rows(told.out)) == (2, "", True)


def test_somebody_whose_fab_user_is_off_may_do_nothing(oidc: Oidc, fab: FabDatabase) -> None:
    fab.change_user(fab.users()[-1].id, active=False)
    failed = oidc("can", "Ada", "read", "dag:x")
    assert (failed.code, "has no active FAB user" in failed.err) == (1, True)


def test_a_plan_counts_by_fabs_roles(oidc: Oidc, fab: FabDatabase, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(NEW, encoding="utf-8")
    told = oidc("plan", str(path))
    assert told.code == 0, told.err
    assert "FAB mode: what roles allow is in FAB's database" in told.out
