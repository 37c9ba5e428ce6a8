"""What the policy means, written to be read: slow, without a cache, a set or a pattern, one statement after the other.

The tests hold every answer of the compiled policy against this one. Keep it obvious. Its tables are its own, so that a
line which the policy's lack is missed; those of the built-in roles are docs/roles.md, which test_roles_page.py reads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.policy.selectors import DagFacts, DagSelector, NameSelector
from airflow_oidc_auth.policy.statements import Statement

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "MENU")
ACTIONS = {"GET": "can_read", "POST": "can_create", "PUT": "can_edit", "PATCH": "can_edit", "DELETE": "can_delete"}
ACTIONS |= {"MENU": "menu_access"}
ENTITY_RESOURCES = {
    "AUDIT_LOG": ["Audit Logs"],
    "CODE": ["DAG Code"],
    "DEPENDENCIES": ["DAG Dependencies"],
    "HITL_DETAIL": ["HITL Detail"],
    "RUN": ["DAG Runs"],
    "TASK": ["Task Instances"],
    "TASK_INSTANCE": ["DAG Runs", "Task Instances"],
    "TASK_LOGS": ["Task Logs"],
    "VERSION": ["DAG Versions"],
    "WARNING": ["DAG Warnings"],
    "XCOM": ["XComs"],
}
VIEW_RESOURCES = {
    "CLUSTER_ACTIVITY": ("GET", "Cluster Activity"),
    "DOCS": ("MENU", "Documentation"),
    "IMPORT_ERRORS": ("GET", "ImportError"),
    "JOBS": ("GET", "Jobs"),
    "PLUGINS": ("GET", "Plugins"),
    "PROVIDERS": ("GET", "Providers"),
    "TRIGGERS": ("GET", "Triggers"),
    "WEBSITE": ("GET", "Website"),
    "AUDIT_LOGS_ALL": ("GET", "All Audit Logs"),
    "IMPORT_ERRORS_ALL": ("GET", "All Import Errors"),
    "REPARSE_ALL": ("GET", "All Reparses"),
}
MENU_RESOURCES = {
    "ASSETS": "Assets",
    "AUDIT_LOG": "Audit Logs",
    "CONFIG": "Configurations",
    "CONNECTIONS": "Connections",
    "DAGS": "DAGs",
    "DAG_BUNDLES": "DAGs",
    "DEADLINES": "DAG Runs",
    "DOCS": "Documentation",
    "JOBS": "Jobs",
    "PLUGINS": "Plugins",
    "POOLS": "Pools",
    "PROVIDERS": "Providers",
    "REQUIRED_ACTIONS": "HITL Detail",
    "VARIABLES": "Variables",
    "XCOMS": "XComs",
}
AIRFLOWS_OWN = (
    *("Admin", "All Audit Logs", "All Import Errors", "All Reparses", "Asset Aliases", "Assets", "Audit Logs"),
    *("Backfills", "Browse", "Cluster Activity", "Configurations", "Connections", "DAG Code", "DAG Dependencies"),
    *("DAG Runs", "DAG Versions", "DAG Warnings", "DAGs", "Docs", "Documentation", "HITL Detail", "ImportError"),
    *("Jobs", "My Password", "My Profile", "Plugins", "Pools", "Providers", "SLA Misses", "Task Instances"),
    *("Task Logs", "Triggers", "Variables", "Website", "XComs"),
)
VERBS = {"read": ["GET"], "create": ["POST"], "edit": ["PUT", "PATCH"], "delete": ["DELETE"], "menu": ["MENU"]}
MACROS = {"run": [("POST", "RUN")], "clear": [("PUT", "RUN"), ("PUT", "TASK_INSTANCE")]}
MACROS |= {"pause": [("PUT", None)], "respond": [("PUT", "HITL_DETAIL")]}
PARTS = {"dag": [None], "runs": ["RUN"], "tasks": ["TASK", "TASK_INSTANCE"], "logs": ["TASK_LOGS"], "code": ["CODE"]}
PARTS |= {"xcoms": ["XCOM"], "audit_log": ["AUDIT_LOG"], "dependencies": ["DEPENDENCIES"], "versions": ["VERSION"]}
PARTS |= {"warnings": ["WARNING"], "required_actions": ["HITL_DETAIL"], "all": [None, *ENTITY_RESOURCES]}
OF_NAMES = {"connections": "Connections", "variables": "Variables", "pools": "Pools", "assets": "Assets"}
OF_NAMES |= {"configuration": "Configurations"}
FILTERED = ("Connections", "Variables", "Pools")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
TEAM_VIEWS = ("WEBSITE", "DOCS")
TEAM_MENU = ("DAGS", "DEADLINES", "REQUIRED_ACTIONS", "XCOMS", "CONNECTIONS", "POOLS", "VARIABLES", "DOCS")


@dataclass(frozen=True)
class World:
    """A configuration and the DAGs that there are."""

    roles: Mapping[str, RoleSettings] = field(default_factory=dict)
    dags: Mapping[str, DagFacts] = field(default_factory=dict)
    access_control: bool = False


Held = tuple[Collection[str], Collection[tuple[str, str]]]
"""Roles that hold everywhere, and teams with a role that holds there."""


def allows_thing(world: World, held: Held, method: str, resource: str, name: str | None, team: str | None) -> bool:
    """A connection, a section of the configuration, …; or a list of them."""
    here = in_effect(world, held, team if resource in FILTERED else None)
    if name or method != "GET" or resource not in FILTERED:
        return _thing(here, method, resource, name, team)
    return any(_list(each, method, resource) for each in all_in_effect(world, held))


def allows_dag(world: World, held: Held, method: str, entity: str | None, dag_id: str, team: str | None) -> bool:
    """One DAG, or a part of it."""
    facts = world.dags.get(dag_id)
    if facts and not world.access_control:
        facts = replace(facts, roles={})
    if team is None and facts is not None:
        team = facts.team
    dag = Dag(dag_id, facts, team)
    here = in_effect(world, held, team)
    may_be_denied_by = [here] if facts or team else all_in_effect(world, held)
    if any(_denies_dag(line, method, entity, dag) for each in may_be_denied_by for line in each.deny):
        return False
    return here.admin or _allows_dag(here, method, entity, dag)


def allows_dag_list(world: World, held: Held, method: str, entity: str | None) -> bool:
    """DAGs or parts of them, without saying of which."""
    home, *teams = all_in_effect(world, held)
    views = [home] if entity == "AUDIT_LOG" else [home, *teams]
    return any(_dag_list(world, each, method, entity) for each in views)


def allows_view(world: World, held: Held, view: str) -> bool:
    home, *teams = all_in_effect(world, held)
    return _view(home, view) or (view in TEAM_VIEWS and any(_view(each, view) for each in teams))


def allows_menu(world: World, held: Held, item: str) -> bool:
    home, *teams = all_in_effect(world, held)
    return _menu(home, item) or (item in TEAM_MENU and any(_menu(each, item) for each in teams))


def allows_custom(world: World, held: Held, method: str, resource: str) -> bool:
    home = in_effect(world, held, None)
    action = ACTIONS.get(method, method)
    if any(_names_view(line, action, resource, pattern_for_airflows=True) for line in home.deny):
        return False
    return home.admin or any(_names_view(line, action, resource, pattern_for_airflows=False) for line in home.allow)


def in_team(world: World, held: Held, team: str) -> bool:
    known = [role for each, role in held[1] if each == team and (role in world.roles or role in BUILTINS)]
    return bool(known) or "Admin" in held[0]


@dataclass(frozen=True)
class Rights:
    """The lines of all roles that count at one place."""

    admin: bool
    roles: Collection[str]
    allow: list[Statement]
    deny: list[Statement]


def in_effect(world: World, held: Held, team: str | None) -> Rights:
    """Everything that holds everywhere, and what holds in the team."""
    everywhere, within = held
    names = {*everywhere, *(role for each, role in within if each == team and team is not None)}
    asked_for_admin = "Admin" in names
    for _ in world.roles:
        names |= {
            more for name in names if name in world.roles for more in world.roles[name].extends if more != "Admin"
        }
    custom = [world.roles[name] for name in sorted(names) if name in world.roles and name not in BUILTINS]
    allow = [line for role in custom for line in role.allow]
    allow += [_pair(*pair) for name in names for pair in BUILTIN_PAIRS.get(name, ())]
    # A role that no configuration defines adds nothing, also not by a DAG file that names it.
    known = [name for name in names if name in world.roles or name in BUILTINS]
    return Rights(asked_for_admin, known, allow, [line for role in custom for line in role.deny])


BUILTINS = ("Admin", "Op", "User", "Viewer", "Public")


def all_in_effect(world: World, held: Held) -> list[Rights]:
    return [in_effect(world, held, team) for team in [None, *sorted({team for team, _ in held[1]})]]


def _pair(method: str, resource: str) -> Statement:
    verb = next(verb for verb, methods in VERBS.items() if method in methods)
    return Statement((verb,), "resources", (resource,))


def _has(line: Statement, method: str) -> bool:
    return any(method in VERBS.get(action, ()) for action in line.actions)


def _is_of_kind(line: Statement, method: str, resource: str) -> bool:
    """The line is for all things of the kind."""
    if line.kind in ("resources", "views", "menu"):
        return _has(line, method) and resource in line.selector
    exact_names = line.kind == "custom_views" and not any(wild in name for name in line.selector for wild in "*?")
    return exact_names and _has(line, method) and resource in line.selector


def _whole(rights: Rights, method: str, resource: str) -> bool:
    return any(_is_of_kind(line, method, resource) for line in rights.allow)


def _closed(rights: Rights, method: str, resource: str) -> bool:
    return any(_is_of_kind(line, method, resource) for line in rights.deny)


def _view(rights: Rights, view: str) -> bool:
    if view not in VIEW_RESOURCES:
        return rights.admin
    pair = VIEW_RESOURCES[view]
    return not _closed(rights, *pair) and (rights.admin or _whole(rights, *pair))


def _menu(rights: Rights, item: str) -> bool:
    if item not in MENU_RESOURCES:
        return rights.admin
    pair = ("MENU", MENU_RESOURCES[item])
    return not _closed(rights, *pair) and (rights.admin or _whole(rights, *pair))


def _names_view(line: Statement, action: str, resource: str, *, pattern_for_airflows: bool) -> bool:
    if not any(ACTIONS[method] == action for method in METHODS if _has(line, method)):
        return False
    if line.kind in ("resources", "views", "menu"):
        return resource in line.selector
    if line.kind != "custom_views":
        return False
    patterns = any(wild in name for name in line.selector for wild in "*?")
    if patterns and resource in AIRFLOWS_OWN and not pattern_for_airflows:
        return False
    return any_matches(line.selector, resource)


# Things by name


def _thing(rights: Rights, method: str, resource: str, name: str | None, team: str | None) -> bool:
    if _closed(rights, method, resource):
        return False
    about = [line for line in rights.deny if OF_NAMES.get(line.kind) == resource and _has(line, method)]
    if any(_could_select(_names(line), name, team) for line in about):
        return False
    if rights.admin or _whole(rights, method, resource):
        return True
    about = [line for line in rights.allow if OF_NAMES.get(line.kind) == resource and _has(line, method)]
    return any(_surely_selects(_names(line), name, team) for line in about)


def _list(rights: Rights, method: str, resource: str) -> bool:
    if _closed(rights, method, resource):
        return False
    about = [line for line in rights.deny if OF_NAMES.get(line.kind) == resource and _has(line, method)]
    if any(_is_star(_names(line).names) and not _names(line).teams for line in about):
        return False
    about = [line for line in rights.allow if OF_NAMES.get(line.kind) == resource and _has(line, method)]
    selected = any(_names(line).names or _names(line).teams for line in about)
    return rights.admin or _whole(rights, method, resource) or selected


def _names(line: Statement) -> NameSelector:
    return line.selector if isinstance(line.selector, NameSelector) else NameSelector(names=line.selector)


def _could_select(selector: NameSelector, name: str | None, team: str | None) -> bool:
    if not selector.names and not selector.teams:
        return False
    by_name = not selector.names or not name or any_matches(selector.names, name)
    return by_name and (not selector.teams or (team is not None and any_matches(selector.teams, team)))


def _surely_selects(selector: NameSelector, name: str | None, team: str | None) -> bool:
    every_name = not selector.names or _is_star(selector.names)
    return _could_select(selector, name, team) and (bool(name) or every_name)


def _is_star(globs: Collection[str]) -> bool:
    return any(glob and set(glob) == {"*"} for glob in globs)


# DAGs


@dataclass(frozen=True)
class Dag:
    """:param facts: None for a DAG that is unknown; then the team is what the question says."""

    id: str
    facts: DagFacts | None
    team: str | None


def selects(selector: DagSelector, dag: Dag, *, unknown: bool) -> bool:
    """Whether the selector selects the DAG, where what is unknown counts as ``unknown``."""
    facts, answers = dag.facts, []
    if selector.ids:
        answers.append(any_matches(selector.ids, dag.id))
    if selector.tags:
        answers.append(any(any_matches(selector.tags, tag) for tag in facts.tags) if facts else unknown)
    if selector.owners:
        answers.append(any(any_matches(selector.owners, owner) for owner in facts.owners) if facts else unknown)
    if selector.bundles:
        known = facts.bundle is not None and any_matches(selector.bundles, facts.bundle) if facts else unknown
        answers.append(known)
    if selector.teams:
        nobody_knows = facts is None and dag.team is None
        answers.append(unknown if nobody_knows else dag.team is not None and any_matches(selector.teams, dag.team))
    return bool(answers) and all(answers)


def _on_dag(method: str, entity: str | None) -> str:
    """To read a part is to read the DAG; to change it is to edit the DAG."""
    return method if entity is None or method == "GET" else "PUT"


def _allows_part(rights: Rights, method: str, entity: str | None) -> bool:
    if method not in METHODS or (entity is not None and entity not in ENTITY_RESOURCES):
        return False
    return all(_whole(rights, method, resource) for resource in ENTITY_RESOURCES.get(entity or "", ()))


def _cells(line: Statement) -> Iterator[tuple[str, str | None]]:
    """The questions about parts that the line answers by itself."""
    for action in line.actions:
        cells = list(MACROS.get(action, ()))
        cells += [(method, e) for method in VERBS.get(action, ()) for part in line.parts or () for e in PARTS[part]]
        yield from cells
        yield from (("PATCH", entity) for method, entity in cells if method == "PUT")


def _allows_dag(rights: Rights, method: str, entity: str | None, dag: Dag) -> bool:
    lines = [line for line in rights.allow if line.kind == "dags" and selects(line.selector, dag, unknown=False)]
    if any((method, entity) in _cells(line) for line in lines):
        return True
    on_dag = _on_dag(method, entity)
    right = _whole(rights, on_dag, "DAGs") or any(line.parts is None and _has(line, on_dag) for line in lines)
    return _allows_part(rights, method, entity) and (right or _file_allows(rights, on_dag, dag.facts))


def _file_allows(rights: Rights, on_dag: str, facts: DagFacts | None) -> bool:
    said = {} if facts is None else facts.roles
    methods = {method for role in rights.roles for method in said.get(role, ())}
    return ("PUT" if on_dag == "PATCH" else on_dag) in methods


def _denies_dag(line: Statement, method: str, entity: str | None, dag: Dag) -> bool:
    if line.kind == "dags":
        return _denies_cell(line, method, entity) and selects(line.selector, dag, unknown=True)
    return _denies_everywhere(line, method, entity)


def _denies_everywhere(line: Statement, method: str, entity: str | None) -> bool:
    """A resource that is denied is denied on every DAG."""
    if line.kind not in ("resources", "views", "menu"):
        return False
    of_part = any(_is_of_kind(line, method, resource) for resource in ENTITY_RESOURCES.get(entity or "", ()))
    return of_part or ("DAGs" in line.selector and _denies_whole(line, method))


def _denies_whole(line: Statement, method: str) -> bool:
    """A DAG on which the method is denied; to change anything is to edit the DAG."""
    return _has(line, method) or (_has(line, "PUT") and method in CHANGES)


def _denies_cell(line: Statement, method: str, entity: str | None) -> bool:
    if (method, entity) in _cells(line) or ("all" in (line.parts or ()) and _has(line, method)):
        return True
    return line.parts is None and _denies_whole(line, method)


def _dag_list(world: World, rights: Rights, method: str, entity: str | None) -> bool:
    """Open if something in it may be: Airflow asks about what it shows, DAG by DAG."""
    everything = [line for line in rights.deny if line.kind != "dags" or selects_all(line.selector)]
    if any(
        _denies_cell(line, method, entity) if line.kind == "dags" else _denies_everywhere(line, method, entity)
        for line in everything
    ):
        return False
    if rights.admin:
        return True
    lines = [line for line in rights.allow if line.kind == "dags" and line.selector != DagSelector()]
    if entity != "AUDIT_LOG" and any((method, entity) in _cells(line) for line in lines):
        return True
    if not _allows_part(rights, method, entity):
        return False
    on_dag = _on_dag(method, entity)
    if entity is not None and method != "GET":
        return True
    rights_on_dags = [line for line in lines if line.parts is None and _has(line, on_dag)]
    if method != "GET":
        rights_on_dags = [line for line in rights_on_dags if not _is_exact(line)]
    by_file = world.access_control and any(_file_allows(rights, on_dag, facts) for facts in world.dags.values())
    return _whole(rights, on_dag, "DAGs") or bool(rights_on_dags) or by_file


def selects_all(selector: DagSelector) -> bool:
    return _is_star(selector.ids) and selector == DagSelector(ids=selector.ids)


def _is_exact(line: Statement) -> bool:
    only_ids = line.selector == DagSelector(ids=line.selector.ids)
    plain = all(action in VERBS for action in line.actions)
    return only_ids and plain and not any(wild in glob for glob in line.selector.ids for wild in "*?")


def any_matches(globs: Collection[str], text: str) -> bool:
    return any(matches(glob, text) for glob in globs)


def matches(glob: str, text: str) -> bool:
    """``*`` is any text, ``?`` one character."""
    if not glob:
        return not text
    if glob[0] == "*":
        return any(matches(glob[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and glob[0] in ("?", text[0]) and matches(glob[1:], text[1:])
