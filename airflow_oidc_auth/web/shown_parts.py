"""Answers that show a part of DAGs which core does not ask about.

Core asks whether DAGs, assets or import errors may be read, and filters by the DAGs that may be read. Somebody who may
read a DAG and not its runs would learn from some lists how its runs ended; and somebody who may not read its code
would find lines of it in the errors of its file. Whoever filters (``managers/lists.py``) adds what is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import parse_qsl

from starlette.types import Scope

RUNS = ("RUN",)
CODE = ("CODE",)
NOTHING: tuple[str, ...] = ()
_LISTS = ("/ui/dashboard/dag_stats", "/ui/partitioned_dag_runs", "/api/v2/assets/events")
_PENDING = "/ui/pending_partitioned_dag_run/"
_DAGS = "/api/v2/dags"
_IMPORT_ERRORS = "/api/v2/importErrors"
# Parameters that choose DAGs, or sort them, by their runs: each answer would tell a little of them.
_OF_RUNS = ("dag_run_", "last_dag_run_")
_ORDERS_OF_DAGS = frozenset({"dag_id", "dag_display_name", "next_dagrun"})

SHOWN: ContextVar[tuple[str, ...]] = ContextVar("airflow_oidc_auth_shown_parts", default=NOTHING)
"""Parts of DAGs, as Airflow's ``DagAccessEntity`` names them, that the answer to the request in hand shows of each."""


def parts_shown(scope: Scope) -> tuple[str, ...]:
    """Return the parts that this request's list shows of each DAG, beside those that core asks about."""
    from airflow_oidc_auth.web.api_call import path_below_root  # brings the whole journey along

    path = path_below_root(scope)
    if path in _LISTS or path.startswith(_PENDING):
        return RUNS
    if path == _IMPORT_ERRORS or path.startswith(f"{_IMPORT_ERRORS}/"):
        return CODE
    return RUNS if path == _DAGS and _asks_for_runs(scope["query_string"]) else NOTHING


def _asks_for_runs(query: bytes) -> bool:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    orders = [value.lstrip("-") for name, value in pairs if name == "order_by"]
    return not _ORDERS_OF_DAGS.issuperset(orders) or any(name.startswith(_OF_RUNS) for name, _ in pairs)


@contextmanager
def note_parts(scope: Scope) -> Iterator[None]:
    """Keep them while the request is answered, for whoever filters."""
    parts = parts_shown(scope)
    if not parts:
        yield
        return
    before = SHOWN.set(parts)
    try:
        yield
    finally:
        SHOWN.reset(before)
