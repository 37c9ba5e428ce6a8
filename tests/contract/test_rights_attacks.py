"""Attacks of a role of single things on the real API server: what core asks is not always what it then shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.departments import departments
from tests.contract.test_rights import listed, manager_of

pytestmark = pytest.mark.parametrize("running", ["native"], indirect=True)
API = "/api/v2"


@pytest.fixture(scope="module")
def things(migrated) -> Iterator[None]:
    with departments():
        yield


@pytest.fixture
def fiona(server, things):
    manager_of(server).engine._admission._index.look()
    return server.sign_in("fin")


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
