"""FAB's users and roles, changed by people who want to keep what a group once gave them."""

from __future__ import annotations

from threading import Thread

import pytest
from sqlalchemy import delete, insert, select, update

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.fab import accounts
from airflow_oidc_auth.fab.directory_rows import read_fingerprint
from airflow_oidc_auth.fab.links import link
from airflow_oidc_auth.sessions.models import fab_users
from tests.storage.fab import KEEPING, FabDatabase, grant_pair
from tests.storage.people import ISSUER, NOW
from tests.storage.test_fab_accounts import BOTH, VIEWER, enter, person, user_of


def rename_role(fab: FabDatabase, name: str, other: str) -> None:
    roles = fab.tables.roles
    with fab.engine.begin() as connection:
        connection.execute(update(roles).where(roles.c.name == name).values(name=other))


def test_a_given_role_under_another_name_does_not_pass_for_one_assigned_by_hand(fab: FabDatabase) -> None:
    """Whoever left the group would keep the role for ever."""
    enter(fab, person(), BOTH, KEEPING)
    rename_role(fab, "Op", "Operators")
    opened = enter(fab, person(), VIEWER, KEEPING)
    assert opened.session.grant.roles == ("Viewer",)
    assert fab.roles_of(user_of(fab).id) == {"Viewer"}


def test_a_renamed_role_goes_when_the_rules_give_nothing(fab: FabDatabase) -> None:
    enter(fab, person(), BOTH, KEEPING)
    rename_role(fab, "Op", "Operators")
    assert fab.store(KEEPING).withdraw(person().identity) == ("Operators", "Viewer")
    assert fab.roles_of(user_of(fab).id) == set()


def test_a_role_assigned_by_hand_stays_under_another_name(fab: FabDatabase) -> None:
    enter(fab, person(), VIEWER, KEEPING)
    fab.assign(user_of(fab).id, "Op")
    enter(fab, person(), VIEWER, KEEPING)
    rename_role(fab, "Op", "Operators")
    opened = enter(fab, person(), VIEWER, KEEPING)
    assert opened.session.grant.roles == ("Operators", "Viewer")


def test_permissions_handed_round_among_three_roles_change_the_fingerprint(fab: FabDatabase) -> None:
    """On SQLite, which gives the numbers of deleted rows to new ones; plain sums and products stay the same."""
    table = fab.tables.role_permissions
    roles = [fab.role_id(name) for name in ("Admin", "Op", "User")]
    with fab.engine.begin() as connection:
        for role, resource in zip(roles, ("Pools", "Jobs", "Variables"), strict=True):
            grant_pair(connection, role, "can_read", resource)
    first, second, third = (row.permission_view_id for row in fab.rows(select(table).order_by(table.c.id)))
    assert (roles[2] - roles[1], third - second) == (roles[1] - roles[0], second - first)
    found = [fingerprint_of(fab, roles, pairs) for pairs in ((second, third, first), (third, first, second))]
    assert found[0] != found[1]


def fingerprint_of(fab: FabDatabase, roles: list[int], pairs: tuple[int, ...]) -> object:
    table = fab.tables.role_permissions
    rows = [
        {"id": number, "role_id": role, "permission_view_id": pair}
        for number, (role, pair) in enumerate(zip(roles, pairs, strict=True), start=1)
    ]
    with fab.engine.begin() as connection:
        connection.execute(delete(table))
        connection.execute(insert(table), rows)
        return read_fingerprint(connection)  # type: ignore[arg-type]


def test_a_link_made_while_its_person_signs_in_is_refused_and_not_lost(
    fab: FabDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator would read "Linked", and the person would have another user."""
    if fab.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    enter(fab, person())
    with fab.engine.begin() as connection:
        connection.execute(delete(fab_users))
    old, real, said = fab.add_user("old"), accounts.find_linked_user, []

    def administrator() -> None:
        try:
            with fab.transactions() as transaction:
                link(transaction, old, ISSUER, "ada", by="root", now=NOW)
            said.append("linked")
        except OidcAuthError as error:
            said.append(error.code)

    meanwhile = Thread(target=administrator)

    def then_linked(transaction, principal_id):
        found = real(transaction, principal_id)
        meanwhile.start()
        meanwhile.join(1)
        return found

    monkeypatch.setattr(accounts, "find_linked_user", then_linked)
    enter(fab, person())
    meanwhile.join(10)
    assert said == ["fab_already_linked"]
    assert user_of(fab).id != old
