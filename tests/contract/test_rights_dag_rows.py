"""What rules select DAGs by, read from a real database; and a list that reaches it as a subquery."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from airflow._shared.timezones.timezone import utcnow
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.team import Team, dag_bundle_team_association_table
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from airflow.utils.session import create_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.managers.asset_names import AssetRows
from airflow_oidc_auth.managers.dag_rows import DagRows
from airflow_oidc_auth.managers.permitted_dags import EveryDag
from airflow_oidc_auth.policy.selectors import DagFacts
from tests.contract.statements import counted

BUNDLE, TEAM = "of-the-facts-test", "facts_team"


@pytest.fixture
def database(migrated) -> Iterator[None]:
    with create_session(scoped=False) as session:
        session.add(DagBundleModel(name=BUNDLE))
        session.flush()
        session.add(DagModel(dag_id="facts-a", bundle_name=BUNDLE, fileloc="f", owners="fin, ops"))
        session.add(DagModel(dag_id="facts-b", bundle_name=BUNDLE, fileloc="f"))
        session.flush()
        session.add_all(DagTag(dag_id="facts-a", name=name) for name in ("blue", "Blue", "a b"))
    yield
    with create_session(scoped=False) as session:
        session.execute(delete(SerializedDagModel).where(SerializedDagModel.dag_id.like("facts-%")))
        session.execute(delete(DagVersion).where(DagVersion.dag_id.like("facts-%")))
        session.execute(delete(DagModel).where(DagModel.dag_id.like("facts-%")))
        session.execute(delete(Team).where(Team.name == TEAM))
        session.execute(delete(DagBundleModel).where(DagBundleModel.name == BUNDLE))


def read(rows: DagRows, *, access_control: bool = False) -> dict[str, DagFacts]:
    found = rows.read(access_control=access_control)
    return {dag_id: facts for dag_id, facts in found.items() if dag_id.startswith("facts-")}


def give_to_team() -> None:
    with create_session(scoped=False) as session:
        session.add(Team(name=TEAM))
        session.flush()
        insert = dag_bundle_team_association_table.insert()
        session.execute(insert.values(dag_bundle_name=BUNDLE, team_name=TEAM))


def serialize(dag_id: str, access_control: object) -> None:
    with warnings.catch_warnings():
        # Airflow finds the names of resources in a module that it has deprecated.
        warnings.simplefilter("ignore")
        dag = DAG(dag_id, schedule=None, access_control=access_control)
    SerializedDagModel.write_dag(LazyDeserializedDAG(data=DagSerialization.to_dict(dag)), bundle_name=BUNDLE)


def test_reads_tags_owners_bundle_and_team(database):
    assert read(DagRows()) == {
        "facts-a": DagFacts("facts-a", frozenset({"blue", "Blue", "a b"}), frozenset({"fin", "ops"}), BUNDLE),
        "facts-b": DagFacts("facts-b", bundle=BUNDLE),
    }
    give_to_team()
    assert {facts.team for facts in read(DagRows()).values()} == {TEAM}


def test_dags_come_in_the_order_of_their_ids_and_share_what_they_have_in_common(database):
    with create_session(scoped=False) as session:
        session.add(DagModel(dag_id="facts-B", bundle_name=BUNDLE, fileloc="f"))
    found = read(DagRows())
    assert list(found) == ["facts-B", "facts-a", "facts-b"]
    assert found["facts-B"].bundle is found["facts-b"].bundle


def test_a_look_is_small_and_shows_what_changes(database):
    rows = DagRows()
    with counted() as statements:
        before = rows.probe()
    assert len(statements) == 2
    assert rows.probe() == before
    give_to_team()
    assert rows.probe() != before


def test_a_look_shows_a_file_that_was_read_again_and_a_dag_that_is_gone(database):
    rows = DagRows()
    before = rows.probe()
    with create_session(scoped=False) as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "facts-a").values(last_parsed_time=utcnow()))
    between = rows.probe()
    with create_session(scoped=False) as session:
        session.execute(delete(DagModel).where(DagModel.dag_id == "facts-b"))
    assert len({before, between, rows.probe()}) == 3


def test_everything_is_read_in_few_statements(database):
    with counted() as statements:
        DagRows().read()
    assert len(statements) == 3


def test_access_control_is_read_where_it_is_asked_for(database):
    serialize("facts-a", {"Analyst": {"can_read", "can_edit"}, "Runner": {"DAG Runs": {"can_create"}}})
    serialize("facts-b", None)
    rows = DagRows()
    assert read(rows)["facts-a"].roles == {}
    found = read(rows, access_control=True)
    assert found["facts-a"].roles == {"Analyst": {"GET", "PUT"}}
    assert found["facts-b"].roles == {}


def test_access_control_follows_the_file_and_is_read_once_for_each_version(database):
    serialize("facts-a", {"Analyst": {"can_read"}})
    rows = DagRows()
    rows.read(access_control=True)
    with counted() as statements:
        rows.read(access_control=True)
    assert not any("access_control" in each or "data" in each.split("FROM")[0] for each in statements)
    serialize("facts-a", {"Other": {"can_read"}})
    assert read(rows, access_control=True)["facts-a"].roles == {"Other": {"GET"}}
    serialize("facts-a", None)
    assert read(rows, access_control=True)["facts-a"].roles == {}


def test_access_control_is_read_from_compressed_dags(database):
    serialize("facts-a", {"Analyst": {"can_delete"}})
    with create_session(scoped=False) as session:
        row = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_id == "facts-a"))
        row._data_compressed = zlib.compress(json.dumps(row._data).encode())
        row._data = None
    assert read(DagRows(), access_control=True)["facts-a"].roles == {"Analyst": {"DELETE"}}


def test_a_database_that_is_away_is_a_session_error_without_any_data():
    @contextmanager
    def away():
        raise OperationalError("select secret", {"key": "secret"}, OSError("no route"))
        yield

    with pytest.raises(SessionError, match="session_store_unavailable") as caught:
        DagRows(away).read()
    assert "secret" not in repr(caught.value)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=st.sets(st.text("abcdefghijklmn", min_size=1, max_size=3), max_size=8))
def test_the_subquery_selects_exactly_the_dags_of_the_set(database, ids):
    with create_session(scoped=False) as session:
        session.add_all(DagModel(dag_id=f"facts-{dag_id}x", bundle_name=BUNDLE, fileloc="f") for dag_id in ids)
        session.flush()
        every = set(session.scalars(select(DagModel.dag_id)))
        for wanted in (select(DagModel.dag_id), select(DagTag.name, DagTag.dag_id), select(DagTag.dag_id).distinct()):
            column = DagModel.dag_id if "dag.dag_id" in str(wanted) else DagTag.dag_id
            by_subquery = session.execute(wanted.where(column.in_(EveryDag(every)))).all()
            assert sorted(by_subquery) == sorted(session.execute(wanted.where(column.in_(every))).all())
        session.rollback()


def test_names_of_assets_are_read_by_their_numbers(migrated):
    rows = AssetRows()
    before = rows.probe()
    with create_session(scoped=False) as session:
        asset = AssetModel(name="facts-asset", uri="facts://asset", group="asset")
        session.add(asset)
        session.flush()
        number = asset.id
    try:
        assert rows.probe() != before
        assert rows.read()[str(number)] == "facts-asset"
    finally:
        with create_session(scoped=False) as session:
            session.execute(delete(AssetModel).where(AssetModel.id == number))
