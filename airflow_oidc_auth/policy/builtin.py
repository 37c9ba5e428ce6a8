"""The five built-in roles, with the meaning that Airflow documents.

Each role is written as what it adds to the one before it. Admin is not a list: it may do everything, also
what a later Airflow invents (docs/decisions/0011). tests/contract/test_roles_equal_fab.py holds every line
of this module against the FAB provider's roles in a real database.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Pair = tuple[str, str]
"""A method and the resource it is applied to."""

BUILTIN_ROLES = ("Admin", "Op", "User", "Viewer", "Public")
"""Most powerful first."""

ADMIN = "Admin"

_VIEWER: Mapping[str, tuple[str, ...]] = {
    "GET": (
        "Asset Aliases",
        "Assets",
        "Backfills",
        "Cluster Activity",
        "DAG Code",
        "DAG Dependencies",
        "DAG Runs",
        "DAG Versions",
        "DAG Warnings",
        "DAGs",
        "HITL Detail",
        "ImportError",
        "Jobs",
        "My Password",
        "My Profile",
        "Pools",
        "SLA Misses",
        "Task Instances",
        "Task Logs",
        "Website",
        "XComs",
    ),
    "PUT": ("My Password", "My Profile"),
    "MENU": (
        "Assets",
        "Browse",
        "Cluster Activity",
        "DAG Dependencies",
        "DAG Runs",
        "DAGs",
        "Docs",
        "Documentation",
        "Jobs",
        "SLA Misses",
        "Task Instances",
    ),
}

_USER_ADDS: Mapping[str, tuple[str, ...]] = {
    "POST": ("Assets", "DAG Runs", "Task Instances"),
    "PUT": ("DAG Runs", "DAGs", "HITL Detail", "Task Instances"),
    "DELETE": ("DAG Runs", "DAGs", "Task Instances"),
}

_OP_ADDS: Mapping[str, tuple[str, ...]] = {
    "GET": ("Configurations", "Connections", "Plugins", "Providers", "Variables"),
    "POST": ("Backfills", "Connections", "Pools", "Variables", "XComs"),
    "PUT": ("Assets", "Backfills", "Connections", "Pools", "Variables", "XComs"),
    "DELETE": ("Assets", "Backfills", "Connections", "Pools", "Variables", "XComs"),
    "MENU": (
        "Admin",
        "Configurations",
        "Connections",
        "HITL Detail",
        "Plugins",
        "Pools",
        "Providers",
        "Variables",
        "XComs",
    ),
}


def _pairs(table: Mapping[str, tuple[str, ...]]) -> frozenset[Pair]:
    return frozenset((method, resource) for method, resources in table.items() for resource in resources)


_VIEWER_PAIRS = _pairs(_VIEWER)
_USER_PAIRS = _VIEWER_PAIRS | _pairs(_USER_ADDS)
_OP_PAIRS = _USER_PAIRS | _pairs(_OP_ADDS)

BUILTIN_PAIRS: Mapping[str, frozenset[Pair]] = MappingProxyType(
    {"Op": _OP_PAIRS, "User": _USER_PAIRS, "Viewer": _VIEWER_PAIRS, "Public": frozenset()}
)
"""What each built-in role may do, Admin excepted."""
