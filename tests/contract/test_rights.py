"""A role of single things against the real API server: what it opens, what it does not, and what deny takes away.

The role is ``FINANCE`` of conftest.py; nothing but the native manager knows such roles.
"""

from __future__ import annotations

import logging
import time

import pytest
from airflow.models.dag import DagTag
from airflow.utils.session import create_session
from sqlalchemy import delete

from airflow_oidc_auth.managers.denials import LOGGER
from tests.contract.departments import CONNECTIONS, DAGS, FINANCE_DAGS
from tests.e2e.processes import wait_until

API = "/api/v2"


def manager_of(server):
    return server.client().app.state.auth_manager


def listed(answer, key: str, field: str) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {each[field] for each in answer.json()[key]}


def test_lists_show_her_dags_alone(fiona):
    assert listed(fiona.get(f"{API}/dags", params={"limit": 200}), "dags", "dag_id") == FINANCE_DAGS
    # The UI's list shows runs with each DAG and asks for both.
    assert listed(fiona.get("/ui/dags", params={"limit": 200}), "dags", "dag_id") == {"finance_daily"}


def test_an_administrator_sees_them_all(native):
    ada = native.sign_in("ada")
    assert listed(ada.get(f"{API}/dags", params={"limit": 500}), "dags", "dag_id") >= DAGS
    assert listed(ada.get(f"{API}/connections"), "connections", "connection_id") >= CONNECTIONS


@pytest.mark.parametrize(
    "path, status",
    [
        # Nobody wrote the file of this DAG: let in, and not found.
        ("dags/finance_daily/dagRuns", 404),
        ("dags/finance_daily/dagRuns/run-finance_daily", 200),
        ("dags/finance_payroll/dagRuns", 403),
        ("dags/finance_secret_merger/dagRuns", 403),
        ("dags/marketing_mail/dagRuns", 403),
        ("dags/finance_secret_merger", 403),
        ("dags/marketing_mail", 403),
        ("dags/finance_no_such_dag", 404),
        ("connections/fin-bank", 200),
        ("connections/mkt-mail", 403),
        ("variables/fin_limit", 200),
        ("variables/mkt_limit", 403),
        ("pools/fin-pool", 200),
        ("pools/mkt-pool", 403),
        ("config/section/core/option/executor", 200),
        ("config/section/database/option/sql_alchemy_conn", 403),
        ("config?section=logging", 200),
        ("config", 403),
        ("plugins", 403),
        ("providers", 403),
        ("jobs", 403),
        ("assets", 403),
    ],
)
def test_reads_what_the_role_names_and_nothing_else(fiona, path, status):
    answer = fiona.get(f"{API}/{path}")
    # Airflow may keep its configuration from everybody.
    assert answer.status_code == status or (status == 200 and "config" in path and "expose" in answer.text), answer.text


@pytest.mark.parametrize(
    "key, field, expected",
    [
        ("connections", "connection_id", {"fin-bank", "fin-erp"}),
        ("variables", "key", {"fin_limit"}),
        ("pools", "name", {"fin-pool"}),
    ],
)
def test_lists_of_named_things_show_hers_alone(fiona, key, field, expected):
    answer = fiona.get(f"{API}/{key}")
    assert listed(answer, key, field) == expected
    assert answer.json()["total_entries"] == len(expected)


def test_runs_of_all_dags_leave_out_those_whose_runs_are_denied(fiona):
    """Airflow filters them by the DAGs that may be read: finance_payroll may be, its runs may not."""
    found = listed(fiona.get(f"{API}/dags/~/dagRuns", params={"limit": 200}), "dag_runs", "dag_id")
    assert found == {"finance_daily"}
    tasks = fiona.get(f"{API}/dags/~/dagRuns/~/taskInstances")
    assert tasks.status_code == 200, tasks.text


def test_the_audit_log_shows_rows_of_her_dags_and_those_of_none_to_nobody_but_who_holds_it(fiona):
    assert fiona.get(f"{API}/eventLogs", params={"dag_id": "finance_daily"}).status_code == 200
    assert fiona.get(f"{API}/eventLogs", params={"dag_id": "marketing_mail"}).status_code == 403


