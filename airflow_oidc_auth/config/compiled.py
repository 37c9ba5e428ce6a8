"""What the server runs on: frozen, complete, without a trace of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How long sessions live and how often the IdP is asked about them; durations are seconds.

    :param lifetime: until a session ends whatever happens
    :param recheck: between two confirmations of an active session at its IdP; None for never
    :param idle_timeout: without activity, until a session ends; None for never
    :param max_per_user: sessions that one person may have at a time, the oldest end; None for any number
    :param reauthenticate_after: until somebody must show anew who they are; None for never
    :param break_glass: ``airflow oidc break-glass`` may let somebody in
    """

    lifetime: int
    recheck: int | None = 300
    idle_timeout: int | None = None
    max_per_user: int | None = None
    reauthenticate_after: int | None = None
    break_glass: bool = True


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """:param fail_login: a sign-in whose audit row cannot be written fails."""

    fail_login: bool


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """A configuration without a problem.

    :param providers: by id, in document order; never empty
    :param keep_assigned_roles: roles that somebody assigned in FAB stay; only in FAB mode
    :param roles: custom roles by name; for ``Policy``, and for pages that say what a role is for
    :param digest: of the document without secrets; equal documents have equal digests
    :param warnings: what an administrator should know although it is allowed
    """

    providers: Mapping[str, ProviderSettings]
    grants: GrantRules
    sessions: SessionSettings
    audit: AuditSettings
    digest: str
    warnings: tuple[Problem, ...] = ()
    keep_assigned_roles: bool = False
    roles: Mapping[str, RoleSettings] = field(default_factory=lambda: MappingProxyType({}))
