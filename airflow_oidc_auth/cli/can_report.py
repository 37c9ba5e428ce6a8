"""Allow or deny, and why, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.cli.resource import Asked
from airflow_oidc_auth.cli.standing import HOW_KNOWN, Standing
from airflow_oidc_auth.cli.text import section, table
from airflow_oidc_auth.policy.decision import Decision
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.policy.words import describe_role

REASONS = {
    "admin": "Admin may do everything that is not denied.",
    "allowed": "",
    "denied": "A deny wins over every allow, whichever role it comes from.",
    "no_right": "None of the roles allows it, and what nothing allows is denied.",
    "no_right_on_dag": "The part is allowed, but no role has the right on this DAG.",
    "no_right_on_part": "The DAG is allowed, but no role has the right on this part of it.",
    "not_let_in": "The person is not let in at all, so no role counts.",
    "team_member": "Some role of theirs holds in this team.",
    "no_team_member": "None of their roles holds in this team.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One of Airflow's questions, and its answer.

    :param question: method and DAG entity, in Airflow's words
    :param reason: a key of :data:`REASONS`
    :param where: file and line of the deciding statement
    :param also: path of a second statement that it takes
    """

    question: str
    allowed: bool
    reason: str
    path: str = ""
    where: str = ""
    text: str = ""
    role: str = ""
    team: str = ""
    also: str = ""

    def data(self) -> dict[str, object]:
        """The answer for a program."""
        return {
            "question": self.question,
            "allowed": self.allowed,
            "reason": self.reason,
            "path": self.path or None,
            "where": self.where or None,
            "also": self.also or None,
            "statement": self.text or None,
            "role": self.role or None,
            "team": self.team or None,
        }


def answer_of(question: str, decision: Decision, where: str) -> Answer:
    """Return the answer that a decision of the policy is."""
    told = (decision.path or "", where, decision.text, decision.role or "", decision.team or "", decision.also or "")
    return Answer(question, decision.allowed, decision.reason, *told)


@dataclass(frozen=True, slots=True)
class CanReport:
    """The answer to all that was asked.

    :param answers: one for each of Airflow's questions; all must be yes
    :param facts: of the DAG, as far as known
    """

    asked: Asked
    standing: Standing
    answers: Sequence[Answer]
    facts: DagFacts | None = None
    notes: tuple[str, ...] = ()

    @property
    def decides(self) -> Answer:
        """The answer that decides: the first no, or the first yes where there is none."""
        return next((each for each in self.answers if not each.allowed), self.answers[0])

    @property
    def exit_code(self) -> ExitCode:
        """Deny is an answer of its own."""
        return ExitCode.OK if self.decides.allowed else ExitCode.DENIED

    def text(self) -> list[str]:
        """The answer first, then why."""
        return [
            *section(f"{self._word()}  {self.asked.action} {self.asked.resource}", table(self._why_rows())),
            *section("Who", table(self._who_rows())),
            *section(f"What is known of DAG {self.asked.name}", table(_facts_rows(self.facts))),
            *section("Notes", table([(note,) for note in self.notes])),
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        decides = self.decides
        return {
            "allowed": decides.allowed,
            "action": self.asked.action,
            "resource": self.asked.resource,
            "decided_by": decides.data(),
            "answers": [each.data() for each in self.answers],
            "subject": self.standing.data(),
            "dag": None if self.facts is None else _facts_data(self.facts),
            "notes": list(self.notes),
        }

    def _word(self) -> str:
        return "ALLOW" if self.decides.allowed else "DENY"

    def _why_rows(self) -> list[tuple[str, str]]:
        decides = self.decides
        rows = []
        if decides.path:
            also = f", with {decides.also}" if decides.also else ""
            rows.append(("decided by", f"{decides.path}{f' ({decides.where})' if decides.where else ''}{also}"))
        if decides.text:
            rows.append(("which says", decides.text))
        if decides.role:
            rows.append(("role", f"{describe_role(decides.role)}{f' in team {decides.team}' if decides.team else ''}"))
        if told := REASONS.get(decides.reason, ""):
            rows.append(("why", told))
        if len(self.answers) > 1:
            rows.append(("Airflow asks", "\n".join(f"{each.question}: {_yes(each)}" for each in self.answers)))
        return rows

    def _who_rows(self) -> list[tuple[str, str]]:
        standing = self.standing
        rows = [("person", standing.who)]
        if standing.refusal is not None:
            rows.append(("refused", f"{standing.refusal[1]} ({standing.refusal[0]})"))
        else:
            rows.append(("roles", standing.described_roles()))
        rows.append(("known by", HOW_KNOWN[standing.basis]))
        if standing.rules:
            rows.append(("rules", "\n".join(f"{name} ({path})" for name, path in standing.rules)))
        return rows


def _yes(answer: Answer) -> str:
    return "yes" if answer.allowed else "no"


def _facts_rows(facts: DagFacts | None) -> list[tuple[str, str]]:
    if facts is None:
        return []
    return [
        ("tags", ", ".join(sorted(facts.tags)) or "none"),
        ("owners", ", ".join(sorted(facts.owners)) or "none"),
        ("bundle", facts.bundle or "none"),
        ("team", facts.team or "none"),
        *([("access_control", "\n".join(_access_control(facts)))] if facts.roles else []),
    ]


def _access_control(facts: DagFacts) -> list[str]:
    return [f"{role}: {', '.join(sorted(methods))}" for role, methods in sorted(facts.roles.items())]


def _facts_data(facts: DagFacts) -> dict[str, object]:
    return {
        "id": facts.id,
        "tags": sorted(facts.tags),
        "owners": sorted(facts.owners),
        "bundle": facts.bundle,
        "team": facts.team,
        "access_control": {role: sorted(methods) for role, methods in sorted(facts.roles.items())},
    }
