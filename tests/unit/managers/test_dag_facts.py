from __future__ import annotations

import threading

import pytest

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.dag_facts import FORGET_AFTER, LOOK_EVERY, READ_ANYWAY_AFTER, DagFactsIndex
from airflow_oidc_auth.managers.dag_rows import split_owners
from airflow_oidc_auth.policy.selectors import DagFacts
from tests.e2e.processes import wait_until


class Database:
    """Counts the readings; what a look shows is changed by hand, as a parsed file changes it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.parsed = 0
        self.reads: list[bool] = []
        self.dags = {"d1": frozenset({"blue"})}
        self.away = False

    def probe(self) -> object:
        if self.away:
            raise SessionError("session_store_unavailable")
        return self.parsed

    def read(self, *, access_control: bool = False) -> dict[str, DagFacts]:
        self.reads.append(access_control)
        return {dag_id: DagFacts(dag_id, tags=tags) for dag_id, tags in self.dags.items()}

    def clock(self) -> float:
        return self.now


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def index(database) -> DagFactsIndex:
    index = DagFactsIndex(database, database.clock)
    index.follow(needed=True, access_control=False)
    return index


def test_reads_nothing_while_no_rule_selects_by_facts(database):
    index = DagFactsIndex(database, database.clock)
    index.look()
    assert not database.reads
    assert index.facts("d1") is None
    assert index.stale_for() is None


def test_knows_what_was_read(index):
    index.look()
    assert index.facts("d1").tags == {"blue"}
    assert index.facts("d2") is None
    assert set(index.all()) == {"d1"}


def test_reads_again_only_after_a_look_showed_a_change(database, index):
    index.look()
    database.now += LOOK_EVERY
    index.look()
    assert len(database.reads) == 1
    database.parsed += 1
    database.dags["d1"] = frozenset({"red"})
    index.look()
    assert index.facts("d1").tags == {"red"}


def test_a_change_that_no_look_shows_arrives_within_thirty_seconds(database, index):
    index.look()
    database.dags["d1"] = frozenset({"red"})
    waited = 0.0
    while index.facts("d1").tags != {"red"}:
        database.now += LOOK_EVERY
        waited += LOOK_EVERY
        index.look()
    assert waited <= READ_ANYWAY_AFTER <= 30 - 2 * LOOK_EVERY


def test_what_is_the_same_keeps_its_number_and_its_mapping(database, index):
    index.look()
    before, number = index.all(), index.generation
    database.parsed += 1
    index.look()
    assert len(database.reads) == 2
    assert index.all() is before
    assert index.generation == number
    database.dags["d2"] = frozenset()
    database.parsed += 1
    index.look()
    assert index.generation != number
    assert set(before) == {"d1"}


def test_a_change_is_told_once_it_can_be_read(database, index):
    told: list[tuple[int, set[str]]] = []
    index.on_change = lambda: told.append((index.generation, set(index.all())))
    index.look()
    index.look()
    database.parsed, database.dags = 1, {}
    index.look()
    assert told == [(1, {"d1"}), (2, set())]


def test_a_database_that_is_away_leaves_what_was_known(database, index):
    index.look()
    database.away = True
    database.now += READ_ANYWAY_AFTER
    with pytest.raises(SessionError):
        index.look()
    assert index.facts("d1").tags == {"blue"}
    assert index.stale_for() == READ_ANYWAY_AFTER


def test_another_policy_gets_what_it_needs_at_the_next_look(database, index):
    index.look()
    index.follow(needed=True, access_control=True)
    index.look()
    assert database.reads == [False, True]


def test_asking_waits_for_nobody_who_reads(database, index):
    index.look()
    begun, finish = threading.Event(), threading.Event()

    def slow(*, access_control: bool = False) -> dict[str, DagFacts]:
        begun.set()
        assert finish.wait(30)
        return {}

    database.read = slow
    database.parsed += 1
    reader = threading.Thread(target=index.look)
    reader.start()
    assert begun.wait(30)
    assert index.facts("d1").tags == {"blue"}
    finish.set()
    reader.join(30)
    assert index.facts("d1") is None


def test_reads_by_itself_once_started_and_stops(index):
    index.start()
    try:
        wait_until(lambda: index.facts("d1") is not None, "the first reading")
    finally:
        index.stop()


@pytest.mark.parametrize(
    "joined, expected",
    [
        ("fin", {"fin"}),
        ("fin, ops", {"fin", "ops"}),
        ("ops,fin", {"fin", "ops"}),
        (" , fin,", {"fin"}),
        ("", set()),
        (None, set()),
    ],
)
def test_owners_are_a_list_whatever_their_order(joined, expected):
    assert split_owners(joined) == expected


def test_what_nobody_could_read_for_a_minute_is_not_known_any_more(database, index):
    """A DAG may have got the tag that closes it meanwhile; the thread that reads may also hang."""
    index.look()
    database.away = True
    database.now += FORGET_AFTER - 1
    index.forget_old()
    assert index.facts("d1") is not None
    number = index.generation
    database.now += 1
    index.forget_old()
    assert (index.facts("d1"), dict(index.all())) == (None, {})
    assert index.generation != number
    assert index.stale_for() == FORGET_AFTER
    database.away = False
    index.look()
    index.forget_old()
    assert index.facts("d1").tags == {"blue"}


def test_what_was_read_for_an_earlier_policy_is_not_known_to_a_later_one(database, index):
    index.look()
    index.follow(needed=False, access_control=False)
    database.now += 1
    database.away = True
    index.follow(needed=True, access_control=False)
    with pytest.raises(SessionError):
        index.look()
    assert index.facts("d1") is None
