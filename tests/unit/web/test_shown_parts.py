from __future__ import annotations

import pytest

from airflow_oidc_auth.web.shown_parts import CODE, NOTHING, RUNS, SHOWN, note_parts, parts_shown


def scope(address: str, root: str = "") -> dict[str, object]:
    path, _, query = address.partition("?")
    return {"type": "http", "path": root + path, "root_path": root, "query_string": query.encode()}


@pytest.mark.parametrize("root", ["", "/airflow"])
@pytest.mark.parametrize(
    "address",
    [
        "/ui/dashboard/dag_stats",
        "/ui/partitioned_dag_runs?dag_id=a",
        "/api/v2/assets/events",
        "/ui/pending_partitioned_dag_run/a?partition_key=x",
        "/api/v2/dags?last_dag_run_state=failed",
        "/api/v2/dags?limit=1&dag_run_start_date_gte=2026-01-01T00:00:00Z",
        "/api/v2/dags?%6Cast_dag_run_state=failed",
        "/api/v2/dags?order_by=dag_id&order_by=-last_run_state",
        "/api/v2/dags?order_by=state",
    ],
)
def test_a_list_by_runs_shows_runs(address, root):
    assert parts_shown(scope(address, root)) == RUNS


@pytest.mark.parametrize("root", ["", "/airflow"])
@pytest.mark.parametrize("address", ["/api/v2/importErrors", "/api/v2/importErrors?limit=1", "/api/v2/importErrors/7"])
def test_errors_of_a_file_show_its_code(address, root):
    assert parts_shown(scope(address, root)) == CODE


@pytest.mark.parametrize(
    "address",
    ["/api/v2/dags", "/api/v2/dags?limit=50&order_by=-dag_id&tags=dag_run_", "/api/v2/dags/a", "/api/v2/pools"],
)
def test_other_lists_show_what_core_asks_about(address):
    assert parts_shown(scope(address)) == NOTHING


def test_what_is_shown_is_known_while_the_request_is_answered():
    with note_parts(scope("/ui/dashboard/dag_stats")):
        assert SHOWN.get() == RUNS
    assert SHOWN.get() == NOTHING
