"""FAB's users and roles, changed by people who want to keep what a group once gave them."""

from __future__ import annotations

from sqlalchemy import update

from tests.storage.fab import KEEPING, FabDatabase
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
