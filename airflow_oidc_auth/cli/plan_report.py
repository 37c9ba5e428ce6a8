"""Who gains and who loses what, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode, problem_data
from airflow_oidc_auth.cli.effective import Moved, describe_moved
from airflow_oidc_auth.cli.people import Person
from airflow_oidc_auth.cli.standing import Standing
from airflow_oidc_auth.cli.text import count, problem_rows, section, table
from airflow_oidc_auth.errors import Problem

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Change:
    """One person, by the configured document and by the new one.

    :param assumed: the rules change and nothing is held that they could be tried on; the last roles stand in
    """

    person: Person
    before: Standing
    after: Standing
    assumed: bool = False

    @property
    def keeps_roles(self) -> bool:
        """The roles stay, and where they hold."""
        return (self.before.roles, self.before.team_roles) == (self.after.roles, self.after.team_roles)

    @property
    def key(self) -> object:
        """The same for people who have the same roles before, and the same after."""
        sides = ((each.roles, each.team_roles, each.refusal) for each in (self.before, self.after))
        return (*sides, self.assumed)


@dataclass(frozen=True, slots=True)
class Group:
    """People whom the same happens to; their roles may differ where they stay."""

    changes: tuple[Change, ...]
    gains: tuple[Moved, ...]
    loses: tuple[Moved, ...]

    @property
    def people(self) -> tuple[Person, ...]:
        """Who they are."""
        return tuple(each.person for each in self.changes)

    @property
    def key(self) -> object:
        """The same for groups whom the same happens to."""
        first = self.changes[0]
        roles = None if first.keeps_roles else (first.before.described_roles(), first.after.described_roles())
        return roles, first.before.refusal, first.after.refusal, self.gains, self.loses

    @property
    def changed(self) -> bool:
        """Something happens to them."""
        first = self.changes[0]
        refusals = (first.before.refusal is None) != (first.after.refusal is None)
        return not first.keeps_roles or bool(self.gains or self.loses) or refusals

    @property
    def shut_out(self) -> bool:
        """They are let in now, and would not be any more."""
        first = self.changes[0]
        return first.after.refusal is not None and first.before.refusal is None

    def text(self) -> list[str]:
        """A block, headed by who they are."""
        return section(_names(self.people), table(self._rows()))

    def _rows(self) -> list[tuple[str, str]]:
        before, after = self.changes[0].before, self.changes[0].after
        rows = []
        if not self.changes[0].keeps_roles:
            rows.append(("roles", f"{before.described_roles()} → {after.described_roles()}"))
        if after.refusal is not None and self.shut_out:
            rows.append(("shut out", f"{after.refusal[1]} ({after.refusal[0]})"))
        if before.refusal is not None and after.refusal is None:
            rows.append(("let in", f"until now: {before.refusal[1]} ({before.refusal[0]})"))
        if self.loses:
            rows.append(("loses", "\n".join(describe_moved(self.loses))))
        if self.gains:
            rows.append(("gains", "\n".join(describe_moved(self.gains))))
        if not self.loses and not self.gains:
            rows.append(("", "May really do the same as before."))
        return rows

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "people": [
                {**_person_data(each.person), "before": _side_data(each.before), "after": _side_data(each.after)}
                for each in self.changes
            ],
            "gains": [each.data() for each in self.gains],
            "loses": [each.data() for each in self.loses],
        }


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What another document would do.

    :param people: how many were looked at
    :param unknown: people for whom the new rules could not be tried
    :param document: what differs between the documents, in lines
    :param warnings: that the new document brings
    """

    days: int
    people: int
    groups: tuple[Group, ...]
    unknown: tuple[Person, ...] = ()
    document: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What would happen is an answer, whatever it is."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """The documents, then the people: who loses comes first."""
        return [
            *section("What changes in the document", table([(line,) for line in self.document or ("nothing",)])),
            *section("Warnings", table(problem_rows("warning", self.warnings))),
            *section(f"{self._people()} seen in the last {count(self.days, 'day')}", self._summary()),
            *(line for group in self.groups for line in group.text()),
            *section("Not known", table([(each,) for each in self._unknown()])),
            *section("Notes", table([(note,) for note in self.notes])),
            "Nothing was changed.",
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "days": self.days,
            "people": self.people,
            **dict(self._counts()),
            "groups": [each.data() for each in self.groups],
            "not_known_people": [_person_data(each) for each in self.unknown],
            "document": list(self.document),
            "warnings": [problem_data(each) for each in self.warnings],
            "notes": list(self.notes),
        }

    def _people(self) -> str:
        return "1 person" if self.people == 1 else f"{self.people} people"

    def _counts(self) -> list[tuple[str, int]]:
        unknown = {each.principal_id for each in self.unknown}

        def people(groups: Sequence[Group]) -> int:
            return sum(each.principal_id not in unknown for group in groups for each in group.people)

        return [
            ("shut_out", people([each for each in self.groups if each.shut_out])),
            ("losing", people([each for each in self.groups if each.loses])),
            ("gaining", people([each for each in self.groups if each.gains])),
            ("unchanged", self.people - people(self.groups) - len(self.unknown)),
            ("not_known", len(self.unknown)),
        ]

    def _summary(self) -> list[str]:
        return table([(word.replace("_", " "), str(number)) for word, number in self._counts()])

    def _unknown(self) -> list[str]:
        if not self.unknown:
            return []
        text = (
            "The rules change, and of these people nothing is held that they could be tried on, because they have no "
            "session that is re-checked. They were taken to keep the roles of their last sign-in:"
        )
        return [text, _names(self.unknown)]


def _names(people: Sequence[Person]) -> str:
    more = f" and {len(people) - SHOWN} more" if len(people) > SHOWN else ""
    return f"{', '.join(each.label for each in people[:SHOWN])}{more}"


def _person_data(person: Person) -> dict[str, object]:
    return {
        "principal_id": person.principal_id,
        "name": person.name,
        "email": person.email,
        "issuer": person.issuer,
        "subject": person.subject,
        "seen_at": person.seen_at,
    }


def _side_data(standing: Standing) -> dict[str, object]:
    known = standing.data()
    return {key: known[key] for key in ("roles", "team_roles", "basis", "refusal")}
