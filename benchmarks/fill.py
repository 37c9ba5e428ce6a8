"""Put many DAGs into the database of this Airflow home: ``python -m benchmarks.fill 10000``.

They have what rights can be given by: ids of forty teams, two tags each, owners, bundles; the DAGs of one role of two
hundred (:mod:`benchmarks.fill_fab`) carry one tag more. Deterministic: every home gets the same.
"""

from __future__ import annotations

import sys

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from sqlalchemy import insert

TEAMS, TAGS, OWNERS, BUNDLES = 40, 200, 100, 10
TAGGED = 200
"""How many DAGs, from the first, have the tag :data:`TAG`."""

TAG = "finance"


def dag_id(number: int) -> str:
    return f"team_{number % TEAMS}_pipeline_{number}"


def tags(number: int) -> list[str]:
    return [f"tag-{number % TAGS}", f"line-{number % 7}", *([TAG] if number < TAGGED else [])]


def main(count: int) -> None:
    with create_session() as session:
        session.add_all([DagBundleModel(name=f"bundle-{number}") for number in range(BUNDLES)])
        session.flush()
        session.bulk_save_objects([_dag(number) for number in range(count)])
        rows = [{"dag_id": dag_id(number), "name": name} for number in range(count) for name in tags(number)]
        session.execute(insert(DagTag), rows)


def _dag(number: int) -> DagModel:
    owners = f"owner-{number % OWNERS}"
    bundle = f"bundle-{number % BUNDLES}"
    # Not stale: the list of DAGs leaves stale ones out.
    return DagModel(dag_id=dag_id(number), bundle_name=bundle, fileloc="/dags/d.py", owners=owners, is_stale=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
