"""The compiled answer of a combination of roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.vocabulary import ACTIONS

DagKey = tuple[str, "str | None"]
"""A method and the name of the DAG entity, None for the DAG itself."""

_NO_IDS: frozenset[str] = frozenset()
_NO_DAGS: Mapping[DagKey, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a combination of roles may do; the default value may do nothing.

    All arguments of the questions are plain strings, so that no enum of Airflow's has to be known here. Anything
    not found is denied, whatever it is called.

    :param everything: Admin; no question is denied
    :param pairs: methods and resources
    :param one_dag: questions about one named DAG that are answered yes, whichever DAG it is
    :param any_dag: questions that name no DAG (a list, or an action on many) that are answered yes
    :param single_dags: for questions that are not in ``one_dag``, the ids of the DAGs for which the answer is yes
    :param views: names of the views that are open
    :param menu: names of the menu items that are shown
    :param custom: action names as FAB calls them, and resources that custom views may ask for
    """

    everything: bool = False
    pairs: frozenset[Pair] = frozenset()
    one_dag: frozenset[DagKey] = frozenset()
    any_dag: frozenset[DagKey] = frozenset()
    single_dags: Mapping[DagKey, frozenset[str]] = field(default_factory=lambda: _NO_DAGS, hash=False)
    views: frozenset[str] = frozenset()
    menu: frozenset[str] = frozenset()
    custom: frozenset[Pair] = frozenset()

    def allows(self, method: str, resource: str) -> bool:
        """Return whether ``method`` may be applied to the resource, of whichever id."""
        return self.everything or (method, resource) in self.pairs

    def allows_named(self, method: str, resource: str, name: str | None, team: str | None = None) -> bool:
        """Return whether ``method`` may be applied to the one thing of this kind.

        :param name: None or empty for a list, or for a thing whose name is not told
        :param team: the team that owns the thing, None for none
        """
        return self.everything or (method, resource) in self.pairs

    def allows_some(self, method: str, resource: str) -> bool:
        """Return whether there could be a thing of this kind that ``method`` may be applied to."""
        return self.everything or (method, resource) in self.pairs

    def allows_dag(self, method: str, entity: str | None, dag_id: str | None, team: str | None = None) -> bool:
        """Return whether ``method`` may be applied to the DAG, or to an entity of it.

        :param entity: name of the entity, None for the DAG itself
        :param dag_id: None or empty when the question names no DAG
        :param team: the team that owns the DAG, as Airflow says it; None for what the index says
        """
        if self.everything or (method, entity) in (self.one_dag if dag_id else self.any_dag):
            return True
        if not self.single_dags:
            return False
        return dag_id in self.single_dags.get((method, entity), _NO_IDS)

    def allows_every_dag(self, method: str, entity: str | None = None) -> bool:
        """Return whether ``method`` may be applied to every DAG that there is or will be, or to that entity of all."""
        return self.everything or (method, entity) in self.one_dag

    def dag_ids(self, method: str, entity: str | None = None) -> frozenset[str]:
        """Return the DAGs for which the answer is yes: of those that the index holds, or that are named by id."""
        return self.single_dags.get((method, entity), _NO_IDS)

    def filter_dag_ids(
        self, method: str, dag_ids: AbstractSet[str], team: str | None = None, entity: str | None = None
    ) -> set[str]:
        """Return those of the DAGs that :meth:`allows_dag` answers with yes."""
        return {dag_id for dag_id in dag_ids if self.allows_dag(method, entity, dag_id, team)}

    def filter_names(self, method: str, resource: str, names: Iterable[str], team: str | None = None) -> set[str]:
        """Return those of the things that :meth:`allows_named` answers with yes."""
        return {name for name in names if self.allows_named(method, resource, name, team)}

    def in_team(self, team: str) -> bool:
        """Return whether some role holds in the team; Admin belongs to all."""
        return self.everything

    def single_dag_ids(self, method: str) -> frozenset[str]:
        """Return the DAGs that ``method`` may be applied to by their ids, where not every DAG is allowed."""
        return self.single_dags.get((method, None), _NO_IDS)

    def allows_view(self, view: str) -> bool:
        """Return whether the named read-only view is open."""
        return self.everything or view in self.views

    def allows_menu_item(self, item: str) -> bool:
        """Return whether the named menu item is shown."""
        return self.everything or item in self.menu

    def allows_custom_view(self, method: str, resource: str) -> bool:
        """Return whether a plugin's own view is open; ``method`` may be any string, such as an action of FAB's."""
        return self.everything or (ACTIONS.get(method, method), resource) in self.custom


NOTHING = Permissions()
EVERYTHING = Permissions(everything=True)
