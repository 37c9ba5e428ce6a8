"""What the lists return from a real database, and that they read no more of it than they must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from airflow.models.connection import Connection
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from airflow_oidc_auth.managers.decisions import Decisions
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions
from tests.contract.statements import counted

BUNDLE = "of-the-list-test"
DAGS = {"list-a", "list-b"}


@dataclass
class Someone:
    permissions: Permissions


def someone(*roles: str) -> Someone:
    return Someone(Policy().permissions(roles))


@pytest.fixture(scope="module")
def database(migrated) -> Iterator[None]:
    with create_session(scoped=False) as session:
        session.add(DagBundleModel(name=BUNDLE))
        session.flush()
        session.add_all(DagModel(dag_id=dag_id, bundle_name=BUNDLE, fileloc="f") for dag_id in DAGS)
        session.add(Connection(conn_id="list-c", conn_type="http"))
    yield
    with create_session(scoped=False) as session:
        for dag_id in DAGS:
            session.delete(session.get(DagModel, dag_id))
        session.query(Connection).filter_by(conn_id="list-c").delete()
        session.flush()
        session.delete(session.get(DagBundleModel, BUNDLE))


@pytest.fixture
def statements(database) -> Iterator[list[str]]:
    with counted() as found:
        yield found


def test_a_reader_of_everything_gets_every_dag_without_a_join(statements):
    assert Decisions().get_authorized_dag_ids(user=someone("Viewer")) >= DAGS
    assert len(statements) == 1
    assert "JOIN" not in statements[0].upper()


def test_a_second_list_within_a_second_asks_nothing(statements):
    decisions = Decisions()
    first = decisions.get_authorized_dag_ids(user=someone("Viewer"))
    first.clear()
    assert decisions.get_authorized_dag_ids(user=someone("Op"), method="PUT") >= DAGS
    assert len(statements) == 1


def test_a_reader_of_single_dags_gets_those_that_exist(statements):
    reader = Someone(compile_fab_pairs([("can_read", "DAG:list-a"), ("can_read", "DAG:gone"), ("can_edit", "DAGs")]))
    decisions = Decisions()
    assert decisions.get_authorized_dag_ids(user=reader) == {"list-a"}
    assert decisions.get_authorized_dag_ids(user=reader, method="PUT") >= DAGS
    assert decisions.get_authorized_dag_ids(user=reader, method="DELETE") == set()
    assert len(statements) == 1


def test_what_one_person_gets_does_not_reach_another(statements):
    decisions = Decisions()
    decisions.get_authorized_dag_ids(user=someone("Admin"))
    assert decisions.get_authorized_dag_ids(user=someone("Public")) == set()
    assert decisions.get_authorized_dag_ids(user=someone("Viewer"), method="DELETE") == set()


def test_a_given_session_is_read_itself(statements):
    decisions = Decisions()
    decisions.get_authorized_dag_ids(user=someone("Viewer"))
    with create_session(scoped=False) as session:
        session.add(DagModel(dag_id="list-uncommitted", bundle_name=BUNDLE, fileloc="f"))
        session.flush()
        seen = decisions.get_authorized_dag_ids(user=someone("Viewer"), session=session)
        session.rollback()
    assert "list-uncommitted" in seen
    assert "list-uncommitted" not in decisions.get_authorized_dag_ids(user=someone("Viewer"))


@pytest.mark.parametrize(
    "kind, roles, expected",
    [
        ("connections", ("Op",), {"list-c"}),
        ("connections", ("User",), set()),
        ("pools", ("Viewer",), {Pool.DEFAULT_POOL_NAME}),
        ("teams", ("Admin",), set()),
        ("assets", ("Viewer",), set()),
        ("variables", ("Op",), set()),
    ],
)
def test_other_lists_read_their_ids_once(statements, kind, roles, expected):
    found = getattr(Decisions(), f"get_authorized_{kind}")(user=someone(*roles))
    assert type(found) is set
    assert found >= expected
    assert len(statements) <= 1
