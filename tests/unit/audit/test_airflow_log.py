"""Rows in a real Airflow database."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.errors import SessionError
from tests.storage.airflow_database import migrate_own_database
from tests.unit.audit.records import LOGIN


@pytest.fixture(scope="module", autouse=True)
def migrated():
    migrate_own_database()


@pytest.fixture
def sink():
    from airflow_oidc_auth.audit.airflow_log import AirflowLogSink

    return AirflowLogSink()


def rows(correlation_id: str) -> list:
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        found = session.scalars(select(Log).where(Log.extra.contains(f'"{correlation_id}"'))).all()
        session.expunge_all()
    return list(found)


def test_writes_the_row_that_the_audit_log_page_shows(sink):
    sink.write(replace(LOGIN, correlation_id="c-row"))
    (row,) = rows("c-row")
    assert (row.event, row.owner, row.owner_display_name) == ("auth.login", "Ada Lovelace", "Ada Lovelace")
    assert (row.dag_id, row.task_id) == (None, None)
    extra = json.loads(row.extra)
    assert (extra["subject"], extra["rules"], extra["roles_before"]) == ("ada", ["admins"], ["Viewer"])
    assert row.dttm is not None


@pytest.mark.parametrize("event", AuthEvent)
def test_every_event_name_fits_the_column(event):
    assert len(event.value) <= 60


def test_keeps_odd_owners_within_the_column(sink):
    sink.write(replace(LOGIN, correlation_id="c-odd", owner="\0\n😀" * 400))
    (row,) = rows("c-odd")
    assert len(row.owner) <= 500
    assert row.owner.startswith("\\u0000\\u000a\\U0001f600")


def test_a_database_that_is_away_is_a_session_error_without_the_record_in_it():
    from airflow_oidc_auth.audit.airflow_log import AirflowLogSink

    engine = create_engine("sqlite:////nonexistent/directory/airflow.db")
    with pytest.raises(SessionError) as caught:
        AirflowLogSink(sessionmaker(engine).begin).write(LOGIN)
    assert (caught.value.code, caught.value.status) == ("audit_unavailable", 503)
    assert "ada" not in f"{caught.value}".lower()
    assert caught.value.__suppress_context__
