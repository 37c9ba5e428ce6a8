"""Put many DAGs into the database of this Airflow home: ``python -m benchmarks.fill 10000``."""

from __future__ import annotations

import sys

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session


def main(count: int) -> None:
    with create_session() as session:
        session.add(DagBundleModel(name="benchmark"))
        session.flush()
        session.bulk_save_objects(
            [
                DagModel(dag_id=f"team_{number % 40}_pipeline_{number}", bundle_name="benchmark", fileloc="/dags/d.py")
                for number in range(count)
            ]
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
