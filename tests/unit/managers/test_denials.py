from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import structlog
from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    ConfigurationDetails,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
)

from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.managers.denials import LOGGER, MOST_OF_ALL, MOST_PER_SECOND, DenialLog, describe_question
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.decision import Decision, Question
from airflow_oidc_auth.web.denials import CURRENT, Denials

QUESTION = Question("GET", "dag", "", "finance_x", "TASK_LOGS", "fin")
DENIED = Decision(allowed=False, reason="denied", path="roles.finance.deny[0]", role="finance")


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Someone:
    permissions: object = field(default_factory=lambda: Policy().permissions(["Viewer"]))
    session: object = field(
        default_factory=lambda: SimpleNamespace(principal_id="p-1", grant=SimpleNamespace(roles=("Viewer",)))
    )


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(structlog, "is_configured", lambda: False)
    caplog.set_level(logging.INFO, LOGGER)
    told: list[str] = []
    monkeypatch.setattr(logging.getLogger(LOGGER), "info", lambda text, *args: told.append(text % args))
    return told


@pytest.fixture
def request_in_hand():
    slot = Denials()
    before = CURRENT.set(slot)
    yield slot
    CURRENT.reset(before)


def test_the_line_names_reference_person_question_and_the_deciding_line(lines):
    DenialLog(lambda user, question: DENIED).tell(Someone(), QUESTION, "ref1")
    assert lines == [
        "request.denied correlation_id=ref1 principal=p-1 roles=Viewer "
        "question=GET DAG 'finance_x' TASK_LOGS of team 'fin' reason=denied line=roles.finance.deny[0] role=finance"
    ]


@pytest.mark.parametrize(
    "decision, expected",
    [
        (None, ""),
        (Decision(allowed=False, reason="no_right"), "reason=no_right"),
        (Decision(allowed=True, reason="allowed", path="roles.a.allow[0]"), "reason=allowed_by_now"),
    ],
)
def test_the_line_says_no_more_than_is_known(lines, decision, expected):
    DenialLog(lambda user, question: decision).tell(Someone(), QUESTION, "ref1")
    assert lines[0].endswith(f"of team 'fin' {expected}".strip())


def test_an_explanation_that_fails_leaves_the_answer_and_the_line(lines, caplog):
    def fails(*_) -> Decision:
        raise ValueError("no way to explain it")

    DenialLog(fails).tell(Someone(), QUESTION, "ref1")
    assert len(lines) == 1
    assert lines[0].endswith("of team 'fin'")
    assert "could not be explained" in caplog.text


def test_a_name_from_an_address_forges_no_line_and_is_cut(lines):
    question = Question("GET", "resource", "Connections", "a\nrequest.denied b" + "x" * 5000)
    DenialLog(lambda *_: None).tell(Someone(), question, "ref1")
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert len(lines[0]) < 500


def test_whoever_asks_all_day_long_does_not_fill_the_log(lines):
    clock = Clock()
    told = DenialLog(lambda *_: DENIED, clock)
    for _ in range(MOST_PER_SECOND + 5):
        told.tell(Someone(), QUESTION, "ref1")
    assert len(lines) == MOST_PER_SECOND
    clock.now += 1
    told.tell(Someone(), QUESTION, "ref2")
    assert lines[-1].endswith("not_told_before=5")
    told.tell(Someone(), QUESTION, "ref3")
    assert "not_told_before" not in lines[-1]


def test_whoever_asks_all_day_long_takes_no_lines_from_others(lines):
    told = DenialLog(lambda *_: DENIED, Clock())
    for _ in range(1000):
        told.tell(Someone(), QUESTION, "ref1")
    told.tell(someone("p-2"), QUESTION, "ref2")
    assert len(lines) == MOST_PER_SECOND + 1
    assert "correlation_id=ref2 principal=p-2" in lines[-1]


def test_many_who_ask_all_day_long_do_not_fill_the_log(lines):
    told = DenialLog(lambda *_: DENIED, Clock())
    for number in range(1000):
        told.tell(someone(f"p-{number}"), QUESTION, "ref1")
    assert len(lines) == MOST_OF_ALL


def someone(principal_id: str) -> Someone:
    return Someone(session=SimpleNamespace(principal_id=principal_id, grant=SimpleNamespace(roles=("Viewer",))))


ASKED = [
    (lambda ask, user: ask.is_authorized_connection(method="GET", user=user, details=ConnectionDetails("c", "t")),
     "GET Connections 'c' of team 't'"),
    (lambda ask, user: ask.is_authorized_configuration(method="GET", user=user, details=ConfigurationDetails("core")),
     "GET Configurations 'core'"),
    (lambda ask, user: ask.is_authorized_dag(
        method="PUT", access_entity=DagAccessEntity.RUN, user=user, details=DagDetails("d")), "PUT DAG 'd' RUN"),
    (lambda ask, user: ask.is_authorized_view(access_view=AccessView.PLUGINS, user=user), "GET view PLUGINS"),
    (lambda ask, user: ask.is_authorized_custom_view(method="LOOK", resource_name="Mine", user=user),
     "LOOK custom view Mine"),
    (lambda ask, user: ask.is_authorized_pool(method="DELETE", user=user), "DELETE Pools"),
]  # fmt: skip


@pytest.mark.parametrize("ask, expected", ASKED, ids=[expected for _, expected in ASKED])
def test_a_no_is_told_if_the_request_ends_with_it(request_in_hand, ask, expected):
    told: list[tuple[object, ...]] = []

    class Manager(Decisions):
        denials = SimpleNamespace(tell=lambda *given: told.append(given))

    user = Someone()
    assert ask(Manager(), user) is False
    assert not told
    request_in_hand.tell("ref1")
    ((who, question, reference),) = told
    assert (who, describe_question(question), reference) == (user, expected, "ref1")


def test_a_yes_and_a_filter_keep_nothing(request_in_hand):
    decisions, user = Decisions(), Someone()
    assert decisions.is_authorized_dag(method="GET", user=user, details=DagDetails("d"))
    assert decisions.filter_authorized_connections(conn_ids={"c"}, user=user) == set()
    assert decisions.filter_authorized_dag_ids(dag_ids={"d"}, user=user, method="DELETE") == set()
    assert request_in_hand.tell is None


def test_a_no_without_a_request_is_just_a_no():
    assert Decisions().is_authorized_pool(method="DELETE", user=Someone()) is False


def test_the_fields_reach_the_structured_stream(monkeypatch):
    told: list[dict[str, object]] = []
    monkeypatch.setattr(structlog, "is_configured", lambda: True)
    logger = SimpleNamespace(info=lambda event, **fields: told.append({"event": event, **fields}))
    monkeypatch.setattr(structlog, "get_logger", lambda name: logger)
    DenialLog(lambda *_: DENIED).tell(Someone(), QUESTION, "ref1")
    assert json.dumps(told[0])
    assert told[0]["event"] == "request.denied"
    assert told[0]["line"] == "roles.finance.deny[0]"
