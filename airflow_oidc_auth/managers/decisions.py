"""Airflow's questions about one thing, answered from the user's compiled permissions.

No method here touches the database or the IdP. Every method accepts keyword arguments that a later Airflow may
add (``team_name`` of ``is_authorized_view`` is the first). Members of enums are read as ``_name_``: the same string as
``name`` without the descriptor, which would cost half of a decision. A no keeps its question beside the request
(:mod:`~airflow_oidc_auth.managers.denials`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_oidc_auth.managers.denials import note_question
from airflow_oidc_auth.managers.lists import Lists, Permitted, note_list, part_withheld

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.batch_apis import (
        IsAuthorizedConnectionRequest,
        IsAuthorizedDagRequest,
        IsAuthorizedPoolRequest,
        IsAuthorizedVariableRequest,
    )
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


def is_same_address(email: str, other: str) -> bool:
    """Compare e-mail addresses; letter case counts where folding it could make one letter of two that look alike."""
    if email.isascii() and other.isascii():
        return email.lower() == other.lower()
    return email == other


class Decisions(Lists):
    """Answer every ``is_authorized_*`` and ``batch_is_authorized_*`` of ``BaseAuthManager``; mix in before it."""

    def is_authorized_configuration(
        self, *, method: str, user: Permitted, details: ConfigurationDetails | None = None, **later: object
    ) -> bool:
        """Return whether the section may be read; without one, all of them."""
        name = details.section if details is not None else None
        allowed = user.permissions.allows_named(method, "Configurations", name, None)
        return allowed or note_question(self, user, method, "resource", "Configurations", name)

    def is_authorized_connection(
        self, *, method: str, user: Permitted, details: ConnectionDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to the connection."""
        name = team = None
        if details is not None:
            name, team = details.conn_id, details.team_name or self._untold_team
        allowed = user.permissions.allows_named(method, "Connections", name, team)
        return allowed or note_question(self, user, method, "resource", "Connections", name, None, team)

    def is_authorized_dag(
        self,
        *,
        method: str,
        user: Permitted,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
        **later: object,
    ) -> bool:
        """Return whether ``method`` may be applied to the DAG, or to the given part of it.

        Without a DAG id the question is about a list, or about an action whose DAGs are asked for one by one.
        """
        entity = access_entity._name_ if access_entity is not None else None
        dag_id = team = None
        if details is not None:
            dag_id, team = details.id, details.team_name
            if dag_id and dag_id[-1] == " ":
                # No id ends so, and MySQL finds "payroll" for "payroll ".
                dag_id = dag_id.rstrip(" ") or dag_id
        allowed = user.permissions.allows_dag(method, entity, dag_id, team)
        if not allowed:
            return note_question(self, user, method, "dag", "", dag_id, entity, team)
        if dag_id and entity is None and method == "GET" and (part := part_withheld(user, dag_id, team)):
            return note_question(self, user, method, "dag", "", dag_id, part, team)
        if entity is not None and method == "GET":
            # Whether or not a DAG is named: core takes it from any query, and lists that know no such parameter show
            # every DAG all the same.
            note_list(user, method, entity)
        elif entity is None and not dag_id and method != "GET":
            # Core deletes queued events of every DAG that may be read, once some DAG may be changed.
            note_list(user, method, None)
        return True

    def is_authorized_asset(
        self, *, method: str, user: Permitted, details: AssetDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to the asset."""
        name = self._name_of_asset(details.id) if details is not None and details.id is not None else None
        return user.permissions.allows_named(method, "Assets", name, None) or note_question(
            self, user, method, "resource", "Assets", name
        )

    def is_authorized_asset_alias(
        self, *, method: str, user: Permitted, details: AssetAliasDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to asset aliases; rules do not tell them apart."""
        allowed = user.permissions.allows_named(method, "Asset Aliases", None, None)
        return allowed or note_question(self, user, method, "resource", "Asset Aliases")

    def is_authorized_pool(
        self, *, method: str, user: Permitted, details: PoolDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to the pool."""
        name = team = None
        if details is not None:
            name, team = details.name, details.team_name or self._untold_team
        allowed = user.permissions.allows_named(method, "Pools", name, team)
        return allowed or note_question(self, user, method, "resource", "Pools", name, None, team)

    def is_authorized_team(
        self, *, method: str, user: Permitted, details: TeamDetails | None = None, **later: object
    ) -> bool:
        """Return whether the user belongs to the team: a role of theirs holds in it, or they are Admin."""
        return details is not None and bool(details.name) and user.permissions.in_team(details.name or "")

    def is_authorized_variable(
        self, *, method: str, user: Permitted, details: VariableDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to the variable."""
        name = team = None
        if details is not None:
            name, team = details.key, details.team_name or self._untold_team
        allowed = user.permissions.allows_named(method, "Variables", name, team)
        return allowed or note_question(self, user, method, "resource", "Variables", name, None, team)

    def is_authorized_view(self, *, access_view: AccessView, user: Permitted, **later: object) -> bool:
        """Return whether a read-only view is open; a view that this release does not know is open to Admin only."""
        view = access_view._name_
        return user.permissions.allows_view(view) or note_question(self, user, "GET", "view", view)

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Permitted, **later: object) -> bool:
        """Return whether a plugin's view is open; the method is taken at its word, whatever string it is."""
        allowed = user.permissions.allows_custom_view(method, resource_name)
        return allowed or note_question(self, user, method, "custom_view", resource_name)

    def filter_authorized_menu_items(
        self, menu_items: list[MenuItem], *, user: Permitted, **later: object
    ) -> list[MenuItem]:
        """Return the menu items to show, in the given order."""
        permissions = user.permissions
        return [item for item in menu_items if permissions.allows_menu_item(item._name_)]

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: Any, **later: object) -> bool:
        """Return whether the task is assigned to this user: by id, or by verified e-mail where the document says so.

        Names can be chosen and never count.
        """
        if user.get_id() in assigned_users:
            return True
        email = self._hitl_email(user)
        return email is not None and any(is_same_address(email, assigned) for assigned in assigned_users)

    def _hitl_email(self, user: Any) -> str | None:
        """Return the address that required actions may be assigned to; None where addresses do not count."""
        return None

    def batch_is_authorized_connection(
        self, requests: Sequence[IsAuthorizedConnectionRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        ask = self.is_authorized_connection
        return all(ask(method=each["method"], details=each.get("details"), user=user) for each in requests)

    def batch_is_authorized_dag(
        self, requests: Sequence[IsAuthorizedDagRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        return all(
            self.is_authorized_dag(
                method=request["method"],
                access_entity=request.get("access_entity"),
                details=request.get("details"),
                user=user,
            )
            for request in requests
        )

    def batch_is_authorized_pool(
        self, requests: Sequence[IsAuthorizedPoolRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        ask = self.is_authorized_pool
        return all(ask(method=each["method"], details=each.get("details"), user=user) for each in requests)

    def batch_is_authorized_variable(
        self, requests: Sequence[IsAuthorizedVariableRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        ask = self.is_authorized_variable
        return all(ask(method=each["method"], details=each.get("details"), user=user) for each in requests)
