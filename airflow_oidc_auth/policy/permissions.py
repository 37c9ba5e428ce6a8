"""The compiled answer of a combination of roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_oidc_auth.policy.builtin import Pair
from airflow_oidc_auth.policy.custom_rules import CustomRule
from airflow_oidc_auth.policy.dag_rules import DagRules
from airflow_oidc_auth.policy.name_rules import LISTED, NameRule, allows_name
from airflow_oidc_auth.policy.statements import DagCell
from airflow_oidc_auth.policy.vocabulary import ACTIONS, MENU_RESOURCES, VIEW_RESOURCES

DagKey = DagCell
"""A method and the name of the DAG entity, None for the DAG itself."""

_NO_IDS: frozenset[str] = frozenset()
_NO_DAGS: Mapping[DagKey, frozenset[str]] = MappingProxyType({})
_NO_NAMES: Mapping[Pair, NameRule] = MappingProxyType({})
_NO_CUSTOM: Mapping[str, CustomRule] = MappingProxyType({})
_NO_TEAMS: Mapping[str, Permissions] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a combination of roles may do; the default value may do nothing.

    All arguments of the questions are plain strings, so that no enum of Airflow's has to be known here. Anything
    not found is denied, whatever it is called.

    :param everything: Admin; no question is denied but what ``denied`` and the rules below deny
    :param pairs: methods and resources that are allowed for all things of the kind; some of them may be denied
    :param one_dag: questions about one named DAG that are answered yes, whichever DAG it is
    :param any_dag: questions that name no DAG (a list, or an action on many) that are answered yes
    :param single_dags: for questions that are not in ``one_dag``, the ids of the DAGs for which the answer is yes
    :param views: names of the views that are open
    :param menu: names of the menu items that are shown
    :param custom: action names as FAB calls them, and resources that custom views may ask for
    :param custom_views: by action, which other custom views are open or closed by patterns
    :param denied: methods and actions on resources that Admin may not do either
    :param names: for methods on resources where the name counts, which names
    :param lists: lists that are open though not everything in them is allowed; Airflow filters them
    :param dags: answers about DAGs where more than pairs count; None where they alone do
    :param teams: by team, what the roles may do with things that it owns
    :param member_of: the teams that a role is held in, not only its denials
    """

    everything: bool = False
    pairs: frozenset[Pair] = frozenset()
    one_dag: frozenset[DagKey] = frozenset()
    any_dag: frozenset[DagKey] = frozenset()
    single_dags: Mapping[DagKey, frozenset[str]] = field(default_factory=lambda: _NO_DAGS, hash=False)
    views: frozenset[str] = frozenset()
    menu: frozenset[str] = frozenset()
    custom: frozenset[Pair] = frozenset()
    custom_views: Mapping[str, CustomRule] = field(default_factory=lambda: _NO_CUSTOM, hash=False)
    denied: frozenset[Pair] = frozenset()
    names: Mapping[Pair, NameRule] = field(default_factory=lambda: _NO_NAMES, hash=False)
    lists: frozenset[Pair] = frozenset()
    dags: DagRules | None = None
    teams: Mapping[str, Permissions] = field(default_factory=lambda: _NO_TEAMS, hash=False)
    member_of: frozenset[str] = frozenset()

    def allows(self, method: str, resource: str) -> bool:
        """Return whether ``method`` may be applied to things of this kind: to a list, or to every one of them.

        A list is open if it may show one thing, where Airflow filters what it shows (connections, pools, variables).
        """
        return self.allows_named(method, resource, None)

    def allows_named(self, method: str, resource: str, name: str | None, team: str | None = None) -> bool:
        """Return whether ``method`` may be applied to the one thing of this kind.

        :param name: None or empty for a list, or for a thing whose name is not told
        :param team: the team that owns the thing, None for none
        """
        pair = (method, resource)
        if not name and pair in self.lists:
            return True
        if team is not None and resource in LISTED and (view := self.teams.get(team)):
            return view.allows_named(method, resource, name, team)
        if rule := self.names.get(pair):
            return allows_name(rule, name, team)
        return pair in self.pairs or (self.everything and pair not in self.denied)

    def allows_some(self, method: str, resource: str) -> bool:
        """Return whether there might be a thing of this kind that ``method`` may be applied to; no is certain."""
        pair = (method, resource)
        rule = self.names.get(pair)
        allowed = pair in self.pairs or self.everything if rule is None else rule.allows_some
        return allowed or any(team.allows_some(method, resource) for team in self.teams.values())

    def filter_names(self, method: str, resource: str, names: Iterable[str], team: str | None = None) -> set[str]:
        """Return those of the things that :meth:`allows_named` answers with yes."""
        return {name for name in names if self.allows_named(method, resource, name, team)}

    def allows_dag(self, method: str, entity: str | None, dag_id: str | None, team: str | None = None) -> bool:
        """Return whether ``method`` may be applied to the DAG, or to an entity of it.

        :param entity: name of the entity, None for the DAG itself
        :param dag_id: None or empty when the question names no DAG
        :param team: the team that owns the DAG, as Airflow says it; None for what the index says
        """
        cell = (method, entity)
        if cell in (self.one_dag if dag_id else self.any_dag):
            return True
        if self.dags is not None:
            return self.dags.allows(cell, dag_id, team) if dag_id else self.dags.opens_list(cell)
        if self.everything:
            return True
        return bool(self.single_dags) and dag_id in self.single_dags.get(cell, _NO_IDS)

    def allows_every_dag(self, method: str, entity: str | None = None) -> bool:
        """Return whether ``method`` may be applied to every DAG that there is or will be, or to that entity of all."""
        return (method, entity) in self.one_dag or (self.everything and self.dags is None)

    def dag_ids(self, method: str, entity: str | None = None) -> frozenset[str]:
        """Return the DAGs for which the answer is yes, where that is not every DAG.

        Of those that the index holds; where rights name DAGs by exact ids only, these ids.
        """
        if self.dags is not None:
            return self.dags.ids((method, entity))
        return self.single_dags.get((method, entity), _NO_IDS)

    def filter_dag_ids(
        self, method: str, dag_ids: AbstractSet[str], team: str | None = None, entity: str | None = None
    ) -> set[str]:
        """Return those of the DAGs that :meth:`allows_dag` answers with yes."""
        if self.dags is not None:
            return self.dags.filter((method, entity), dag_ids, team)
        if self.everything or (method, entity) in self.one_dag:
            return set(dag_ids)
        return set(dag_ids & self.single_dags.get((method, entity), _NO_IDS))

    def in_team(self, team: str) -> bool:
        """Return whether a role holds in the team; Admin belongs to all."""
        return self.everything or team in self.member_of

    def allows_view(self, view: str) -> bool:
        """Return whether the named read-only view is open."""
        return view in self.views or (self.everything and VIEW_RESOURCES.get(view) not in self.denied)

    def allows_menu_item(self, item: str) -> bool:
        """Return whether the named menu item is shown."""
        return item in self.menu or (self.everything and ("MENU", MENU_RESOURCES.get(item)) not in self.denied)

    def allows_custom_view(self, method: str, resource: str) -> bool:
        """Return whether a plugin's own view is open; ``method`` may be any string, such as an action of FAB's."""
        asked = (ACTIONS.get(method, method), resource)
        named = asked in self.custom or self.everything
        if asked in self.denied:
            return False
        rule = self.custom_views.get(asked[0])
        return named if rule is None else rule.allows(asked, named=named)


NOTHING = Permissions()
EVERYTHING = Permissions(everything=True)
