from __future__ import annotations

import threading

import pytest

from airflow_oidc_auth.managers.dag_ids import FORGET_AFTER, READ_AFTER, REFRESH_AFTER, DagIds


class Database:
    """Counts the reads; each read finds one DAG more."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.load_more = 0

    def load(self) -> set[str]:
        self.reads += 1
        return {f"d{number}" for number in range(self.reads)}

    def count(self) -> int:
        """Return how many there are: one more than were read."""
        return self.reads + 1

    def clock(self) -> float:
        return self.now


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.mark.parametrize(
    "later, reads", [(0, 1), (REFRESH_AFTER - 0.01, 1), (REFRESH_AFTER, 2), (FORGET_AFTER, 2), (3600, 2), (-5, 1)]
)
def test_reads_again_after(database, later, reads):
    ids = DagIds(database.load, database.count, database.clock)
    ids.get()
    database.now += later
    ids.get()
    assert database.reads == reads


def test_is_never_older_than_the_promise(database):
    ids = DagIds(database.load, database.count, database.clock)
    for _ in range(50):
        database.now += 0.3
        read_at, found = database.now, len(ids.get())
        assert found == database.reads or read_at - ids._held.looked_at < FORGET_AFTER


def test_what_all_callers_share_cannot_be_changed(database):
    ids = DagIds(database.load, database.count, database.clock)
    assert type(ids.get()) is frozenset
    assert ids.get() is ids.get()


def test_the_same_dags_stay_the_same_object(database):
    ids = DagIds(lambda: {f"d{number}" for number in range(100 + database.load_more)}, database.count, database.clock)
    first = ids.get()
    database.now += FORGET_AFTER
    assert ids.get() is first
    database.load_more, database.now = 1, database.now + FORGET_AFTER
    assert ids.get() == first | {"d100"}


def test_a_slow_reload_keeps_nobody_waiting(database):
    """A waiting caller may hold the last pooled connection that the loader needs: nobody may wait for it."""
    started, finish = threading.Event(), threading.Event()

    def slow() -> set[str]:
        if database.reads:
            started.set()
            assert finish.wait(10)
        return database.load()

    ids = DagIds(slow, database.count, database.clock)
    ids.get()
    database.now += REFRESH_AFTER
    loader = threading.Thread(target=ids.get)
    loader.start()
    assert started.wait(10)
    assert ids.get() == {"d0"}
    finish.set()
    loader.join(10)
    assert ids.get() == {"d0", "d1"}


def test_a_failed_read_is_not_remembered(database):
    def fails() -> set[str]:
        raise OSError("no database")

    ids = DagIds(database.load, database.count, database.clock)
    ids.get()
    ids._load = fails
    database.now += REFRESH_AFTER
    for _ in range(2):
        with pytest.raises(OSError, match="no database"):
            ids.get()
    ids._load = database.load
    assert ids.get() == {"d0", "d1"}


class Dags:
    """Counts how often all ids are read."""

    def __init__(self, *dag_ids: str) -> None:
        self.now, self.reads, self.counts, self.dag_ids = 100.0, 0, 0, set(dag_ids)
        self.ids = DagIds(self._load, self._count, lambda: self.now)

    def _load(self) -> set[str]:
        self.reads += 1
        return set(self.dag_ids)

    def _count(self) -> int:
        self.counts += 1
        return len(self.dag_ids)

    def get_after(self, seconds: float) -> frozenset[str]:
        self.now += seconds
        return self.ids.get()


def test_ids_whose_number_is_the_same_are_not_read_again():
    dags = Dags("a", "b")
    for _ in range(9):
        assert dags.get_after(REFRESH_AFTER) == {"a", "b"}
    assert (dags.reads, dags.counts) == (1, 8)


def test_a_new_dag_and_a_deleted_one_are_noticed_at_the_next_look():
    dags = Dags("a", "b")
    dags.ids.get()
    dags.dag_ids = {"a", "b", "c"}
    assert dags.get_after(REFRESH_AFTER) == {"a", "b", "c"}
    dags.dag_ids = {"a"}
    assert dags.get_after(FORGET_AFTER) == {"a"}


def test_a_dag_that_takes_the_place_of_another_is_noticed_in_time():
    dags = Dags("a", "b")
    dags.ids.get()
    dags.dag_ids = {"a", "c"}
    assert dags.get_after(READ_AFTER - 0.01) == {"a", "b"}
    assert dags.get_after(REFRESH_AFTER) == {"a", "c"}
