"""What rules select DAGs by, and the list of every DAG, on each database that Airflow runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.team import Team, dag_bundle_team_association_table
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from airflow_oidc_auth.managers.dag_rows import DagRows
from airflow_oidc_auth.managers.permitted_dags import EveryDag, SomeDags
from airflow_oidc_auth.policy.selectors import DagFacts

BUNDLE, TEAM = "finance", "fin"
MODELS = (Team, DagBundleModel, DagModel, DagTag, DagVersion, SerializedDagModel)
SAID = {"__type": "dict", "__var": {"Analyst": {"__type": "dict", "__var": {
    "DAGs": {"__type": "set", "__var": ["can_read"]}}}}}  # fmt: skip
DAG_IDS = {f"d{number}" for number in range(7)}


@pytest.fixture
def airflow_tables(engine: Engine) -> Iterator[Engine]:
    import_all_models()
    tables = [*(model.__table__ for model in MODELS), dag_bundle_team_association_table]
    Base.metadata.create_all(engine, tables=tables)
    with Session(engine) as session:
        session.add_all([Team(name=TEAM), DagBundleModel(name=BUNDLE)])
        session.flush()
        session.execute(dag_bundle_team_association_table.insert().values(dag_bundle_name=BUNDLE, team_name=TEAM))
        session.add_all(DagModel(dag_id=dag_id, bundle_name=BUNDLE, fileloc="f", owners="a, b") for dag_id in DAG_IDS)
        session.flush()
        session.add_all(DagTag(dag_id=dag_id, name="blue") for dag_id in ("d1", "d2"))
        version = DagVersion(dag_id="d1", version_number=1, bundle_name=BUNDLE)
        session.add(version)
        session.flush()
        columns = {
            "dag_id": "d1",
            "dag_hash": "h",
            "dag_version_id": version.id,
            "data": {"dag": {"access_control": SAID}},
        }
        session.execute(SerializedDagModel.__table__.insert().values(columns))
        session.commit()
    yield engine
    Base.metadata.drop_all(engine, tables=tables)


def transactions(engine: Engine):
    @contextmanager
    def begin() -> Iterator[Session]:
        with Session(engine) as session, session.begin():
            yield session

    return begin


def test_facts_and_access_control_are_read(airflow_tables):
    rows = DagRows(transactions(airflow_tables))
    found = rows.read(access_control=True)
    assert found.keys() == DAG_IDS
    everybody = {"owners": frozenset({"a", "b"}), "bundle": BUNDLE, "team": TEAM}
    blue = frozenset({"blue"})
    assert found["d1"] == DagFacts("d1", tags=blue, roles={"Analyst": frozenset({"GET"})}, **everybody)
    assert found["d2"] == DagFacts("d2", tags=blue, **everybody)
    assert found["d3"] == DagFacts("d3", **everybody)
    assert rows.probe() == rows.probe()


def test_a_subquery_selects_what_the_set_selects(airflow_tables):
    with Session(airflow_tables) as session:
        for wanted, column in (
            (select(DagModel.dag_id), DagModel.dag_id),
            (select(DagTag.name, DagTag.dag_id), DagTag.dag_id),
            (select(func.count()).select_from(select(DagModel).subquery()), None),
            (select(DagModel.dag_id, DagTag.name).join(DagTag), DagTag.dag_id),
        ):
            chosen = [
                wanted if column is None else wanted.where(column.in_(ids)) for ids in (EveryDag(DAG_IDS), DAG_IDS)
            ]
            by_subquery, by_set = (sorted(session.execute(each).all()) for each in chosen)
            assert by_subquery == by_set
            assert by_set


ODD_IDS = {"d'1", 'd"2', "d\\3", "d\\u0041", "dé", "d😀", "d%s", "d:x", "[d]", "{d,e}", "null", "D1", "d1 "}


def test_ids_in_one_parameter_select_themselves_and_nothing_else(airflow_tables):
    """However they are spelt: none may end the parameter, and none may stand for another."""
    if airflow_tables.dialect.name != "postgresql":
        pytest.skip("for PostgreSQL")
    with Session(airflow_tables) as session:
        session.add_all(DagModel(dag_id=each, bundle_name=BUNDLE, fileloc="f") for each in ODD_IDS)
        session.flush()
        for ids in (ODD_IDS, {"d1"}, {"d1 "}, DAG_IDS | {"d%s"}, {"gone"}, set()):
            for wanted in (SomeDags(ids), ids):
                found = session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(wanted))).all()
                assert set(found) == ids - {"gone"}


def test_an_update_of_all_permitted_dags_names_their_table_twice(airflow_tables):
    """As core pauses many DAGs at once; MySQL refuses to read the table that a statement changes, but not a copy."""
    with Session(airflow_tables) as session:
        permitted = select(DagModel.dag_id).where(DagModel.dag_id.in_(EveryDag(DAG_IDS))).subquery()
        changed = session.execute(
            update(DagModel)
            .where(DagModel.dag_id.in_(select(permitted.c.dag_id)))
            .values(is_paused=True)
            .execution_options(synchronize_session="fetch")
        )
        assert changed.rowcount == len(DAG_IDS)
