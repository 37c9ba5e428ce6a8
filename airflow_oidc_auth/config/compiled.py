"""What the server runs on: frozen, complete, without a trace of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.policy.roles import RoleSettings
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.secret import Secret


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
class TokenClient:
    """A program that gets tokens for itself with ``client_credentials`` (RFC 6749 §4.4) at our token endpoint.

    Exactly one of ``secret`` and ``jwks_file`` is set.

    :param jwks_file: public keys of its ``private_key_jwt`` assertions (RFC 7523)
    :param roles: what its tokens may do, at most
    :param max_lifetime: seconds, for this client; None for :attr:`TokenSettings.max_lifetime`
    """

    id: str
    secret: Secret | None
    jwks_file: str | None
    roles: tuple[str, ...]
    max_lifetime: int | None = None


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Tokens that we issue for programs; durations are seconds.

    :param max_lifetime: the longest that anybody may ask for
    :param default_lifetime: for who asks for none
    :param unverified_lifetime: the longest for an owner whom the IdP cannot confirm meanwhile (no refresh token)
    :param personal: people may make tokens of their own
    :param require_dpop: issue only tokens that are bound to a key (RFC 9449)
    """

    max_lifetime: int = 30 * 86_400
    default_lifetime: int = 86_400
    unverified_lifetime: int = 86_400
    personal: bool = True
    require_dpop: bool = False
    clients: tuple[TokenClient, ...] = ()


@dataclass(frozen=True, slots=True)
class RateLimitSettings:
    """How often somebody may try, as the ``limits`` package writes it (``30/minute``).

    :param token: requests to the token endpoint, per client address
    :param login: sign-ins begun, per client address
    :param callback: answers of identity providers, per client address
    :param principal: per principal and client address, so that nobody locks out a third party
    :param bearer: access tokens at the REST API that only the issuer can judge and that were not good, per client
        address; each process counts for itself
    :param storage: URI of a store that the API servers share (``redis://…``); None for the memory of each process
    """

    token: str = "30/minute"
    login: str = "300/minute"
    callback: str = "300/minute"
    principal: str = "120/minute"
    bearer: str = "60/minute"
    storage: Secret | None = None


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """What is kept of events, and how.

    :param fail_login: a sign-in whose audit row cannot be written fails
    :param signing_key: PEM of the key that signs the chain of rows; None for no chain
    :param retired_keys: public keys that signed before it, as JWKs; ``exp`` where one was given up
    :param checkpoint_every: seconds that a row waits for its signature, at most
    """

    fail_login: bool
    signing_key: Secret | None = None
    retired_keys: tuple[Mapping[str, object], ...] = ()
    checkpoint_every: int = 60


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """A configuration without a problem.

    :param providers: by id, in document order; never empty
    :param keep_assigned_roles: roles that somebody assigned in FAB stay; only in FAB mode
    :param dag_access_control: what DAG files say in ``access_control`` counts; only in native mode
    :param hitl_by_verified_email: required actions may be assigned to verified e-mail addresses; only in native mode
    :param roles: custom roles by name; for ``Policy``, and for pages that say what a role is for
    :param tokens: policy for the tokens that we issue
    :param digest: of the document without secrets; equal documents have equal digests
    :param warnings: what an administrator should know although it is allowed
    :param without_teams: further warnings, for an Airflow without ``[core] multi_team``
    """

    providers: Mapping[str, ProviderSettings]
    grants: GrantRules
    sessions: SessionSettings
    audit: AuditSettings
    digest: str
    warnings: tuple[Problem, ...] = ()
    keep_assigned_roles: bool = False
    roles: Mapping[str, RoleSettings] = field(default_factory=lambda: MappingProxyType({}))
    tokens: TokenSettings = field(default_factory=TokenSettings)
    rate_limits: RateLimitSettings = field(default_factory=RateLimitSettings)
    dag_access_control: bool = False
    hitl_by_verified_email: bool = False
    without_teams: tuple[Problem, ...] = ()

    @property
    def sign_in_providers(self) -> Mapping[str, ProviderSettings]:
        """The providers that people sign in with; workload issuers are left out."""
        return MappingProxyType({id_: each for id_, each in self.providers.items() if each.signs_in})
