"""Airflow's ``log`` table takes our rows on every database, whatever people are called."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import sessionmaker

from tests.unit.audit.records import LOGIN


@pytest.fixture
def log_table(engine: Engine):
    from airflow.models.log import Log

    Log.__table__.drop(engine, checkfirst=True)
    Log.__table__.create(engine)
    yield Log.__table__
    Log.__table__.drop(engine)


@pytest.mark.parametrize(
    "name", ["Ada", "Łukasz 日本", "😀", "nul \0", "lone \ud800", "'; DROP TABLE log; --", "x" * 9_000]
)
def test_a_row_is_written_whatever_the_name(engine, log_table, name):
    from airflow_oidc_auth.audit.airflow_log import AirflowLogSink

    AirflowLogSink(sessionmaker(engine).begin).write(replace(LOGIN, owner=name, subject=name, rules=(name,) * 90))
    with engine.connect() as connection:
        row = connection.execute(select(log_table)).one()
    extra = json.loads(row.extra)
    assert row.owner
    assert (extra["correlation_id"], len(extra["rules"]) + extra["rules_omitted"]) == ("c-1", 90)
