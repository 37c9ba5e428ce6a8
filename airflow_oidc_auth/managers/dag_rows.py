"""Read from Airflow's tables what rules may select DAGs by. Blocks; for background threads and commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from airflow_oidc_auth.managers.dag_access_control import AccessControlRows, Roles
from airflow_oidc_auth.policy.selectors import DagFacts
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.database_errors import store_unavailable
from airflow_oidc_auth.sessions.transactions import Transactions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as Transaction

Fingerprint = tuple[object, ...]

_NONE: frozenset[str] = frozenset()
_NOBODY: Roles = {}


class DagRows:
    """One thread at a time.

    :param transactions: opens a transaction of the calling thread's own
    """

    def __init__(self, transactions: Transactions = airflow_transactions) -> None:
        self._transactions = transactions
        self._access_control = AccessControlRows()

    def probe(self) -> Fingerprint:
        """Return what differs after a file was read, a DAG deleted or a bundle given to a team; one row of one table.

        :raises SessionError: ``session_store_unavailable``
        """
        from airflow.models.dag import DagModel

        with self._transaction() as transaction:
            wanted = select(func.count(), func.max(DagModel.last_parsed_time)).select_from(DagModel)
            return (*transaction.execute(wanted).one(), *sorted(_read_teams(transaction).items()))

    def read(self, *, access_control: bool = False) -> dict[str, DagFacts]:
        """Return the facts of every DAG.

        :param access_control: also what DAG files say in ``access_control``
        :raises SessionError: ``session_store_unavailable``
        """
        with self._transaction() as transaction:
            said = self._access_control.read(transaction) if access_control else {}
            tags, teams = _read_tags(transaction), _read_teams(transaction)
            return {facts.id: facts for facts in _read_facts(transaction, tags, teams, said)}

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        try:
            with self._transactions() as transaction:
                yield transaction
        except SQLAlchemyError as error:
            # The cause shows statements and parameters.
            raise store_unavailable(error) from None


def split_owners(owners: str | None) -> frozenset[str]:
    """Return the owners that Airflow joined with commas, in whatever order."""
    return frozenset(owner for each in (owners or "").split(",") if (owner := each.strip()))


def _read_facts(
    transaction: Transaction,
    tags: Mapping[str, frozenset[str]],
    teams: Mapping[str, str],
    said: Mapping[str, Roles],
) -> Iterator[DagFacts]:
    from airflow.models.dag import DagModel

    shared: dict[str | None, frozenset[str]] = {}
    bundles: dict[str | None, str | None] = {}
    rows = _rows(transaction, select(DagModel.dag_id, DagModel.owners, DagModel.bundle_name))
    # The policy goes through them in this order: so they lie in memory, and none is waited for.
    for dag_id, owners, named in sorted(rows, key=itemgetter(0)):
        # Thousands of DAGs have the same few owners, and bundles: one object for all of them.
        bundle = bundles.setdefault(named, named)
        split = shared.get(owners)
        if split is None:
            split = shared[owners] = split_owners(owners)
        yield DagFacts(dag_id, tags.get(dag_id, _NONE), split, bundle, teams.get(named), said.get(dag_id, _NOBODY))


def _read_tags(transaction: Transaction) -> dict[str, frozenset[str]]:
    from airflow.models.dag import DagTag

    found: dict[str, list[str]] = defaultdict(list)
    for dag_id, tag in _rows(transaction, select(DagTag.dag_id, DagTag.name)):
        found[dag_id].append(tag)
    shared: dict[frozenset[str], frozenset[str]] = {}
    every = ((dag_id, frozenset(tags)) for dag_id, tags in found.items())
    return {dag_id: shared.setdefault(tags, tags) for dag_id, tags in every}


def _read_teams(transaction: Transaction) -> dict[str, str]:
    """Return the team by bundle; a bundle has one at most."""
    from airflow.models.team import dag_bundle_team_association_table as association

    wanted = select(association.c.dag_bundle_name, association.c.team_name)
    return dict(_rows(transaction, wanted))


def _rows(transaction: Transaction, wanted: Any) -> Iterator[Any]:
    # Rows of the connection, not of the ORM, which takes twice as long to hand over tens of thousands.
    yield from transaction.connection().execute(wanted)
