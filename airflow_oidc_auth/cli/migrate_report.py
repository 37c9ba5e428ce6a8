"""What ``airflow oidc migrate-fab`` says: who becomes whom, who cannot be known, and what happens to the roles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.cli.text import SUGGESTION, count, section, table
from airflow_oidc_auth.fab.mapping import MappingProblem
from airflow_oidc_auth.fab.proposals import Outcome, Proposal

_REPLACED = (
    "At the next sign-in of a linked user the roles are recomputed: what the rules give replaces what FAB has now. "
    "To keep what was assigned by hand, set grants.keep_assigned_roles first."
)
_KEPT = (
    "At the next sign-in of a linked user the roles are recomputed. grants.keep_assigned_roles is on, and to FAB roles "
    "that an earlier sign-in gave look like those assigned by hand: all roles above stay until somebody removes them."
)


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """One proposal per FAB user, and what is wrong with the mapping file.

    :param problems: with any of them nothing is written
    :param by: who made the links; empty while nothing is written
    """

    proposals: Sequence[Proposal]
    problems: Sequence[MappingProblem] = ()
    keep_assigned_roles: bool = False
    by: str = ""
    correlation_id: str = ""

    @property
    def to_link(self) -> list[Proposal]:
        """The proposals that are links."""
        return self._of(Outcome.LINK)

    @property
    def exit_code(self) -> ExitCode:
        """Users whom nobody can propose are no failure; a mapping file with a mistake is."""
        return ExitCode.FAILED if self.problems else ExitCode.OK

    def as_done(self, by: str, correlation_id: str) -> MigrationReport:
        """Return the report after the links were made."""
        return replace(self, by=by, correlation_id=correlation_id)

    def text(self) -> list[str]:
        """What is wrong, or what happens to each user."""
        if self.problems:
            rows = [(f"line {each.line}", each.text) for each in self.problems]
            title = f"The mapping file cannot be used: {count(len(rows), 'problem')}. Nothing was changed."
            return section(title, table(rows))
        needing, skipped = self._of(Outcome.NEEDS_MAPPING), self._of(Outcome.SKIPPED)
        return [
            *section(f"{'Linked' if self.by else 'To link'}: {_users(self.to_link)}", table(_link_rows(self.to_link))),
            *section(f"Need a line in the mapping file: {_users(needing)}", _mapping_lines(needing)),
            *section(f"Skipped: {_users(skipped)}", table([(each.user.username, each.reason) for each in skipped])),
            *self._conclusion(),
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "linked": bool(self.by),
            "by": self.by or None,
            "correlation_id": self.correlation_id or None,
            "keep_assigned_roles": self.keep_assigned_roles,
            "problems": [{"line": each.line, "text": each.text} for each in self.problems],
            "users": [_data(each) for each in self.proposals],
        }

    def _conclusion(self) -> list[str]:
        if not self.to_link:
            return ["Nothing to link."]
        lines = section("Roles", table([(_KEPT if self.keep_assigned_roles else _REPLACED,)]))
        if self.by:
            return [*lines, f"Linked by {self.by}; the audit rows have the correlation id {self.correlation_id}."]
        return [*lines, "Nothing was changed so far."]

    def _of(self, outcome: Outcome) -> list[Proposal]:
        return [each for each in self.proposals if each.outcome is outcome]


def _link_rows(proposals: Iterable[Proposal]) -> list[tuple[str, ...]]:
    rows = [
        (
            each.user.username,
            each.identity.provider,
            f"{each.identity.subject} of {each.identity.issuer}\n{each.reason}\nroles now: {_roles(each)}",
        )
        for each in proposals
        if each.identity is not None
    ]
    return [("FAB user", "provider", "becomes subject"), *rows] if rows else []


def _mapping_lines(proposals: Sequence[Proposal]) -> list[str]:
    exports = list(dict.fromkeys(each.export for each in proposals if each.export))
    hints = [*exports, "Write a CSV file with the header username,subject or username,subject,issuer: --mapping FILE"]
    return [
        *table([(each.user.username, each.reason) for each in proposals]),
        *(table([("", f"{SUGGESTION}{hint}") for hint in hints]) if proposals else ()),
    ]


def _users(proposals: Sequence[Proposal]) -> str:
    return count(len(proposals), "FAB user")


def _roles(proposal: Proposal) -> str:
    return ", ".join(proposal.user.roles) or "none"


def _data(proposal: Proposal) -> dict[str, object]:
    identity = proposal.identity
    return {
        "username": proposal.user.username,
        "user_id": proposal.user.id,
        "outcome": proposal.outcome.value,
        "reason": proposal.reason,
        "export": proposal.export or None,
        "provider": identity and identity.provider,
        "issuer": identity and identity.issuer,
        "subject": identity and identity.subject,
        "roles_now": list(proposal.user.roles),
    }
