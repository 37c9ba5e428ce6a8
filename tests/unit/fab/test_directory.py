"""The directory as time passes: outages, forgetting, threads and size. What it reads: tests/storage."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.fab import directory as directory_module
from airflow_oidc_auth.fab.directory import FabDirectory
from airflow_oidc_auth.fab.role_permissions import MAX_COMBINATIONS, RolePermissions
from airflow_oidc_auth.sessions.models import fab_users, principals
from tests.storage.backends import build_engine, sqlite_url
from tests.storage.fab import FabDatabase, fab_database, grant_pair
from tests.storage.people import NOW
from tests.storage.test_fab_accounts import BOTH, enter, person, user_of
from tests.unit.sessions.conftest import Clock


class Surroundings:
    """A directory over a real SQLite database that can be taken away."""

    def __init__(self, fab: FabDatabase) -> None:
        self.fab = fab
        self.down = False
        self.clock = Clock(1000.0)
        self.gone: list[tuple[str, str]] = []
        self.refuse_to_end = False
        self.directory = FabDirectory(
            transactions=self._transactions, interval=0.01, monotonic=self.clock, on_gone=self._on_gone
        )

    def _transactions(self):
        if self.down:
            raise OperationalError("SELECT secret", {}, Exception("server closed the connection"))
        return self.fab.transactions()

    def _on_gone(self, principal_id: str, reason: str) -> None:
        if self.refuse_to_end:
            raise SessionError("session_store_unavailable", "down")
        self.gone.append((principal_id, reason))


@pytest.fixture
def around(tmp_path):
    engine = build_engine(sqlite_url(tmp_path))
    yield Surroundings(fab_database(engine))
    engine.dispose()


@pytest.fixture
def ada(around) -> str:
    return enter(around.fab, person(), BOTH).session.principal_id


def test_an_outage_leaves_the_last_knowledge_and_is_told(around, ada):
    account = around.directory.load(ada)
    around.directory.poll()
    assert around.directory.stale_for() == 0
    around.down = True
    around.clock.advance(30)
    with pytest.raises(SessionError) as caught:
        around.directory.poll()
    assert caught.value.code == "session_store_unavailable"
    assert "SELECT" not in caught.value.detail
    assert caught.value.__suppress_context__, "the cause shows statements and parameters"
    assert around.directory.peek(ada) is account
    assert around.directory.stale_for() == 30
    assert around.gone == []
    with pytest.raises(SessionError):
        around.directory.load("x" * 24)
    around.down = False
    around.directory.poll()
    assert around.directory.stale_for() == 0


def test_the_thread_survives_an_outage_and_whatever_on_gone_raises(around, ada, caplog):
    caplog.set_level(logging.CRITICAL)
    around.directory.load(ada)
    raised = threading.Event()

    def broken(*_: str) -> None:
        raised.set()
        raise RuntimeError("a programming error")

    around.directory._on_gone, kept = broken, around.directory._on_gone
    around.down = True
    around.directory.start()
    try:
        around.down = False
        around.fab.change_user(user_of(around.fab).id, active=False)
        assert raised.wait(10)
        around.directory._on_gone = kept
        wait_until(lambda: around.gone == [(ada, "fab_user_inactive")])
    finally:
        around.directory.stop()


def test_what_could_not_be_ended_is_told_again(around, ada):
    around.directory.load(ada)
    around.fab.change_user(user_of(around.fab).id, active=False)
    around.refuse_to_end = True
    around.directory.poll()
    assert around.directory.peek(ada) is None
    assert around.gone == []
    around.refuse_to_end = False
    for _ in range(3):
        around.directory.poll()
    assert around.gone == [(ada, "fab_user_inactive")]


def test_whoever_is_not_asked_for_is_no_longer_watched(around, ada):
    around.directory.load(ada)
    for _ in range(5):
        around.clock.advance(500)
        assert around.directory.peek(ada) is not None
        around.directory.poll()
    around.clock.advance(601)
    around.directory.poll()
    assert around.directory.peek(ada) is None
    assert around.gone == []
    assert around.directory.load(ada) is not None


def test_how_many_are_watched_is_bounded(around, monkeypatch):
    monkeypatch.setattr(directory_module, "MAX_WATCHED", 10)
    people = [enter(around.fab, person(f"p{n}", email=None), BOTH).session.principal_id for n in range(12)]
    for number, one in enumerate(people):
        around.clock.advance(1)
        around.directory.load(one)
        if number:
            around.directory.peek(people[0])
    watched = [one for one in people if around.directory.peek(one)]
    assert len(watched) <= 10
    assert {people[0], people[-1]} <= set(watched), "the longest unasked go first"


def test_starting_twice_is_one_thread_and_a_held_lock_does_not_survive_it(around, ada):
    around.directory._reading.acquire()
    before = threading.active_count()
    around.directory.start()
    around.directory.start()
    try:
        assert threading.active_count() <= before + 1
        assert around.directory.load(ada) is not None
        wait_until(lambda: around.directory.stale_for() == 0)
    finally:
        around.directory.stop()


def test_no_thread_begins_before_start(around):
    before = threading.active_count()
    FabDirectory(on_gone=lambda *_: None)
    assert threading.active_count() == before


def test_people_with_the_same_roles_share_what_was_compiled(around):
    one, other = (enter(around.fab, person(f"p{n}", email=None), BOTH).session.principal_id for n in range(2))
    permissions = around.directory.load(one).permissions
    assert around.directory.load(other).permissions is permissions


def test_compiled_combinations_are_bounded_and_those_of_old_permissions_go(around):
    roles = RolePermissions()
    ids = [around.fab.add_role(f"r{number}", [("can_read", f"DAG:d{number}")]) for number in range(11)]
    with around.fab.transactions() as transaction:
        roles.refresh(transaction, 0.0)
    for number in range(1, 2**11):
        roles.permissions([key for bit, key in enumerate(ids) if number >> bit & 1])
    assert len(roles._compiled) <= MAX_COMBINATIONS
    kept = roles.permissions(ids[:1])
    with around.fab.transactions() as transaction:
        grant_pair(transaction.connection(), ids[5], "can_edit", "DAG:d5")
    with around.fab.transactions() as transaction:
        roles.refresh(transaction, 1.0)
    assert roles.permissions(ids[:1]) is kept
    assert all(ids[5] not in dict(key) for key in roles._compiled)


def test_polling_ten_times_as_many_people_costs_about_ten_times_as_much(around):
    fab, count = around.fab, 5_000
    fill(fab, users=count, roles=50, pairs=30_000)
    everyone = [f"{number:024d}" for number in range(count)]
    for principal_id in everyone[:: count // 20]:
        around.directory.load(principal_id)
    watched = next(iter(around.directory._watched.values()))

    def cost(people):
        for principal_id in people:
            around.directory._watched.setdefault(principal_id, watched)
        around.directory.poll()
        begun = time.thread_time()
        for _ in range(5):
            around.clock.advance(2)
            around.directory.poll()
        return time.thread_time() - begun

    few = cost(everyone[: count // 10])
    # A statement or a search for each person would be far more.
    assert cost(everyone) < 30 * few


def fill(fab: FabDatabase, *, users: int, roles: int, pairs: int) -> None:
    """Write a large deployment."""
    role_ids = [fab.add_role(f"role {number}") for number in range(roles)]
    user_ids = [10 + number for number in range(users)]
    fab.add_user("first", id=9)
    template = dict(fab.users()[0]._mapping)
    created = template["created_on"].isoformat()
    names = ({"username": f"u{key}", "email": f"u{key}@x"} for key in user_ids)
    people = [{**template, "id": key, **name} for key, name in zip(user_ids, names, strict=True)]
    person_row = {"issuer": "i", "subject": "s", "name": "n", "roles": "[]", "created_at": NOW, "signed_in_at": NOW}
    link = {"user_created_on": created, "given_roles": "[]", "linked_at": NOW, "linked_by": "test"}
    tables = fab.tables
    with fab.engine.begin() as connection:
        connection.execute(insert(tables.users), people)
        connection.execute(insert(principals), [{"id": f"{n:024d}", **person_row} for n in range(users)])
        links = [{"principal_id": f"{n:024d}", "user_id": key, **link} for n, key in enumerate(user_ids)]
        connection.execute(insert(fab_users), links)
        has = [{"user_id": key, "role_id": role_ids[key % roles]} for key in user_ids]
        connection.execute(insert(tables.user_roles), has)
        connection.execute(insert(tables.actions), [{"id": n + 1, "name": f"a{n}"} for n in range(3)])
        dags = pairs // 3
        connection.execute(insert(tables.resources), [{"id": n + 1, "name": f"DAG:d{n}"} for n in range(dags)])
        both = [{"id": n + 1, "permission_id": n % 3 + 1, "view_menu_id": n // 3 + 1} for n in range(pairs)]
        connection.execute(insert(tables.permissions), both)
        given = [{"permission_view_id": n + 1, "role_id": role_ids[n % roles]} for n in range(pairs)]
        connection.execute(insert(tables.role_permissions), given)


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
