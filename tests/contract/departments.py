"""DAGs, connections, variables and pools of two departments, for tests of rights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from airflow.models.connection import Connection
from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.pool import Pool
from airflow.models.variable import Variable
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from sqlalchemy import delete

BUNDLE = "of-the-rights-test"
FINANCE_DAGS = {"finance_daily", "finance_payroll"}
DAGS = {*FINANCE_DAGS, "finance_secret_merger", "marketing_mail"}
CONNECTIONS = {"fin-bank", "fin-erp", "mkt-mail"}


def forget_dags(server: Any) -> None:
    """Let the next list read the DAGs: what it remembers of other tests is up to two seconds old."""
    vars(server.client().app.state.auth_manager).pop("_dag_ids", None)


@contextmanager
def departments() -> Iterator[None]:
    """Put them into the database for a while."""
    now = datetime.now(timezone.utc)
    with create_session(scoped=False) as session:
        session.add(DagBundleModel(name=BUNDLE))
        session.flush()
        for dag_id in sorted(DAGS):
            session.add(DagModel(dag_id=dag_id, bundle_name=BUNDLE, fileloc=f"/{dag_id}.py", is_stale=False))
            session.flush()
            session.add(DagRun(dag_id=dag_id, run_id=f"run-{dag_id}", run_type=DagRunType.MANUAL, run_after=now,
                               state=DagRunState.SUCCESS))  # fmt: skip
            session.add(Log(event="rights-test", dag_id=dag_id))
        session.add(DagTag(name="month-end", dag_id="marketing_mail"))
        session.add_all(Connection(conn_id=name, conn_type="http", password="s") for name in CONNECTIONS)
        session.add_all(Variable(key=name, val="1") for name in ("fin_limit", "mkt_limit"))
        session.add_all(Pool(pool=name, slots=1, include_deferred=False) for name in ("fin-pool", "mkt-pool"))
    yield
    with create_session(scoped=False) as session:
        session.execute(delete(DagRun).where(DagRun.dag_id.in_(DAGS)))
        session.execute(delete(Log).where(Log.event == "rights-test"))
        session.execute(delete(DagModel).where(DagModel.dag_id.in_(DAGS)))
        session.execute(delete(DagBundleModel).where(DagBundleModel.name == BUNDLE))
        session.execute(delete(Connection).where(Connection.conn_id.in_(CONNECTIONS)))
        session.execute(delete(Variable).where(Variable.key.in_(("fin_limit", "mkt_limit"))))
        session.execute(delete(Pool).where(Pool.pool.in_(("fin-pool", "mkt-pool"))))
