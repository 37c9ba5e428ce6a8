"""What somebody may really do with the things that there are: counted, so that two documents can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from airflow_oidc_auth.cli.inventory import Inventory
from airflow_oidc_auth.policy.permissions import Permissions
from airflow_oidc_auth.policy.statements import ACTION_METHODS, NAMED_RESOURCES, DagCell
from airflow_oidc_auth.policy.vocabulary import MENU_RESOURCES, VIEW_RESOURCES

EXAMPLES = 5

DAG_RIGHTS: Mapping[str, tuple[DagCell, ...]] = MappingProxyType(
    {
        "read": (("GET", None),),
        "run": (("POST", "RUN"),),
        "clear": (("PUT", "RUN"), ("PUT", "TASK_INSTANCE")),
        "edit": (("PUT", None),),
        "delete": (("DELETE", None),),
        "see runs": (("GET", "RUN"),),
        "see tasks": (("GET", "TASK"), ("GET", "TASK_INSTANCE")),
        "see logs": (("GET", "TASK_LOGS"),),
        "see code": (("GET", "CODE"),),
        "see XComs": (("GET", "XCOM"),),
        "see audit log": (("GET", "AUDIT_LOG"),),
        "respond": (("PUT", "HITL_DETAIL"),),
    }
)
_NAMED_ACTIONS = ("read", "edit", "delete")
_KINDS = ("Asset Aliases", "Backfills")
"""What Airflow asks about as a whole only; further resources are of FAB's pages, which are not there."""

Right = tuple[str, str]
"""A verb and what is counted, ``("run", "DAGs")``; nothing is counted of pages and of kinds as a whole."""
Effective = Mapping[Right, frozenset[str]]
"""A right and the names of what it is for."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A right that somebody gains or loses.

    :param names: of the things; sorted, never empty
    """

    right: Right
    names: tuple[str, ...]

    @property
    def verb(self) -> str:
        """What may be done."""
        return self.right[0]

    @property
    def things(self) -> str:
        """Return ``12 DAGs (finance_a, finance_b, … and 10 more)``; empty where nothing is counted."""
        noun, number = self.right[1], len(self.names)
        more = f", … and {number - EXAMPLES} more" if number > EXAMPLES else ""
        counted = noun.removesuffix("s") if number == 1 else noun
        return f"{number} {counted} ({', '.join(self.names[:EXAMPLES])}{more})" if noun else ""

    def data(self) -> dict[str, object]:
        """The same for a program."""
        examples = list(self.names[:EXAMPLES] if self.right[1] else self.names)
        return {"right": " ".join(filter(None, self.right)), "count": len(self.names), "examples": examples}


def describe_moved(moved: Iterable[Moved]) -> list[str]:
    """Return a line for the same things each: ``12 DAGs (…): read, run``; then ``see pages: jobs``."""
    counted: dict[object, list[Moved]] = {}
    for each in moved:
        counted.setdefault((each.right[1], each.names) if each.things else each.right, []).append(each)
    return [
        f"{many[0].things}: {', '.join(each.verb for each in many)}"
        if many[0].things
        else f"{many[0].verb}: {', '.join(many[0].names)}"
        for many in counted.values()
    ]


def effective_rights(permissions: Permissions, inventory: Inventory, views: Iterable[str] = ()) -> Effective:
    """Return every right, with what it is for; nothing for rights that are for nothing.

    :param views: names that plugins' views may ask for
    """
    found = {
        **dict(_of_dags(permissions, inventory)),
        **dict(_of_names(permissions, inventory)),
        **dict(_of_pages(permissions, views)),
    }
    return {right: names for right, names in found.items() if names}


def moved(before: Effective, after: Effective) -> tuple[Moved, ...]:
    """Return what is in ``after`` and not in ``before``."""
    gone = ((right, names - before.get(right, frozenset())) for right, names in after.items())
    return tuple(Moved(right, tuple(sorted(names))) for right, names in gone if names)


def _of_dags(permissions: Permissions, inventory: Inventory) -> Iterator[tuple[Right, frozenset[str]]]:
    for right, cells in DAG_RIGHTS.items():
        ids = set(inventory.dags)
        for method, entity in cells:
            ids = permissions.filter_dag_ids(method, ids, entity=entity)
        yield (right, "DAGs"), frozenset(ids)


def _of_names(permissions: Permissions, inventory: Inventory) -> Iterator[tuple[Right, frozenset[str]]]:
    for kind, resource in NAMED_RESOURCES.items():
        teams: dict[str | None, list[str]] = {}
        for name, team in inventory.named.get(resource, {}).items():
            teams.setdefault(team, []).append(name)
        for action in _NAMED_ACTIONS if kind != "configuration" else ("read",):
            method = ACTION_METHODS[action][0]
            found = (permissions.filter_names(method, resource, names, team) for team, names in teams.items())
            noun = "configuration sections" if kind == "configuration" else kind
            yield (action, noun), frozenset().union(*found)


def _of_pages(permissions: Permissions, views: Iterable[str]) -> Iterator[tuple[Right, frozenset[str]]]:
    pages = {view.lower() for view in VIEW_RESOURCES if permissions.allows_view(view)}
    if permissions.allows_dag("GET", "AUDIT_LOG", None):
        pages.add("audit log of everything")
    yield ("see pages", ""), frozenset(pages)
    items = (item.lower() for item in MENU_RESOURCES if permissions.allows_menu_item(item))
    yield ("see menu items", ""), frozenset(items)
    for action in ("create", "read", "edit", "delete"):
        method = ACTION_METHODS[action][0]
        yield (action, ""), frozenset(_kinds(permissions, action, method))
        open_views = (name for name in views if permissions.allows_custom_view(method, name))
        yield (f"{action} plugins' pages", ""), frozenset(open_views)


def _kinds(permissions: Permissions, action: str, method: str) -> Iterator[str]:
    """Yield what is not counted thing by thing: what there is none of yet has no name."""
    yield from (name for name in _KINDS if permissions.allows(method, name))
    if action == "create":
        yield from (kind for kind, name in NAMED_RESOURCES.items() if permissions.allows(method, name))
