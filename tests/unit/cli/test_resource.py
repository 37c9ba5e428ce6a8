from __future__ import annotations

import pytest

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.resource import read_asked


@pytest.mark.parametrize(
    ("action", "resource", "kind", "name", "questions"),
    [
        ("read", "dag:finance_daily", "dag", "finance_daily", [("GET", None)]),
        ("read", "dag:finance_daily/logs", "dag", "finance_daily", [("GET", "TASK_LOGS")]),
        ("edit", "dag:a.b-c/tasks", "dag", "a.b-c", [("PUT", "TASK"), ("PUT", "TASK_INSTANCE")]),
        ("run", "dag:x", "dag", "x", [("POST", "RUN")]),
        ("clear", "dag:x", "dag", "x", [("PUT", "RUN"), ("PUT", "TASK_INSTANCE")]),
        ("pause", "dag:x", "dag", "x", [("PUT", None)]),
        ("respond", "dag:x", "dag", "x", [("PUT", "HITL_DETAIL")]),
        ("read", "dag", "dag", None, [("GET", None)]),
        ("read", "dag:/code", "dag", None, [("GET", "CODE")]),
        ("read", "connection:fin-db", "connection", "fin-db", [("GET", None)]),
        ("edit", "connection:s3://x:y/z", "connection", "s3://x:y/z", [("PUT", None)]),
        ("create", "variable", "variable", None, [("POST", None)]),
        ("delete", "pool:default_pool", "pool", "default_pool", [("DELETE", None)]),
        ("read", "asset:s3://bucket/key", "asset", "s3://bucket/key", [("GET", None)]),
        ("read", "configuration:core", "configuration", "core", [("GET", None)]),
        ("read", "view:jobs", "view", "jobs", [("GET", None)]),
        ("read", "view:Cluster Activity", "view", "cluster_activity", [("GET", None)]),
        ("menu", "menu:connections", "menu", "connections", [("MENU", None)]),
        ("read", "menu:required-actions", "menu", "required_actions", [("MENU", None)]),
        ("read", "team:fin", "team", "fin", [("GET", None)]),
        ("read", "custom_view:My plugin", "custom_view", "My plugin", [("GET", None)]),
    ],
)
def test_spellings(action: str, resource: str, kind: str, name: str | None, questions: list[tuple[str, str]]) -> None:
    asked = read_asked(action, resource)
    assert (asked.kind, asked.name, list(asked.questions)) == (kind, name, questions)


@pytest.mark.parametrize("resource", ["dag:x", "dag:x/logs", "dag:/code", "dag", "connection:a:b", "team:fin"])
def test_what_was_read_is_written_back(resource: str) -> None:
    assert read_asked("read", resource).resource == resource


@pytest.mark.parametrize(
    ("action", "resource", "text"),
    [
        ("read", "dags:x", "did you mean dag?"),
        ("read", "finance_daily", "Write it as dag:finance_daily"),
        ("raed", "dag:x", "did you mean read?"),
        ("read", "dag:x/log", "did you mean logs?"),
        ("read", "dag:x/", "is no part of a DAG"),
        ("run", "connection:x", "'run' is done with DAGs"),
        ("run", "dag:x/runs", "write dag:x"),
        ("edit", "view:jobs", "ask for 'read'"),
        ("read", "view:job", "did you mean jobs?"),
        ("menu", "menu:", "is no menu item"),
        ("read", "team", "team:NAME"),
        ("read", "custom_view:", "custom_view:NAME"),
    ],
)
def test_what_is_not_understood_says_what_to_write(action: str, resource: str, text: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        read_asked(action, resource)
    assert text in str(failed.value)
