from __future__ import annotations

import threading

import pytest

from airflow_oidc_auth.managers.dag_ids import FORGET_AFTER, REFRESH_AFTER, DagIds


class Database:
    """Counts the reads; each read finds one DAG more."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.load_more = 0

    def load(self) -> set[str]:
        self.reads += 1
        return {f"d{number}" for number in range(self.reads)}

    def clock(self) -> float:
        return self.now


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.mark.parametrize(
    "later, reads", [(0, 1), (REFRESH_AFTER - 0.01, 1), (REFRESH_AFTER, 2), (FORGET_AFTER, 2), (3600, 2), (-5, 1)]
)
def test_reads_again_after(database, later, reads):
    ids = DagIds(database.load, database.clock)
    ids.get()
    database.now += later
    ids.get()
    assert database.reads == reads


def test_is_never_older_than_the_promise(database):
    ids = DagIds(database.load, database.clock)
    for _ in range(50):
        database.now += 0.3
        read_at, found = database.now, len(ids.get())
        assert found == database.reads or read_at - ids._held[0] < FORGET_AFTER


def test_what_all_callers_share_cannot_be_changed(database):
    ids = DagIds(database.load, database.clock)
    assert type(ids.get()) is frozenset
    assert ids.get() is ids.get()


def test_the_same_dags_stay_the_same_object(database):
    ids = DagIds(lambda: {f"d{number}" for number in range(100 + database.load_more)}, database.clock)
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

    ids = DagIds(slow, database.clock)
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

    ids = DagIds(database.load, database.clock)
    ids.get()
    ids._load = fails
    database.now += REFRESH_AFTER
    for _ in range(2):
        with pytest.raises(OSError, match="no database"):
            ids.get()
    ids._load = database.load
    assert ids.get() == {"d0", "d1"}
