from __future__ import annotations

import copy
import pickle

import pytest
from airflow.models.dag import DagModel
from airflow.models.log import Log
from sqlalchemy import or_, select
from sqlalchemy.dialects import mysql, postgresql, sqlite

from airflow_oidc_auth.managers.permitted_dags import FEW, EveryDag, SomeDags, permit_every, permit_some

IDS = {"d1", "d2", "d3"}
DIALECTS = [sqlite, postgresql, mysql]


def rendered(ids: set[str]) -> str:
    return str(select(DagModel.dag_id).where(DagModel.dag_id.in_(ids)).compile())


def is_subquery(ids: set[str]) -> bool:
    return "IN (SELECT " in rendered(ids)


KINDS = pytest.mark.parametrize("kind", [EveryDag, SomeDags])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.__name__.rpartition(".")[2])
def test_reaches_a_statement_about_the_same_table_as_a_subquery(dialect):
    """Of the same table without another name, it would be taken for the rows of the statement around it."""
    wanted = select(DagModel.dag_id).where(DagModel.dag_id.in_(EveryDag(IDS) or set()))
    told = " ".join(str(wanted.compile(dialect=dialect.dialect())).split())
    assert told.endswith("WHERE dag.dag_id IN (SELECT every_dag.dag_id FROM dag AS every_dag)")


def test_goes_together_with_other_conditions():
    told = str(select(Log.id).where(or_(Log.dag_id.in_(EveryDag(IDS)), Log.dag_id.is_(None))).compile())
    assert "every_dag" in told


@KINDS
def test_is_the_set_that_it_stands_for(kind):
    every = kind(IDS)
    assert is_subquery(every)
    assert isinstance(every, set)
    assert every == IDS
    assert {"d1", "d9"} & every == {"d1"}
    assert every.intersection({"d1", "d9"}) == {"d1"}
    assert {"d1"}.issubset(every)
    assert not {"d9"}.issubset(every)
    assert sorted(every) == ["d1", "d2", "d3"]
    assert not kind()


CHANGES = {
    "add": lambda ids: ids.add("d4"),
    "discard": lambda ids: ids.discard("d1"),
    "remove": lambda ids: ids.remove("d1"),
    "pop": lambda ids: ids.pop(),
    "clear": lambda ids: ids.clear(),
    "update": lambda ids: ids.update(["d4"]),
    "difference_update": lambda ids: ids.difference_update({"d1"}),
    "intersection_update": lambda ids: ids.intersection_update({"d1"}),
    "symmetric_difference_update": lambda ids: ids.symmetric_difference_update({"d1"}),
    "|=": lambda ids: ids.__ior__({"d4"}),
    "&=": lambda ids: ids.__iand__({"d1"}),
    "-=": lambda ids: ids.__isub__({"d1"}),
    "^=": lambda ids: ids.__ixor__({"d1"}),
}


@KINDS
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_set_shows_what_is_left_and_no_more(kind, change):
    """A subquery would show again what somebody took away."""
    ids, plain = kind(IDS), set(IDS)
    change(ids)
    if change is not CHANGES["pop"]:
        change(plain)
        assert ids == plain
    assert not is_subquery(ids)


def test_every_way_to_change_a_set_is_known():
    inherited = {name for name in dir(set) if getattr(EveryDag, name) is getattr(set, name)}
    changing = {"add", "discard", "remove", "pop", "clear", "update", "__ior__", "__iand__", "__isub__", "__ixor__"}
    assert not inherited & changing
    assert not {name for name in inherited if name.endswith("_update")}


MADE_FROM_IT = {
    "&": lambda ids: ids & {"d1"},
    "r&": lambda ids: {"d1"} & ids,
    "|": lambda ids: ids | {"d9"},
    "-": lambda ids: ids - {"d1"},
    "^": lambda ids: ids ^ {"d1"},
    "copy": lambda ids: ids.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda ids: pickle.loads(pickle.dumps(ids)),
    "set": set,
    "difference": lambda ids: ids.difference({"d1"}),
    "union": lambda ids: ids.union({"d9"}),
}


@KINDS
@pytest.mark.parametrize("make", MADE_FROM_IT.values(), ids=MADE_FROM_IT)
def test_what_is_made_from_it_is_a_plain_set(kind, make):
    made = make(kind(IDS))
    assert type(made) is set
    assert made == make(set(IDS))
    assert not is_subquery(made)


@pytest.mark.parametrize("count, expected", [(0, set), (FEW, set), (FEW + 1, EveryDag)])
def test_few_dags_stay_a_plain_set(count, expected):
    ids = {f"d{number}" for number in range(count)}
    assert type(permit_every(ids)) is expected
    assert permit_every(ids) == ids


@pytest.mark.parametrize("count, dialect, expected", [
    (FEW, "postgresql", set), (FEW + 1, "postgresql", SomeDags), (FEW + 1, "sqlite", set), (FEW + 1, "mysql", set),
    (FEW + 1, None, set),
])  # fmt: skip
def test_many_dags_are_one_parameter_where_the_database_can_read_them(count, dialect, expected):
    ids = {f"d{number}" for number in range(count)}
    found = permit_some(ids, dialect)
    assert type(found) is expected
    assert found == ids


def test_ten_thousand_ids_are_one_parameter():
    ids = {f"d{number}" for number in range(10_000)}
    compiled = select(DagModel.dag_id).where(DagModel.dag_id.in_(SomeDags(ids))).compile(dialect=postgresql.dialect())
    assert {name: set(value) for name, value in compiled.params.items()} == {"dag_ids_1": ids}
