"""Put roles and people into FAB's tables of this Airflow home.

``python -m benchmarks.fill_fab role``, or ``python -m benchmarks.fill_fab crowd USERS ROLES PERMISSIONS``.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy import insert, select

from benchmarks.fill import TAGGED, dag_id

ISSUER = "https://idp.example.com/crowd"
ACTIONS = ("can_read", "can_edit", "can_delete")
FIRST_DAY = datetime(2020, 1, 1, 12, 0, 0)  # noqa: DTZ001  # FAB's are naive
# Beyond every number that FAB gave: explicit, so that thousands of rows refer to each other in a few statements.
NUMBERS_FROM = 1_000_000
ROLES_OF_ONE = 3
COMBINATIONS = 200


@dataclass(frozen=True)
class SingleDags:
    """A role that opens some DAGs, one by one (:mod:`benchmarks.fill` names them)."""

    role: str = "Two hundred DAGs"
    count: int = TAGGED

    @property
    def ids(self) -> list[str]:
        return [dag_id(number) for number in range(self.count)]

    @property
    def first(self) -> str:
        return self.ids[0]

    @property
    def foreign(self) -> str:
        return dag_id(self.count)


SINGLE_DAGS = SingleDags()


def add_single_dags_role() -> None:
    """Add the role as ``airflow roles create`` and DAGs with ``access_control`` would."""
    with create_session() as transaction:
        pairs = _add_pairs(transaction, [("can_read", f"DAG:{one}") for one in SINGLE_DAGS.ids])
        _add_roles(transaction, {SINGLE_DAGS.role: pairs})


def add_crowd(users: int, roles: int, permissions: int) -> None:
    """Add signed-in people with three roles each, and roles with many single-DAG permissions.

    There are :data:`COMBINATIONS` of roles among the people, as departments have theirs.
    """
    chosen = random.Random(3)
    each = permissions // roles
    with create_session() as transaction:
        names = [(action, f"DAG:pipeline_{number}") for number in range(each) for action in ACTIONS]
        pairs = _add_pairs(transaction, names)
        role_ids = _add_roles(transaction, {f"role {number}": chosen.sample(pairs, each) for number in range(roles)})
        combinations = [chosen.sample(role_ids, ROLES_OF_ONE) for _ in range(COMBINATIONS)]
        _add_people(transaction, users, combinations)


def principals_of(users: int) -> list[str]:
    """Return the principal ids of the crowd."""
    from airflow_oidc_auth.sessions.principal import principal_id

    return [principal_id(ISSUER, f"person-{number}") for number in range(users)]


def _add_pairs(transaction: Any, names: list[tuple[str, str]]) -> list[int]:
    tables = _tables()
    actions = {
        action: _find_or_number(transaction, tables.actions, action, place) for place, action in enumerate(ACTIONS)
    }
    resources = {resource: NUMBERS_FROM + place for place, resource in enumerate(sorted({name for _, name in names}))}
    _insert(transaction, tables.resources, [{"id": number, "name": name} for name, number in resources.items()])
    rows = [
        {"id": NUMBERS_FROM + place, "permission_id": actions[action], "view_menu_id": resources[resource]}
        for place, (action, resource) in enumerate(names)
    ]
    _insert(transaction, tables.permissions, rows)
    return [row["id"] for row in rows]


def _find_or_number(transaction: Any, table: Any, name: str, place: int) -> int:
    found = transaction.execute(select(table.c.id).where(table.c.name == name)).scalar()
    if found is None:
        found = NUMBERS_FROM + place
        _insert(transaction, table, [{"id": found, "name": name}])
    return found


def _add_roles(transaction: Any, roles: dict[str, list[int]]) -> list[int]:
    tables = _tables()
    ids = {name: NUMBERS_FROM + place for place, name in enumerate(roles)}
    _insert(transaction, tables.roles, [{"id": number, "name": name} for name, number in ids.items()])
    given = [(ids[name], pair) for name, pairs in roles.items() for pair in pairs]
    rows = [
        {"id": NUMBERS_FROM + place, "role_id": role_id, "permission_view_id": pair}
        for place, (role_id, pair) in enumerate(given)
    ]
    _insert(transaction, tables.role_permissions, rows)
    return list(ids.values())


def _add_people(transaction: Any, count: int, combinations: list[list[int]]) -> None:
    from airflow_oidc_auth.sessions.models import principals

    people = list(enumerate(principals_of(count)))
    _insert(transaction, principals, [_principal(number, principal) for number, principal in people])
    _insert(transaction, _tables().users, [_user(number) for number, _ in people])
    has = [
        {"id": NUMBERS_FROM + number * ROLES_OF_ONE + place, "user_id": NUMBERS_FROM + number, "role_id": role_id}
        for number, _ in people
        for place, role_id in enumerate(combinations[number % len(combinations)])
    ]
    _insert(transaction, _tables().user_roles, has)
    _link(transaction, people)


def _principal(number: int, principal: str) -> dict[str, Any]:
    times = {"created_at": 0, "signed_in_at": 0}
    return {"id": principal, "issuer": ISSUER, "subject": f"person-{number}", "name": "Ann", "roles": "[]", **times}


def _user(number: int) -> dict[str, Any]:
    name = f"person-{number}"
    names = {"username": name, "first_name": "Ann", "last_name": str(number), "email": f"{name}@example.com"}
    nobody = {"created_by_fk": None, "changed_by_fk": None, "changed_on": None}
    return {"id": NUMBERS_FROM + number, **names, "password": "!", "active": True, "created_on": FIRST_DAY, **nobody}


def _link(transaction: Any, people: list[tuple[int, str]]) -> None:
    from airflow_oidc_auth.fab.tables import created_on_text
    from airflow_oidc_auth.sessions.models import fab_users

    same = {"user_created_on": created_on_text(FIRST_DAY), "given_roles": "[]", "linked_at": 0, "linked_by": "sign-in"}
    rows = [{"principal_id": principal, "user_id": NUMBERS_FROM + number, **same} for number, principal in people]
    _insert(transaction, fab_users, rows)


def _tables() -> Any:
    from airflow_oidc_auth.fab.tables import fab_tables

    return fab_tables()


def _insert(transaction: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    transaction.execute(insert(table), rows)


if __name__ == "__main__":
    if sys.argv[1] == "role":
        add_single_dags_role()
    else:
        add_crowd(*map(int, sys.argv[2:5]))
