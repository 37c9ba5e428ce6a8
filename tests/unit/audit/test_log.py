from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.errors import SessionError
from tests.unit.audit.records import LOGIN, Kept, failure


def test_every_sink_gets_every_record():
    sinks = [Kept(), Kept()]
    AuditLog(sinks, True).record(LOGIN)
    assert [sink.records for sink in sinks] == [[LOGIN], [LOGIN]]


@pytest.mark.parametrize(
    ("event", "instead"),
    [(AuthEvent.LOGIN, AuthEvent.LOGIN_FAILED), (AuthEvent.TOKEN_ISSUED, AuthEvent.TOKEN_REFUSED)],
)
def test_what_opens_a_door_fails_without_its_row_and_the_stream_does_not_tell_of_it(event, instead):
    """A token is a sign-in that lasts for weeks."""
    stream = Kept()
    with pytest.raises(SessionError) as caught:
        AuditLog([Kept(down=True), stream], True).record(replace(LOGIN, event=event))
    assert (caught.value.code, caught.value.status) == ("audit_unavailable", 503)
    (told,) = stream.records
    assert (told.event, told.reason, told.subject) == (instead, "audit_unavailable", "ada")


def test_where_configuration_says_so_the_sign_in_goes_on_and_the_log_is_loud(caplog):
    stream = Kept()
    AuditLog([Kept(down=True), stream], False).record(LOGIN)
    assert stream.records == [LOGIN]
    assert "Audit record lost by Kept" in caplog.text
    assert '"subject": "ada"' in caplog.text


@pytest.mark.parametrize("event", sorted(set(AuthEvent) - {AuthEvent.LOGIN, AuthEvent.TOKEN_ISSUED}))
def test_nothing_else_fails_for_want_of_a_row(event, caplog):
    """A logout or a refusal that raised would keep a session alive or show an error instead of the refusal."""
    stream = Kept()
    record = replace(LOGIN, event=event)
    AuditLog([Kept(down=True), stream], True).record(record)
    assert stream.records == [record]
    assert event.value in caplog.text


def test_a_lost_record_cannot_forge_a_log_line(caplog):
    AuditLog([Kept(down=True)], False).record(replace(LOGIN, owner="Ada\nERROR forged", subject="x\ny"))
    (line,) = caplog.records
    assert "\n" not in line.getMessage()


def test_anonymous_failures_are_counted_and_flushed():
    sink = Kept()
    audit = AuditLog([sink], True)
    for second in range(10):
        audit.record_anonymous_failure(failure(), float(second))
    assert [r.count for r in sink.records] == [1]
    audit.flush(30.0)
    assert [r.count for r in sink.records] == [1]
    audit.flush(60.0)
    assert [r.count for r in sink.records] == [1, 9]


def test_the_last_counts_are_written_before_the_process_ends():
    sink = Kept()
    audit = AuditLog([sink], True)
    for _ in range(3):
        audit.record_anonymous_failure(failure(), 0.0)
    audit.close()
    audit.close()
    assert [r.count for r in sink.records] == [1, 2]


def test_a_failing_sink_does_not_stop_counting(caplog):
    sink = Kept(down=True)
    audit = AuditLog([sink], True)
    for _ in range(3):
        audit.record_anonymous_failure(failure(), 0.0)
    sink.down = False
    audit.close()
    assert [r.count for r in sink.records] == [2]
    assert caplog.text.count("Audit record lost") == 1


def test_without_sinks_nothing_happens():
    AuditLog([], True).record(LOGIN)
