"""A DAG file may say anything in ``access_control``: what is understood counts, and nothing keeps us from reading."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_oidc_auth.managers.dag_access_control import read_access_control


def serialize(access_control: Any) -> Any:
    dag = DAG("d", schedule=None, access_control=access_control)
    return DagSerialization.to_dict(dag)["dag"]["access_control"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "nonsense",
    [[["can_edit"]], [{"a": 1}], [None, 1, 1.5, True], ["no_such"]],
    ids=["list", "mapping", "values", "word"],
)
def test_nonsense_of_one_dag_opens_nothing_and_stops_nobody(nonsense):
    said = serialize({"Analyst": {"DAGs": [*nonsense, "can_read"]}})
    assert read_access_control(said) == {"Analyst": {"GET"}}


def test_what_lies_too_deep_means_nothing():
    deep: object = ["can_read"]
    for _ in range(5_000):
        deep = {"DAGs": deep}
    assert read_access_control({"Analyst": deep}) == {}
