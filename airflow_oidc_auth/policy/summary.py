"""Permissions in a form that people read: what each resource allows, in Airflow's order of words."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.policy.permissions import Permissions

VERBS = (("GET", "read"), ("POST", "create"), ("PUT", "edit"), ("DELETE", "delete"), ("MENU", "menu"))


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """What may be done with one resource.

    :param verbs: of read, create, edit, delete, menu; in that order, never empty
    """

    resource: str
    verbs: tuple[str, ...]


def summarize(permissions: Permissions) -> tuple[ResourceAccess, ...]:
    """Return every resource that something may be done with, by name.

    Admin may do everything, which no list can say: ask ``permissions.everything`` first. The list is empty then.
    """
    resources = sorted({resource for _, resource in permissions.pairs})
    return tuple(ResourceAccess(resource, _verbs(permissions, resource)) for resource in resources)


def _verbs(permissions: Permissions, resource: str) -> tuple[str, ...]:
    return tuple(verb for method, verb in VERBS if (method, resource) in permissions.pairs)
