"""Ask one manager about a person with many rights, as Airflow does: ``python -m benchmarks.rights_worker NAME``.

Ours: somebody in 50 groups of :mod:`benchmarks.organisation`. FAB: a role of 200 DAGs. Simple and Keycloak know no
rights on single DAGs; theirs is a viewer. Prints one JSON object of seconds by name.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagAccessEntity, DagDetails

from benchmarks.fill import dag_id
from benchmarks.fill_fab import SINGLE_DAGS
from benchmarks.organisation import role_names
from benchmarks.subjects import SUBJECTS, Subject
from benchmarks.worker import Times, _every_dag_id, clock_of, measure_lists, measure_menu, median_of, timed

PERSONS = {"ours": role_names(), "FAB": (SINGLE_DAGS.role,), "FAB-mode": (SINGLE_DAGS.role,)}


def measure(subject: Subject, *, quick: bool) -> Times:
    everybody = set(_every_dag_id())
    seen = subject.manager.filter_authorized_dag_ids(dag_ids=everybody, user=subject.user)
    if not seen:
        raise SystemExit("no DAG is open")
    found = _decisions(subject, min(seen), min(everybody - seen, default=dag_id(0)), quick=quick)
    cold, warm = [], []
    for _ in range(1 if subject.remote else 5 if quick else 15):
        subject.forget()
        cold.append(timed(lambda: subject.manager.filter_authorized_dag_ids(dag_ids=everybody, user=subject.user)))
        again = lambda: subject.manager.filter_authorized_dag_ids(dag_ids=everybody, user=subject.user)  # noqa: E731
        warm += [timed(again) for _ in range(3)]
    count = len(everybody)
    found |= {f"filter of {count} DAGs, cold": median(cold), f"filter of {count} DAGs, warm": median(warm)}
    lists = measure_lists(subject, quick=quick)
    # A person sees as many as they may, which is not the same number everywhere.
    found |= {
        f"list of what is permitted of {count} DAGs, {name.rpartition(', ')[2]}": each
        for name, each in lists.items()
        if name.startswith("list of")
    }
    return found | measure_menu(subject, quick=quick)


def _decisions(subject: Subject, one: str, other: str, *, quick: bool) -> Times:
    manager, user, details, another = subject.manager, subject.user, DagDetails(id=one), DagDetails(id=other)
    connection = ConnectionDetails(conn_id="department-7-warehouse")
    calls: dict[str, Callable[[], Any]] = {
        "one DAG, permitted": lambda: manager.is_authorized_dag(method="GET", user=user, details=details),
        "one DAG, another one": lambda: manager.is_authorized_dag(method="GET", user=user, details=another),
        "one DAG, its runs": lambda: manager.is_authorized_dag(
            method="GET", user=user, access_entity=DagAccessEntity.RUN, details=details
        ),
        "one connection": lambda: manager.is_authorized_connection(method="GET", user=user, details=connection),
    }
    rounds, repeat = (5, 20) if subject.remote else (15, 500 if quick else 5000)
    clock = clock_of(subject)
    return {name: median_of(call, rounds=rounds, repeat=repeat, clock=clock) for name, call in calls.items()}


async def main(name: str, *, quick: bool) -> Times:
    async with SUBJECTS[name](*PERSONS.get(name, ("Viewer",))) as subject:
        return await asyncio.get_running_loop().run_in_executor(None, lambda: measure(subject, quick=quick))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], quick="--quick" in sys.argv))))
