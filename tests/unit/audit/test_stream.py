from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.audit.stream import LOGGER, StructuredLogSink
from tests.unit.audit.records import LOGIN


@pytest.fixture
def plain_logging():
    configured = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    if configured:
        structlog.configure(**configured)


@pytest.fixture
def structured_logging(plain_logging):
    structlog.configure(processors=[structlog.processors.JSONRenderer()])


@pytest.mark.usefixtures("plain_logging")
def test_writes_one_line_of_json_where_structlog_is_not_configured(caplog):
    caplog.set_level(logging.INFO, LOGGER)
    StructuredLogSink().write(replace(LOGIN, owner="Ada\nforged"))
    (record,) = caplog.records
    assert (record.name, record.levelno) == (LOGGER, logging.INFO)
    assert "\n" not in record.getMessage()
    line = json.loads(record.getMessage())
    assert (line["event"], line["owner"], line["subject"]) == ("auth.login", "Ada\\u000aforged", "ada")
    assert line["roles_after"] == ["Admin"]


@pytest.mark.usefixtures("structured_logging")
@pytest.mark.parametrize(
    ("event", "level"),
    [
        (AuthEvent.LOGIN, "info"),
        (AuthEvent.LOGOUT, "info"),
        (AuthEvent.LOGIN_REFUSED, "warning"),
        (AuthEvent.LOGIN_FAILED, "warning"),
        (AuthEvent.CONFIG_REJECTED, "warning"),
        (AuthEvent.BREAK_GLASS, "warning"),
    ],
)
def test_hands_the_fields_to_structlog_where_it_is_configured(event, level):
    with capture_logs() as lines:
        StructuredLogSink().write(replace(LOGIN, event=event))
    (line,) = lines
    assert (line["event"], line["log_level"], line["correlation_id"]) == (event.value, level, "c-1")
    json.dumps(line)


@pytest.mark.usefixtures("structured_logging")
@pytest.mark.parametrize("name", ["event", "level", "timestamp", "exc_info", "stack_info", "logger", "owner", "self"])
def test_a_fact_of_any_name_does_not_break_the_line(name):
    with capture_logs() as lines:
        StructuredLogSink().write(replace(LOGIN, detail=((name, "x"),)))
    assert lines[0]["event"] == "auth.login"
    assert lines[0]["owner"] == "Ada Lovelace"
