"""Attacks of a role of single things on the real API server: what core asks is not always what it then shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow.models.log import Log
from airflow.utils.session import create_session
from sqlalchemy import delete

from tests.contract.test_rights import listed

API = "/api/v2"


@pytest.mark.parametrize(
    "path, key",
    [
        (f"{API}/dagStats?dag_ids=finance_payroll&dag_ids=finance_daily&dag_id=finance_daily", "dags"),
        ("/ui/dags?limit=200&dag_id=finance_daily", "dags"),
    ],
)
def test_naming_one_dag_opens_no_list_of_the_denied_parts_of_others(fiona, path, key):
    """Core asks about the DAG of the query, which these lists do not look at, and shows every DAG that may be read."""
    assert listed(fiona.get(path), key, "dag_id") <= {"finance_daily"}


def test_naming_one_dag_counts_no_denied_runs_of_others(fiona):
    query = {"start_date": "2020-01-01T00:00:00Z", "dag_id": "finance_daily"}
    answer = fiona.get("/ui/dashboard/historical_metrics_data", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["dag_run_states"]["success"] == 1


@pytest.fixture
def exposed(monkeypatch):
    """The configuration is shown to whoever may read it."""
    monkeypatch.setenv("AIRFLOW__API__EXPOSE_CONFIG", "True")


@pytest.mark.parametrize("query", ["section=core", "section=core&section=logging", "%73ection=core"])
def test_a_section_in_the_query_does_not_open_the_one_in_the_path(fiona, exposed, query):
    """Core asks about the section of the query and reads that of the path."""
    option = "section/core/option/parallelism"
    assert fiona.get(f"{API}/config/{option}?section=database").status_code == 200
    assert fiona.get(f"{API}/config/section/database/option/sql_alchemy_conn?{query}").status_code == 403


SPELLINGS = [
    "api.auth/option/jwt_secret",
    "api_auth/option/jwt_%C5%BFecret",
    "AP%C4%B1_AUTH/option/JWT_%C5%BFECRET",
    "databa%C5%BFe/option/sql_alchemy_conn",
    "database/option/%C5%BFql_alchemy_conn",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_no_spelling_of_an_option_shows_what_airflow_hides(server, exposed, monkeypatch, path):
    """Core looks for the option among those that it hides by the name that was asked for, and finds the variable of
    the environment by what is left of that in capitals."""
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "hidden")
    answer = server.sign_in("ops").get(f"{API}/config/section/{path}")
    assert (answer.status_code, answer.json()["sections"][0]["options"][0]["value"]) == (200, "< hidden >")


def test_no_earlier_name_of_an_option_opens_the_section_that_it_is_in_now(fiona, exposed):
    """She may read ``core``: three options of other sections were there once."""
    option = "section/core/option/dag_file_processor_timeout"
    assert fiona.get(f"{API}/config/section/core/option/parallelism").status_code == 200
    assert fiona.get(f"{API}/config/{option}").status_code == 403


def test_a_body_does_not_open_the_backfills_of_the_dag_in_the_query(fiona):
    """Core asks about the DAG of the body, also where it reads none, and lists those of the query."""
    query, body = {"dag_id": "marketing_mail"}, {"dag_id": "finance_daily"}
    assert fiona.get(f"{API}/backfills", params={"dag_id": "finance_daily"}).status_code == 200
    assert fiona.request("GET", f"{API}/backfills", params=query, json=body).status_code == 403


@pytest.fixture
def rows() -> Iterator[dict[str | None, int]]:
    """The number of a row of the audit log by its DAG; None for one that belongs to no DAG."""
    event = "rights-attack"
    with create_session(scoped=False) as session:
        found = {dag_id: Log(event=event, dag_id=dag_id) for dag_id in (None, "finance_daily", "marketing_mail")}
        session.add_all(found.values())
        session.flush()
        numbers = {dag_id: row.id for dag_id, row in found.items()}
    yield numbers
    with create_session(scoped=False) as session:
        session.execute(delete(Log).where(Log.event == event))


def test_naming_a_dag_opens_no_row_of_the_audit_log_that_belongs_to_none(fiona, rows):
    """Core asks about the DAG of the query if the row has none: sign-ins, connections, everybody's."""
    query = {"dag_id": "finance_daily"}
    found = {dag_id: fiona.get(f"{API}/eventLogs/{row}", params=query).status_code for dag_id, row in rows.items()}
    assert found == {None: 403, "finance_daily": 200, "marketing_mail": 403}
