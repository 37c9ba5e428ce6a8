from __future__ import annotations

import pytest

from airflow_oidc_auth.managers.asset_names import AssetNames
from airflow_oidc_auth.managers.dag_facts import FORGET_AFTER, READ_ANYWAY_AFTER


class Database:
    def __init__(self) -> None:
        self.now = 100.0
        self.seen = 0
        self.reads = 0
        self.names = {"1": "orders"}

    def probe(self) -> object:
        return self.seen

    def read(self) -> dict[str, str]:
        self.reads += 1
        return dict(self.names)

    def clock(self) -> float:
        return self.now


@pytest.fixture
def database() -> Database:
    return Database()


def test_reads_nothing_while_no_rule_selects_assets(database):
    names = AssetNames(database, database.clock)
    names.look()
    assert not database.reads
    assert names.name_of("1") is None


def test_knows_names_by_the_number_as_it_is_written_in_addresses(database):
    names = AssetNames(database, database.clock)
    names.needed = True
    names.look()
    assert names.name_of("1") == "orders"
    assert [names.name_of(other) for other in ("01", "+1", " 1", "1.0", "2", "")] == [None] * 6


def test_reads_again_after_a_change_and_after_a_while(database):
    names = AssetNames(database, database.clock)
    names.needed = True
    names.look()
    names.look()
    assert database.reads == 1
    database.seen, database.names = 1, {"2": "mail"}
    names.look()
    assert (names.name_of("1"), names.name_of("2")) == (None, "mail")
    database.now += READ_ANYWAY_AFTER
    names.look()
    assert database.reads == 3


def test_names_that_nobody_could_read_for_a_minute_are_not_known_any_more(database):
    names = AssetNames(database, database.clock)
    names.needed = True
    names.look()
    database.now += FORGET_AFTER
    assert names.name_of("1") is None
    names.look()
    assert names.name_of("1") == "orders"
