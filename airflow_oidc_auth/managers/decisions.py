"""Airflow's questions about one thing, answered from the user's compiled permissions.

No method here touches the database or the IdP. Every method accepts keyword arguments that a later Airflow may
add (``team_name`` of ``is_authorized_view`` is the first): the built-in roles are global, so a team neither
opens nor closes anything; the manager refuses to start in multi-team mode. Members of enums are read as ``_name_``:
the same string as ``name`` without the descriptor, which would cost half of a decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from airflow_oidc_auth.managers.lists import Lists, Permitted

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


class Subject(Permitted, Protocol):
    """A user with an id."""

    def get_id(self) -> str:
        """Return the local subject id."""


class Decisions(Lists):
    """Answer every ``is_authorized_*`` and ``batch_is_authorized_*`` of ``BaseAuthManager``; mix in before it."""

    def is_authorized_configuration(
        self, *, method: str, user: Permitted, details: ConfigurationDetails | None = None, **later: object
    ) -> bool:
        """Return whether the configuration may be read; one answer for all sections."""
        return user.permissions.allows(method, "Configurations")

    def is_authorized_connection(
        self, *, method: str, user: Permitted, details: ConnectionDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to connections; one answer for all of them."""
        return user.permissions.allows(method, "Connections")

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

        Without details the question is about a list, or about an action whose DAGs are asked for one by one.
        """
        return user.permissions.allows_dag(
            method,
            access_entity._name_ if access_entity is not None else None,
            details.id if details is not None else None,
        )

    def is_authorized_asset(
        self, *, method: str, user: Permitted, details: AssetDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to assets."""
        return user.permissions.allows(method, "Assets")

    def is_authorized_asset_alias(
        self, *, method: str, user: Permitted, details: AssetAliasDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to asset aliases."""
        return user.permissions.allows(method, "Asset Aliases")

    def is_authorized_pool(
        self, *, method: str, user: Permitted, details: PoolDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to pools."""
        return user.permissions.allows(method, "Pools")

    def is_authorized_team(
        self, *, method: str, user: Permitted, details: TeamDetails | None = None, **later: object
    ) -> bool:
        """Return whether the user belongs to the team: Admin to all, nobody else to any, until teams are supported."""
        return user.permissions.everything and details is not None

    def is_authorized_variable(
        self, *, method: str, user: Permitted, details: VariableDetails | None = None, **later: object
    ) -> bool:
        """Return whether ``method`` may be applied to variables."""
        return user.permissions.allows(method, "Variables")

    def is_authorized_view(self, *, access_view: AccessView, user: Permitted, **later: object) -> bool:
        """Return whether a read-only view is open; a view that this release does not know is open to Admin only."""
        return user.permissions.allows_view(access_view._name_)

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Permitted, **later: object) -> bool:
        """Return whether a plugin's view is open; the method is taken at its word, whatever string it is."""
        return user.permissions.allows_custom_view(method, resource_name)

    def filter_authorized_menu_items(
        self, menu_items: list[MenuItem], *, user: Permitted, **later: object
    ) -> list[MenuItem]:
        """Return the menu items to show, in the given order."""
        permissions = user.permissions
        return [item for item in menu_items if permissions.allows_menu_item(item._name_)]

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: Subject, **later: object) -> bool:
        """Return whether the task is assigned to this user's id. Names and e-mails can be chosen and do not count."""
        return user.get_id() in assigned_users

    def batch_is_authorized_connection(
        self, requests: Sequence[IsAuthorizedConnectionRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        allows = user.permissions.allows
        return all(allows(request["method"], "Connections") for request in requests)

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
        allows = user.permissions.allows
        return all(allows(request["method"], "Pools") for request in requests)

    def batch_is_authorized_variable(
        self, requests: Sequence[IsAuthorizedVariableRequest], *, user: Permitted, **later: object
    ) -> bool:
        """Return whether every request is allowed."""
        allows = user.permissions.allows
        return all(allows(request["method"], "Variables") for request in requests)
