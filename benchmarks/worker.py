"""Measure one auth manager from inside a process of its own: ``python -m benchmarks.worker NAME PART… [--quick]``.

Prints one JSON object of seconds by name. ``mint`` prints the cookies of a signed-in user instead; with ``single-dags``
of one who may read two hundred DAGs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter, thread_time
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.common.types import MenuItem
from sqlalchemy import select

from benchmarks.fill_fab import SINGLE_DAGS
from benchmarks.subjects import SUBJECTS, Subject

Times = dict[str, float]


def timed(call: Callable[[], Any], clock: Callable[[], float] = perf_counter) -> float:
    started = clock()
    call()
    return clock() - started


def median_of(
    call: Callable[[], Any], *, rounds: int, repeat: int = 1, clock: Callable[[], float] = perf_counter
) -> float:
    """Return the median over rounds of the mean over ``repeat`` calls."""

    def once() -> None:
        for _ in range(repeat):
            call()

    once()
    return median(timed(once, clock) for _ in range(rounds)) / repeat


def clock_of(subject: Subject) -> Callable[[], float]:
    """Return the thread's CPU, which other work does not lengthen; the wall's where other processes do the work."""
    return perf_counter if subject.remote else thread_time


async def _each(subject: Subject, tokens: list[str]) -> float:
    times = []
    for token in tokens:
        started = perf_counter()
        user = await subject.manager.get_user_from_token(token)
        times.append(perf_counter() - started)
        if user is None:
            raise SystemExit("the token was not accepted")
    return median(times)


async def measure_tokens(subject: Subject, *, quick: bool) -> Times:
    count = 200 if quick else 1000
    tokens = [subject.mint() for _ in range(count)]
    await _each(subject, [subject.mint()])
    first = await _each(subject, tokens)
    again = await _each(subject, [tokens[0]] * count)
    found = {"token first seen": first, "token just verified": again}
    sessions = await subject.mint_sessions(50 if quick else 200)
    if sessions:
        found["session first seen here"] = await _each(subject, sessions)
    return found


def measure_decisions(subject: Subject, *, quick: bool) -> Times:
    manager, user, dag = subject.manager, subject.user, DagDetails(id="team_1_pipeline_1")
    calls: dict[str, Callable[[], Any]] = {
        "is_authorized_dag": lambda: manager.is_authorized_dag(method="GET", user=user, details=dag),
        "is_authorized_dag, a run": lambda: manager.is_authorized_dag(
            method="GET", user=user, access_entity=DagAccessEntity.RUN, details=dag
        ),
        "is_authorized_pool": lambda: manager.is_authorized_pool(method="GET", user=user),
        "is_authorized_view": lambda: manager.is_authorized_view(access_view=AccessView.JOBS, user=user),
        "is_authorized_custom_view": lambda: manager.is_authorized_custom_view(
            method="GET", resource_name="Jobs", user=user
        ),
    }
    rounds, repeat = (5, 50) if subject.remote else (15, 2000 if quick else 20_000)
    clock = clock_of(subject)
    return {name: median_of(call, rounds=rounds, repeat=repeat, clock=clock) for name, call in calls.items()}


def measure_menu(subject: Subject, *, quick: bool) -> Times:
    items = list(MenuItem)
    call = lambda: subject.manager.filter_authorized_menu_items(items, user=subject.user)  # noqa: E731
    repeat = 20 if subject.remote else 1000
    return {"filter menu": median_of(call, rounds=15, repeat=repeat, clock=clock_of(subject))}


def measure_lists(subject: Subject, *, quick: bool) -> Times:
    manager, user = subject.manager, subject.user

    def read() -> set[str]:
        return manager.get_authorized_dag_ids(user=user)

    # The first call of a process pays for imports and compiled statements: it is nobody's cold read.
    if not subject.remote:
        read()
    cold, warm = [], []
    for _ in range(1 if subject.remote else (7 if quick else 31)):
        subject.forget()
        cold.append(timed(read))
        warm += [timed(read) for _ in range(3)]
    everything = read()
    each = [timed(lambda: manager.filter_authorized_dag_ids(dag_ids=everything, user=user)) for _ in range(5)]
    count = len(everything)
    return {
        f"list of {count} DAGs, cold": median(cold),
        f"list of {count} DAGs, warm": median(warm),
        f"filter {count} DAG ids": median(each),
    }


def measure_single_dags(subject: Subject, *, quick: bool) -> Times:
    """Decide and list for somebody who may read some DAGs of many, one by one."""
    manager, user = subject.manager, subject.user
    # Of the role, and the first that is not.
    one, other = DagDetails(id=SINGLE_DAGS.first), DagDetails(id=SINGLE_DAGS.foreign)
    if not manager.is_authorized_dag(method="GET", user=user, details=one):
        raise SystemExit("the role does not open its DAG")
    if manager.is_authorized_dag(method="GET", user=user, details=other):
        raise SystemExit("the role opens a DAG of somebody else")
    calls: dict[str, Callable[[], Any]] = {
        "permitted": lambda: manager.is_authorized_dag(method="GET", user=user, details=one),
        "not permitted": lambda: manager.is_authorized_dag(method="GET", user=user, details=other),
        "a run": lambda: manager.is_authorized_dag(
            method="GET", user=user, access_entity=DagAccessEntity.RUN, details=one
        ),
    }
    repeat = 500 if quick else 5000
    found = {name: median_of(call, rounds=15, repeat=repeat) for name, call in calls.items()}
    count = len(manager.get_authorized_dag_ids(user=user))
    if count != SINGLE_DAGS.count:
        raise SystemExit(f"{count} DAGs are listed, {SINGLE_DAGS.count} are permitted")
    every = set(_every_dag_id())
    each = [timed(lambda: manager.filter_authorized_dag_ids(dag_ids=every, user=user)) for _ in range(15)]
    found[f"filter {len(every)} DAG ids"] = median(each)
    found |= {
        name.replace("DAGs", "permitted DAGs"): times for name, times in measure_lists(subject, quick=quick).items()
    }
    return {f"role of {SINGLE_DAGS.count} DAGs: {name}": times for name, times in found.items()}


def _every_dag_id() -> list[str]:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as transaction:
        return list(transaction.scalars(select(DagModel.dag_id)))


PARTS: dict[str, Callable[..., Times]] = {
    "decisions": measure_decisions,
    "menu": measure_menu,
    "lists": measure_lists,
    "single-dags": measure_single_dags,
}


async def main(name: str, parts: list[str], *, quick: bool) -> dict[str, Any]:
    async with SUBJECTS[name](*([SINGLE_DAGS.role] if "single-dags" in parts else [])) as subject:
        if "mint" in parts:
            return {"cookie": subject.cookie()}
        found: Times = {}
        for part in parts:
            found |= await _measure(subject, part, quick=quick)
        return found


async def _measure(subject: Subject, part: str, *, quick: bool) -> Times:
    if part == "token":
        return await measure_tokens(subject, quick=quick)
    return await asyncio.get_running_loop().run_in_executor(None, lambda: PARTS[part](subject, quick=quick))


if __name__ == "__main__":
    chosen = [argument for argument in sys.argv[2:] if argument != "--quick"]
    print(json.dumps(asyncio.run(main(sys.argv[1], chosen, quick="--quick" in sys.argv))))
