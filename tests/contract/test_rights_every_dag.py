"""Who may read every DAG gets a subquery from all of Airflow's lists; it shows what the plain set shows."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

from tests.contract.departments import forget_dags
from tests.contract.statements import counted

API = "/api/v2"


ROUTES = (
    *("dags", "dagTags", "dagStats", "dagWarnings", "eventLogs", "importErrors", "dags/~/dagRuns"),
    *("dags/~/dagRuns/~/taskInstances", "dags/~/dagRuns/~/hitlDetails", "dags/~/dagRuns/~/taskInstances/~/xcomEntries"),
    "dags/~/dagVersions",
)
if Version(version("apache-airflow-core")) >= Version("3.3.2"):
    ROUTES += ("assets/events",)  # shown whole by core before


@pytest.mark.parametrize("path", ROUTES)
def test_a_subquery_shows_an_administrator_what_the_set_shows(server, things, monkeypatch, path):
    """Every route that core filters by permitted DAGs: with few DAGs a plain set, with many the subquery."""
    forget_dags(server)
    ada = server.sign_in("ada")
    query = {"limit": 500}
    by_set = ada.get(f"{API}/{path}", params=query)
    monkeypatch.setattr("airflow_oidc_auth.managers.permitted_dags.FEW", 0)
    with counted() as statements:
        by_subquery = ada.get(f"{API}/{path}", params=query)
    assert by_subquery.status_code == by_set.status_code == 200, by_subquery.text
    assert by_subquery.json() == by_set.json()
    assert any("AS every_dag" in each for each in statements)
