"""What each combination of FAB roles allows, compiled once per combination."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.fab.directory_rows import Pair, read_fingerprint, read_pairs, read_role_names
from airflow_oidc_auth.policy.fab import compile_fab_pairs
from airflow_oidc_auth.policy.permissions import Permissions

RELOAD_EVERY = 30.0
MAX_COMBINATIONS = 128

_Key = frozenset[tuple[int, int]]
_NO_PAIRS: frozenset[Pair] = frozenset()


class RolePermissions:
    """FAB's roles as last read. Not thread-safe: the directory holds its lock."""

    def __init__(self) -> None:
        self.generation = 0
        self._names: dict[int, str] = {}
        self._pairs: dict[int, frozenset[Pair]] = {}
        self._versions: dict[int, int] = {}
        self._fingerprint: object = None
        self._reload_due = float("-inf")
        self._compiled: dict[_Key, Permissions] = {}

    def refresh(self, transaction: Transaction, now: float) -> None:
        """Read the names; read all permissions when their fingerprint is another one, and twice a minute.

        ``generation`` goes up when anything is different.

        :param now: monotonic seconds
        """
        names = read_role_names(transaction)
        # Before the pairs: what changes between the two is seen by the next comparison.
        fingerprint = read_fingerprint(transaction)
        if fingerprint != self._fingerprint or now >= self._reload_due:
            self._replace(read_pairs(transaction))
            self._fingerprint, self._reload_due = fingerprint, now + RELOAD_EVERY
        if names != self._names:
            self._names = names
            self.generation += 1

    def knows(self, role_ids: Iterable[int]) -> bool:
        """Tell whether every one of the roles was there when they were last read."""
        return all(role_id in self._names for role_id in role_ids)

    def names(self, role_ids: Iterable[int]) -> tuple[str, ...]:
        """Return the names of those that exist, sorted."""
        return tuple(sorted(self._names[role_id] for role_id in role_ids if role_id in self._names))

    def ids(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the ids of the roles that exist under exactly these names."""
        wanted = frozenset(names)
        return tuple(role_id for role_id, name in self._names.items() if name in wanted)

    def permissions(self, role_ids: Iterable[int]) -> Permissions:
        """Return what the roles allow together; a role that is gone allows nothing."""
        # Versions per role: a DAG that arrives with access_control compiles the combinations that it concerns, not all.
        key = frozenset((role_id, self._versions.get(role_id, 0)) for role_id in role_ids if role_id in self._names)
        found = self._compiled.get(key)
        if found is None:
            pairs = _NO_PAIRS.union(*(self._pairs.get(role_id, _NO_PAIRS) for role_id, _ in key))
            found = self._compiled[key] = compile_fab_pairs(pairs)
            while len(self._compiled) > MAX_COMBINATIONS:
                del self._compiled[next(iter(self._compiled))]
        return found

    def _replace(self, pairs: dict[int, frozenset[Pair]]) -> None:
        changed = [key for key in self._pairs.keys() | pairs.keys() if self._pairs.get(key) != pairs.get(key)]
        if changed:
            self.generation += 1
        for role_id in changed:
            # Never the same number twice, also for a role whose id is given out again.
            self._versions[role_id] = self.generation
        self._pairs = pairs
        outdated = [key for key in self._compiled if any(self._versions.get(role) != version for role, version in key)]
        for key in outdated:
            del self._compiled[key]
