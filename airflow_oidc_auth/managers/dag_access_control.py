"""What DAG files say in ``DAG(access_control=…)``, read from the serialized DAGs and remembered by version.

Only the newest version of a DAG counts, and only what it says of the DAG itself (``DAGs``): rights on its runs
(``DAG Runs``) are not read, which opens less and never more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from airflow_oidc_auth.policy.fab import METHOD_OF_ACTION
from airflow_oidc_auth.policy.vocabulary import DAGS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as Transaction

Roles = Mapping[str, frozenset[str]]

CHUNK = 200
DEEPEST = 4
"""Levels that are looked at: roles, resources, actions."""
_NOBODY: Roles = {}


class AccessControlRows:
    """Reads a serialized DAG once for each of its versions: they are large. One thread at a time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, Roles]] = {}

    def read(self, transaction: Transaction) -> dict[str, Roles]:
        """Return the methods on the DAG by role, for each DAG whose file says some."""
        newest = dict(_read_newest(transaction))
        wanted = [each for each, version in newest.items() if self._known.get(each, (None, _NOBODY))[0] != version]
        known = {dag_id: known for dag_id, known in self._known.items() if newest.get(dag_id) == known[0]}
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            said = dict(_read_said(transaction, [newest[dag_id][0] for dag_id in chunk]))
            known |= {dag_id: (newest[dag_id], said.get(dag_id, _NOBODY)) for dag_id in chunk}
        self._known = known
        return {dag_id: roles for dag_id, (_, roles) in known.items() if roles}


def read_access_control(encoded: object) -> Roles:
    """Return the methods on the DAG by role; what is not understood allows nothing."""
    plain = _decode(encoded)
    if not isinstance(plain, Mapping):
        return _NOBODY
    found = {role: frozenset(_methods(said)) for role, said in plain.items() if isinstance(role, str)}
    return {role: methods for role, methods in found.items() if methods}


def _methods(said: object) -> Iterator[str]:
    actions = said.get(DAGS, ()) if isinstance(said, Mapping) else said
    if isinstance(actions, list):
        # Airflow takes whatever a DAG file says; one that says nonsense must not keep the others from being read.
        yield from (METHOD_OF_ACTION[each] for each in actions if isinstance(each, str) and each in METHOD_OF_ACTION)


def _decode(encoded: object, depth: int = DEEPEST) -> object:
    """Undo how Airflow writes dictionaries and sets into JSON; what lies deeper means nothing."""
    if not isinstance(encoded, dict) or not depth:
        return encoded
    inner = encoded.get("__var") if "__type" in encoded else encoded
    return {key: _decode(value, depth - 1) for key, value in inner.items()} if isinstance(inner, dict) else inner


def _read_newest(transaction: Transaction) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield each DAG with the newest of its serialized versions, which also may have been written anew."""
    from airflow.models.serialized_dag import SerializedDagModel as Serialized

    newest = (
        select(Serialized.dag_id, func.max(Serialized.created_at).label("created_at"))
        .group_by(Serialized.dag_id)
        .subquery()
    )
    of_newest = (Serialized.dag_id == newest.c.dag_id) & (Serialized.created_at == newest.c.created_at)
    wanted = select(Serialized.dag_id, Serialized.id, Serialized.dag_hash).join(newest, of_newest)
    for dag_id, row_id, dag_hash in transaction.connection().execute(wanted):
        yield dag_id, (row_id, dag_hash)


def _read_said(transaction: Transaction, ids: Iterable[object]) -> Iterator[tuple[str, Roles]]:
    from airflow.models.serialized_dag import SerializedDagModel as Serialized

    said: Any = Serialized._data["dag"]["access_control"]  # noqa: SLF001  # Airflow's JSON column
    packed = Serialized._data_compressed  # noqa: SLF001  # [core] compress_serialized_dags
    wanted = select(Serialized.dag_id, said, packed).where(Serialized.id.in_(list(ids)))
    for dag_id, encoded, compressed in transaction.execute(wanted):
        yield dag_id, read_access_control(_unpack(compressed) if compressed is not None else encoded)


def _unpack(compressed: bytes) -> object:
    import json
    import zlib

    return json.loads(zlib.decompress(compressed)).get("dag", {}).get("access_control")
