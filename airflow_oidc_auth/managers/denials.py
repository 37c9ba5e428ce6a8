"""Tell an administrator which line of the document is behind a 403.

A decision that says no keeps its question beside the request; our middleware has it told if the request is answered
with 403, under the reference that the person sees. What is allowed pays nothing for it, and neither does a filter.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import structlog

from airflow_oidc_auth.config.paths import shorten
from airflow_oidc_auth.policy.name_rules import UNTOLD_TEAM
from airflow_oidc_auth.web.denials import CURRENT, note_denial

if TYPE_CHECKING:
    from airflow_oidc_auth.managers.user import SessionUser
    from airflow_oidc_auth.policy.decision import Decision, Question

log = logging.getLogger(__name__)

LOGGER = "airflow_oidc_auth.denied"
EVENT = "request.denied"
MOST_PER_SECOND = 10
MOST_OF_ALL = 100
MAX_TEXT = 250

Explain = Callable[["SessionUser", "Question"], "Decision | None"]


def note_question(manager: Any, user: Any, *question: Any) -> Literal[False]:
    """Say no, and keep the question: ``manager.denials`` is told if the request in hand ends with 403.

    :param question: the fields of a :class:`Question`; made into one only if it is told
    """
    if CURRENT.get() is not None:
        note_denial(partial(_tell, manager, user, question))
    return False


def _tell(manager: Any, user: SessionUser, question: tuple[Any, ...], reference: str) -> None:
    from airflow_oidc_auth.policy.decision import Question

    manager.denials.tell(user, Question(*question), reference)


class DenialLog:
    """One line for each 403, at most :data:`MOST_PER_SECOND` of a person and :data:`MOST_OF_ALL` of everybody.

    Somebody may ask for what they must not all day long: the log neither fills up nor leaves out the others' lines.

    :param explain: returns what decides; None where nobody can tell, as in FAB's database
    :param clock: monotonic seconds
    """

    def __init__(self, explain: Explain, clock: Callable[[], float] = time.monotonic) -> None:
        self._explain = explain
        self._clock = clock
        self._second = 0
        self._told: Counter[str] = Counter()
        self._left_out = 0

    def tell(self, user: SessionUser, question: Question, reference: str) -> None:
        """Write the line, or count it."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._told = second, Counter()
        who = user.session.principal_id
        if self._told[who] >= MOST_PER_SECOND or self._told.total() >= MOST_OF_ALL:
            self._left_out += 1
            return
        self._told[who] += 1
        left_out, self._left_out = self._left_out, 0
        self._write(user, question, reference, {"not_told_before": left_out} if left_out else {})

    def _write(self, user: SessionUser, question: Question, reference: str, more: dict[str, object]) -> None:
        session = user.session
        fields: dict[str, object] = {
            "correlation_id": reference,
            "principal": session.principal_id,
            "roles": ",".join(session.grant.roles),
            "question": describe_question(question),
            **self._describe(user, question),
            **more,
        }
        if structlog.is_configured():
            structlog.get_logger(LOGGER).info(EVENT, **fields)
        else:
            told = " ".join(f"{key}={value}" for key, value in fields.items())
            logging.getLogger(LOGGER).info("%s %s", EVENT, told)

    def _describe(self, user: SessionUser, question: Question) -> dict[str, object]:
        try:
            return _describe_decision(self._explain(user, question))
        except Exception:
            # The answer has begun, and it stands: whatever is wrong with its explanation must not cut it off.
            log.exception("a denial could not be explained")
            return {}


def describe_question(question: Question) -> str:
    """Return the question in one line: ``GET DAG 'finance_x' TASK_LOGS``; names can be chosen by whoever asks."""
    what = {"dag": "DAG", "view": "view", "menu": "menu item", "custom_view": "custom view"}.get(question.kind, "")
    named = f"'{shorten(question.name, MAX_TEXT)}'" if question.name else ""
    team = f"of team '{shorten(question.team)}'" if question.team and question.team != UNTOLD_TEAM else ""
    parts = (question.method, what, shorten(question.resource), named, question.entity or "", team)
    return " ".join(part for part in parts if part)


def _describe_decision(decision: Decision | None) -> dict[str, object]:
    if decision is None:
        return {}
    if decision.allowed:
        # Of another moment: the document or the DAG has changed since.
        return {"reason": "allowed_by_now"}
    line = {"line": decision.path} if decision.path else {}
    role = {"role": decision.role} if decision.role else {}
    return {"reason": decision.reason, **line, **role}
