"""What a migration reads of FAB's users, on every database."""

from __future__ import annotations

from datetime import datetime

import pytest
from werkzeug.security import generate_password_hash

from airflow_oidc_auth.fab.users import FabUser, has_own_password, read_users
from tests.storage.fab import FabDatabase

SIGNED_IN = datetime(2024, 5, 1, 8, 0, 0)  # noqa: DTZ001  # FAB's are naive
QUICK = "pbkdf2:sha256:1"


def test_users_are_read_with_their_roles_and_how_they_came(fab: FabDatabase) -> None:
    root = fab.add_user("root", ["Admin", "Op"], login_count=1)
    fab.add_user("ada", created_by_fk=root, login_count=0, last_login=SIGNED_IN)
    fab.add_user("bob", ["Viewer"], active=False, login_count=None, last_login=None)
    with fab.transactions() as transaction:
        found = read_users(transaction)
    assert [(user.username, user) for user in found] == [
        ("root", FabUser(root, "root", active=True, roles=("Admin", "Op"))),
        ("ada", FabUser(found[1].id, "ada", active=True, created_by="root")),
        ("bob", FabUser(found[2].id, "bob", active=False, roles=("Viewer",), has_signed_in=False)),
    ]
    # The next test empties the tables row by row, and MariaDB would miss the parent.
    fab.change_user(found[1].id, created_by_fk=None)


@pytest.mark.parametrize(
    ("stored", "own"),
    [
        (generate_password_hash("", method=QUICK), False),  # as stock FAB does for AUTH_OAUTH
        (None, False),
        ("", False),
        ("!", False),  # ours
        (generate_password_hash("chosen", method=QUICK), True),
        ("argon2id:of:another:release$salt$hash", True),
    ],
    # Hashes are salted, and every xdist worker must have the same names.
    ids=["empty password", "null", "empty", "unusable", "chosen", "unknown method"],
)
def test_a_password_is_somebodys_own_unless_it_is_none(fab: FabDatabase, stored: str | None, *, own: bool) -> None:
    user_id = fab.add_user("ada", password=stored)
    with fab.transactions() as transaction:
        assert has_own_password(transaction, user_id) is own
