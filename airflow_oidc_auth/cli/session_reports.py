"""What the commands for sessions, and for the tokens among them, tell: what there is, and what was ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.login.session_office import Order
from airflow_oidc_auth.sessions.session import Session

REFERENCE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of session is told.

    :param noun: ``session`` or ``token``
    :param verb: what a command does to put an end to it
    :param done: the same, when it is done
    :param head: of the table
    :param row: of one session, at a moment in epoch seconds
    :param data: one session for JSON
    """

    noun: str
    verb: str
    done: str
    head: tuple[str, ...]
    row: Callable[[Session, int], tuple[str, ...]]
    data: Callable[[Session], dict[str, object]]

    def counted(self, number: int) -> str:
        """Return ``1 session``, ``2 sessions``."""
        return count(number, self.noun)

    def block(self, sessions: Sequence[Session], total: int, moment: int) -> list[str]:
        """Return a table, headed by how many there are."""
        return section(self.counted(total), table([self.head, *(self.row(each, moment) for each in sessions)]))


@dataclass(frozen=True, slots=True)
class ListReport:
    """What lives, newest first.

    :param total: how many there are, more than are listed where there are more than 10,000
    :param now: epoch seconds
    """

    kind: Kind
    sessions: Sequence[Session]
    total: int
    now: int

    @property
    def exit_code(self) -> ExitCode:
        """None is an answer, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One line for each."""
        if not self.sessions:
            return [f"No live {self.kind.noun}."]
        lines = self.kind.block(self.sessions, self.total, self.now)
        if self.total > len(self.sessions):
            lines.append(f"Only the newest {len(self.sessions)} are listed.")
        return lines

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {f"{self.kind.noun}s": [self.kind.data(each) for each in self.sessions], "total": self.total}


@dataclass(frozen=True, slots=True)
class EndReport:
    """What has ended.

    :param unaudited: how many of them have no audit row
    :param people: for how many nothing counts any more that their identity provider issued until now
    """

    kind: Kind
    sessions: Sequence[Session]
    order: Order
    correlation_id: str
    unaudited: int
    people: int = 0

    @property
    def exit_code(self) -> ExitCode:
        """Nothing that could be ended, or an end that nobody can look up, is what a script must hear of."""
        return ExitCode.OK if (self.sessions or self.people) and not self.unaudited else ExitCode.FAILED

    def text(self) -> list[str]:
        """What was done."""
        if not self.sessions and not self.people:
            return [f"No live {self.kind.noun} matches; nothing was {self.kind.done}."]
        rows = [
            (self.kind.done, self.kind.counted(len(self.sessions))),
            ("reason", self.order.explanation),
            ("by", self.order.by),
            ("audit", self.correlation_id),
        ]
        if self.people:
            rows.append(("refused", f"what was issued until now to {count(self.people, 'principal')}"))
        if self.unaudited:
            rows.append(("missing", f"{count(self.unaudited, 'audit row')} could not be written"))
        nothing = [] if self.sessions else [f"No live {self.kind.noun} of this Airflow matches.", ""]
        lines = section(self.kind.done.capitalize(), table(rows[0 if self.sessions else 1 :]))
        return [*nothing, *lines, "Every API server knows within seconds."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {
            self.kind.done: [self.kind.data(each) for each in self.sessions],
            "reason": self.order.explanation,
            "by": self.order.by,
            "correlation_id": self.correlation_id,
            "unaudited": self.unaudited,
            "people": self.people,
        }


def describe_owner(session: Session) -> str:
    """Return a person's name and address in one cell."""
    who = session.name if session.email in (None, session.name) else f"{session.name} <{session.email}>"
    return who[:40]
