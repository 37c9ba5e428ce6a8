"""One team attacks another through everything that core's API has: whatever it answers tells nothing of the other's.

The other team's things are all named after a secret, so that each answer can be searched for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.core_api.routes.public import public_router
from airflow.api_fastapi.core_api.routes.ui import ui_router
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.backfill import Backfill
from airflow.models.connection import Connection
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.dagwarning import DagWarning
from airflow.models.errors import ParseImportError
from airflow.models.hitl import HITLDetail
from airflow.models.log import Log
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.models.team import Team
from airflow.models.variable import Variable
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from fastapi.routing import APIRoute
from sqlalchemy import delete, insert, select
from starlette.testclient import TestClient

API = "/api/v2"
SECRET = "secretmkt"
OWN, OTHER = "fin_own", f"{SECRET}_mail"
NOW = datetime.now(timezone.utc)
BUNDLES = {"fin": "fin-bundle", "mkt": f"{SECRET}-bundle"}
RUN = f"run-{SECRET}"


@pytest.fixture(scope="module")
def two_teams(migrated: None) -> Iterator[SimpleNamespace]:
    """A DAG of one's own, and one of each thing of the other team's."""
    with create_session(scoped=False) as session:
        for team, bundle in BUNDLES.items():
            session.add(kept := DagBundleModel(name=bundle))
            kept.teams.append(Team(name=team))
        session.flush()
        for dag_id, bundle in ((OWN, BUNDLES["fin"]), (OTHER, BUNDLES["mkt"])):
            file = f"{dag_id}.py"
            session.add(DagModel(dag_id=dag_id, bundle_name=bundle, fileloc=file, relative_fileloc=file, is_stale=False,
                                 owners=dag_id))  # fmt: skip
        session.flush()
        session.add(run := DagRun(dag_id=OTHER, run_id=RUN, run_type=DagRunType.MANUAL, run_after=NOW, conf={SECRET: 1},
                                  state=DagRunState.RUNNING, logical_date=NOW))  # fmt: skip
        session.flush()
        numbers = _parts(session, run)
        _things(session)
        session.flush()
    yield numbers
    with create_session(scoped=False) as session:
        for table in (HITLDetail, XComModel, TaskInstance, Backfill, AssetEvent, AssetModel, ParseImportError):
            session.execute(delete(table))
        session.execute(delete(DagRun).where(DagRun.dag_id == OTHER))
        session.execute(delete(Log).where(Log.event == SECRET))
        session.execute(delete(DagModel).where(DagModel.dag_id.in_((OWN, OTHER))))
        for table, name in ((Connection, "conn_id"), (Variable, "key"), (Pool, "pool")):
            session.execute(delete(table).where(getattr(table, name).in_((SECRET, "fin-own"))))
        for bundle in BUNDLES.values():
            session.delete(session.get(DagBundleModel, bundle))
        session.execute(delete(Team))


def _parts(session: Any, run: DagRun) -> SimpleNamespace:
    task = f"{SECRET}_task"
    columns = {
        "task_id": task,
        "dag_id": OTHER,
        "run_id": RUN,
        "map_index": -1,
        "pool": "default_pool",
        "try_number": 1,
    }
    row = insert(TaskInstance).values(**columns, operator=SECRET, state="awaiting_input")
    session.execute(row)
    ti_id = session.scalar(select(TaskInstance.id).where(TaskInstance.dag_id == OTHER))
    session.add(HITLDetail(ti_id=ti_id, options=["yes"], subject=SECRET, multiple=False))
    session.add(XComModel(dag_run_id=run.id, dag_id=OTHER, run_id=RUN, task_id=task, key=SECRET, value=SECRET))
    session.add(DagWarning(OTHER, "non-existent pool", SECRET))
    session.add(DagTag(name=SECRET, dag_id=OTHER))
    session.add(log := Log(event=SECRET, dag_id=OTHER))
    session.add(backfill := Backfill(dag_id=OTHER, from_date=NOW, to_date=NOW, reprocess_behavior="none"))
    session.add(error := ParseImportError(filename=f"{SECRET}.py", bundle_name=BUNDLES["mkt"], stacktrace=SECRET,
                                          timestamp=NOW))  # fmt: skip
    session.add(asset := AssetModel(name=SECRET, uri=f"s3://{SECRET}", group=SECRET, extra={}))
    session.flush()
    session.add(AssetEvent(asset_id=asset.id, source_dag_id=OTHER, source_run_id=RUN))
    return SimpleNamespace(event_log_id=log.id, backfill_id=backfill.id, import_error_id=error.id, asset_id=asset.id)


def _things(session: Any) -> None:
    for name, team in ((SECRET, "mkt"), ("fin-own", "fin")):
        session.add(Connection(conn_id=name, conn_type="http", password=name, team_name=team))
        session.add(Variable(key=name, val=name, team_name=team))
        session.add(Pool(pool=name, slots=1, include_deferred=False, team_name=team))


@pytest.fixture(params=["teo", "tea"], ids=["operator", "admin"])
def rival(native, two_teams, monkeypatch, request) -> TestClient:
    """The browser of an operator, or of an administrator, of one team."""
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    monkeypatch.setenv("AIRFLOW__API__EXPOSE_CONFIG", "True")
    index = native.client().app.state.auth_manager.engine._admission._index
    index._read_at = None
    index.look()
    return native.sign_in(request.param)


def addresses(numbers: SimpleNamespace, method: str) -> Iterator[str]:
    """Yield each address of core's that is, or could be, about something of the other team's."""
    named = {"task_id": f"{SECRET}_task", "dag_id": OTHER, "dag_run_id": RUN, "run_id": RUN, "map_index": "-1"}
    named |= dict.fromkeys(("try_number", "task_try_number", "version_number", "asset_alias_id"), "1")
    named |= {name: str(number) for name, number in vars(numbers).items()} | {
        "section": "core",
        "option": "parallelism",
    }
    every = dict.fromkeys(("dag_id", "dag_run_id", "task_id"), "~")
    for route in (*public_router.routes, *ui_router.routes):
        # Waits for the end of a run.
        if isinstance(route, APIRoute) and method in route.methods and not route.path.endswith("/wait"):
            path = route.path.replace(":path}", "}")
            spelled = [{**named, **more} for more in ({}, every, {"dag_id": OWN})]
            yield from dict.fromkeys(path.format_map(defaultdict(lambda: SECRET, names)) for names in spelled)


def test_an_administrator_of_every_team_would_be_told(native, two_teams):
    """What the others search for is there."""
    ada = native.sign_in("ada")
    asked = (path for path in addresses(two_teams, "GET") if "/logs/" not in path)
    assert sum(_tells(ada, path) for path in asked) > 30


@pytest.mark.parametrize(
    "rival, query", [("teo", ""), ("tea", f"dag_id={OWN}&team_name=fin")], indirect=["rival"], ids=["bare", "mixed"]
)
def test_no_answer_tells_anything_of_the_other_team(rival, two_teams, query):
    assert rival.get(f"{API}/connections/fin-own").status_code == 200
    assert [path for path in addresses(two_teams, "GET") if _tells(rival, path, query)] == []


def _tells(browser: TestClient, path: str, query: str = "") -> bool:
    answer = browser.get(f"{path}?{query}")
    # Refusals name what was asked for.
    return answer.status_code == 200 and SECRET in answer.text


BODY = {
    "dag_id": OTHER,
    "dag_run_id": RUN,
    "team_name": "fin",
    "state": "success",
    "new_state": "success",
    "note": "x",
    "name": SECRET,
    "key": SECRET,
    "value": "stolen",
    "connection_id": SECRET,
    "conn_type": "http",
    "slots": 9,
    "is_paused": False,
    "chosen_options": ["yes"],
    "dry_run": False,
    "logical_date": None,
    "asset_id": 1,
}


def actions(kind: str) -> list[dict[str, Any]]:
    """Return every way to touch one thing of the other team's in a request about many, as if it were one's own."""
    body = {
        "connections": {"connection_id": SECRET, "conn_type": "ftp", "team_name": "fin"},
        "variables": {"key": SECRET, "value": "stolen", "team_name": "fin"},
        "pools": {"name": SECRET, "slots": 9, "team_name": "fin"},
    }[kind]
    nobody = {**body, "team_name": None}
    return [
        {"action": "delete", "entities": [SECRET]},
        {"action": "update", "entities": [body]},
        {"action": "update", "entities": [nobody], "update_mask": ["team_name"]},
        {"action": "create", "entities": [body], "action_on_existence": "overwrite"},
        {"action": "create", "entities": [nobody], "action_on_existence": "overwrite"},
    ]


def test_no_request_changes_anything_of_the_other_team(rival, two_teams):
    before = _rows()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in addresses(two_teams, method):
            rival.request(method, path, json=BODY, params={"dag_id": OWN})
    for kind in ("connections", "variables", "pools"):
        answers = [rival.patch(f"{API}/{kind}", json={"actions": [action]}) for action in actions(kind)]
        assert {answer.status_code for answer in answers} == {403}, [answer.text for answer in answers]
    tasks = {"dag_id": OTHER, "dag_run_id": RUN, "task_id": f"{SECRET}_task"}
    for path, entity in (("dagRuns", {"dag_id": OTHER, "dag_run_id": RUN}), ("dagRuns/~/taskInstances", tasks)):
        for dag_id in (OWN, "~"):
            for action in ("update", "delete"):
                wanted = {"action": action, "entities": [{**entity, "new_state": "failed", "state": "failed"}]}
                rival.patch(f"{API}/dags/{dag_id}/{path}", json={"actions": [wanted]})
    assert _rows() == before


@pytest.mark.parametrize("path", ["connections/defaults", "connections/test"])
def test_the_team_of_a_body_opens_no_connection_that_is_nobodys(rival, monkeypatch, path):
    """Core asks about the team that the body names; it makes many, or tests with the password of one, of nobody's."""
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    body = {"connection_id": "fin-bank", "conn_type": "sqlite", "team_name": "fin"}
    assert rival.post(f"{API}/{path}", json=body).status_code == 403


@pytest.mark.parametrize(
    "team", ['"mkt"', '"fin", "team_name": "mkt"', "null", '""', '" fin"', '"FIN"', '["fin"]', '"no-such-team"']
)
def test_nothing_is_made_for_another_team_however_its_name_is_written(rival, team):
    before = _rows()
    body = f'{{"connection_id": "smuggled", "conn_type": "http", "team_name": {team}}}'
    answer = rival.post(f"{API}/connections", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 403, 422}
    assert _rows() == before


def _rows() -> dict[str, list[tuple[Any, ...]]]:
    """Return all that there is of the other team's, and everything that could have been added."""
    tables = (Connection, Variable, Pool, DagModel, DagRun, TaskInstance, XComModel, HITLDetail, Backfill, AssetEvent)
    with create_session(scoped=False) as session:
        rows = {table.__tablename__: map(repr, session.execute(select(table.__table__))) for table in tables}
        return {table: sorted(row for row in found if OWN not in row) for table, found in rows.items()}