@pytest.mark.parametrize(
    "method, path, body, allowed",
    [
        ("POST", "dags/finance_daily/dagRuns", {"logical_date": None}, True),
        ("POST", "dags/marketing_mail/dagRuns", {"logical_date": None}, False),
        ("POST", "dags/finance_secret_merger/dagRuns", {"logical_date": None}, False),
        ("POST", "dags/finance_daily/dagRuns/run-finance_daily/clear", {"dry_run": True}, True),
        ("POST", "dags/marketing_mail/dagRuns/run-marketing_mail/clear", {"dry_run": True}, False),
        ("PATCH", "dags/marketing_mail", {"is_paused": True}, True),
        ("PATCH", "dags/finance_daily", {"is_paused": True}, False),
        ("DELETE", "dags/finance_daily/dagRuns/run-finance_daily", None, False),
        ("PATCH", "connections/mkt-mail", {"connection_id": "mkt-mail", "conn_type": "http"}, False),
        ("PATCH", "connections/fin-erp", {"connection_id": "fin-erp", "conn_type": "http"}, True),
        ("DELETE", "connections/fin-bank", None, False),
        ("DELETE", "variables/fin_limit", None, False),
        ("DELETE", "pools/fin-pool", None, False),
    ],
)
def test_changes_what_the_role_names_and_nothing_else(fiona, method, path, body, allowed):
    answer = fiona.request(method, f"{API}/{path}", json=body)
    assert (answer.status_code != 403) is allowed, answer.text


def test_a_batch_with_one_thing_of_somebody_elses_is_refused_as_a_whole(fiona):
    def remove(*ids: str):
        return fiona.patch(f"{API}/connections", json={"actions": [{"action": "delete", "entities": list(ids)}]})

    assert remove("fin-no-such", "mkt-mail").status_code == 403
    assert remove("fin-no-such", "fin-bank").status_code == 403
    assert remove("fin-no-such").status_code == 200


def test_the_menu_holds_what_the_role_shows(fiona):
    items = fiona.get("/ui/auth/menus").json()["authorized_menu_items"]
    assert set(items) == {"DAGs", "Connections", "Dags"} & set(items)
    assert "Connections" in items


def test_rights_follow_a_tag_once_it_is_read(native, fiona):
    def pause(dag_id: str) -> int:
        return fiona.patch(f"{API}/dags/{dag_id}", json={"is_paused": True}).status_code

    assert (pause("finance_daily"), pause("marketing_mail")) == (403, 200)
    index = manager_of(native).engine._admission._index
    with create_session(scoped=False) as session:
        session.add(DagTag(name="month-end", dag_id="finance_daily"))
        session.execute(delete(DagTag).where(DagTag.dag_id == "marketing_mail"))
    try:
        index._read_at = None
        index.look()
        assert (pause("finance_daily"), pause("marketing_mail")) == (200, 403)
    finally:
        with create_session(scoped=False) as session:
            session.execute(delete(DagTag).where(DagTag.dag_id == "finance_daily"))
            session.add(DagTag(name="month-end", dag_id="marketing_mail"))
        index._read_at = None
        index.look()


def test_a_403_is_found_in_the_log_by_its_reference_with_the_line_that_decides(fiona, monkeypatch):
    told: list[dict[str, object]] = []
    monkeypatch.setattr("structlog.is_configured", lambda: False)
    monkeypatch.setattr(logging.getLogger(LOGGER), "info", lambda text, *args: told.append(text % args))
    begun = int(time.monotonic())
    wait_until(lambda: int(time.monotonic()) > begun, "a second in which she was not denied ten things before")
    answer = fiona.get(f"{API}/dags/finance_payroll/dagRuns")
    assert answer.status_code == 403
    reference = f"correlation_id={answer.headers['x-correlation-id']}"
    wait_until(lambda: any(reference in str(line) for line in told), "the line: the answer does not wait for it")
    (line,) = (line for line in told if reference in str(line))
    assert answer.json()["detail"] == f"Forbidden (reference {answer.headers['x-correlation-id']})"
    assert "question=GET DAG 'finance_payroll' RUN" in line
    assert "roles.finance.deny[1]" in line
