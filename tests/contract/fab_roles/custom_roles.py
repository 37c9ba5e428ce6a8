"""Custom roles as people make them in FAB's pages: some of everything, some DAGs by id, and old leftovers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

SEED = 20260
ROLES = 20
ACTIONS = ("can_read", "can_create", "can_edit", "can_delete", "menu_access", "can_do")
# Twice what decides most, so that one role in a few may really do something.
GLOBAL = (
    *("DAGs", "DAG Runs", "Task Instances", "DAGs", "DAG Runs", "Audit Logs", "DAG Code", "HITL Detail", "XComs"),
    *("Task Logs", "Assets", "Connections", "Pools", "Variables", "Configurations", "Website", "Documentation", "Jobs"),
    *("ImportError", "Plugins", "Crystal Ball", "A Plugin's View"),
)
SINGLE = ("DAG:d1", "DAG:d2", "DAG:a", "DAG:gone", "DAG Run:d1", "DAG Run:a")
Pairs = set[tuple[str, str]]


def invent() -> Iterator[tuple[str, Pairs]]:
    """Yield the same roles on every run."""
    source = random.Random(SEED)
    for number in range(ROLES):
        chosen = source.sample(GLOBAL, source.randint(0, 8)) + source.sample(SINGLE, source.randint(0, 4))
        yield (
            f"custom-{number}",
            {(action, name) for name in chosen for action in source.sample(ACTIONS, source.randint(1, 5))},
        )


def make_roles(security_manager: Any) -> Iterator[tuple[str, Pairs]]:
    """Store the roles in FAB's database."""
    for name, pairs in invent():
        role = security_manager.add_role(name)
        for action, resource in sorted(pairs):
            security_manager.add_permission_to_role(role, security_manager.create_permission(action, resource))
        yield name, pairs
