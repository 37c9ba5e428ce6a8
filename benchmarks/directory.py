"""What the watch over FAB's users costs with a crowd in it: ``python -m benchmarks.directory FAB-mode [--quick]``.

Prints one JSON object of seconds, megabytes and counts by name.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

from airflow.utils.session import create_session
from sqlalchemy import delete, func, insert, select

from airflow_oidc_auth.fab.directory import FabDirectory
from airflow_oidc_auth.fab.directory_rows import read_fingerprint
from airflow_oidc_auth.fab.tables import fab_tables
from airflow_oidc_auth.sessions.models import fab_users
from benchmarks.servers import _pss
from benchmarks.sign_in import counted
from benchmarks.worker import timed


def main(*, quick: bool) -> dict[str, float]:
    people = _people()
    directory = FabDirectory(on_gone=_nobody_is_gone)
    # What is imported and connected at the first read is not the crowd's.
    directory.load(people[0])
    before = _pss(os.getpid())
    loads = [timed(lambda one=one: directory.load(one)) for one in people[1:]]
    head = f"directory, {len(people):,} users:"
    found = {f"{head} first read of one": median(loads)}
    with counted() as statements:
        directory.poll()
    rounds = 5 if quick else 25
    found |= _poll(f"{head} poll", directory, rounds, lambda: None)
    found[f"{head} poll, statements"] = len(statements)
    found |= _poll(f"{head} poll after a role changed", directory, rounds, _change_a_role())
    found[f"{head} memory"] = (_pss(os.getpid()) - before) / 1024
    return found


def _poll(name: str, directory: FabDirectory, rounds: int, prepare: Callable[[], None]) -> dict[str, float]:
    wall, cpu = [], []
    for _ in range(rounds):
        prepare()
        started, used = perf_counter(), process_time()
        directory.poll()
        wall.append(perf_counter() - started)
        cpu.append(process_time() - used)
    return {name: median(wall), f"{name}, CPU": median(cpu)}


def _change_a_role() -> Callable[[], None]:
    """Return what gives a permission to a role at one call and takes it at the next."""
    table = fab_tables().role_permissions
    with create_session() as transaction:
        role_id = transaction.execute(select(func.min(table.c.role_id))).scalar_one()
        of_role = select(table.c.permission_view_id).where(table.c.role_id == role_id)
        foreign = select(func.min(table.c.permission_view_id)).where(table.c.permission_view_id.not_in(of_role))
        values = {"role_id": role_id, "permission_view_id": transaction.execute(foreign).scalar_one()}
        number = transaction.execute(select(func.max(table.c.id))).scalar_one() + 1

    def change() -> None:
        with create_session() as transaction:
            before = read_fingerprint(transaction)
            if transaction.execute(delete(table).where(table.c.id == number)).rowcount == 0:
                transaction.execute(insert(table).values(id=number, **values))
            if read_fingerprint(transaction) == before:
                raise SystemExit("nothing changed")

    return change


def _people() -> list[str]:
    with create_session() as transaction:
        return list(transaction.execute(select(fab_users.c.principal_id)).scalars())


def _nobody_is_gone(principal_id: str, reason: str) -> None:
    raise SystemExit(f"{principal_id}: {reason}")


if __name__ == "__main__":
    print(json.dumps(main(quick="--quick" in sys.argv)))
