"""From role names to :class:`Permissions`, once per combination of roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import product
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import ADMIN, Pair
from airflow_oidc_auth.policy.dag_index import EMPTY_INDEX, DagIndex
from airflow_oidc_auth.policy.permissions import EVERYTHING, NOTHING, DagKey, Permissions
from airflow_oidc_auth.policy.roles import RoleSettings, collect_pairs
from airflow_oidc_auth.policy.single_dags import (
    DAG_PREFIX,
    allows_entity,
    collect_ids,
    compile_single_dags,
    method_on_the_dag,
)
from airflow_oidc_auth.policy.vocabulary import (
    ACTIONS,
    DAGS,
    ENTITY_RESOURCES,
    MENU_RESOURCES,
    METHODS,
    VIEW_RESOURCES,
)

CACHE_SIZE = 1024
"""Combinations of roles kept compiled. Five roles make 32; the bound is for what a forged row could name."""

_NO_ROLES: Mapping[str, RoleSettings] = MappingProxyType({})


class Policy:
    """What every role may do, compiled on first use and remembered.

    Roles add up. A role that the policy does not know adds nothing: a session that was opened under an older
    configuration loses what that configuration no longer says. Safe to use from several threads.

    :param roles: custom roles by name, of one accepted configuration; another one needs another policy
    :param index: the DAGs that there are, for rights by tag, owner, bundle and team
    :param access_control: whether a role has the rights that a DAG file's ``access_control`` gives to its name
    """

    def __init__(
        self,
        roles: Mapping[str, RoleSettings] = _NO_ROLES,
        index: DagIndex = EMPTY_INDEX,
        *,
        access_control: bool = False,
    ) -> None:
        self.roles = roles
        self.index = index
        self.access_control = access_control
        self._compiled = lru_cache(maxsize=CACHE_SIZE)(self._compile)

    def permissions(self, roles: Iterable[str], team_roles: Iterable[tuple[str, str]] = ()) -> Permissions:
        """Return what the roles may do together; order and repetition do not matter.

        :param team_roles: teams, and roles that hold within that team alone
        """
        return self._compiled(frozenset(roles), frozenset(team_roles))

    def _compile(self, roles: frozenset[str], team_roles: frozenset[tuple[str, str]]) -> Permissions:
        if ADMIN in roles:
            return EVERYTHING
        pairs = collect_pairs(roles, self.roles)
        return compile_pairs(pairs) if pairs else NOTHING


def compile_pairs(pairs: frozenset[Pair], custom: frozenset[Pair] | None = None) -> Permissions:
    """Precompute the answer to every question that ``pairs`` can answer with yes.

    A resource ``DAG:<id>`` is one DAG, ``DAG Run:<id>`` the runs of one DAG.

    :param custom: action names and resources for custom views; None for those that ``pairs`` stand for
    """
    if custom is None:
        custom = frozenset((ACTIONS[method], resource) for method, resource in pairs if method in ACTIONS)
    # PATCH is a partial PUT: whoever may replace a thing may change a part of it, and nobody else.
    pairs = pairs | {("PATCH", resource) for method, resource in pairs if method == "PUT"}
    dags = collect_ids(pairs, DAG_PREFIX)
    one_dag = frozenset(_dag_keys(pairs, named=True))
    # A list is open to whoever may read at least one DAG; what it shows is asked for DAG by DAG.
    listing = pairs | {("GET", DAGS)} if "GET" in dags else pairs
    return Permissions(
        pairs=pairs,
        one_dag=one_dag,
        any_dag=frozenset(_dag_keys(listing, named=False)),
        single_dags=MappingProxyType(dict(compile_single_dags(pairs, one_dag, dags))),
        views=frozenset(view for view, pair in VIEW_RESOURCES.items() if pair in pairs),
        menu=frozenset(item for item, resource in MENU_RESOURCES.items() if ("MENU", resource) in pairs),
        custom=custom,
    )


def _dag_keys(pairs: frozenset[Pair], *, named: bool) -> Iterator[DagKey]:
    """Yield the questions that are answered yes for every DAG, or for none in particular.

    Without a name, a change of a part is judged by the part alone: Airflow asks again with the id of each DAG that
    it is about to touch.
    """
    for method, entity in product(METHODS, (None, *ENTITY_RESOURCES)):
        judged_by_dag = named or entity is None or method == "GET"
        on_dag = (method_on_the_dag(method, entity), DAGS)
        if allows_entity(pairs, method, entity) and (not judged_by_dag or on_dag in pairs):
            yield method, entity
