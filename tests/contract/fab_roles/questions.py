"""Every question that Airflow can put to an auth manager about a built-in role, with its answer as a string.

``ask(manager, user, world)`` yields ``(question, answer)``. Answers are ``yes``, ``no``, ``raises`` (the manager
did not know what to say), or the sorted ids of a list. Questions are made from Airflow's own enums, so that a new
member in a new Airflow is asked about at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import product
from typing import Any, NamedTuple

from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    AssetAliasDetails,
    AssetDetails,
    ConfigurationDetails,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
    PoolDetails,
    TeamDetails,
    VariableDetails,
)
from airflow.api_fastapi.common.types import MenuItem

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "MENU", "LOOK")
DETAILS: dict[str, Any] = {
    "configuration": ConfigurationDetails(section="core"),
    "connection": ConnectionDetails(conn_id="c1"),
    "asset": AssetDetails(id="1"),
    "asset_alias": AssetAliasDetails(id="1"),
    "pool": PoolDetails(name="default_pool"),
    "variable": VariableDetails(key="v1"),
}
DAG_DETAILS: dict[str, DagDetails | None] = {
    "without-details": None,
    "without-id": DagDetails(),
    "d1": DagDetails(id="d1"),
    "d2": DagDetails(id="d2"),
    "DAG:d1": DagDetails(id="DAG:d1"),
    "of-a-team": DagDetails(id="d1", team_name="blue"),
}
BATCHES = ("connection", "pool", "variable")
FILTERS = {
    "connections": "conn_ids",
    "dag_ids": "dag_ids",
    "pools": "pool_names",
    "variables": "variable_keys",
    "teams": "teams_names",
}
LISTS = ("assets", "connections", "dag_ids", "pools", "teams", "variables")


class UnknownView(Enum):
    """Members of ``AccessView`` that this Airflow does not have: 3.4's, and one that nobody has."""

    AUDIT_LOGS_ALL = "AUDIT_LOGS_ALL"
    IMPORT_ERRORS_ALL = "IMPORT_ERRORS_ALL"
    REPARSE_ALL = "REPARSE_ALL"
    CRYSTAL_BALL = "CRYSTAL_BALL"


class UnknownEntity(Enum):
    """A part of a DAG that no Airflow has."""

    SHADOW = "SHADOW"


class UnknownMenuItem(Enum):
    """A menu item that no Airflow has."""

    CRYSTAL_BALL = "Crystal Ball"


class World(NamedTuple):
    """What custom views may be asked about: every resource and action name that FAB has in its database."""

    resources: tuple[str, ...]
    actions: tuple[str, ...]


Answer = tuple[str, str]


def ask(manager: Any, user: Any, world: World) -> Iterator[Answer]:
    """Walk every question; the order is fixed."""
    yield from _things(manager, user)
    yield from _dags(manager, user)
    yield from _views(manager, user)
    yield from _custom_views(manager, user, world)
    yield from _menu(manager, user)
    yield from _batches(manager, user)
    yield from _filters(manager, user)
    yield from _lists(manager, user)
    yield from _people(manager, user)


def _answer(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    try:
        value = call(*arguments, **keywords)
    except Exception:  # noqa: BLE001  # whatever it is, it is no answer
        return "raises"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(sorted(str(getattr(item, "name", item)) for item in value)) or "nothing"


def _things(manager: Any, user: Any) -> Iterator[Answer]:
    for (kind, details), method in product(DETAILS.items(), METHODS):
        check = getattr(manager, f"is_authorized_{kind}")
        for name, given in (("any", None), ("one", details)):
            yield f"{kind} {method} {name}", _answer(check, method=method, user=user, details=given)


def _dags(manager: Any, user: Any) -> Iterator[Answer]:
    entities: Iterable[Enum | None] = (None, *DagAccessEntity, *UnknownEntity)
    for entity, method, (name, details) in product(entities, METHODS, DAG_DETAILS.items()):
        yield (
            f"dag {method} {entity.name if entity else 'itself'} {name}",
            _answer(manager.is_authorized_dag, method=method, user=user, access_entity=entity, details=details),
        )


def _views(manager: Any, user: Any) -> Iterator[Answer]:
    known = {view.name: view for view in AccessView}
    for name, view in {**{view.name: view for view in UnknownView}, **known}.items():
        yield f"view {name}", _answer(manager.is_authorized_view, access_view=view, user=user)


def _custom_views(manager: Any, user: Any, world: World) -> Iterator[Answer]:
    for method, resource in product((*METHODS, *world.actions, "can_do"), (*world.resources, "A Plugin's View")):
        yield (
            f"custom {method} {resource}",
            _answer(manager.is_authorized_custom_view, method=method, resource_name=resource, user=user),
        )


def _menu(manager: Any, user: Any) -> Iterator[Answer]:
    for item in (*MenuItem, *UnknownMenuItem):
        yield f"menu {item.name}", _answer(_is_shown, manager, item, user)
    yield "menu all", _answer(manager.get_authorized_menu_items, user=user)


def _is_shown(manager: Any, item: Enum, user: Any) -> bool:
    return bool(manager.filter_authorized_menu_items([item], user=user))


def _batches(manager: Any, user: Any) -> Iterator[Answer]:
    for kind, first, second in product(BATCHES, METHODS, METHODS):
        requests = [{"method": first}, {"method": second, "details": DETAILS[kind]}]
        check = getattr(manager, f"batch_is_authorized_{kind}")
        yield f"batch {kind} {first} {second}", _answer(check, requests, user=user)
    for kind in (*BATCHES, "dag"):
        check = getattr(manager, f"batch_is_authorized_{kind}")
        yield f"batch {kind} nothing", _answer(check, [], user=user)
    for first, second, entity in product(METHODS, METHODS, DagAccessEntity):
        requests = [{"method": first, "details": DagDetails(id="d1")}, {"method": second, "access_entity": entity}]
        yield (
            f"batch dag {first} {second} {entity.name}",
            _answer(manager.batch_is_authorized_dag, requests, user=user),
        )


def _filters(manager: Any, user: Any) -> Iterator[Answer]:
    for (kind, argument), method in product(FILTERS.items(), METHODS):
        check = getattr(manager, f"filter_authorized_{kind}")
        for name, given in (("two", {"a", "b"}), ("none", set())):
            yield (
                f"filter {kind} {method} {name}",
                _answer(check, **{argument: given}, user=user, method=method),
            )


def _lists(manager: Any, user: Any) -> Iterator[Answer]:
    for kind, method in product(LISTS, METHODS):
        read = getattr(manager, f"get_authorized_{kind}")
        yield f"list {kind} {method}", _answer(read, user=user, method=method)
        yield f"list {kind} {method} is a set", _answer(_is_a_set, read, user, method)


def _is_a_set(read: Callable[..., Any], user: Any, method: str) -> bool:
    return isinstance(read(user=user, method=method), set)


def _people(manager: Any, user: Any) -> Iterator[Answer]:
    yield (
        "hitl own id",
        _answer(manager.is_authorized_hitl_task, assigned_users={user.get_id(), "x"}, user=user),
    )
    yield "hitl own name", _answer(manager.is_authorized_hitl_task, assigned_users={user.get_name()}, user=user)
    yield "hitl nobody", _answer(manager.is_authorized_hitl_task, assigned_users=set(), user=user)
    for name, details in (("blue", TeamDetails(name="blue")), ("unnamed", None)):
        yield (
            f"team GET {name}",
            _answer(manager.is_authorized_team, method="GET", user=user, details=details),
        )
