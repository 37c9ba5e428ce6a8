"""The things that Airflow asks about, and the resource that decides each.

Resources carry the names that Airflow's role documentation and the FAB provider use, because plugins ask for
them by those names through custom views. Entities, views and menu items are the *names* of Airflow's enum
members. What is missing here is unknown, and unknown means Admin only: see docs/decisions/0011.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DAGS = "DAGs"

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "MENU")
"""Methods that have a meaning of their own; custom views may ask with any other string."""

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "GET": "can_read",
        "POST": "can_create",
        "PUT": "can_edit",
        "PATCH": "can_edit",
        "DELETE": "can_delete",
        "MENU": "menu_access",
    }
)
"""The action names that plugins written for FAB use instead of methods."""

ENTITY_RESOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "AUDIT_LOG": ("Audit Logs",),
        "CODE": ("DAG Code",),
        "DEPENDENCIES": ("DAG Dependencies",),
        "HITL_DETAIL": ("HITL Detail",),
        "RUN": ("DAG Runs",),
        "TASK": ("Task Instances",),
        # A task instance is part of a run: whoever may not see runs must not learn of them from their tasks.
        "TASK_INSTANCE": ("DAG Runs", "Task Instances"),
        "TASK_LOGS": ("Task Logs",),
        "VERSION": ("DAG Versions",),
        "WARNING": ("DAG Warnings",),
        "XCOM": ("XComs",),
    }
)
"""``DagAccessEntity`` member → resources that must all allow the method."""

VIEW_RESOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "CLUSTER_ACTIVITY": ("GET", "Cluster Activity"),
        # The documentation is only links in the menu; there is no page behind it to read.
        "DOCS": ("MENU", "Documentation"),
        "IMPORT_ERRORS": ("GET", "ImportError"),
        "JOBS": ("GET", "Jobs"),
        "PLUGINS": ("GET", "Plugins"),
        "PROVIDERS": ("GET", "Providers"),
        "TRIGGERS": ("GET", "Triggers"),
        "WEBSITE": ("GET", "Website"),
        # Airflow 3.4
        "AUDIT_LOGS_ALL": ("GET", "All Audit Logs"),
        "IMPORT_ERRORS_ALL": ("GET", "All Import Errors"),
        "REPARSE_ALL": ("GET", "All Reparses"),
    }
)
"""``AccessView`` member → method and resource."""

MENU_RESOURCES: Mapping[str, str] = MappingProxyType(
    {
        "ASSETS": "Assets",
        "AUDIT_LOG": "Audit Logs",
        "CONFIG": "Configurations",
        "CONNECTIONS": "Connections",
        "DAGS": DAGS,
        "DEADLINES": "DAG Runs",
        "DOCS": "Documentation",
        "JOBS": "Jobs",
        "PLUGINS": "Plugins",
        "POOLS": "Pools",
        "PROVIDERS": "Providers",
        "REQUIRED_ACTIONS": "HITL Detail",
        "VARIABLES": "Variables",
        "XCOMS": "XComs",
        # Airflow 3.4: a bundle is shown to whoever may read the DAGs that came from it.
        "DAG_BUNDLES": DAGS,
    }
)
"""``MenuItem`` member → resource whose ``MENU`` method shows it."""
