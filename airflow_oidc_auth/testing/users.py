"""The people who can sign in at the fake IdP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FakeUser:
    """One person.

    :param subject: ``sub``; unlike the name on purpose, as at real IdPs
    :param claims: laid over the claims of the id_token and of userinfo
    :param note: shown on the login page, such as what the person may do
    """

    subject: str
    name: str
    email: str
    groups: tuple[str, ...] = ()
    claims: Mapping[str, object] = field(default_factory=dict)
    note: str = ""

    @property
    def username(self) -> str:
        """The part of the e-mail before the ``@``; also accepted as ``login_hint``."""
        return self.email.partition("@")[0]

    def answers_to(self, hint: str) -> bool:
        """True if ``hint`` is this person's subject, e-mail or user name."""
        return hint in (self.subject, self.email, self.username)


DEMO_USERS = (
    FakeUser("5d3a-0001", "Ada Admin", "ada@example.com", ("airflow-admins",)),
    FakeUser("5d3a-0002", "Oskar Operator", "oskar@example.com", ("airflow-ops", "team-billing-ops")),
    FakeUser("5d3a-0003", "Uma User", "uma@example.com", ("airflow-users",)),
    FakeUser("5d3a-0004", "Victor Viewer", "victor@example.com", ("airflow-viewers",)),
    FakeUser("5d3a-0005", "Nora Nobody", "nora@example.com", ("canteen",)),
)


def load_users(path: Path) -> tuple[FakeUser, ...]:
    """Read a JSON list of objects with the fields of :class:`FakeUser`.

    :raises ValueError: the file does not have that shape
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, list) or not document:
        raise ValueError("the users file must hold a JSON list with at least one user")
    users = tuple(_user(entry, index) for index, entry in enumerate(document))
    if len({user.subject for user in users}) != len(users):
        raise ValueError("two users have the same subject")
    return users


def _user(entry: object, index: int) -> FakeUser:
    if not isinstance(entry, dict):
        raise ValueError(f"user {index} is no object")  # noqa: TRY004 -- one error type for callers
    fields = dict(entry)
    fields["groups"] = tuple(fields.get("groups", ()))
    try:
        return FakeUser(**fields)
    except TypeError as error:
        raise ValueError(f"user {index}: {error}") from error
