"""What the directory sees of FAB's tables, on each database."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from airflow_oidc_auth.fab.directory import FabDirectory
from airflow_oidc_auth.fab.directory_rows import read_accounts, read_fingerprint, read_pairs
from airflow_oidc_auth.fab.links import unlink
from airflow_oidc_auth.sessions.models import fab_users
from tests.storage.fab import FabDatabase, counted, grant_pair
from tests.storage.test_fab_accounts import BOTH, VIEWER, enter, person, user_of


class Watch:
    """A directory whose poller is the test."""

    def __init__(self, fab: FabDatabase) -> None:
        self.gone: list[tuple[str, str]] = []
        self.now = 1000.0
        self.directory = FabDirectory(
            transactions=fab.transactions, monotonic=lambda: self.now, on_gone=lambda *told: self.gone.append(told)
        )

    def poll(self) -> None:
        self.now += 2
        self.directory.poll()


@pytest.fixture
def watch(fab) -> Watch:
    return Watch(fab)


@pytest.fixture
def ada(fab) -> str:
    with fab.engine.begin() as connection:
        grant_pair(connection, fab.role_id("Viewer"), "can_read", "Jobs")
        grant_pair(connection, fab.role_id("Op"), "can_edit", "Pools")
    return enter(fab, person(), BOTH).session.principal_id


def test_a_loaded_account_is_answered_from_memory(fab, watch, ada):
    assert watch.directory.peek(ada) is None
    loaded = watch.directory.load(ada)
    with counted(fab.engine) as statements:
        assert watch.directory.peek(ada) is loaded
    assert statements == []
    user = user_of(fab)
    assert (loaded.user_id, loaded.username, loaded.email) == (user.id, user.username, user.email)
    assert (loaded.first_name, loaded.last_name, loaded.active) == ("Ada", "Lovelace", True)
    assert loaded.roles == ("Op", "Viewer")
    assert loaded.permissions.allows("GET", "Jobs")
    assert loaded.permissions.allows("PUT", "Pools")
    assert not loaded.permissions.allows("DELETE", "Pools")


def test_nothing_new_leaves_the_account_as_it_is(watch, ada):
    loaded = watch.directory.load(ada)
    for _ in range(40):
        watch.poll()
        assert watch.directory.peek(ada) is loaded
    assert watch.gone == []


def test_a_role_deleted_after_the_sign_in_allows_nothing(fab, watch, ada):
    watch.directory.load(ada)
    fab.delete_role("Op")
    watch.poll()
    account = watch.directory.peek(ada)
    assert account.roles == ("Viewer",)
    assert not account.permissions.allows("PUT", "Pools")


def test_a_role_taken_from_the_user_allows_nothing(fab, watch, ada):
    watch.directory.load(ada)
    table = fab.tables.user_roles
    with fab.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.role_id == fab.role_id("Op")))
    watch.poll()
    assert watch.directory.peek(ada).roles == ("Viewer",)
    assert not watch.directory.peek(ada).permissions.allows("PUT", "Pools")


def test_a_new_role_and_its_permissions_count_at_the_next_poll(fab, watch, ada):
    watch.directory.load(ada)
    fab.add_role("Auditor", [("can_read", "DAG:secret")])
    fab.assign(user_of(fab).id, "Auditor")
    watch.poll()
    account = watch.directory.peek(ada)
    assert account.roles == ("Auditor", "Op", "Viewer")
    assert account.permissions.allows_dag("GET", None, "secret")
    assert not account.permissions.allows_dag("GET", None, "other")


def test_a_load_knows_a_role_made_since_the_last_poll(fab, watch, ada):
    watch.poll()
    fab.add_role("Auditor", [("can_read", "Audit Logs")])
    fab.assign(user_of(fab).id, "Auditor")
    assert watch.directory.load(ada).permissions.allows("GET", "Audit Logs")


def test_permissions_edited_on_fabs_roles_page_count_at_the_next_poll(fab, watch, ada):
    watch.directory.load(ada)
    with fab.engine.begin() as connection:
        grant_pair(connection, fab.role_id("Viewer"), "can_delete", "Jobs")
    watch.poll()
    assert watch.directory.peek(ada).permissions.allows("DELETE", "Jobs")
    table = fab.tables.role_permissions
    with fab.engine.begin() as connection:
        connection.execute(delete(table).where(table.c.role_id == fab.role_id("Viewer")))
    watch.poll()
    assert not watch.directory.peek(ada).permissions.allows("GET", "Jobs")


def test_two_roles_that_exchange_their_permissions_are_noticed(fab, watch, ada):
    watch.directory.load(ada)
    table = fab.tables.role_permissions
    rows = {row.role_id: row for row in fab.rows(select(table))}
    op, viewer = rows[fab.role_id("Op")], rows[fab.role_id("Viewer")]
    fab.delete_role("User")
    with fab.engine.begin() as connection:
        connection.execute(delete(table))
        for row, other in ((op, viewer), (viewer, op)):
            pair = other.permission_view_id
            connection.execute(insert(table).values(id=row.id, role_id=row.role_id, permission_view_id=pair))
        connection.execute(delete(fab.tables.user_roles).where(fab.tables.user_roles.c.role_id == op.role_id))
    watch.poll()
    account = watch.directory.peek(ada)
    assert account.permissions.allows("PUT", "Pools")
    assert not account.permissions.allows("GET", "Jobs")


def test_a_resource_that_got_another_name_is_noticed_within_half_a_minute(fab, watch, ada):
    watch.directory.load(ada)
    with fab.engine.begin() as connection:
        connection.execute(update(fab.tables.resources).where(fab.tables.resources.c.name == "Jobs").values(name="X"))
    for _ in range(15):
        watch.poll()
    assert not watch.directory.peek(ada).permissions.allows("GET", "Jobs")


def test_a_role_that_got_another_name_shows_it(fab, watch, ada):
    watch.directory.load(ada)
    with fab.engine.begin() as connection:
        connection.execute(update(fab.tables.roles).where(fab.tables.roles.c.name == "Op").values(name="Operator"))
    watch.poll()
    assert watch.directory.peek(ada).roles == ("Operator", "Viewer")


@pytest.mark.parametrize("active", [False, None])
def test_a_deactivated_user_is_gone_and_it_is_told_once(fab, watch, ada, active):
    watch.directory.load(ada)
    fab.change_user(user_of(fab).id, active=active)
    for _ in range(3):
        watch.poll()
    assert watch.directory.peek(ada) is None
    assert watch.gone == [(ada, "fab_user_inactive")]
    assert watch.directory.load(ada) is None


def test_a_deleted_user_is_gone(fab, watch, ada):
    watch.directory.load(ada)
    fab.delete_user(user_of(fab).id)
    watch.poll()
    assert watch.directory.peek(ada) is None
    assert watch.gone == [(ada, "fab_user_deleted")]


def test_a_user_deleted_with_the_link_is_told_as_deleted(fab, watch, ada):
    watch.directory.load(ada)
    fab.delete_user(user_of(fab).id)
    with fab.engine.begin() as connection:
        connection.execute(fab_users.delete())
    watch.poll()
    assert watch.gone == [(ada, "fab_user_deleted")]


def test_whoever_gets_a_deleted_users_number_is_not_that_person(fab, watch, ada):
    watch.directory.load(ada)
    user_id = user_of(fab).id
    fab.delete_user(user_id)
    fab.add_user("bob", ["Admin"], id=user_id)
    watch.poll()
    assert watch.directory.peek(ada) is None
    assert watch.directory.load(ada) is None
    assert watch.gone == [(ada, "fab_user_deleted")]


def test_an_unlinked_user_is_gone(fab, watch, ada):
    watch.directory.load(ada)
    with fab.transactions() as transaction:
        unlink(transaction, user_of(fab).id)
    watch.poll()
    assert watch.directory.peek(ada) is None
    assert watch.gone == [(ada, "fab_user_unlinked")]


def test_somebody_who_was_never_linked_is_told_by_the_next_poll(watch, ada):
    assert watch.directory.load("x" * 24) is None
    assert watch.directory.load("x" * 24) is None
    assert watch.gone == []
    watch.poll()
    watch.poll()
    assert watch.gone == [("x" * 24, "fab_user_unlinked")]


def test_a_user_without_roles_is_admitted_and_may_do_nothing(fab, watch, ada):
    with fab.engine.begin() as connection:
        connection.execute(delete(fab.tables.user_roles))
    account = watch.directory.load(ada)
    assert account.roles == ()
    assert not account.permissions.allows("GET", "Jobs")


def test_a_reactivated_user_is_admitted_again(fab, watch, ada):
    watch.directory.load(ada)
    user_id = user_of(fab).id
    fab.change_user(user_id, active=False)
    watch.poll()
    fab.change_user(user_id, active=True)
    watch.poll()
    assert watch.directory.peek(ada) is None
    assert watch.directory.load(ada).user_id == user_id


def test_an_idle_poll_and_a_load_cost_few_statements(fab, watch, ada):
    with counted(fab.engine) as loading:
        watch.directory.load(ada)
    watch.poll()
    with counted(fab.engine) as polling:
        watch.poll()
    bob = enter(fab, person("bob", email=None), VIEWER).session.principal_id
    with counted(fab.engine) as another:
        watch.directory.load(bob)
    assert (len(loading), len(polling), len(another)) == (4, 3, 1)


def test_many_people_are_read_with_one_statement(fab, watch):
    people = [enter(fab, person(f"p{number}", email=None), BOTH).session.principal_id for number in range(5)]
    with fab.transactions() as transaction, counted(fab.engine) as statements:
        few = read_accounts(transaction, people[:3])
        many = read_accounts(transaction, [*people[:3], *(f"absent-{number}" for number in range(1000))])
    assert few == many
    assert set(few) == set(people[:3])
    assert len(statements) == 2


def test_the_fingerprint_of_no_permission_at_all_can_be_read(fab):
    with fab.transactions() as transaction:
        transaction.execute(delete(fab.tables.role_permissions))
        empty = read_fingerprint(transaction)
        assert read_pairs(transaction) == {}
        grant_pair(transaction, fab.role_id("Op"), "can_read", "Jobs")
        assert read_fingerprint(transaction) != empty
