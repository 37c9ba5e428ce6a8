from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, insert
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.fab.existing_roles import read_existing_roles
from airflow_oidc_auth.fab.tables import fab_tables


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    yield made
    made.dispose()


def test_every_role_of_fab_is_read_by_its_exact_name(engine: Engine) -> None:
    roles = fab_tables().roles
    roles.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(roles), [{"name": "Admin"}, {"name": "Night Shift"}, {"name": "admin"}])
    assert read_existing_roles(sessionmaker(engine).begin) == {"Admin", "Night Shift", "admin"}


def test_a_database_without_fabs_tables_is_not_one_without_roles(engine: Engine) -> None:
    assert read_existing_roles(sessionmaker(engine).begin) is None


def test_a_database_that_does_not_answer_is_not_one_without_roles() -> None:
    nowhere = create_engine("sqlite:////no/such/folder/airflow.db")
    assert read_existing_roles(sessionmaker(nowhere).begin) is None
